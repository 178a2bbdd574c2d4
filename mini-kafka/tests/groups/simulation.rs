//! Clients that join, die, come back and commit in every order, a coordinator that crashes, and a log that takes its
//! time. However a run goes: in a generation no partition has two owners, a commit that was acknowledged is there
//! until a later one replaces it, and once the trouble ends everybody owns something again.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use mini_kafka::error::ErrorCode;
use mini_kafka::group::records::GroupRecord;
use mini_kafka::group::{
    Action, AppendId, CommitRequest, Config, Coordinator, JoinRequest, LeavingMember, MemberRef,
    OffsetCommit, Protocol, State, SyncRequest, Ticket,
};
use node::{Rng, Time};

const PARTITIONS: usize = 6;
const SEEDS: u64 = 300;
const STEPS: usize = 400;
/// Short, so that a commit may still be on its way to the log when the one before it is forgotten.
const RETENTION: Duration = Duration::from_secs(3);

/// Who owns what, by generation, as members were told.
#[derive(Default)]
struct Owners(BTreeMap<(i32, u8), String>);

impl Owners {
    fn told(&mut self, generation: i32, member: &str, partitions: &[u8]) -> Result<(), String> {
        for partition in partitions {
            let owner = self.0.entry((generation, *partition));
            let owner = owner.or_insert_with(|| member.to_owned());
            if owner != member {
                return Err(format!(
                    "generation {generation}: partition {partition} is {owner}'s, and {member}'s"
                ));
            }
        }
        Ok(())
    }
}

/// What was committed for a partition, and when: numbers that only grow, so that an older one is known for what it is.
#[derive(Default)]
struct Commits(BTreeMap<u8, (i64, Time)>);

impl Commits {
    fn acknowledged(&mut self, partition: u8, offset: i64, at: Time) {
        let last = self.0.entry(partition).or_insert((offset, at));
        *last = (offset, at).max(*last);
    }

    /// What was committed so long ago may be forgotten from now on.
    fn expire(&mut self, retention: Duration, now: Time) {
        self.0.retain(|_, (_, at)| now.since(*at) < retention);
    }

