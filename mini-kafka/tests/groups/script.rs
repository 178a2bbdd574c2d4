//! A coordinator, a log for its records, and a language for stories about them: a line is a command, what comes of
//! it stands below.
//!
//! ```text
//! join NAME [instance=I] [protocols=a,b] [session=10s] [rebalance=60s] [old|new]   `old` does not know of KIP-394, `new` of KIP-814
//! sync NAME [MEMBER=assignment …] [protocol=a] [type=consumer]                     what it says of the group
//! heartbeat NAME      leave NAME      leave-instance I
//! commit NAME PARTITION=OFFSET …        fetch PARTITION     describe        delete
//! delete-offset PARTITION               wait 3s             expire
//! restart                               a new coordinator reads the log
//! disk fails | disk works               what happens to the next records
//! records too-large                     the same: the log refuses them for good
//! forget NAME                           the process starts again: it knows its name and no id
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use mini_kafka::error::ErrorCode;
use mini_kafka::group::{
    Action, CommitRequest, Config, Coordinator, JoinRequest, LeavingMember, MemberRef,
    OffsetCommit, Protocol, SyncRequest, Ticket,
};
use node::{Rng, Time};

const GROUP: &str = "g";

#[derive(Clone, Debug, Default)]
struct Client {
    member_id: String,
    instance_id: Option<String>,
    generation: i32,
}

pub(crate) struct Story {
    coordinator: Coordinator,
    config: Config,
    now: Time,
    /// The compacted topic.
    log: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What becomes of records, if they are not stored.
    fails: Option<(ErrorCode, &'static str)>,
    clients: BTreeMap<String, Client>,
    /// Who waits under which ticket.
    waiting: BTreeMap<Ticket, String>,
    tickets: u64,
    told: String,
}

/// Tells the story `script`: its lines, each followed by what came of it.
pub(crate) fn tell(script: &str) -> String {
    tell_with(Config::default(), script)
}

pub(crate) fn tell_with(config: Config, script: &str) -> String {
    let mut story = Story {
        coordinator: Coordinator::new(config.clone(), Rng::new(1)),
        config,
        now: Time::from_millis(1_000_000),
        log: BTreeMap::new(),
        fails: None,
        clients: BTreeMap::new(),
        waiting: BTreeMap::new(),
        tickets: 0,
        told: String::new(),
    };
    for line in script.lines().map(str::trim).filter(|l| !l.is_empty()) {
        writeln!(story.told, "{line}").unwrap();
        story.run(line);
    }
    story.told
}

fn duration(text: &str) -> Duration {
    match text.strip_suffix("ms") {
        Some(ms) => Duration::from_millis(ms.parse().unwrap()),
        None => Duration::from_secs(text.trim_end_matches('s').parse().unwrap()),
    }
}

impl Story {
    fn run(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, rest) = (
            words.get(1).copied().unwrap_or_default(),
            words.get(2..).unwrap_or_default(),
        );
        match words[0] {
            "join" => self.join(name, rest),
            "sync" => self.sync(name, rest),
            "heartbeat" => {
                let member = self.member(name);
                let answer = self.coordinator.heartbeat(&member, self.now);
                self.say_result(name, answer);
            }
            "leave" => {
                let client = self.clients[name].clone();
                self.leave(name, client.member_id, client.instance_id);
            }
            "leave-instance" => self.leave(name, String::new(), Some(name.to_owned())),
            "commit" => self.commit(name, rest),
            "fetch" => {
                let found = self
                    .coordinator
                    .committed(GROUP, "t", name.parse().unwrap());
                let told = found.map_or("nothing".to_owned(), |c| c.offset.to_string());
                self.say(&format!("t-{name}: {told}"));
            }
            "describe" => self.describe(),
            "delete" => {
                let ticket = self.ticket("admin");
                let actions = self.coordinator.delete_group(ticket, GROUP, self.now);
                self.act(actions);
            }
            "delete-offset" => {
                let ticket = self.ticket("admin");
                let partition = ("t".to_owned(), name.parse().unwrap());
                match self
                    .coordinator
                    .delete_offsets(ticket, GROUP, &[partition], self.now)
                {
                    Ok((codes, actions)) => {
                        self.say(&format!("{codes:?}"));
                        self.act(actions);
                    }
                    Err(error) => self.say(&format!("{error:?}")),
                }
            }
            "wait" => self.wait(duration(name)),
            "expire" => {
                let actions = self.coordinator.expire_offsets(self.now);
                self.act(actions);
            }
            "restart" => self.restart(),
            "disk" if name == "works" => self.fails = None,
            "disk" => self.fails = Some((ErrorCode::CoordinatorNotAvailable, "the disk fails")),
            "records" => self.fails = Some((ErrorCode::MessageTooLarge, "they are too large")),
            "forget" => {
                let client = self.clients.get_mut(name).unwrap();
                client.member_id.clear();
            }
            other => panic!("no command {other}"),
        }
    }

