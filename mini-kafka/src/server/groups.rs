//! The coordinator in the shell: its lock, its timer, who waits for which answer, and the log that its records go to.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use node::Rng;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, oneshot};
use tracing::{info, warn};

use super::broker::{Broker, OFFSETS_TOPIC, locked};
use crate::error::ErrorCode;
use crate::group::records::GroupRecord;
use crate::group::{Action, AppendId, Config, Coordinator, Ticket, partition_for};
use crate::record::batch::RecordBatch;
use crate::record::builder::BatchBuilder;
use crate::record::compression::Compression;

/// How much of the log is read at a time at the start.
const LOAD_BYTES: usize = 1 << 20;

/// Records that are in the log, and perhaps not yet durable.
#[derive(Debug)]
struct InLog {
    id: AppendId,
    /// Where they are, or why they are not.
    appended: Result<(i32, i64), ErrorCode>,
}

/// The coordinator of all groups.
#[derive(Debug)]
pub struct Groups {
    coordinator: Mutex<Coordinator>,
    waiting: Mutex<BTreeMap<Ticket, oneshot::Sender<Action>>>,
    tickets: AtomicU64,
    /// Something was done that may have set a deadline.
    changed: Notify,
    in_log: UnboundedSender<InLog>,
    /// Taken by the task that waits for the disk.
    to_store: Mutex<Option<UnboundedReceiver<InLog>>>,
}

impl Groups {
    /// No groups.
    pub fn new(config: Config, rng: Rng) -> Groups {
        let (in_log, to_store) = unbounded_channel();
        Groups {
            coordinator: Mutex::new(Coordinator::new(config, rng)),
            waiting: Mutex::default(),
            tickets: AtomicU64::new(0),
            changed: Notify::new(),
            in_log,
            to_store: Mutex::new(Some(to_store)),
        }
    }

    /// Reads the groups from `__consumer_offsets`.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn load(&self, broker: &Broker) -> Result<()> {
        let Some(topic) = broker.topic(OFFSETS_TOPIC) else {
            return Ok(());
        };
        let mut coordinator = locked(&self.coordinator);
        for partition in topic.partitions {
            let mut offset = partition.offsets().log_start;
            let name = format!("{OFFSETS_TOPIC}-{}", partition.key.1);
            while let Some(bytes) = partition
                .read_bytes(offset, LOAD_BYTES)
                .with_context(|| format!("{name} at offset {offset}"))?
            {
                let mut rest = &bytes[..];
                // The last batch may be there in part.
                while let Ok(batch) = RecordBatch::parse(rest) {
                    rest = &rest[batch.bytes().len()..];
                    offset = batch.header.last_offset() + 1;
                    for record in batch.payload()?.records() {
                        let record = record?;
                        let key = record.key.unwrap_or_default();
                        coordinator.load(key, record.value, broker.now());
                    }
                }
            }
        }
        coordinator.loaded(broker.now());
        info!(groups = coordinator.groups().count(), "groups are loaded");
        Ok(())
    }

    /// Looks at the coordinator, or lets it do what needs no record.
    pub fn with<T>(&self, act: impl FnOnce(&mut Coordinator) -> T) -> T {
        let done = act(&mut locked(&self.coordinator));
        self.changed.notify_one();
        done
    }

    /// Lets the coordinator do something, and carries out what it wants done.
    pub fn act(&self, broker: &Broker, act: impl FnOnce(&mut Coordinator) -> Vec<Action>) {
        let mut coordinator = locked(&self.coordinator);
        for action in act(&mut coordinator) {
            match action {
                // While the lock is held, so that the log has the order in which it was decided.
                Action::Append {
                    id,
                    group_id,
                    records,
                } => {
                    let appended = append(broker, &group_id, &records);
                    // While the process ends, nobody waits for it any more.
                    let _ = self.in_log.send(InLog { id, appended });
                }
                Action::Joined(ticket, _)
                | Action::Synced(ticket, _)
                | Action::Committed(ticket, _)
                | Action::Done(ticket, _) => {
                    if let Some(waiting) = locked(&self.waiting).remove(&ticket) {
                        // He may have hung up.
                        let _ = waiting.send(action);
                    }
                }
            }
        }
        drop(coordinator);
        self.changed.notify_one();
    }

    /// Asks the coordinator for something that is answered later.
    pub fn ask(
        &self,
        broker: &Broker,
        ask: impl FnOnce(&mut Coordinator, Ticket) -> Vec<Action>,
    ) -> oneshot::Receiver<Action> {
        let ticket = Ticket(self.tickets.fetch_add(1, Ordering::Relaxed));
        let (sender, answer) = oneshot::channel();
        locked(&self.waiting).insert(ticket, sender);
        self.act(broker, |coordinator| ask(coordinator, ticket));
        answer
    }

    /// A topic is gone.
    pub fn topic_deleted(&self, broker: &Broker, topic: &str) {
        self.act(broker, |coordinator| {
            coordinator.topic_deleted(topic, broker.now())
        });
    }

    /// Tells the coordinator, in the order of the log, what is durable. One task does, for as long as the broker runs.
    pub async fn run_storing(&self, broker: &Broker) {
        let Some(mut to_store) = locked(&self.to_store).take() else {
            return;
        };
        while let Some(InLog { id, appended }) = to_store.recv().await {
            let stored = match appended {
                Ok((partition, end)) => durable(broker, partition, end).await,
                Err(error) => Err(error),
            };
            self.act(broker, |coordinator| {
                coordinator.appended(id, stored, broker.now())
            });
        }
    }

    /// Does what is due when it is due. One task does, for as long as the broker runs.
    pub async fn run_timer(&self, broker: &Broker) {
        loop {
            let deadline = locked(&self.coordinator).next_deadline();
            let due = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep(deadline.since(broker.now())).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => self.act(broker, |coordinator| coordinator.tick(broker.now())),
                () = self.changed.notified() => {}
            }
        }
    }

    /// Forgets offsets that nobody needs.
    pub fn expire_offsets(&self, broker: &Broker) {
        self.act(broker, |coordinator| {
            coordinator.expire_offsets(broker.now())
        });
    }
}

/// Puts records into the log of their group: the partition, and the offset behind them.
fn append(
    broker: &Broker,
    group_id: &str,
    records: &[GroupRecord],
) -> Result<(i32, i64), ErrorCode> {
    let partitions = broker.offsets_partitions()?;
    let partition = i32::try_from(partition_for(group_id, partitions)).unwrap_or(0);
    let log = broker.partition(OFFSETS_TOPIC, partition)?;
    let now = broker.now();
    let timestamp_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let mut batch = BatchBuilder::new(Compression::None);
    for record in records {
        batch.push(
            timestamp_ms,
            Some(&record.key),
            record.value.as_deref(),
            &[],
        );
    }
    let failed = |what: &dyn std::fmt::Display| {
        warn!(group = group_id, "its record was not written: {what}");
        ErrorCode::CoordinatorNotAvailable
    };
    let mut batch = batch.build().map_err(|e| failed(&e))?;
    let appended = log.append(&mut batch, now).map_err(|e| failed(&e))?;
    broker.fetches.wake(&log.key);
    Ok((partition, appended.last_offset + 1))
}

async fn durable(broker: &Broker, partition: i32, end: i64) -> Result<(), ErrorCode> {
    let log = broker.partition(OFFSETS_TOPIC, partition)?;
    if log.acknowledges_at_once() {
        return Ok(());
    }
    let synced = log.synced(end).await;
    broker.fetches.wake(&log.key);
    synced.map_err(|_| ErrorCode::CoordinatorNotAvailable)
}
