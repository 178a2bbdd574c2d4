//! Fetching: what is there, or, for as long as the client likes to wait, what comes. Only the answer's frame is made
//! here; records go from the file to the socket as they are.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures::FutureExt;
use kafka_protocol::messages::FetchRequest;

use super::{Answer, BadRequest, Header, body};
use crate::error::ErrorCode;
use crate::fetch::purgatory::{PartitionKey, Verdict, decide};
use crate::fetch::session::{Fetch, Told, Wanted};
use crate::server::broker::{Broker, locked};
use crate::server::metrics;
use crate::server::partition::{Found, Offsets};
use crate::server::response::{FileSlice, Piece, Response};

/// From this version on, a consumer knows zstd (KIP-110).
const KNOWS_ZSTD: i16 = 10;

/// What is found in one partition.
struct Part {
    key: PartitionKey,
    error: ErrorCode,
    /// Unknown with an error.
    offsets: Option<Offsets>,
    slice: Option<FileSlice>,
}

impl Part {
    fn len(&self) -> usize {
        self.slice.as_ref().map_or(0, |slice| slice.len)
    }

    fn told(&self) -> Told {
        Told {
            high_watermark: self.offsets.map_or(-1, |o| o.high_watermark),
            log_start_offset: self.offsets.map_or(-1, |o| o.log_start),
            failed: self.error != ErrorCode::None,
        }
    }
}

pub(super) fn fetch(
    broker: &Arc<Broker>,
    header: Header,
    bytes: Bytes,
) -> Result<Answer, BadRequest> {
    let request: FetchRequest = body(&header, bytes)?;
    let mut named = Vec::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            let wanted = Wanted {
                offset: partition.fetch_offset,
                max_bytes: partition.partition_max_bytes,
                leader_epoch: partition.current_leader_epoch,
            };
            named.push(((topic.topic.0.to_string(), partition.partition), wanted));
        }
    }
    let forgotten = request.forgotten_topics_data.iter().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|partition| (topic.topic.0.to_string(), *partition))
    });
    let forgotten: Vec<PartitionKey> = forgotten.collect();
    // Before version 7 there were no sessions.
    let epoch = if header.version < 7 {
        -1
    } else {
        request.session_epoch
    };
    let begun = locked(&broker.sessions).begin(request.session_id, epoch, named, &forgotten);
    let broker = broker.clone();
    Ok(async move {
        let fetch = match begun {
            Ok(fetch) => fetch,
            Err(error) => return Ok(frame(&header, error, 0, &[])),
        };
        let mut parts = read_or_wait(&broker, &header, &request, &fetch).await;
        if fetch.session_id != 0 {
            let mut sessions = locked(&broker.sessions);
            parts.retain(|part| {
                let news = sessions.tells(fetch.session_id, &part.key, part.told(), part.len());
                news || !fetch.incremental
            });
        }
        Ok(frame(&header, ErrorCode::None, fetch.session_id, &parts))
    }
    .boxed())
}

async fn read_or_wait(
    broker: &Broker,
    header: &Header,
    request: &FetchRequest,
    fetch: &Fetch,
) -> Vec<Part> {
    let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let deadline = broker.now() + max_wait;
    let min_bytes = usize::try_from(request.min_bytes).unwrap_or(0);
    let look = || {
        let parts = read_all(broker, header, request, fetch);
        let failed = parts.iter().any(|part| part.error != ErrorCode::None);
        let found = parts.iter().map(Part::len).sum();
        let nothing = fetch.partitions.is_empty();
        let verdict = decide(found, min_bytes, failed, nothing, deadline, broker.now());
        (parts, verdict)
    };
    if let (parts, Verdict::Answer) = look() {
        return parts;
    }
    loop {
        let keys = fetch
            .partitions
            .iter()
            .map(|(key, _)| key.clone())
            .collect();
        let wait = broker.fetches.wait(keys);
        // What came before the wait began woke nobody.
        let (parts, verdict) = look();
        let Verdict::WaitUntil(deadline) = verdict else {
            return parts;
        };
        let left = deadline.since(broker.now());
        // Woken, or time is up: either way what there is now decides.
        let _ = tokio::time::timeout(left, wait.woken()).await;
    }
}

