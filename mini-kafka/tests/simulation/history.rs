//! What was done and promised in a run, beyond all crashes: what stands in no node's memory, and on no disk.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use mini_kafka::log::LogEnd;
use mini_kafka::record::batch::batches;
use node::Time;

use crate::cluster::Topic;
use crate::wire::Correlation;

/// A record, as it stands in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) offset: i64,
    pub(crate) epoch: i32,
    /// No other record has it: it stands in a header, so that tombstones have one too.
    pub(crate) id: u64,
    pub(crate) key: u8,
    pub(crate) is_tombstone: bool,
}

/// A log as somebody has read it from one end to the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogView {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) entries: Vec<Entry>,
}

/// The entries of the whole batches in `bytes` from `offset` on, and where the next fetch begins.
pub(crate) fn entries(bytes: &[u8], offset: i64) -> Result<(Vec<Entry>, i64), String> {
    let (mut entries, mut next) = (Vec::new(), offset);
    for batch in batches(bytes) {
        // The last one may be cut.
        let Ok(batch) = batch else { break };
        batch.check_crc().map_err(|error| error.to_string())?;
        let payload = batch.payload().map_err(|error| error.to_string())?;
        for record in payload.records() {
            let record = record.map_err(|error| error.to_string())?;
            let id = record.headers.first().and_then(|header| header.value);
            let id = id.and_then(|id| id.try_into().ok());
            let entry = Entry {
                offset: batch.header.offset_of(&record),
                epoch: batch.header.partition_leader_epoch,
                id: u64::from_be_bytes(id.ok_or("a record that nobody sent")?),
                key: record.key.and_then(|key| key.first()).copied().unwrap_or(0),
                is_tombstone: record.value.is_none(),
            };
            if entry.offset >= offset {
                entries.push(entry);
            }
        }
        next = batch.header.last_offset() + 1;
    }
    Ok((entries, next))
}

/// Who has sent a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    /// The producer, of this life.
    pub(crate) producer: u64,
    pub(crate) is_idempotent: bool,
}

/// What a fetch has been served with: what a consumer must find in it.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    pub(crate) partition: usize,
    pub(crate) from: i64,
    /// The offsets that must not be missing.
    pub(crate) expected: Vec<i64>,
}

/// An offset that was told to the coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) request: Correlation,
    pub(crate) offset: i64,
}

/// What is known of a partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past {
    pub(crate) topic: Topic,
    /// What was appended, or may have been, and was not lost, by offset.
    pub(crate) written: BTreeMap<i64, Entry>,
    /// When each tombstone was appended.
    pub(crate) tombstones: BTreeMap<i64, Time>,
    /// All before it has been synced.
    pub(crate) synced: i64,
    /// Where that is.
    pub(crate) durable: Option<LogEnd>,
    /// All before it was deleted, as somebody was told.
    pub(crate) deleted_to: i64,
    /// All before it may have been deleted.
    pub(crate) deletable_to: i64,
    /// What producers were told of: offset and id.
    pub(crate) acknowledged: Vec<(i64, u64)>,
    /// Whom any offset of any epoch has been seen to belong to.
    pub(crate) seen: BTreeMap<(i64, i32), u64>,
    /// What was committed, in the order of arrival.
    pub(crate) commits: Vec<Commit>,
    /// How many of them a consumer was told of, the last such one included.
    pub(crate) commits_acknowledged: usize,
    /// The ids that consumers have read.
    pub(crate) read: std::collections::BTreeSet<u64>,
}

impl Past {
    /// Whether compaction may have taken the entry: a later one has its key, or it is a tombstone.
    pub(crate) fn may_be_compacted(&self, entry: &Entry) -> bool {
        let later = self.written.range(entry.offset + 1..);
        self.topic.compacts
            && (entry.is_tombstone || later.into_iter().any(|(_, later)| later.key == entry.key))
    }
}

/// What happened in a run.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) partitions: Vec<Past>,
    pub(crate) senders: BTreeMap<u64, Sender>,
    pub(crate) servings: BTreeMap<u64, Serving>,
    /// Who owns a partition, by generation.
    pub(crate) owners: BTreeMap<(i32, usize), String>,
    /// What does not hold, by invariant: the first time of each.
    pub(crate) findings: BTreeMap<&'static str, String>,
    /// How often something came to pass without which a run would show little.
    pub(crate) counts: BTreeMap<&'static str, u64>,
    numbers: u64,
}

/// Nodes and invariants share it.
pub(crate) type Shared = Rc<RefCell<History>>;

impl History {
    /// A number that nobody else has: an id, a producer, a correlation.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Notes what does not hold.
    pub(crate) fn find(&mut self, invariant: &'static str, judged: Result<(), String>) {
        if let Err(text) = judged {
            self.findings.entry(invariant).or_insert(text);
        }
    }

    /// Counts something.
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }
}
