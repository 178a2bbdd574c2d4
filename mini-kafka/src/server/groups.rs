//! The coordinator in the shell: its lock, its timer, who waits for which answer, and the log that its records go to.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use node::Rng;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, oneshot};
use tracing::{info, warn};

use super::broker::{Broker, OFFSETS_TOPIC, locked};
use super::partition::directory;
use crate::error::ErrorCode;
use crate::group::records::GroupRecord;
use crate::group::{Action, AppendId, Config, Coordinator, Ticket, partition_for};
use crate::record::batch::batches;
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
    /// When the log cannot be read, or is damaged.
    pub fn load(&self, broker: &Broker) -> Result<()> {
        let Some(topic) = broker.topic(OFFSETS_TOPIC) else {
            return Ok(());
        };
        let mut coordinator = locked(&self.coordinator);
        for partition in topic.partitions {
            let mut offset = partition.offsets().log_start;
            let what = |offset| {
                let name = directory(&partition.key);
                format!(
                    "{name}: groups cannot be read at offset {offset}; restore the directory from a copy, or remove it, and \
                     its groups begin anew"
                )
            };
            while let Some(bytes) = partition
                .read_bytes(offset, LOAD_BYTES)
                .with_context(|| what(offset))?
            {
                offset = replay(&bytes, offset, |key, value| {
                    coordinator.load(key, value, broker.now());
                })
                .with_context(|| what(offset))?;
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

/// Takes in keys and values of the whole batches that `bytes` begins with, the first of which has `offset` in it; the
/// offset behind the last.
fn replay(bytes: &[u8], offset: i64, mut take: impl FnMut(&[u8], Option<&[u8]>)) -> Result<i64> {
    let mut next = offset;
    for batch in batches(bytes) {
        let batch = batch?;
        batch.check_crc()?;
        next = batch.header.last_offset().saturating_add(1);
        for record in batch.payload()?.records() {
            let record = record?;
            take(record.key.unwrap_or_default(), record.value);
        }
    }
    ensure!(
        next > offset,
        "the batch there is not whole, or has another offset"
    );
    Ok(next)
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
    let appended = log.append(&mut batch, now).map_err(|error| {
        let retriable = failed(&error);
        // A batch that is too large is too large the next time too.
        let is_final = error == ErrorCode::MessageTooLarge;
        if is_final { error } else { retriable }
    })?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::batch;

    /// Two batches, at the offsets 5 and 6.
    fn log() -> Vec<u8> {
        let mut log = Vec::new();
        for offset in 5..7 {
            let mut one = BatchBuilder::new(Compression::None);
            one.push(1, Some(b"k"), Some(b"v"), &[]);
            let mut one = one.build().unwrap();
            batch::stamp(&mut one, offset, 0);
            log.extend(one);
        }
        log
    }

    fn read(bytes: &[u8]) -> Result<(i64, usize), String> {
        let mut records = 0;
        let next = replay(bytes, 5, |_, _| records += 1);
        next.map(|next| (next, records)).map_err(|e| e.to_string())
    }

    #[test]
    fn whole_batches_are_taken_in() {
        let log = log();
        assert_eq!(read(&log), Ok((7, 2)));
        assert_eq!(read(&log[..log.len() - 1]), Ok((6, 1)));
    }

    #[test]
    fn no_damage_stops_the_reader_where_it_is() {
        let whole = log();
        for at in 0..whole.len() / 2 {
            for bit in 0..8 {
                let mut log = whole.clone();
                log[at] ^= 1 << bit;
                let Ok((next, records)) = read(&log) else {
                    continue;
                };
                // Offset and epoch are outside of the checksum.
                assert!(next > 5 && records > 0, "byte {at}, bit {bit}");
                let unprotected = at < batch::LENGTH_AT || (batch::EPOCH_AT..16).contains(&at);
                assert!(unprotected, "byte {at}, bit {bit} is not noticed");
            }
        }
    }
}
