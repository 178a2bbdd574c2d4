//! A coordinator under test: what it has answered, and what is on its way to the log.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use mini_kafka::error::ErrorCode;
use mini_kafka::group::records::GroupRecord;
use mini_kafka::group::{
    Action, AppendId, CommitRequest, Config, Coordinator, Group, JoinAnswer, JoinRequest,
    LeavingMember, Member, MemberRef, OffsetCommit, Protocol, State, SyncAnswer, SyncRequest,
    Ticket,
};
use node::{Rng, Time};

pub(crate) const NOW: Time = Time::from_millis(1_000_000);
/// The session timeout of every member.
pub(crate) const SESSION: Duration = Duration::from_secs(10);
/// Their rebalance timeout, where nothing else is said.
pub(crate) const REBALANCE: Duration = Duration::from_secs(60);

pub(crate) fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// What a member says for the protocols of these names.
pub(crate) fn protocols(member: &str, names: &[&str]) -> Vec<Protocol> {
    let protocol = |name: &&str| Protocol {
        name: (*name).to_owned(),
        metadata: format!("{member} as {name}").into_bytes(),
    };
    names.iter().map(protocol).collect()
}

pub(crate) fn member(id: &str) -> Member {
    let mut member = Member::new(id);
    member.protocols = protocols(id, &["range"]);
    member.session_timeout = SESSION;
    member.rebalance_timeout = REBALANCE;
    member
}

/// One whose name outlives its process: `s` has the name `name of s`.
pub(crate) fn static_member(id: &str) -> Member {
    let mut member = member(id);
    member.instance_id = Some(format!("name of {id}"));
    member
}

/// The group `g` in its fifth generation, led by the first of its members. In a stable one, each owns what is called `p of` him.
pub(crate) fn group(state: State, members: Vec<Member>) -> Group {
    let mut group = Group::new("g", NOW);
    group.state = state;
    group.generation = 5;
    group.protocol_type = Some("consumer".to_owned());
    if state != State::Empty {
        group.protocol = Some("range".to_owned());
        group.leader = members.first().map(|member| member.id.clone());
    }
    for mut member in members {
        if state == State::Stable {
            member.assignment = format!("p of {}", member.id).into_bytes();
        }
        if let Some(instance) = &member.instance_id {
            let names = &mut group.static_members;
            names.insert(instance.clone(), member.id.clone());
        }
        group.members.insert(member.id.clone(), member);
    }
    group
}

/// Whoever of group `g` says something, in its fifth generation.
pub(crate) fn by(member_id: &str) -> MemberRef {
    MemberRef {
        group_id: "g".to_owned(),
        generation: 5,
        member_id: member_id.to_owned(),
        instance_id: None,
    }
}

/// Of a join that was answered well: the generation, and who leads it.
pub(crate) struct Generation {
    pub(crate) number: i32,
    pub(crate) leader: String,
    pub(crate) me: String,
    /// What the leader is told of, by member.
    pub(crate) members: BTreeMap<String, String>,
}

pub(crate) struct Desk {
    pub(crate) coordinator: Coordinator,
    pub(crate) now: Time,
    tickets: u64,
    answers: BTreeMap<Ticket, Action>,
    on_their_way: VecDeque<(AppendId, Vec<GroupRecord>)>,
}

