//! A consumer in a group: it joins, shares partitions, reads, commits. After a change of leader it asks where the epoch of what it read
//! last ended, and so learns what was taken back (KIP-320).

mod group;

use std::collections::BTreeMap;
use std::time::Duration;

use mini_kafka::error::ErrorCode;
use node::{Ctx, Event, NodeId, Rng, Time};

use crate::cluster::Member;
use crate::history::{Shared, entries};
use crate::invariants::{inconsistent_offsets, polls};
use crate::wire::{Answer, BROKER, Correlation, Fetched, Message, Request, Timer};

/// An answer that has not come by then does not count any more.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Out,
    Joining,
    Syncing,
    /// It asks how far the group has read.
    Asking,
    In,
}

/// Where it reads on.
#[derive(Clone, Copy, Debug)]
struct Position {
    offset: i64,
    /// The leader epoch of what it read last; −1: of nothing.
    read_epoch: i32,
    /// The leader's, as far as it knows; −1: not at all, so it must ask before it reads.
    leader_epoch: i32,
}

/// A request whose answer it waits for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    correlation: Correlation,
    at: Time,
}

/// A consumer.
pub(crate) struct ConsumerProcess {
    history: Shared,
    name: String,
    partitions: usize,
    phase: Phase,
    member_id: String,
    instance_id: Option<String>,
    generation: i32,
    /// All members, where it is the leader.
    members: Vec<String>,
    positions: BTreeMap<usize, Position>,
    /// Of joining, syncing, asking.
    asked: Option<Asked>,
    heartbeat: Option<Asked>,
    fetching: Option<(Asked, usize)>,
    commit: Option<(Asked, Vec<(usize, i64)>)>,
    last_heartbeat: Time,
    last_commit: Time,
    turn: usize,
    rng: Rng,
}

impl ConsumerProcess {
    pub(crate) fn new(
        history: Shared,
        id: NodeId,
        partitions: usize,
        rng: &mut Rng,
    ) -> ConsumerProcess {
        let mut rng = rng.fork();
        ConsumerProcess {
            history,
            name: id.to_string(),
            partitions,
            phase: Phase::Out,
            member_id: String::new(),
            // The same in each of its lives.
            instance_id: id.0.is_multiple_of(3).then(|| format!("instance-{id}")),
            generation: -1,
            members: Vec::new(),
            positions: BTreeMap::new(),
            asked: None,
            heartbeat: None,
            fetching: None,
            commit: None,
            last_heartbeat: Time::ZERO,
            last_commit: Time::ZERO,
            turn: 0,
            rng: rng.fork(),
        }
    }

    /// What it waits for.
    pub(crate) fn is_waiting(&self) -> Option<String> {
        (self.phase != Phase::In).then(|| format!("is {:?}", self.phase).to_lowercase())
    }

    /// Its generation, while it is in the group.
    pub(crate) fn generation(&self) -> Option<i32> {
        (self.phase == Phase::In).then_some(self.generation)
    }

    pub(crate) fn member_id(&self) -> &str {
        &self.member_id
    }

