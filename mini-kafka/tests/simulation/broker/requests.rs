//! What clients ask for.

use mini_kafka::error::ErrorCode;
use mini_kafka::group::{CommitRequest, JoinAnswer, SyncAnswer, Ticket};
use mini_kafka::partition::LogError;
use node::{Ctx, NodeId};

use super::{BrokerProcess, Waiting, read, unless_crashed};
use crate::cluster::Member;
use crate::history::{Commit, Serving, entries};
use crate::invariants::polls;
use crate::wire::{Answer, Bytes, Correlation, Fetched, GROUP, Request};

/// What a fetch brings at most, but for a batch that is larger.
const FETCH_BYTES: u64 = 600;

impl BrokerProcess {
    pub(super) fn request(
        &mut self,
        from: NodeId,
        correlation: Correlation,
        request: Request,
        ctx: &mut Ctx<'_, Member>,
    ) -> Option<()> {
        if self.served.is_empty() {
            // It is not up: nobody listens.
            return Some(());
        }
        let now = ctx.now();
        let ticket = Ticket(self.history.borrow_mut().number());
        match request {
            Request::Produce { partition, batch } => {
                self.produce(from, correlation, partition, batch.0, ctx)?;
            }
            Request::Fetch {
                partition,
                offset,
                epoch,
            } => {
                let fetched = self.fetch(partition, offset, epoch, ctx);
                self.answer(from, correlation, Answer::Fetch(fetched), ctx);
            }
            Request::OffsetForLeaderEpoch { partition, epoch } => {
                let log = &self.served[partition].log;
                let answer = Answer::OffsetForLeaderEpoch {
                    current: log.leader_epoch(),
                    end: log.end_offset_for_epoch(epoch),
                };
                self.answer(from, correlation, answer, ctx);
            }
            Request::JoinGroup(request) => {
                self.tickets.insert(ticket, (from, correlation));
                let actions = self.coordinator.join(ticket, request, now);
                self.carry_out(actions, ctx)?;
            }
            Request::SyncGroup(request) => {
                self.tickets.insert(ticket, (from, correlation));
                let actions = self.coordinator.sync(ticket, &request, now);
                self.carry_out(actions, ctx)?;
            }
            Request::Heartbeat(member) => {
                let beat = self.coordinator.heartbeat(&member, now);
                self.answer(from, correlation, Answer::Heartbeat(beat), ctx);
            }
            Request::LeaveGroup(member) => {
                let (_, actions) = self.coordinator.leave(GROUP, &[member], now);
                self.answer(from, correlation, Answer::LeaveGroup, ctx);
                self.carry_out(actions, ctx)?;
            }
            Request::OffsetCommit(request) => {
                self.note_commit(correlation, &request);
                self.tickets.insert(ticket, (from, correlation));
                let actions = self.coordinator.commit(ticket, &request, now);
                self.carry_out(actions, ctx)?;
            }
            Request::OffsetFetch => {
                let committed = (0..self.served.len() - 1).map(|partition| {
                    let found = self.committed(partition)?;
                    Some((found.offset, found.leader_epoch))
                });
                let answer = Answer::OffsetFetch(committed.collect());
                self.answer(from, correlation, answer, ctx);
            }
        }
        self.wake_groups(ctx);
        Some(())
    }

