//! The coordinator, and the log that its records are on.

use std::time::Duration;

use mini_kafka::error::ErrorCode;
use mini_kafka::group::offsets::Committed;
use mini_kafka::group::records::GroupRecord;
use mini_kafka::group::{Action, Config};
use mini_kafka::record::batch::batches;
use mini_kafka::record::builder::BatchBuilder;
use mini_kafka::record::compression::Compression;
use node::Ctx;

use super::{BrokerProcess, now_ms, read, unless_crashed};
use crate::cluster::Member;
use crate::invariants::commits;
use crate::wire::{Answer, GROUP, Timer, topic_of};

/// Sessions are short, and so is the wait for a first generation.
pub(super) fn config() -> Config {
    Config {
        session_timeout_min: Duration::from_millis(500),
        initial_rebalance_delay: Duration::from_millis(300),
        ..Config::default()
    }
}

impl BrokerProcess {
    fn offsets_partition(&self) -> usize {
        self.topics.len() - 1
    }

    /// The group's committed offset.
    pub(super) fn committed(&self, partition: usize) -> Option<&Committed> {
        let (topic, number) = topic_of(partition);
        self.coordinator.committed(GROUP, topic, number)
    }

    /// Reads groups from their log, and judges what they have.
    pub(super) fn load_groups(&mut self, ctx: &mut Ctx<'_, Member>) {
        let log = &self.served[self.offsets_partition()].log;
        let mut offset = log.log_start_offset();
        loop {
            let bytes = match read(log, &*ctx.disk, offset, 4096) {
                Ok(bytes) if bytes.is_empty() => break,
                Ok(bytes) => bytes,
                Err(error) => panic!("groups cannot be read: {error}"),
            };
            // The last batch may be cut.
            for batch in batches(&bytes).map_while(Result::ok) {
                for record in batch.payload().unwrap().records() {
                    let record = record.unwrap();
                    let key = record.key.unwrap_or_default();
                    self.coordinator.load(key, record.value, ctx.now());
                }
                offset = batch.header.last_offset() + 1;
            }
        }
        self.coordinator.loaded(ctx.now());
        for partition in 0..self.offsets_partition() {
            let found = self.committed(partition).map(|committed| committed.offset);
            let history = &mut *self.history.borrow_mut();
            let judged = commits::judge(&history.partitions[partition], found);
            history.find(commits::NAME, judged);
            if found.is_some() {
                history.count("commits loaded");
            }
        }
    }

    /// Does what the coordinator wants done.
    pub(super) fn carry_out(
        &mut self,
        actions: Vec<Action>,
        ctx: &mut Ctx<'_, Member>,
    ) -> Option<()> {
        for action in actions {
            match action {
                Action::Append { id, records, .. } => {
                    let end = self.append_records(&records, ctx)?;
                    self.in_log.push_back((id, end));
                }
                Action::Joined(ticket, answer) => self.joined(ticket, answer, ctx),
                Action::Synced(ticket, answer) => self.group_synced(ticket, answer, ctx),
                Action::Committed(ticket, codes) => {
                    self.reply(ticket, Answer::OffsetCommit(codes), ctx);
                }
                Action::Done(..) => {}
            }
        }
        self.settle_groups(ctx)
    }

    fn append_records(
        &mut self,
        records: &[GroupRecord],
        ctx: &mut Ctx<'_, Member>,
    ) -> Option<Result<i64, ErrorCode>> {
        let partition = self.offsets_partition();
        let mut batch = BatchBuilder::new(Compression::None);
        for record in records {
            let (key, value) = (&record.key, record.value.as_deref());
            batch.push(now_ms(ctx.now()), Some(key), value, &[]);
        }
        let mut batch = batch.build().unwrap();
        let (log, now) = (&mut self.served[partition].log, ctx.now());
        let appended = unless_crashed(log.append(ctx.disk, &mut batch, now))?;
        self.sync_if_due(partition, ctx)?;
        let end = appended.map(|info| info.last_offset + 1);
        Some(end.map_err(|_| ErrorCode::CoordinatorNotAvailable))
    }

    /// Tells the coordinator, in the order of the log, what is durable.
    pub(super) fn settle_groups(&mut self, ctx: &mut Ctx<'_, Member>) -> Option<()> {
        let partition = self.offsets_partition();
        loop {
            let durable = self.served[partition].log.durable_end_offset();
            let is_settled = |end: &Result<i64, ErrorCode>| end.is_err() || *end <= Ok(durable);
            let first = self.in_log.front().filter(|(_, end)| is_settled(end));
            let Some((id, end)) = first.copied() else {
                return Some(());
            };
            self.in_log.pop_front();
            let stored = end.map(|_| ());
            let actions = self.coordinator.appended(id, stored, ctx.now());
            // What it appends now is not durable yet, so this comes to an end.
            self.carry_out(actions, ctx)?;
        }
    }

    /// Sets the timer for what the coordinator has to do next.
    pub(super) fn wake_groups(&mut self, ctx: &mut Ctx<'_, Member>) {
        if let Some(deadline) = self.coordinator.next_deadline() {
            ctx.set_timer(Timer::Groups, deadline.since(ctx.now()));
        }
    }
}
