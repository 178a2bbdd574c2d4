//! A consumer's part in its group.

use std::time::Duration;

use mini_kafka::error::ErrorCode;
use mini_kafka::group::{
    CommitRequest, JoinAnswer, JoinRequest, LeavingMember, MemberRef, OffsetCommit, Protocol,
    SyncRequest,
};
use node::Ctx;

use super::{ConsumerProcess, Phase, Position, REQUEST_TIMEOUT};
use crate::cluster::{CALM_AT, Member};
use crate::invariants::owners;
use crate::wire::{Answer, Correlation, GROUP, Request, topic_of};

const SESSION_TIMEOUT: Duration = Duration::from_millis(1500);
const REBALANCE_TIMEOUT: Duration = Duration::from_millis(2000);
const HEARTBEAT_EVERY: Duration = Duration::from_millis(200);
const COMMIT_EVERY: Duration = Duration::from_millis(300);

impl ConsumerProcess {
    fn member(&self) -> MemberRef {
        MemberRef {
            group_id: GROUP.to_owned(),
            generation: self.generation,
            member_id: self.member_id.clone(),
            instance_id: self.instance_id.clone(),
        }
    }

    /// It is on its way into the group.
    pub(super) fn act_outside(&mut self, ctx: &mut Ctx<'_, Member>) {
        // A join is answered when all have joined, or have had the time to.
        let patience = match self.phase {
            Phase::Joining => 2 * REBALANCE_TIMEOUT,
            _ => 2 * REQUEST_TIMEOUT,
        };
        let waits = (self.asked).is_some_and(|asked| ctx.now().since(asked.at) < patience);
        if !waits {
            self.join(ctx);
        }
    }

    fn join(&mut self, ctx: &mut Ctx<'_, Member>) {
        self.positions.clear();
        self.phase = Phase::Joining;
        let request = JoinRequest {
            group_id: GROUP.to_owned(),
            member_id: self.member_id.clone(),
            instance_id: self.instance_id.clone(),
            client_id: self.name.clone(),
            client_host: String::new(),
            protocol_type: "consumer".to_owned(),
            protocols: vec![Protocol {
                name: "in turn".to_owned(),
                metadata: Vec::new(),
            }],
            session_timeout: SESSION_TIMEOUT,
            rebalance_timeout: REBALANCE_TIMEOUT,
            knows_member_id_required: true,
            knows_skip_assignment: false,
        };
        self.asked = Some(self.ask(Request::JoinGroup(request), ctx));
    }

    /// It is not in the group any more, or never was.
    fn refused(&mut self, error: ErrorCode) {
        self.phase = Phase::Out;
        self.positions.clear();
        (self.asked, self.heartbeat) = (None, None);
        (self.fetching, self.commit) = (None, None);
        if matches!(
            error,
            ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId
        ) {
            self.member_id.clear();
        }
    }

    pub(super) fn act_in_group(&mut self, ctx: &mut Ctx<'_, Member>) {
        let now = ctx.now();
        let is_due = |asked: &Option<super::Asked>| {
            asked.is_none_or(|asked| now.since(asked.at) >= REQUEST_TIMEOUT)
        };
        if now < CALM_AT && self.rng.below(300) == 0 {
            let leaving = LeavingMember {
                member_id: self.member_id.clone(),
                instance_id: self.instance_id.clone(),
            };
            self.ask(Request::LeaveGroup(leaving), ctx);
            return self.refused(ErrorCode::UnknownMemberId);
        }
        if is_due(&self.heartbeat) && now.since(self.last_heartbeat) >= HEARTBEAT_EVERY {
            self.last_heartbeat = now;
            self.heartbeat = Some(self.ask(Request::Heartbeat(self.member()), ctx));
        }
        let commit = self.commit.as_ref().map(|(asked, _)| *asked);
        if is_due(&commit) && now.since(self.last_commit) >= COMMIT_EVERY {
            self.last_commit = now;
            self.commit(ctx);
        }
    }

    fn commit(&mut self, ctx: &mut Ctx<'_, Member>) {
        let read = self.positions.iter();
        let read: Vec<(usize, Position)> = read.map(|(p, position)| (*p, *position)).collect();
        if read.is_empty() {
            return;
        }
        let offset = |(partition, position): &(usize, Position)| OffsetCommit {
            topic: topic_of(*partition).0.to_owned(),
            partition: topic_of(*partition).1,
            offset: position.offset,
            leader_epoch: position.read_epoch,
            metadata: String::new(),
        };
        let request = CommitRequest {
            member: self.member(),
            retention: None,
            offsets: read.iter().map(offset).collect(),
        };
        let asked = self.ask(Request::OffsetCommit(request), ctx);
        let offsets = read.iter().map(|(p, position)| (*p, position.offset));
        self.commit = Some((asked, offsets.collect()));
    }

