//! What waits for a client, and large answers in several parts.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{WatchId, WatchResponse};
use crate::store::{Event, KeyValue};

/// A client's connection.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) waiting: VecDeque<WatchResponse>,
    pub(super) next_watch: WatchId,
}

/// An answer in parts of up to `bytes_max`, or of one event that is larger; all but the last say that more follows.
pub(super) fn fragments(response: &WatchResponse, bytes_max: usize) -> Vec<WatchResponse> {
    let with_prev = response.prev_kv;
    let part = |events| WatchResponse {
        fragment: true,
        events,
        ..response.clone_without_events()
    };
    let (mut parts, mut events, mut bytes) = (Vec::new(), Vec::new(), 0);
    for event in &response.events {
        let size = event_bytes(event, with_prev);
        if !events.is_empty() && bytes + size > bytes_max {
            parts.push(part(std::mem::take(&mut events)));
            bytes = 0;
        }
        bytes += size;
        events.push(Arc::clone(event));
    }
    parts.push(WatchResponse {
        fragment: false,
        ..part(events)
    });
    parts
}

impl WatchResponse {
    fn clone_without_events(&self) -> WatchResponse {
        WatchResponse {
            events: Vec::new(),
            ..*self
        }
    }
}

/// About as many bytes as an event takes on the wire.
fn event_bytes(event: &Event, with_prev: bool) -> usize {
    const NUMBERS_BYTES: usize = 64;
    let size = |kv: &KeyValue| kv.key.len() + kv.value.len() + NUMBERS_BYTES;
    let prev = event.prev_kv.as_ref().filter(|_| with_prev);
    size(&event.kv) + prev.map_or(0, size)
}