    fn ticket(&mut self, name: &str) -> Ticket {
        self.tickets += 1;
        self.waiting.insert(Ticket(self.tickets), name.to_owned());
        Ticket(self.tickets)
    }

    fn member(&self, name: &str) -> MemberRef {
        let client = self.clients.get(name).cloned().unwrap_or(Client {
            generation: -1,
            ..Client::default()
        });
        MemberRef {
            group_id: GROUP.to_owned(),
            generation: client.generation,
            member_id: client.member_id,
            instance_id: client.instance_id,
        }
    }

    fn join(&mut self, name: &str, options: &[&str]) {
        let option = |key: &str| options.iter().find_map(|o| o.strip_prefix(key));
        let protocols = option("protocols=").unwrap_or("range").split(',');
        let client = self.clients.entry(name.to_owned()).or_default();
        client.instance_id = option("instance=").map(str::to_owned);
        let request = JoinRequest {
            group_id: GROUP.to_owned(),
            member_id: client.member_id.clone(),
            instance_id: client.instance_id.clone(),
            client_id: name.to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            protocol_type: option("type=").unwrap_or("consumer").to_owned(),
            protocols: protocols
                .map(|protocol| Protocol {
                    name: protocol.to_owned(),
                    metadata: subscription(option("topics=").unwrap_or("t")),
                })
                .collect(),
            session_timeout: duration(option("session=").unwrap_or("10s")),
            rebalance_timeout: duration(option("rebalance=").unwrap_or("60s")),
            knows_member_id_required: !options.contains(&"old"),
            knows_skip_assignment: options.contains(&"new"),
        };
        let ticket = self.ticket(name);
        let actions = self.coordinator.join(ticket, request, self.now);
        self.act(actions);
    }

    fn sync(&mut self, name: &str, assignments: &[&str]) {
        let said = |key: &str| assignments.iter().find_map(|word| word.strip_prefix(key));
        let (protocol_type, protocol) = (said("type="), said("protocol="));
        let assigned =
            |word: &&&str| !["type", "protocol"].contains(&word.split('=').next().unwrap());
        let assignments = assignments.iter().filter(assigned).map(|word| {
            let (member, assignment) = word.split_once('=').unwrap();
            let id = self.clients[member].member_id.clone();
            (id, assignment.as_bytes().to_vec())
        });
        let request = SyncRequest {
            protocol_type: protocol_type.map(str::to_owned),
            protocol: protocol.map(str::to_owned),
            assignments: assignments.collect(),
            member: self.member(name),
        };
        let ticket = self.ticket(name);
        let actions = self.coordinator.sync(ticket, &request, self.now);
        self.act(actions);
    }

    fn leave(&mut self, name: &str, member_id: String, instance_id: Option<String>) {
        let leaving = LeavingMember {
            member_id,
            instance_id,
        };
        let (codes, actions) = self.coordinator.leave(GROUP, &[leaving], self.now);
        self.say_result(
            name,
            if codes[0] == ErrorCode::None {
                Ok(())
            } else {
                Err(codes[0])
            },
        );
        self.act(actions);
    }

    fn commit(&mut self, name: &str, offsets: &[&str]) {
        let offsets = offsets.iter().map(|word| {
            let (partition, offset) = word.split_once('=').unwrap();
            OffsetCommit {
                topic: "t".to_owned(),
                partition: partition.parse().unwrap(),
                offset: offset.parse().unwrap(),
                leader_epoch: 0,
                metadata: String::new(),
            }
        });
        let request = CommitRequest {
            retention: None,
            offsets: offsets.collect(),
            member: self.member(name),
        };
        let ticket = self.ticket(name);
        let actions = self.coordinator.commit(ticket, &request, self.now);
        self.act(actions);
    }

    /// Lets time pass, doing what is due when it is due.
    fn wait(&mut self, duration: Duration) {
        let until = self.now + duration;
        let mut idle_ticks = 0;
        while let Some(due) = self.coordinator.next_deadline().filter(|due| *due <= until) {
            idle_ticks = if due > self.now { 0 } else { idle_ticks + 1 };
            assert!(idle_ticks < 100, "what was due at {due:?} is not done");
            self.now = self.now.max(due);
            let actions = self.coordinator.tick(self.now);
            self.act(actions);
        }
        self.now = until;
    }