    /// What it reads.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = usize> {
        self.positions.keys().copied()
    }

    pub(crate) fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        match event {
            Event::Start => ctx.set_timer(Timer::Client, Duration::ZERO),
            Event::Timer(_) => {
                self.act(ctx);
                let pause = Duration::from_millis(20 + self.rng.below(60));
                ctx.set_timer(Timer::Client, pause);
            }
            Event::Message { message, .. } => {
                if let Message::Answer(correlation, answer) = message {
                    self.answered(correlation, answer, ctx);
                }
            }
        }
    }

    fn ask(&mut self, request: Request, ctx: &mut Ctx<'_, Member>) -> Asked {
        let correlation = self.history.borrow_mut().number();
        ctx.send(BROKER, Message::Request(correlation, request));
        Asked {
            correlation,
            at: ctx.now(),
        }
    }

    fn act(&mut self, ctx: &mut Ctx<'_, Member>) {
        if self.phase != Phase::In {
            return self.act_outside(ctx);
        }
        self.act_in_group(ctx);
        let is_late = |(asked, _): &(Asked, usize)| ctx.now().since(asked.at) >= REQUEST_TIMEOUT;
        if self.phase == Phase::In && self.fetching.as_ref().is_none_or(is_late) {
            self.fetch(ctx);
        }
    }

    /// Reads on, or asks first whether what it read is still there.
    fn fetch(&mut self, ctx: &mut Ctx<'_, Member>) {
        self.turn += 1;
        let count = self.positions.len().max(1);
        let Some((partition, position)) = self.positions.iter().nth(self.turn % count) else {
            return;
        };
        let (partition, position) = (*partition, *position);
        let request = if position.leader_epoch < 0 && position.read_epoch >= 0 {
            Request::OffsetForLeaderEpoch {
                partition,
                epoch: position.read_epoch,
            }
        } else {
            Request::Fetch {
                partition,
                offset: position.offset,
                epoch: position.leader_epoch,
            }
        };
        let asked = self.ask(request, ctx);
        self.fetching = Some((asked, partition));
    }

    fn answered(&mut self, correlation: Correlation, answer: Answer, ctx: &mut Ctx<'_, Member>) {
        let is_it = |asked: &Asked| asked.correlation == correlation;
        match answer {
            Answer::Fetch(_) | Answer::OffsetForLeaderEpoch { .. } => {
                let fetching = self.fetching.take_if(|(asked, _)| is_it(asked));
                let Some((_, partition)) = fetching else {
                    return;
                };
                if !self.positions.contains_key(&partition) {
                    return;
                }
                match answer {
                    Answer::Fetch(Ok(fetched)) => self.polled(partition, &fetched),
                    Answer::Fetch(Err(error)) => self.not_polled(partition, error),
                    Answer::OffsetForLeaderEpoch { current, end } => {
                        self.validated(partition, current, end.map_or(0, |(_, end)| end));
                    }
                    _ => {}
                }
            }
            answer => self.answered_in_group(correlation, answer, ctx),
        }
    }

    fn polled(&mut self, partition: usize, fetched: &Fetched) {
        let history = &mut *self.history.borrow_mut();
        let Some(position) = self.positions.get_mut(&partition) else {
            return;
        };
        position.leader_epoch = fetched.epoch;
        if fetched.is_out_of_range {
            let topic = &history.partitions[partition].topic;
            if position.offset > fetched.log_start && topic.syncs_always {
                let text = format!("offset {} of {} is gone", position.offset, topic.name);
                history.find(polls::NAME, Err(text));
            }
            (position.offset, position.read_epoch) = (fetched.log_start, -1);
            return;
        }
        let read = entries(&fetched.batches.0, position.offset);
        let (polled, next) = match read {
            Ok(read) => read,
            Err(text) => return history.find(polls::SKIP_NAME, Err(text)),
        };
        if let Some(serving) = history.servings.remove(&fetched.serving) {
            history.find(polls::NAME, polls::judge(&serving, &polled));
            history.find(polls::SKIP_NAME, polls::judge_skip(&serving, &polled));
        }
        let past = &mut history.partitions[partition];
        past.read.extend(polled.iter().map(|entry| entry.id));
        let judged = inconsistent_offsets::judge(past, &polled);
        history.find(inconsistent_offsets::NAME, judged);
        position.offset = next;
        if let Some(last) = polled.last() {
            position.read_epoch = last.epoch;
        }
    }

    /// Another leader has taken over, or this one is not the latest any more.
    fn not_polled(&mut self, partition: usize, error: ErrorCode) {
        let is_other = matches!(
            error,
            ErrorCode::FencedLeaderEpoch | ErrorCode::UnknownLeaderEpoch
        );
        if let Some(position) = self.positions.get_mut(&partition).filter(|_| is_other) {
            position.leader_epoch = -1;
        }
    }

    /// The epoch of what it read last ended there: what it has read behind that was taken back.
    fn validated(&mut self, partition: usize, current: i32, end: i64) {
        let history = &mut *self.history.borrow_mut();
        let Some(position) = self.positions.get_mut(&partition) else {
            return;
        };
        position.leader_epoch = current;
        if end >= position.offset {
            return;
        }
        history.count("reads taken back");
        let topic = &history.partitions[partition].topic;
        if topic.syncs_always {
            let (offset, name) = (position.offset, topic.name.clone());
            let text = format!("{name} was read up to {offset}, and ends at {end} now");
            history.find(polls::NAME, Err(text));
        }
        position.offset = end;
    }
}