fn read_all(broker: &Broker, header: &Header, request: &FetchRequest, fetch: &Fetch) -> Vec<Part> {
    let asked = usize::try_from(request.max_bytes).unwrap_or(0);
    let mut room = asked.min(broker.settings.count("fetch.max.bytes"));
    let mut first = true;
    let mut parts = Vec::new();
    for (key, wanted) in &fetch.partitions {
        let found = read(broker, header, key, *wanted, room, first);
        let part = match found {
            Ok(found) => Part {
                key: key.clone(),
                error: ErrorCode::None,
                offsets: Some(found.offsets),
                slice: found.slice,
            },
            Err((error, offsets)) => Part {
                key: key.clone(),
                error,
                offsets,
                slice: None,
            },
        };
        room = room.saturating_sub(part.len());
        first &= part.slice.is_none();
        parts.push(part);
    }
    parts
}

/// Reads from one partition. What does not fit any more is left for the next fetch, unless it is the first: a batch that
/// is larger than every limit has to get through.
fn read(
    broker: &Broker,
    header: &Header,
    (topic, partition): &PartitionKey,
    wanted: Wanted,
    room: usize,
    first: bool,
) -> Result<Found, (ErrorCode, Option<Offsets>)> {
    let served = broker.partition(topic, *partition).map_err(|e| (e, None))?;
    let offsets = served.offsets();
    match wanted.leader_epoch {
        epoch if epoch >= 0 && epoch < offsets.leader_epoch => {
            return Err((ErrorCode::FencedLeaderEpoch, None));
        }
        epoch if epoch > offsets.leader_epoch => return Err((ErrorCode::UnknownLeaderEpoch, None)),
        _ => {}
    }
    let max_bytes = usize::try_from(wanted.max_bytes).unwrap_or(0).min(room);
    let found = served.read(wanted.offset, max_bytes);
    let mut found = found.map_err(|error| (error, Some(offsets)))?;
    let too_much = |slice: &FileSlice| slice.len > max_bytes && !first;
    found.slice = found.slice.filter(|slice| !too_much(slice));
    if header.version < KNOWS_ZSTD && found.slice.is_some() && served.compresses_with_zstd() {
        return Err((ErrorCode::UnsupportedCompressionType, Some(offsets)));
    }
    Ok(found)
}

/// Makes the answer's frame by hand: an encoder would want the records in memory.
fn frame(header: &Header, error: ErrorCode, session_id: i32, parts: &[Part]) -> Response {
    let version = header.version;
    let mut pieces = Vec::new();
    let mut bytes = BytesMut::with_capacity(64 + 64 * parts.len());
    bytes.put_i32(0);
    bytes.put_i32(header.correlation_id);
    // Throttling: none.
    bytes.put_i32(0);
    if version >= 7 {
        bytes.put_i16(error.code());
        bytes.put_i32(session_id);
    }
    // Partitions of a topic stand together as long as they follow each other.
    let groups: Vec<&[Part]> = parts.chunk_by(|a, b| a.key.0 == b.key.0).collect();
    put_count(&mut bytes, groups.len());
    for group in groups {
        let topic = &group[0].key.0;
        bytes.put_i16(i16::try_from(topic.len()).unwrap_or(i16::MAX));
        bytes.put_slice(topic.as_bytes());
        put_count(&mut bytes, group.len());
        for part in group {
            let offsets = part.offsets;
            bytes.put_i32(part.key.1);
            bytes.put_i16(part.error.code());
            bytes.put_i64(offsets.map_or(-1, |o| o.high_watermark));
            // The last stable offset: without transactions, all is stable.
            bytes.put_i64(offsets.map_or(-1, |o| o.high_watermark));
            if version >= 5 {
                bytes.put_i64(offsets.map_or(-1, |o| o.log_start));
            }
            // Aborted transactions: null.
            bytes.put_i32(-1);
            if version >= 11 {
                // The preferred read replica: none.
                bytes.put_i32(-1);
            }
            put_count(&mut bytes, part.len());
            if let Some(slice) = &part.slice {
                metrics::fetched(topic, slice.len);
                pieces.push(Piece::Bytes(bytes.split().freeze()));
                pieces.push(Piece::File(slice.clone()));
            }
        }
    }
    pieces.push(Piece::Bytes(bytes.freeze()));
    let mut response = Response { pieces };
    let len = i32::try_from(response.bytes() - 4).unwrap_or(i32::MAX);
    if let Some(Piece::Bytes(head)) = response.pieces.first_mut() {
        let mut whole = BytesMut::from(&head[..]);
        whole[..4].copy_from_slice(&len.to_be_bytes());
        *head = whole.freeze();
    }
    response
}

fn put_count(bytes: &mut BytesMut, count: usize) {
    bytes.put_i32(i32::try_from(count).unwrap_or(i32::MAX));
}