impl Desk {
    pub(crate) fn new(group: Group) -> Desk {
        let mut coordinator = Coordinator::new(Config::default(), Rng::new(1));
        coordinator.insert(group);
        Desk {
            coordinator,
            now: NOW,
            tickets: 0,
            answers: BTreeMap::new(),
            on_their_way: VecDeque::new(),
        }
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Append { id, records, .. } => self.on_their_way.push_back((id, records)),
                Action::Joined(ticket, _)
                | Action::Synced(ticket, _)
                | Action::Committed(ticket, _)
                | Action::Done(ticket, _) => {
                    let earlier = self.answers.insert(ticket, action);
                    assert_eq!(earlier, None, "each request has one answer");
                }
            }
        }
    }

    /// A member joins that has no id yet, or has this one.
    pub(crate) fn join(&mut self, like: &Member, id: &str) -> Ticket {
        let request = JoinRequest {
            group_id: "g".to_owned(),
            member_id: id.to_owned(),
            instance_id: like.instance_id.clone(),
            client_id: like.id.clone(),
            client_host: "/127.0.0.1".to_owned(),
            protocol_type: "consumer".to_owned(),
            protocols: like.protocols.clone(),
            session_timeout: like.session_timeout,
            rebalance_timeout: like.rebalance_timeout,
            knows_member_id_required: false,
            knows_skip_assignment: false,
        };
        let ticket = self.ticket();
        let actions = self.coordinator.join(ticket, request, self.now);
        self.act(actions);
        ticket
    }

    /// A member of a group made by hand joins again.
    pub(crate) fn join_again(&mut self, like: &Member) -> Ticket {
        self.join(like, &like.id)
    }

    pub(crate) fn sync(&mut self, who: MemberRef, assignments: &[(&str, &str)]) -> Ticket {
        let assignments = assignments.iter();
        let request = SyncRequest {
            protocol_type: None,
            protocol: None,
            member: who,
            assignments: assignments
                .map(|(id, what)| ((*id).to_owned(), what.as_bytes().to_vec()))
                .collect(),
        };
        let ticket = self.ticket();
        let actions = self.coordinator.sync(ticket, &request, self.now);
        self.act(actions);
        ticket
    }

    pub(crate) fn leave(&mut self, member_id: &str) {
        let leaving = LeavingMember {
            member_id: member_id.to_owned(),
            instance_id: None,
        };
        let (_, actions) = self.coordinator.leave("g", &[leaving], self.now);
        self.act(actions);
    }

    /// Commits offsets of partitions of topic `t`, with these lengths of metadata.
    pub(crate) fn commit(&mut self, who: MemberRef, offsets: &[(i32, i64, usize)]) -> Ticket {
        self.commit_for(who, offsets, None)
    }

    pub(crate) fn commit_for(
        &mut self,
        who: MemberRef,
        offsets: &[(i32, i64, usize)],
        retention: Option<Duration>,
    ) -> Ticket {
        let offset = |(partition, offset, metadata): &(i32, i64, usize)| OffsetCommit {
            topic: "t".to_owned(),
            partition: *partition,
            offset: *offset,
            leader_epoch: 2,
            metadata: "m".repeat(*metadata),
        };
        let request = CommitRequest {
            member: who,
            retention,
            offsets: offsets.iter().map(offset).collect(),
        };
        let ticket = self.ticket();
        let actions = self.coordinator.commit(ticket, &request, self.now);
        self.act(actions);
        ticket
    }

    /// Records that the log has not taken in yet, of all that was put on its way.
    pub(crate) fn records_on_their_way(&self) -> usize {
        self.on_their_way.iter().map(|(_, all)| all.len()).sum()
    }

    /// What was put on its way first is in the log, or could not be put there.
    pub(crate) fn store(&mut self, result: Result<(), ErrorCode>) {
        let first = self.on_their_way.pop_front();
        let (id, _) = first.expect("something is on its way to the log");
        let actions = self.coordinator.appended(id, result, self.now);
        self.act(actions);
    }

    /// Lets time pass, doing what is due when it is due.
    pub(crate) fn wait(&mut self, duration: Duration) {
        let until = self.now + duration;
        for _ in 0..1000 {
            let due = self.coordinator.next_deadline();
            let Some(due) = due.filter(|due| *due <= until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(due);
            let actions = self.coordinator.tick(self.now);
            self.act(actions);
        }
        panic!("something is due again and again, and never done");
    }

    pub(crate) fn state(&self) -> State {
        self.coordinator.describe("g").state
    }

    pub(crate) fn members(&self) -> Vec<String> {
        let described = self.coordinator.describe("g").members.into_iter();
        described.map(|member| member.member_id).collect()
    }

    /// What a join was answered, if it was.
    pub(crate) fn joined(&self, ticket: Ticket) -> Option<JoinAnswer> {
        match self.answers.get(&ticket)? {
            Action::Joined(_, answer) => Some(answer.clone()),
            other => panic!("a join was answered with {other:?}"),
        }
    }

    /// The same of one that must have been accepted.
    pub(crate) fn generation(&self, ticket: Ticket) -> Generation {
        let answer = self.joined(ticket).expect("the join is answered");
        assert_eq!(answer.error, ErrorCode::None, "the join is accepted");
        assert_eq!(answer.protocol, "range", "the protocol that all know");
        let members = answer.members.into_iter().map(|member| {
            let said = String::from_utf8(member.metadata).unwrap();
            (member.member_id, said)
        });
        Generation {
            number: answer.generation,
            leader: answer.leader,
            me: answer.member_id,
            members: members.collect(),
        }
    }

    /// What a sync was answered, if it was: the assignment, or why there is none.
    pub(crate) fn synced(&self, ticket: Ticket) -> Option<Result<String, ErrorCode>> {
        match self.answers.get(&ticket)? {
            Action::Synced(_, SyncAnswer { error, assignment }) => Some(match error {
                ErrorCode::None => Ok(String::from_utf8(assignment.clone()).unwrap()),
                error => Err(*error),
            }),
            other => panic!("a sync was answered with {other:?}"),
        }
    }

    /// What a commit was answered, if it was: a code for each partition.
    pub(crate) fn committed(&self, ticket: Ticket) -> Option<Vec<ErrorCode>> {
        match self.answers.get(&ticket)? {
            Action::Committed(_, codes) => Some(codes.clone()),
            other => panic!("a commit was answered with {other:?}"),
        }
    }

    /// The offset that is committed for a partition of topic `t`.
    pub(crate) fn offset(&self, partition: i32) -> Option<i64> {
        let committed = self.coordinator.committed("g", "t", partition)?;
        Some(committed.offset)
    }
}