    pub(super) fn answered_in_group(
        &mut self,
        correlation: Correlation,
        answer: Answer,
        ctx: &mut Ctx<'_, Member>,
    ) {
        let is_it = |asked: &super::Asked| asked.correlation == correlation;
        let is_asked = self.asked.as_ref().is_some_and(is_it);
        match answer {
            Answer::JoinGroup(answer) if is_asked && self.phase == Phase::Joining => {
                self.joined(answer, ctx);
            }
            Answer::SyncGroup(answer) if is_asked && self.phase == Phase::Syncing => {
                if answer.error == ErrorCode::None {
                    self.assigned(&answer.assignment);
                    self.asked = Some(self.ask(Request::OffsetFetch, ctx));
                } else {
                    self.refused(answer.error);
                }
            }
            Answer::OffsetFetch(committed) if is_asked && self.phase == Phase::Asking => {
                for (partition, position) in &mut self.positions {
                    if let Some((offset, epoch)) = committed.get(*partition).copied().flatten() {
                        (position.offset, position.read_epoch) = (offset, epoch);
                    }
                }
                self.phase = Phase::In;
                self.last_heartbeat = ctx.now();
            }
            Answer::Heartbeat(beat) => {
                if let (Some(_), Err(error)) = (self.heartbeat.take_if(|asked| is_it(asked)), beat)
                {
                    self.refused(error);
                }
            }
            Answer::OffsetCommit(codes) => self.committed(correlation, &codes),
            _ => {}
        }
    }

    fn joined(&mut self, answer: JoinAnswer, ctx: &mut Ctx<'_, Member>) {
        match answer.error {
            ErrorCode::None => {
                self.member_id = answer.member_id;
                self.generation = answer.generation;
                let members = answer.members.into_iter();
                self.members = members.map(|member| member.member_id).collect();
                self.phase = Phase::Syncing;
                let share = |n: usize| (n..self.partitions).step_by(self.members.len().max(1));
                let bytes = |n| share(n).filter_map(|p| u8::try_from(p).ok()).collect();
                let members = self.members.iter().enumerate();
                let request = SyncRequest {
                    protocol_type: None,
                    protocol: None,
                    member: self.member(),
                    assignments: members.map(|(n, id)| (id.clone(), bytes(n))).collect(),
                };
                self.asked = Some(self.ask(Request::SyncGroup(request), ctx));
            }
            ErrorCode::MemberIdRequired => {
                self.member_id = answer.member_id;
                self.join(ctx);
            }
            error => self.refused(error),
        }
    }

    fn assigned(&mut self, assignment: &[u8]) {
        let owned: Vec<usize> = assignment.iter().copied().map(usize::from).collect();
        let shared = self.history.clone();
        let history = &mut *shared.borrow_mut();
        // A static member's partitions pass from one of its lives to the next.
        let member = self.instance_id.as_ref().unwrap_or(&self.member_id);
        let judged = owners::judge(&mut history.owners, self.generation, member, &owned);
        history.find(owners::NAME, judged);
        history.count("assignments");
        let beginning = Position {
            offset: 0,
            read_epoch: -1,
            leader_epoch: -1,
        };
        self.positions = owned.into_iter().map(|p| (p, beginning)).collect();
        self.phase = Phase::Asking;
    }

    fn committed(&mut self, correlation: Correlation, codes: &[ErrorCode]) {
        let commit = self
            .commit
            .take_if(|(asked, _)| asked.correlation == correlation);
        let Some((_, offsets)) = commit else {
            return;
        };
        for ((partition, _), code) in offsets.iter().zip(codes) {
            if *code != ErrorCode::None {
                return self.refused(*code);
            }
            let past = &mut self.history.borrow_mut().partitions[*partition];
            let mut commits = past.commits.iter();
            let at = commits.position(|commit| commit.request == correlation);
            let count = at.map_or(0, |at| at + 1);
            past.commits_acknowledged = past.commits_acknowledged.max(count);
        }
    }
}
