//! Fetches that wait: the purgatory's core, and what wakes a task.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::broker::locked;
use crate::fetch::purgatory::{PartitionKey, Purgatory, WaitId};

/// Who waits, and how to wake him.
#[derive(Debug, Default)]
pub struct Fetches {
    waiting: Mutex<(Purgatory, BTreeMap<WaitId, Arc<Notify>>)>,
}

/// One that waits; he no longer does when this is dropped.
#[derive(Debug)]
pub struct Wait<'a> {
    fetches: &'a Fetches,
    id: WaitId,
    woken: Arc<Notify>,
}

impl Fetches {
    /// Begins to wait for any of the partitions to grow. Whoever looks what there is after this misses nothing.
    pub fn wait(&self, partitions: Vec<PartitionKey>) -> Wait<'_> {
        let woken = Arc::new(Notify::new());
        let mut waiting = locked(&self.waiting);
        let id = waiting.0.wait(partitions);
        waiting.1.insert(id, woken.clone());
        Wait {
            fetches: self,
            id,
            woken,
        }
    }

    /// A partition has grown, or is gone.
    pub fn wake(&self, partition: &PartitionKey) {
        let mut waiting = locked(&self.waiting);
        for id in waiting.0.wake(partition) {
            if let Some(woken) = waiting.1.remove(&id) {
                woken.notify_one();
            }
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        locked(&self.waiting).0.len()
    }
}

impl Wait<'_> {
    /// Until a partition has grown.
    pub async fn woken(&self) {
        self.woken.notified().await;
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut waiting = locked(&self.fetches.waiting);
        waiting.0.cancel(self.id);
        waiting.1.remove(&self.id);
    }
}
