//! The frame of an answer, made by hand: an encoder would want the records in memory.

use bytes::{BufMut, BytesMut};

use super::Part;
use crate::error::ErrorCode;
use crate::fetch::session::TopicKey;
use crate::server::api::Header;
use crate::server::api::metadata::rack;
use crate::server::broker::Broker;
use crate::server::response::{Piece, Response};

/// From this version on, the layout is flexible (KIP-482).
const FLEXIBLE: i16 = 12;
/// The tag of what [`Part::diverging`] says, and its size: epoch, offset, and no tagged fields.
const DIVERGING_TAG: u8 = 0;
const DIVERGING_BYTES: u8 = 4 + 8 + 1;
/// From this version on, who knows an old leader is told the new one (KIP-951).
const TELLS_LEADER: i16 = 16;
/// The tag of the leader, and its size: its id, its epoch, and no tagged fields.
const LEADER_TAG: u8 = 1;
const LEADER_BYTES: u8 = 4 + 4 + 1;
/// The tag of where leaders are, which is told once for all partitions.
const ENDPOINTS_TAG: u8 = 0;

/// What is made of it so far.
struct Frame {
    version: i16,
    node_id: i32,
    pieces: Vec<Piece>,
    /// Behind the last piece.
    bytes: BytesMut,
}

pub(super) fn frame(
    broker: &Broker,
    header: &Header,
    error: ErrorCode,
    session_id: i32,
    parts: &[Part],
) -> Response {
    let mut frame = Frame {
        version: header.version,
        node_id: broker.settings.node_id(),
        pieces: Vec::new(),
        bytes: BytesMut::with_capacity(64 + 64 * parts.len()),
    };
    frame.bytes.put_i32(0);
    frame.bytes.put_i32(header.correlation_id);
    frame.put_no_tags();
    // Throttling: none.
    frame.bytes.put_i32(0);
    if header.version >= 7 {
        frame.bytes.put_i16(error.code());
        frame.bytes.put_i32(session_id);
    }
    // Partitions of a topic stand together as long as they follow each other.
    let groups: Vec<&[Part]> = parts.chunk_by(|a, b| a.key.0 == b.key.0).collect();
    frame.put_count(groups.len());
    for group in groups {
        frame.put_topic(&group[0].key.0);
        frame.put_count(group.len());
        for part in group {
            frame.put_part(part);
        }
        frame.put_no_tags();
    }
    if header.version >= TELLS_LEADER && parts.iter().any(|part| part.current_epoch.is_some()) {
        frame.put_endpoint(broker);
    } else {
        frame.put_no_tags();
    }
    frame.finish()
}

impl Frame {
    fn is_flexible(&self) -> bool {
        self.version >= FLEXIBLE
    }

    /// Of an array, or of bytes.
    fn put_count(&mut self, count: usize) {
        if self.is_flexible() {
            self.put_varint(count + 1);
        } else {
            self.bytes.put_i32(i32::try_from(count).unwrap_or(i32::MAX));
        }
    }

    fn put_varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.bytes.put_u8(low_bits(value) | 0x80);
            value >>= 7;
        }
        self.bytes.put_u8(low_bits(value));
    }

    fn put_no_tags(&mut self) {
        if self.is_flexible() {
            self.bytes.put_u8(0);
        }
    }

    /// A compact string.
    fn put_text(&mut self, text: &str) {
        self.put_count(text.len());
        self.bytes.put_slice(text.as_bytes());
    }

    fn put_topic(&mut self, topic: &TopicKey) {
        match topic {
            TopicKey::Id(id) => self.bytes.put_u128(*id),
            TopicKey::Name(name) if self.is_flexible() => self.put_text(name),
            TopicKey::Name(name) => {
                self.bytes
                    .put_i16(i16::try_from(name.len()).unwrap_or(i16::MAX));
                self.bytes.put_slice(name.as_bytes());
            }
        }
    }

    fn put_part(&mut self, part: &Part) {
        let offsets = part.offsets;
        self.bytes.put_i32(part.key.1);
        self.bytes.put_i16(part.error.code());
        self.bytes.put_i64(offsets.map_or(-1, |o| o.high_watermark));
        // The last stable offset: without transactions, all is stable.
        self.bytes.put_i64(offsets.map_or(-1, |o| o.high_watermark));
        if self.version >= 5 {
            self.bytes.put_i64(offsets.map_or(-1, |o| o.log_start));
        }
        // Aborted transactions: null.
        if self.is_flexible() {
            self.bytes.put_u8(0);
        } else {
            self.bytes.put_i32(-1);
        }
        if self.version >= 11 {
            // The preferred read replica: none.
            self.bytes.put_i32(-1);
        }
        self.put_count(part.len());
        if let Some(slice) = &part.slice {
            self.pieces.push(Piece::Bytes(self.bytes.split().freeze()));
            self.pieces.push(Piece::File(slice.clone()));
        }
        // A partition that diverges is no error, so at most one of the two is told.
        match (part.diverging, part.current_epoch) {
            (Some((epoch, end)), _) => {
                self.bytes.put_slice(&[1, DIVERGING_TAG, DIVERGING_BYTES]);
                self.bytes.put_i32(epoch);
                self.bytes.put_i64(end);
            }
            (None, Some(epoch)) if self.version >= TELLS_LEADER => {
                self.bytes.put_slice(&[1, LEADER_TAG, LEADER_BYTES]);
                self.bytes.put_i32(self.node_id);
                self.bytes.put_i32(epoch);
            }
            _ => {}
        }
        // Of what was just told, or else of the partition.
        self.put_no_tags();
    }

    /// Where the one broker is that leads everything.
    fn put_endpoint(&mut self, broker: &Broker) {
        let before = std::mem::take(&mut self.bytes);
        self.put_count(1);
        self.bytes.put_i32(self.node_id);
        self.put_text(&broker.host);
        self.bytes.put_i32(broker.port.into());
        match rack(broker) {
            Some(rack) => self.put_text(&rack),
            None => self.bytes.put_u8(0),
        }
        self.put_no_tags();
        let endpoints = std::mem::replace(&mut self.bytes, before);
        self.bytes.put_slice(&[1, ENDPOINTS_TAG]);
        self.put_varint(endpoints.len());
        self.bytes.put(endpoints);
    }

    /// With its length, now that it is known.
    fn finish(mut self) -> Response {
        self.pieces.push(Piece::Bytes(self.bytes.freeze()));
        let mut response = Response {
            pieces: self.pieces,
        };
        let len = i32::try_from(response.bytes() - 4).unwrap_or(i32::MAX);
        if let Some(Piece::Bytes(head)) = response.pieces.first_mut() {
            let mut whole = BytesMut::from(&head[..]);
            whole[..4].copy_from_slice(&len.to_be_bytes());
            *head = whole.freeze();
        }
        response
    }
}

/// The lowest seven.
fn low_bits(value: usize) -> u8 {
    value.to_le_bytes()[0] & 0x7f
}
