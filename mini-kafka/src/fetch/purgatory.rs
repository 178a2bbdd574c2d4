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
    // EXERCISE(kafka/long-polling): answer when there is enough, when it is time, or when waiting is of no use.
    if failed || asks_for_nothing || found_bytes >= min_bytes || now >= deadline {
        Verdict::Answer
    } else {
        Verdict::WaitUntil(deadline)
    }
}

/// Those who wait.
#[derive(Debug, Default)]
pub struct Purgatory {
    by_partition: BTreeMap<PartitionKey, BTreeSet<WaitId>>,
    waiting: BTreeMap<WaitId, Vec<PartitionKey>>,
    // BEGIN SOLUTION
    ids: u64,
    // END SOLUTION
}

impl Purgatory {
    /// Somebody waits for any of these partitions to grow.
    pub fn wait(&mut self, partitions: Vec<PartitionKey>) -> WaitId {
        // EXERCISE(kafka/long-polling): note who waits for what.
        self.ids += 1;
        let id = WaitId(self.ids);
        for key in &partitions {
            self.by_partition.entry(key.clone()).or_default().insert(id);
        }
        self.waiting.insert(id, partitions);
        id
    }

    /// A partition has grown, or is gone: those who are to look again. They no longer wait, for any partition.
    pub fn wake(&mut self, partition: &PartitionKey) -> Vec<WaitId> {
        // EXERCISE(kafka/long-polling): those who wait for it, each once; nothing of their waits may stay behind.
        let woken = self.by_partition.remove(partition).unwrap_or_default();
        for id in &woken {
            self.cancel(*id);
        }
        woken.into_iter().collect()
    }

    /// Somebody's time is up, or he has hung up.
    pub fn cancel(&mut self, id: WaitId) {
        // EXERCISE(kafka/long-polling): nothing of his wait may stay behind.
        for key in self.waiting.remove(&id).unwrap_or_default() {
            if let Some(ids) = self.by_partition.get_mut(&key) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.by_partition.remove(&key);
                }
            }
        }
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