    fn produce(
        &mut self,
        from: NodeId,
        correlation: Correlation,
        partition: usize,
        mut batch: Vec<u8>,
        ctx: &mut Ctx<'_, Member>,
    ) -> Option<()> {
        let now = ctx.now();
        let served = &mut self.served[partition];
        let (base, epoch) = (served.log.log_end_offset(), served.log.leader_epoch());
        // Before the call: if the machine crashes in it, the batch may be there or not.
        let (sent, _) = entries(&batch, 0).unwrap_or_default();
        let mut history = self.history.borrow_mut();
        let past = &mut history.partitions[partition];
        for mut entry in sent {
            (entry.offset, entry.epoch) = (entry.offset + base, epoch);
            past.written.insert(entry.offset, entry);
            if entry.is_tombstone {
                past.tombstones.insert(entry.offset, now);
            }
        }
        let appended = unless_crashed(served.log.append(ctx.disk, &mut batch, now))?;
        if !matches!(&appended, Ok(info) if !info.duplicate) {
            past.written.split_off(&base);
        }
        if matches!(&appended, Ok(info) if info.duplicate) {
            history.count("duplicates answered");
        }
        drop(history);
        let info = match appended {
            Ok(info) => info,
            Err(error) => {
                let answer = Answer::Produce(Err(error.code()));
                self.answer(from, correlation, answer, ctx);
                return Some(());
            }
        };
        let answer = Answer::Produce(Ok(info.base_offset));
        let end = info.last_offset + 1;
        if served.log.config().syncs_always() && served.log.durable_end_offset() < end {
            served.waiting.push(Waiting {
                end,
                to: from,
                correlation,
                answer,
            });
        } else {
            self.answer(from, correlation, answer, ctx);
        }
        self.sync_if_due(partition, ctx)
    }

    fn fetch(
        &mut self,
        partition: usize,
        offset: i64,
        epoch: i32,
        ctx: &Ctx<'_, Member>,
    ) -> Result<Fetched, ErrorCode> {
        let log = &self.served[partition].log;
        match epoch {
            -1 => {}
            older if older < log.leader_epoch() => return Err(ErrorCode::FencedLeaderEpoch),
            newer if newer > log.leader_epoch() => return Err(ErrorCode::UnknownLeaderEpoch),
            _ => {}
        }
        let history = &mut *self.history.borrow_mut();
        let mut fetched = Fetched {
            serving: history.number(),
            batches: Bytes(Vec::new()),
            log_start: log.log_start_offset(),
            epoch: log.leader_epoch(),
            is_out_of_range: false,
        };
        let bytes = match read(log, &*ctx.disk, offset, FETCH_BYTES) {
            Ok(bytes) => bytes,
            Err(LogError::OffsetOutOfRange { .. }) => {
                fetched.is_out_of_range = true;
                return Ok(fetched);
            }
            Err(error) => return Err(error.code()),
        };
        let (_, end) = entries(&bytes, offset).map_err(|error| panic!("{error}"))?;
        let judged = polls::judge_synced(&history.partitions[partition], end);
        history.find(polls::UNSYNCED_NAME, judged);
        let past = &history.partitions[partition];
        let expected = past.written.range(offset..end);
        let expected = expected.filter(|(_, entry)| !past.may_be_compacted(entry));
        let serving = Serving {
            partition,
            from: offset,
            expected: expected.map(|(offset, _)| *offset).collect(),
        };
        history.servings.insert(fetched.serving, serving);
        fetched.batches = Bytes(bytes);
        Ok(fetched)
    }

    fn note_commit(&self, request: Correlation, commit: &CommitRequest) {
        let history = &mut *self.history.borrow_mut();
        for offset in &commit.offsets {
            let partition = usize::try_from(offset.partition).unwrap_or(0);
            let commit = Commit {
                request,
                offset: offset.offset,
            };
            history.partitions[partition].commits.push(commit);
        }
    }

    pub(super) fn reply(&mut self, ticket: Ticket, answer: Answer, ctx: &mut Ctx<'_, Member>) {
        if let Some((to, correlation)) = self.tickets.remove(&ticket) {
            self.answer(to, correlation, answer, ctx);
        }
    }

    pub(super) fn joined(&mut self, ticket: Ticket, answer: JoinAnswer, ctx: &mut Ctx<'_, Member>) {
        self.reply(ticket, Answer::JoinGroup(answer), ctx);
    }

    pub(super) fn group_synced(
        &mut self,
        ticket: Ticket,
        answer: SyncAnswer,
        ctx: &mut Ctx<'_, Member>,
    ) {
        self.reply(ticket, Answer::SyncGroup(answer), ctx);
    }
}