    fn restart(&mut self) {
        self.coordinator = Coordinator::new(self.config.clone(), Rng::new(2));
        for (key, value) in &self.log {
            self.coordinator.load(key, Some(value), self.now);
        }
        self.coordinator.loaded(self.now);
        self.waiting.clear();
    }

    fn describe(&mut self) {
        let generation = self.coordinator.group(GROUP).map(|g| g.generation);
        let description = self.coordinator.describe(GROUP);
        let mut line = format!("{:?}", description.state);
        if let Some(generation) = generation {
            write!(line, ", generation {generation}").unwrap();
        }
        for member in &description.members {
            let assignment = String::from_utf8_lossy(&member.assignment);
            write!(
                line,
                ", {} has [{assignment}]",
                self.name_of(&member.member_id)
            )
            .unwrap();
        }
        self.say(&line);
    }

    fn name_of(&self, member_id: &str) -> String {
        let client = self.clients.iter();
        let mut client = client.filter(|(_, c)| !member_id.is_empty() && c.member_id == member_id);
        client
            .next()
            .map_or_else(|| "somebody unknown".to_owned(), |(name, _)| name.clone())
    }

    fn say(&mut self, line: &str) {
        writeln!(self.told, "    {line}").unwrap();
    }

    fn say_result(&mut self, name: &str, result: Result<(), ErrorCode>) {
        match result {
            Ok(()) => self.say(&format!("{name}: ok")),
            Err(error) => self.say(&format!("{name}: {error:?}")),
        }
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Append { id, records, .. } => {
                    let result = if let Some((error, what)) = self.fails {
                        self.say(what);
                        Err(error)
                    } else {
                        for record in records {
                            match record.value {
                                Some(value) => self.log.insert(record.key, value),
                                None => self.log.remove(&record.key),
                            };
                        }
                        Ok(())
                    };
                    let more = self.coordinator.appended(id, result, self.now);
                    self.act(more);
                }
                Action::Joined(ticket, answer) => {
                    let name = self.waiting.remove(&ticket).unwrap();
                    let client = self.clients.get_mut(&name).unwrap();
                    if matches!(answer.error, ErrorCode::None | ErrorCode::MemberIdRequired) {
                        client.member_id.clone_from(&answer.member_id);
                        client.generation = answer.generation;
                    }
                    if answer.error != ErrorCode::None {
                        self.say(&format!("{name}: {:?}", answer.error));
                        continue;
                    }
                    let (generation, protocol) = (answer.generation, &answer.protocol);
                    let mut line = format!("{name}: generation {generation}, {protocol}");
                    if answer.members.is_empty() {
                        let leader = self.name_of(&answer.leader);
                        write!(line, ", led by {leader}").unwrap();
                    } else {
                        write!(line, ", leads a group of {}", answer.members.len()).unwrap();
                    }
                    if answer.skip_assignment {
                        line.push_str(", and is not to assign");
                    }
                    self.say(&line);
                }
                Action::Synced(ticket, answer) => {
                    let name = self.waiting.remove(&ticket).unwrap();
                    let assignment = String::from_utf8_lossy(&answer.assignment).into_owned();
                    match answer.error {
                        ErrorCode::None => self.say(&format!("{name}: owns [{assignment}]")),
                        error => self.say(&format!("{name}: {error:?}")),
                    }
                }
                Action::Committed(ticket, codes) => {
                    let name = self.waiting.remove(&ticket).unwrap();
                    self.say(&format!("{name}: committed {codes:?}"));
                }
                Action::Done(ticket, code) => {
                    let name = self.waiting.remove(&ticket).unwrap();
                    self.say(&format!("{name}: {code:?}"));
                }
            }
        }
    }
}

/// A consumer's subscription, as clients write it.
fn subscription(topics: &str) -> Vec<u8> {
    let topics: Vec<&str> = topics.split(',').collect();
    let mut bytes = vec![0, 0];
    bytes.extend(i32::try_from(topics.len()).unwrap().to_be_bytes());
    for topic in topics {
        bytes.extend(i16::try_from(topic.len()).unwrap().to_be_bytes());
        bytes.extend(topic.bytes());
    }
    bytes.extend([0, 0, 0, 0]);
    bytes
}
