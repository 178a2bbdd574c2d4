//! Fetching: what is there, or, for as long as the client likes to wait, what comes. Only the answer's frame is made
//! here; records go from the file to the socket as they are.

mod frame;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use kafka_protocol::messages::{FetchRequest, TopicName};
use uuid::Uuid;

use super::{Answer, BadRequest, Header, body, partition_of};
use crate::error::ErrorCode;
use crate::fetch::purgatory::{Verdict, decide};
use crate::fetch::session::{Fetch, FetchKey, Named, Told, TopicKey, Wanted};
use crate::server::broker::{Broker, locked};
use crate::server::metrics;
use crate::server::partition::{Found, Offsets, Served};
use crate::server::response::FileSlice;

use frame::frame;

/// From this version on, a consumer knows zstd (KIP-110).
const KNOWS_ZSTD: i16 = 10;
/// From this version on, topics are named by their ids (KIP-516).
const NAMES_BY_ID: i16 = 13;

/// What is found in one partition.
struct Part {
    key: FetchKey,
    /// Unknown with some errors.
    served: Option<Arc<Served>>,
    error: ErrorCode,
    /// Unknown with some errors.
    offsets: Option<Offsets>,
    slice: Option<FileSlice>,
    diverging: Option<Diverging>,
    /// The leader's epoch, where the client knows an older one (KIP-951).
    current_epoch: Option<i32>,
}

/// Where what the client has read ended, if its last epoch ended earlier or was none (KIP-595): the epoch, and its end.
type Diverging = (i32, i64);

impl Part {
    fn len(&self) -> usize {
        self.slice.as_ref().map_or(0, |slice| slice.len)
    }

    fn is_told_at_once(&self) -> bool {
        self.error != ErrorCode::None || self.diverging.is_some()
    }

    fn told(&self) -> Told {
        Told {
            high_watermark: self.offsets.map_or(-1, |o| o.high_watermark),
            log_start_offset: self.offsets.map_or(-1, |o| o.log_start),
            failed: self.is_told_at_once(),
        }
    }
}

pub(super) fn fetch(
    broker: &Arc<Broker>,
    header: Header,
    bytes: Bytes,
) -> Result<Answer, BadRequest> {
    let request: FetchRequest = body(&header, bytes)?;
    let named = named(&header, &request);
    // Before version 7 there were no sessions.
    let epoch = if header.version < 7 {
        -1
    } else {
        request.session_epoch
    };
    let begun = locked(&broker.sessions).begin(request.session_id, epoch, named);
    let broker = broker.clone();
    Ok(async move {
        let fetch = match begun {
            Ok(fetch) => fetch,
            Err(error) => return Ok(frame(&broker, &header, error, 0, &[])),
        };
        let mut parts = read_or_wait(&broker, &header, &request, &fetch).await;
        for part in &parts {
            if let Some(served) = &part.served {
                metrics::fetched(&broker, served, part.len(), part.error);
            }
        }
        if fetch.session_id != 0 {
            let mut sessions = locked(&broker.sessions);
            parts.retain(|part| {
                let news = sessions.tells(fetch.session_id, &part.key, part.told(), part.len());
                news || !fetch.incremental
            });
        }
        let session_id = fetch.session_id;
        Ok(frame(&broker, &header, ErrorCode::None, session_id, &parts))
    }
    .boxed())
}

fn named(header: &Header, request: &FetchRequest) -> Named {
    let by_id = header.version >= NAMES_BY_ID;
    let key = |name: &TopicName, id: Uuid| {
        if by_id {
            TopicKey::Id(id.as_u128())
        } else {
            TopicKey::Name(name.0.to_string())
        }
    };
    let mut wanted = Vec::new();
    for topic in &request.topics {
        let topic_key = key(&topic.topic, topic.topic_id);
        for partition in &topic.partitions {
            let of_partition = Wanted {
                offset: partition.fetch_offset,
                max_bytes: partition.partition_max_bytes,
                leader_epoch: partition.current_leader_epoch,
                last_fetched_epoch: partition.last_fetched_epoch,
            };
            wanted.push(((topic_key.clone(), partition.partition), of_partition));
        }
    }
    let forgotten = request.forgotten_topics_data.iter().flat_map(|topic| {
        let topic_key = key(&topic.topic, topic.topic_id);
        let partitions = topic.partitions.iter();
        partitions.map(move |partition| (topic_key.clone(), *partition))
    });
    Named {
        by_id,
        wanted,
        forgotten: forgotten.collect(),
    }
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
        let failed = parts.iter().any(Part::is_told_at_once);
        let found = parts.iter().map(Part::len).sum();
        let nothing = fetch.partitions.is_empty();
        let verdict = decide(found, min_bytes, failed, nothing, deadline, broker.now());
        (parts, verdict)
    };
    let (mut parts, verdict) = look();
    if let Verdict::Answer = verdict {
        return parts;
    }
    loop {
        let served = parts.iter().filter_map(|part| part.served.as_ref());
        let wait = broker
            .fetches
            .wait(served.map(|served| served.key.clone()).collect());
        // What came before the wait began woke nobody.
        let verdict;
        (parts, verdict) = look();
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
        let mut part = Part {
            key: key.clone(),
            served: None,
            error: ErrorCode::None,
            offsets: None,
            slice: None,
            diverging: None,
            current_epoch: None,
        };
        if let Err(error) = read(broker, header, *wanted, room, first, &mut part) {
            part.error = error;
        }
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
    wanted: Wanted,
    room: usize,
    first: bool,
    part: &mut Part,
) -> Result<(), ErrorCode> {
    let (topic, partition) = &part.key;
    let served = partition_of(broker, topic, *partition)?;
    let served = part.served.insert(served);
    let offsets = served.offsets();
    match wanted.leader_epoch {
        epoch if epoch >= 0 && epoch < offsets.leader_epoch => {
            part.current_epoch = Some(offsets.leader_epoch);
            return Err(ErrorCode::FencedLeaderEpoch);
        }
        epoch if epoch > offsets.leader_epoch => return Err(ErrorCode::UnknownLeaderEpoch),
        _ => {}
    }
    part.offsets = Some(offsets);
    part.diverging = diverging(served, offsets, wanted)?;
    if part.diverging.is_some() {
        return Ok(());
    }
    let max_bytes = usize::try_from(wanted.max_bytes).unwrap_or(0).min(room);
    let Found { slice, offsets } = served.read(wanted.offset, max_bytes)?;
    let slice = slice.filter(|slice| slice.len <= max_bytes || first);
    if header.version < KNOWS_ZSTD && slice.is_some() && served.compresses_with_zstd() {
        return Err(ErrorCode::UnsupportedCompressionType);
    }
    part.offsets = Some(offsets);
    part.slice = slice;
    Ok(())
}

/// Whether the client's last record is of an epoch that has ended before it, or that never was.
fn diverging(
    served: &Served,
    offsets: Offsets,
    wanted: Wanted,
) -> Result<Option<Diverging>, ErrorCode> {
    if wanted.last_fetched_epoch < 0 {
        return Ok(None);
    }
    let found = served.end_offset_for_epoch(wanted.last_fetched_epoch);
    let (epoch, end) = found.ok_or(ErrorCode::OffsetOutOfRange)?;
    if wanted.offset < offsets.log_start {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    let diverges = epoch < wanted.last_fetched_epoch || end < wanted.offset;
    Ok(diverges.then_some((epoch, end)))
}
