//! Long polling: a fetch that finds less than `fetch.min.bytes` waits, up to `fetch.max.wait.ms`, for more.
//!
//! Asking again and again would cost a busy broker as much as an idle one; waiting costs nothing until something is
//! appended. The list of those who wait, by partition, is Kafka's `DelayedOperationPurgatory`. Whoever is woken looks
//! again how much there is now, and may come back to wait for the rest of its time.

use std::collections::{BTreeMap, BTreeSet};

use node::Time;

/// A partition: its topic's name, and its number.
pub type PartitionKey = (String, i32);

/// Identifies a fetch that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaitId(pub u64);

/// Whether a fetch is answered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// With what there is.
    Answer,
    /// Not before more has come, or this time.
    WaitUntil(Time),
}

/// Whether a fetch that found `found_bytes` is answered, or waits. An error is told at once, and so is a fetch that
/// asks for nothing: nothing could ever come of waiting.
pub fn decide(
    found_bytes: usize,
    min_bytes: usize,
    failed: bool,
    asks_for_nothing: bool,
    deadline: Time,
    now: Time,
) -> Verdict {
    let _ = (
        found_bytes,
        min_bytes,
        failed,
        asks_for_nothing,
        deadline,
        now,
    );
    todo!(
        "kafka/long-polling: answer when there is enough, when it is time, or when waiting is of no use."
    )
}

/// Those who wait.
#[derive(Debug, Default)]
pub struct Purgatory {
    by_partition: BTreeMap<PartitionKey, BTreeSet<WaitId>>,
    waiting: BTreeMap<WaitId, Vec<PartitionKey>>,
}

impl Purgatory {
    /// Somebody waits for any of these partitions to grow.
    pub fn wait(&mut self, partitions: Vec<PartitionKey>) -> WaitId {
        let _ = partitions;
        todo!("kafka/long-polling: note who waits for what.")
    }

    /// A partition has grown, or is gone: those who are to look again. They no longer wait, for any partition.
    pub fn wake(&mut self, partition: &PartitionKey) -> Vec<WaitId> {
        let _ = partition;
        todo!(
            "kafka/long-polling: those who wait for it, each once; nothing of their waits may stay behind."
        )
    }

    /// Somebody's time is up, or he has hung up.
    pub fn cancel(&mut self, id: WaitId) {
        let _ = id;
        todo!("kafka/long-polling: nothing of his wait may stay behind.")
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits, and nothing is left of those who did.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.by_partition.is_empty()
    }
}
