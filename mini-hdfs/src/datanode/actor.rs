//! What a DataNode tells the NameNode, and when (`BPServiceActor`, `IncrementalBlockReportManager`).
//!
//! The NameNode learns where replicas are from DataNodes alone, so nothing may be lost between the two:
//!
//! - after registering, all replicas are reported, and again every few hours;
//! - what changes in between is reported at once, kept until the NameNode has answered, and sent again if it has not;
//!   what is still to be sent goes out before a full report, so that the NameNode never hears old news after new;
//! - a replica that is damaged is reported until it is gone, in every registration anew: the NameNode keeps in memory alone what
//!   is corrupt, and a block report lists it like any other;
//! - one call is under way at a time, and only its own answer counts. An answer that comes after the DataNode gave the call up
//!   may hold commands that an earlier NameNode decided; it is dropped.
//!
//! The caller asks [`BpServiceActor::poll`] what to send, and hands in what comes back. Calls fail without end while the
//! NameNode is away; that is no error, they are repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node::Time;

use crate::block::{Block, BlockId, DatanodeInfo};
use crate::protocol::{BlockEvent, Command, RecoveringBlock, RegistrationId, ReportLeaseId};

/// Changes told in one call: a volume that fails takes hundreds of thousands of replicas along.
const EVENTS_MAX: usize = 10_000;

/// How often things are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervals {
    /// Between heartbeats, and before a failed call is repeated (`dfs.heartbeat.interval`).
    pub heartbeat: Duration,
    /// Between full block reports (`dfs.blockreport.intervalMsec`).
    pub block_report: Duration,
    /// A call that has no answer after this long has failed (`ipc.client.rpc-timeout.ms`).
    pub call_timeout: Duration,
}

impl Default for Intervals {
    fn default() -> Intervals {
        Intervals {
            heartbeat: Duration::from_secs(3),
            block_report: Duration::from_secs(6 * 60 * 60),
            call_timeout: Duration::from_secs(60),
        }
    }
}

/// Numbers the calls of one DataNode's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// A call to the NameNode. The caller adds what it knows itself: address, capacity, replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `registerDatanode`.
    Register,
    /// `sendHeartbeat`; true to ask for a lease for a full block report.
    Heartbeat(RegistrationId, bool),
    /// `blockReport`, of [`ReplicaMap::report`](super::ReplicaMap::report) as it is now, under a lease.
    BlockReport(RegistrationId, ReportLeaseId),
    /// `blockReceivedAndDeleted`.
    Incremental(RegistrationId, Vec<BlockEvent>),
    /// `reportBadBlocks`, of one.
    BadBlock(Block),
}

/// What came back from a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To a registration.
    Registered(RegistrationId),
    /// To a heartbeat.
    Commands(Vec<Command>),
    /// To a report.
    Done,
    /// To any call: the NameNode does not know this registration (any more).
    Unregistered,
    /// No answer, or another refusal.
    Failed,
}

/// What the NameNode wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Delete replicas of these generations or older ones, and report it with [`BlockEvent::Deleted`].
    Delete(Vec<Block>),
    /// Send a copy of a finalised replica.
    Transfer {
        /// Which.
        block: Block,
        /// The pipeline of receivers.
        targets: Vec<DatanodeInfo>,
    },
    /// Recover a block, as its primary.
    Recover(RecoveringBlock),
}

#[derive(Clone, Debug)]
struct UnderWay {
    id: CallId,
    call: Call,
    sent: Time,
}

/// Says when to call the NameNode, and what its answers mean.
#[derive(Clone, Debug)]
pub struct BpServiceActor {
    intervals: Intervals,
    registration: Option<RegistrationId>,
    last_call: CallId,
    under_way: Option<UnderWay>,
    next_heartbeat: Time,
    next_block_report: Time,
    /// The permission to send a full report.
    report_lease: Option<ReportLeaseId>,
    /// Whether a full report was heard in this registration.
    reported: bool,
    /// After a failed call: nothing is sent before.
    retry_at: Time,
    /// Not yet sent; at most one for each block, the newest.
    events: Vec<BlockEvent>,
    /// Damaged replicas, and whether the NameNode has been told in this registration.
    bad: BTreeMap<BlockId, (Block, bool)>,
}

impl BpServiceActor {
    /// For a DataNode that has just started.
    pub fn new(intervals: Intervals) -> BpServiceActor {
        BpServiceActor {
            intervals,
            registration: None,
            last_call: CallId(0),
            under_way: None,
            next_heartbeat: Time::ZERO,
            next_block_report: Time::ZERO,
            report_lease: None,
            reported: false,
            retry_at: Time::ZERO,
            events: Vec::new(),
            bad: BTreeMap::new(),
        }
    }