    fn check(&self, partition: u8, found: Option<i64>) -> Result<(), String> {
        match self.0.get(&partition) {
            Some((last, _)) if found.is_none_or(|found| found < *last) => Err(format!(
                "partition {partition}: {last} was acknowledged, and {found:?} is there"
            )),
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Out,
    Joining,
    Syncing,
    In,
}

struct Client {
    phase: Phase,
    member_id: String,
    generation: i32,
    instance_id: Option<String>,
    owned: Vec<u8>,
    /// What the leader is to hand out.
    members: Vec<String>,
    alive: bool,
}

enum Waiting {
    Join(usize),
    Sync(usize),
    Commit(u8, i64, Time),
}

struct World {
    rng: Rng,
    now: Time,
    coordinator: Coordinator,
    clients: Vec<Client>,
    waiting: BTreeMap<Ticket, Waiting>,
    tickets: u64,
    /// Appended, not yet durable.
    in_flight: VecDeque<(AppendId, Vec<GroupRecord>)>,
    log: BTreeMap<Vec<u8>, Vec<u8>>,
    owners: Owners,
    commits: Commits,
    counter: i64,
}

fn coordinator(rng: &mut Rng) -> Coordinator {
    let config = Config {
        offsets_retention: RETENTION,
        ..Config::default()
    };
    Coordinator::new(config, rng.fork())
}

impl World {
    fn new(seed: u64) -> World {
        let mut rng = Rng::new(seed);
        let clients = (0..2 + rng.index(4)).map(|i| Client {
            phase: Phase::Out,
            member_id: String::new(),
            generation: -1,
            instance_id: rng.percent(30).then(|| format!("instance-{i}")),
            owned: Vec::new(),
            members: Vec::new(),
            alive: true,
        });
        World {
            clients: clients.collect(),
            coordinator: coordinator(&mut rng),
            rng,
            now: Time::from_millis(1_000_000),
            waiting: BTreeMap::new(),
            tickets: 0,
            in_flight: VecDeque::new(),
            log: BTreeMap::new(),
            owners: Owners::default(),
            commits: Commits::default(),
            counter: 0,
        }
    }

    fn ticket(&mut self, waiting: Waiting) -> Ticket {
        self.tickets += 1;
        self.waiting.insert(Ticket(self.tickets), waiting);
        Ticket(self.tickets)
    }

    fn member(&self, i: usize) -> MemberRef {
        let client = &self.clients[i];
        MemberRef {
            group_id: "g".to_owned(),
            generation: client.generation,
            member_id: client.member_id.clone(),
            instance_id: client.instance_id.clone(),
        }
    }

    fn step(&mut self) -> Result<(), String> {
        let i = self.rng.index(self.clients.len());
        match self.rng.below(100) {
            0..=1 => self.crash(),
            2..=4 => self.clients[i].alive = !self.clients[i].alive,
            5..=6 => self.leave(i)?,
            7..=8 => self.expire()?,
            9..=10 => self.commit_alone()?,
            11..=40 => {
                let for_ms = 1 + self.rng.below(2000);
                self.pass(Duration::from_millis(for_ms))?;
            }
            41..=60 => self.store_one()?,
            _ if self.clients[i].alive => self.act_as(i)?,
            _ => {}
        }
        for partition in 0..u8::try_from(PARTITIONS).unwrap() {
            let found = self.coordinator.committed("g", "t", partition.into());
            self.commits.check(partition, found.map(|c| c.offset))?;
        }
        Ok(())
    }

    fn pass(&mut self, duration: Duration) -> Result<(), String> {
        self.now = self.now + duration;
        let actions = self.coordinator.tick(self.now);
        self.carry_out(actions)
    }

    /// What client `i` does next, by the protocol.
    fn act_as(&mut self, i: usize) -> Result<(), String> {
        match self.clients[i].phase {
            Phase::Out => self.join(i),
            // The answer to its join may be lost with the coordinator.
            Phase::Joining | Phase::Syncing if self.rng.percent(10) => self.join(i),
            Phase::Joining | Phase::Syncing => Ok(()),
            Phase::In if self.rng.percent(50) && !self.clients[i].owned.is_empty() => {
                self.commit(i)
            }
            Phase::In => {
                let member = self.member(i);
                match self.coordinator.heartbeat(&member, self.now) {
                    Ok(()) => Ok(()),
                    Err(error) => {
                        self.refused(i, error);
                        self.join(i)
                    }
                }
            }
        }
    }

    fn refused(&mut self, i: usize, error: ErrorCode) {
        let client = &mut self.clients[i];
        client.phase = Phase::Out;
        client.owned.clear();
        if matches!(
            error,
            ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId
        ) {
            client.member_id.clear();
        }
    }

    fn join(&mut self, i: usize) -> Result<(), String> {
        let ticket = self.ticket(Waiting::Join(i));
        let client = &mut self.clients[i];
        client.phase = Phase::Joining;
        let request = JoinRequest {
            group_id: "g".to_owned(),
            member_id: client.member_id.clone(),
            instance_id: client.instance_id.clone(),
            client_id: format!("c{i}"),
            client_host: String::new(),
            protocol_type: "consumer".to_owned(),
            protocols: vec![Protocol {
                name: "range".to_owned(),
                metadata: Vec::new(),
            }],
            session_timeout: Duration::from_secs(10),
            rebalance_timeout: Duration::from_secs(30),
            knows_member_id_required: i.is_multiple_of(2),
            knows_skip_assignment: i.is_multiple_of(3),
        };
        let actions = self.coordinator.join(ticket, request, self.now);
        self.carry_out(actions)
    }

    fn sync(&mut self, i: usize) -> Result<(), String> {
        let ticket = self.ticket(Waiting::Sync(i));
        self.clients[i].phase = Phase::Syncing;
        let members = std::mem::take(&mut self.clients[i].members);
        let share = |n: usize| (n..PARTITIONS).step_by(members.len());
        let share = |n: usize| share(n).map(|p| u8::try_from(p).unwrap()).collect();
        let assignments = members.iter().enumerate();
        let request = SyncRequest {
            protocol_type: None,
            protocol: None,
            assignments: assignments.map(|(n, id)| (id.clone(), share(n))).collect(),
            member: self.member(i),
        };
        let actions = self.coordinator.sync(ticket, &request, self.now);
        self.carry_out(actions)
    }

    fn commit(&mut self, i: usize) -> Result<(), String> {
        let (member, partition) = (self.member(i), self.clients[i].owned[0]);
        self.commit_as(member, partition)
    }

    /// A client that assigns to itself commits, which it may where the group has no members.
    fn commit_alone(&mut self) -> Result<(), String> {
        let nobody = MemberRef {
            group_id: "g".to_owned(),
            generation: -1,
            member_id: String::new(),
            instance_id: None,
        };
        let partition = u8::try_from(self.rng.index(PARTITIONS)).unwrap();
        self.commit_as(nobody, partition)
    }

    fn commit_as(&mut self, member: MemberRef, partition: u8) -> Result<(), String> {
        self.counter += 1;
        let offset = self.counter;
        let ticket = self.ticket(Waiting::Commit(partition, offset, self.now));
        let request = CommitRequest {
            member,
            retention: None,
            offsets: vec![OffsetCommit {
                topic: "t".to_owned(),
                partition: partition.into(),
                offset,
                leader_epoch: 0,
                metadata: String::new(),
            }],
        };
        let actions = self.coordinator.commit(ticket, &request, self.now);
        self.carry_out(actions)
    }

    fn leave(&mut self, i: usize) -> Result<(), String> {
        let member = self.member(i);
        let leaving = LeavingMember {
            member_id: member.member_id,
            instance_id: member.instance_id,
        };
        let (_, actions) = self.coordinator.leave("g", &[leaving], self.now);
        self.refused(i, ErrorCode::UnknownMemberId);
        self.carry_out(actions)
    }

    /// Offsets that are old are forgotten, and with the last of them a group without members, whose generations may come again.
    fn expire(&mut self) -> Result<(), String> {
        self.commits.expire(RETENTION, self.now);
        let actions = self.coordinator.expire_offsets(self.now);
        self.carry_out(actions)
    }

    /// The log has taken in the records that have waited longest.
    fn store_one(&mut self) -> Result<(), String> {
        let Some((id, records)) = self.in_flight.pop_front() else {
            return Ok(());
        };
        let result = if self.rng.percent(5) {
            Err(ErrorCode::CoordinatorNotAvailable)
        } else {
            self.store(records);
            Ok(())
        };
        let actions = self.coordinator.appended(id, result, self.now);
        self.forget_owners_of_no_generation();
        self.carry_out(actions)
    }

    /// A group that is gone counts its generations from the first again.
    fn forget_owners_of_no_generation(&mut self) {
        let group = self.coordinator.group("g");
        if group.is_none_or(|group| group.generation == 0) {
            self.owners = Owners::default();
        }
    }

    fn store(&mut self, records: Vec<GroupRecord>) {
        for record in records {
            match record.value {
                Some(value) => self.log.insert(record.key, value),
                None => self.log.remove(&record.key),
            };
        }
    }

    /// The coordinator dies, and comes back with what the log holds: of what was on its way, a part.
    fn crash(&mut self) {
        let survives = self.rng.index(self.in_flight.len() + 1);
        for (_, records) in std::mem::take(&mut self.in_flight)
            .into_iter()
            .take(survives)
        {
            self.store(records);
        }
        self.coordinator = coordinator(&mut self.rng);
        for (key, value) in &self.log {
            self.coordinator.load(key, Some(value), self.now);
        }
        self.coordinator.loaded(self.now);
        self.forget_owners_of_no_generation();
        self.waiting.clear();
        for client in &mut self.clients {
            if client.phase != Phase::In {
                client.phase = Phase::Out;
            }
        }
    }

    fn carry_out(&mut self, actions: Vec<Action>) -> Result<(), String> {
        for action in actions {
            match action {
                Action::Append { id, records, .. } => self.in_flight.push_back((id, records)),
                Action::Joined(ticket, answer) => {
                    let Some(Waiting::Join(i)) = self.waiting.remove(&ticket) else {
                        continue;
                    };
                    if answer.error == ErrorCode::MemberIdRequired {
                        self.clients[i].member_id = answer.member_id;
                        self.join(i)?;
                    } else if answer.error == ErrorCode::None {
                        let client = &mut self.clients[i];
                        client.member_id = answer.member_id;
                        client.generation = answer.generation;
                        // Who is not to assign sends nothing.
                        let members = answer.members.into_iter();
                        let members = members.filter(|_| !answer.skip_assignment);
                        client.members = members.map(|m| m.member_id).collect();
                        self.sync(i)?;
                    } else if answer.error != ErrorCode::RebalanceInProgress {
                        self.refused(i, answer.error);
                    }
                }
                Action::Synced(ticket, answer) => {
                    let Some(Waiting::Sync(i)) = self.waiting.remove(&ticket) else {
                        continue;
                    };
                    if answer.error != ErrorCode::None {
                        self.refused(i, answer.error);
                        continue;
                    }
                    let client = &mut self.clients[i];
                    client.phase = Phase::In;
                    client.owned = answer.assignment;
                    let (generation, id) = (client.generation, client.member_id.clone());
                    let owned = client.owned.clone();
                    // A static member's assignment passes from process to process.
                    let owner = client.instance_id.clone().unwrap_or(id);
                    self.owners.told(generation, &owner, &owned)?;
                }
                Action::Committed(ticket, codes) => {
                    if let Some(Waiting::Commit(partition, offset, at)) =
                        self.waiting.remove(&ticket)
                        && codes[0] == ErrorCode::None
                    {
                        self.commits.acknowledged(partition, offset, at);
                    }
                }
                Action::Done(..) => {}
            }
        }
        Ok(())
    }

    /// The trouble ends: everybody lives and does what the protocol says.
    fn heal(&mut self) -> Result<(), String> {
        self.clients
            .iter_mut()
            .for_each(|client| client.alive = true);
        for _ in 0..200 {
            for i in 0..self.clients.len() {
                self.act_as(i)?;
            }
            while !self.in_flight.is_empty() {
                self.store_one()?;
            }
            self.pass(Duration::from_secs(1))?;
        }
        let group = self.coordinator.group("g").ok_or("the group is gone")?;
        let everyone = self.clients.iter().all(|client| client.phase == Phase::In);
        if group.state == State::Stable && everyone && group.members.len() == self.clients.len() {
            return Ok(());
        }
        Err(format!("no peace within 200 s: {group:#?}"))
    }
}

#[test]
fn partitions_have_one_owner_and_commits_survive() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        let run = (0..STEPS).try_for_each(|_| world.step());
        if let Err(what) = run.and_then(|()| world.heal()) {
            panic!("seed {seed}: {what}");
        }
    }
}

#[test]
fn an_owner_too_many_is_found() {
    let mut owners = Owners::default();
    owners.told(1, "a", &[0, 1]).unwrap();
    owners.told(2, "b", &[1]).unwrap();
    owners.told(1, "a", &[1]).unwrap();
    assert!(owners.told(1, "b", &[1]).is_err());
}

#[test]
fn a_lost_commit_is_found() {
    let mut commits = Commits::default();
    commits.acknowledged(0, 5, Time::from_millis(7));
    commits.expire(Duration::from_millis(2), Time::from_millis(8));
    commits.check(0, Some(6)).unwrap();
    commits.check(1, None).unwrap();
    assert!(commits.check(0, Some(4)).is_err());
    assert!(commits.check(0, None).is_err());
    commits.expire(Duration::from_millis(2), Time::from_millis(9));
    commits.check(0, None).unwrap();
}