    /// A replica has changed: to be reported at once. Tell it after the replica map knows.
    pub fn notify(&mut self, event: BlockEvent) {
        let replica = event.block();
        if let Some((bad, _)) = self.bad.get(&replica.id)
            && replica.generation >= bad.generation
        {
            // It is gone, or another one is in its place.
            self.bad.remove(&replica.id);
        }
        self.events.retain(|old| old.block().id != event.block().id);
        self.events.push(event);
    }

    /// Many replicas have changed at once.
    pub fn notify_all(&mut self, events: Vec<BlockEvent>) {
        let ids: BTreeSet<BlockId> = events.iter().map(|event| event.block().id).collect();
        self.events.retain(|old| !ids.contains(&old.block().id));
        self.bad.retain(|id, _| !ids.contains(id));
        self.events.extend(events);
    }

    /// A replica here turned out to be damaged.
    pub fn notify_bad(&mut self, block: Block) {
        let known = self.bad.get(&block.id);
        if known.is_none_or(|(bad, _)| bad.generation < block.generation) {
            self.bad.insert(block.id, (block, false));
        }
    }

    /// The next damaged replica that the NameNode does not know of. It has to have heard of all replicas before: what it
    /// does not believe to be good cannot become bad.
    fn unreported(&self) -> Option<Block> {
        if !self.reported {
            return None;
        }
        let mut bad = self.bad.values();
        bad.find(|(_, told)| !told).map(|(block, _)| *block)
    }

    /// The call to make now, if one is due and none is under way. Hand its answer to [`BpServiceActor::answered`].
    pub fn poll(&mut self, now: Time) -> Option<(CallId, Call)> {
        if let Some(under_way) = &self.under_way {
            if now.since(under_way.sent) < self.intervals.call_timeout {
                return None;
            }
            self.answered(under_way.id, Answer::Failed, now);
        }
        if now < self.retry_at {
            return None;
        }
        let call = self.due(now)?;
        self.last_call = CallId(self.last_call.0 + 1);
        let id = self.last_call;
        self.under_way = Some(UnderWay {
            id,
            call: call.clone(),
            sent: now,
        });
        Some((id, call))
    }

    fn due(&mut self, now: Time) -> Option<Call> {
        let Some(registration) = self.registration else {
            return Some(Call::Register);
        };
        // Heartbeats first: a node that has much to report must not be taken for dead.
        if now >= self.next_heartbeat {
            self.next_heartbeat = now + self.intervals.heartbeat;
            let asks = now >= self.next_block_report && self.report_lease.is_none();
            Some(Call::Heartbeat(registration, asks))
        } else if !self.events.is_empty() {
            let rest = self.events.split_off(self.events.len().min(EVENTS_MAX));
            let events = std::mem::replace(&mut self.events, rest);
            Some(Call::Incremental(registration, events))
        } else if let (true, Some(lease)) = (now >= self.next_block_report, self.report_lease) {
            self.report_lease = None;
            Some(Call::BlockReport(registration, lease))
        } else {
            self.unreported().map(Call::BadBlock)
        }
    }

    /// When to ask [`BpServiceActor::poll`] again, if nothing happens before; none while only an answer is waited for.
    pub fn next_poll(&self) -> Time {
        if let Some(under_way) = &self.under_way {
            return under_way.sent + self.intervals.call_timeout;
        }
        let news = !self.events.is_empty() || self.unreported().is_some();
        let due = if self.registration.is_none() || news {
            Time::ZERO
        } else if self.report_lease.is_some() {
            self.next_heartbeat.min(self.next_block_report)
        } else {
            self.next_heartbeat
        };
        due.max(self.retry_at)
    }

    /// A call was answered or failed. An answer to any call but the one under way is dropped.
    pub fn answered(&mut self, id: CallId, answer: Answer, now: Time) -> Vec<Action> {
        let Some(UnderWay { call, .. }) = self.under_way.take_if(|call| call.id == id) else {
            return Vec::new();
        };
        match answer {
            Answer::Registered(registration) => {
                self.registration = Some(registration);
                self.bad.values_mut().for_each(|(_, told)| *told = false);
                self.report_lease = None;
                self.reported = false;
                self.next_heartbeat = now;
                self.next_block_report = now;
            }
            Answer::Commands(commands) => return self.obey(commands),
            Answer::Done => match call {
                Call::BlockReport(..) => {
                    self.reported = true;
                    self.next_block_report = now + self.intervals.block_report;
                }
                Call::BadBlock(block) => {
                    if let Some((bad, told)) = self.bad.get_mut(&block.id) {
                        *told |= *bad == block;
                    }
                }
                Call::Register | Call::Heartbeat(..) | Call::Incremental(..) => {}
            },
            Answer::Unregistered => {
                self.registration = None;
                self.keep(call);
            }
            Answer::Failed => {
                self.retry_at = now + self.intervals.heartbeat;
                self.keep(call);
            }
        }
        Vec::new()
    }

    /// What an incremental report that failed would have told, but for blocks of which there is newer news.
    fn keep(&mut self, call: Call) {
        if let Call::Incremental(_, mut events) = call {
            events.retain(|old| {
                let id = old.block().id;
                self.events.iter().all(|new| new.block().id != id)
            });
            events.append(&mut self.events);
            self.events = events;
        }
    }

    fn obey(&mut self, commands: Vec<Command>) -> Vec<Action> {
        if commands.contains(&Command::Register) {
            // Whatever else it says is about a registration that is void.
            self.registration = None;
            return Vec::new();
        }
        let mut actions = Vec::new();
        for command in commands {
            match command {
                Command::Register => {}
                Command::ReportBlocks(lease) => self.report_lease = Some(lease),
                Command::Invalidate(blocks) => actions.push(Action::Delete(blocks)),
                Command::Transfer { block, targets } => {
                    actions.push(Action::Transfer { block, targets });
                }
                Command::Recover(blocks) => actions.extend(blocks.into_iter().map(Action::Recover)),
            }
        }
        actions
    }

    /// Whether the NameNode knows this DataNode, as far as it has heard.
    pub fn is_registered(&self) -> bool {
        self.registration.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: RegistrationId = RegistrationId(1);
    const SECOND: RegistrationId = RegistrationId(2);
    const LEASE: ReportLeaseId = ReportLeaseId(7);

    fn permission() -> Answer {
        Answer::Commands(vec![Command::ReportBlocks(LEASE)])
    }

    fn ms(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    /// An actor that has registered, sent a heartbeat and reported, all at time 0.
    fn settled() -> BpServiceActor {
        let mut actor = BpServiceActor::new(Intervals::default());
        for (expected, answer) in [
            (Call::Register, Answer::Registered(FIRST)),
            (Call::Heartbeat(FIRST, true), permission()),
            (Call::BlockReport(FIRST, LEASE), Answer::Done),
        ] {
            let (id, call) = actor.poll(Time::ZERO).unwrap();
            assert_eq!(call, expected);
            assert_eq!(actor.poll(Time::ZERO), None, "one call at a time");
            assert_eq!(actor.answered(id, answer, Time::ZERO), []);
        }
        actor
    }

    #[test]
    fn heartbeats_and_reports_come_in_their_intervals() {
        let mut actor = settled();
        assert_eq!(actor.next_poll(), ms(3000));
        assert_eq!(actor.poll(ms(2999)), None);
        let (id, call) = actor.poll(ms(3000)).unwrap();
        assert_eq!(call, Call::Heartbeat(FIRST, false));
        actor.answered(id, Answer::Commands(vec![]), ms(3001));
        let six_hours = 6 * 60 * 60 * 1000;
        let (id, call) = actor.poll(ms(six_hours)).unwrap();
        assert_eq!(call, Call::Heartbeat(FIRST, true));
        actor.answered(id, Answer::Commands(vec![]), ms(six_hours));
        assert_eq!(
            actor.poll(ms(six_hours)),
            None,
            "others report; it asks again with the next heartbeat"
        );
        let (id, call) = actor.poll(ms(six_hours + 3000)).unwrap();
        assert_eq!(call, Call::Heartbeat(FIRST, true));
        actor.answered(id, permission(), ms(six_hours + 3000));
        let (id, call) = actor.poll(ms(six_hours + 3000)).unwrap();
        assert_eq!(call, Call::BlockReport(FIRST, LEASE));
        // A report that was not heard needs a new lease.
        actor.answered(id, Answer::Failed, ms(six_hours + 3001));
        let (_, call) = actor.poll(ms(six_hours + 6001)).unwrap();
        assert_eq!(call, Call::Heartbeat(FIRST, true));
    }

    #[test]
    fn news_is_kept_until_it_is_heard() {
        let mut actor = settled();
        let [a, b] = [Block::new(1, 1001, 5), Block::new(2, 1001, 5)];
        actor.notify(BlockEvent::Receiving(a));
        actor.notify(BlockEvent::Received(b));
        actor.notify(BlockEvent::Received(a));
        let both = vec![BlockEvent::Received(b), BlockEvent::Received(a)];
        let (id, call) = actor.poll(ms(1)).unwrap();
        assert_eq!(call, Call::Incremental(FIRST, both));
        actor.notify(BlockEvent::Deleted(b));
        actor.answered(id, Answer::Failed, ms(2));
        assert_eq!(
            actor.poll(ms(3)),
            None,
            "a failed call is not repeated at once"
        );

        let (id, _) = actor.poll(ms(3002)).unwrap();
        actor.answered(id, Answer::Unregistered, ms(3002));
        let (id, call) = actor.poll(ms(3002)).unwrap();
        assert_eq!(call, Call::Register);
        actor.answered(id, Answer::Registered(SECOND), ms(3003));
        let (id, _) = actor.poll(ms(3003)).unwrap();
        actor.answered(id, permission(), ms(3003));
        let newest = vec![BlockEvent::Received(a), BlockEvent::Deleted(b)];
        let (id, call) = actor.poll(ms(3003)).unwrap();
        assert_eq!(
            call,
            Call::Incremental(SECOND, newest),
            "before the full report"
        );
        actor.answered(id, Answer::Done, ms(3004));
        assert_eq!(
            actor.poll(ms(3004)).unwrap().1,
            Call::BlockReport(SECOND, LEASE)
        );
    }

    #[test]
    fn a_damaged_replica_is_reported_in_every_registration_until_it_is_gone() {
        let mut actor = settled();
        let block = Block::new(1, 1001, 5);
        actor.notify_bad(block);
        actor.notify_bad(block);
        let (id, call) = actor.poll(ms(1)).unwrap();
        assert_eq!(call, Call::BadBlock(block));
        actor.answered(id, Answer::Failed, ms(2));
        let (id, _) = actor.poll(ms(3002)).unwrap();
        actor.answered(id, Answer::Commands(vec![]), ms(3002));
        let (id, call) = actor.poll(ms(3002)).unwrap();
        assert_eq!(call, Call::BadBlock(block), "once more");
        actor.answered(id, Answer::Done, ms(3003));
        assert_eq!(actor.poll(ms(3004)), None, "it is known");

        let (id, _) = actor.poll(ms(6002)).unwrap();
        actor.answered(id, Answer::Unregistered, ms(6002));
        for (expected, answer) in [
            (Call::Register, Answer::Registered(SECOND)),
            (Call::Heartbeat(SECOND, true), Answer::Commands(vec![])),
        ] {
            let (id, call) = actor.poll(ms(6002)).unwrap();
            assert_eq!(call, expected);
            actor.answered(id, answer, ms(6002));
        }
        assert_eq!(actor.poll(ms(6002)), None, "the report comes first");
        assert_eq!(actor.next_poll(), ms(9002), "others report meanwhile");
        for (expected, answer) in [
            (Call::Heartbeat(SECOND, true), permission()),
            (Call::BlockReport(SECOND, LEASE), Answer::Done),
            (Call::BadBlock(block), Answer::Done),
        ] {
            let (id, call) = actor.poll(ms(9003)).unwrap();
            assert_eq!(call, expected);
            actor.answered(id, answer, ms(9003));
        }
        actor.notify(BlockEvent::Deleted(block));
        actor.notify_bad(Block::new(2, 1001, 5));
        actor.notify(BlockEvent::Deleted(Block::new(2, 1001, 5)));
        let (id, _) = actor.poll(ms(9004)).unwrap();
        actor.answered(id, Answer::Done, ms(9004));
        assert_eq!(actor.poll(ms(9005)), None, "what is gone is not reported");
    }

    #[test]
    fn a_volume_full_of_news_is_told_in_several_calls() {
        let mut actor = settled();
        let block = |id| Block::new(id, 1001, 5);
        actor.notify(BlockEvent::Received(block(7)));
        let gone = (0..25_000).map(|id| BlockEvent::Deleted(block(id)));
        actor.notify_all(gone.collect());
        let mut told = Vec::new();
        while let Some((id, call)) = actor.poll(ms(1)) {
            let Call::Incremental(FIRST, events) = call else {
                panic!("{call:?}");
            };
            assert!(events.len() <= EVENTS_MAX);
            told.extend(events);
            actor.answered(id, Answer::Done, ms(1));
        }
        let all: Vec<BlockEvent> = (0..25_000)
            .map(|id| BlockEvent::Deleted(block(id)))
            .collect();
        assert_eq!(told, all, "each once, and nothing that is out of date");
    }

    #[test]
    fn an_answer_to_an_abandoned_call_is_dropped() {
        let mut actor = settled();
        let delete = || Answer::Commands(vec![Command::Invalidate(vec![Block::new(1, 1001, 5)])]);
        let (old, _) = actor.poll(ms(3000)).unwrap();
        assert_eq!(actor.poll(ms(63_000)), None, "it has failed by now");
        let (new, call) = actor.poll(ms(66_000)).unwrap();
        assert_eq!(call, Call::Heartbeat(FIRST, false));
        assert_eq!(actor.answered(old, delete(), ms(66_001)), []);
        assert_eq!(actor.answered(new, delete(), ms(66_002)).len(), 1);
        assert_eq!(actor.answered(new, delete(), ms(66_003)), []);
    }
}
