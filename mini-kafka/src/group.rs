//! The group coordinator: who shares the partitions of some topics with whom, and how far each has read.
//!
//! Consumers of one `group.id` divide partitions among themselves. Who gets what is *their* decision: one of them, the
//! leader, computes it (see [`crate::assignor`]). The coordinator (Kafka's `GroupCoordinator`; KIP-62, KIP-345,
//! KIP-394, KIP-429) only makes sure that they decide one after the other, together: it gathers everyone's join,
//! numbers the generation, hands the leader the list, and hands everyone what the leader answers. A member that is not
//! heard of within its session timeout is left out of the next generation; what an earlier generation still commits is refused.
//!
//! What has to survive stands as records on the compacted topic `__consumer_offsets` ([`records`]), in Kafka's own
//! schemas. An answer that depends on such a record leaves only after it is stored: a call returns [`Action`]s, and
//! where one of them is an [`Action::Append`], the shell calls [`Coordinator::appended`] once that is done.
//!
//! Reading order: [`member`], [`state`]; `join`, `sync` (a rebalance, from the first join to the last assignment);
//! [`offsets`]; [`records`].
//!
//! Left out on purpose: transactions (`TxnOffsetCommit`), the protocol of KIP-848, and moving groups between brokers.

mod describe;
mod join;
pub mod member;
pub mod offsets;
pub mod records;
pub mod state;
mod sync;

use std::collections::BTreeMap;
use std::time::Duration;

use node::{Rng, Time};

pub use describe::{DescribedMember, Description, Listing};
pub use join::{JoinAnswer, JoinRequest, JoinedMember};
pub use member::{Member, Protocol};
pub use offsets::{CommitRequest, Committed, OffsetCommit};
pub use state::{Group, State};
pub use sync::{LeavingMember, MemberRef, SyncAnswer, SyncRequest};

use crate::error::ErrorCode;
use offsets::Accepted;
use records::{GroupRecord, Stored};

/// Identifies a request whose answer may have to wait. The shell makes them up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Identifies records that are on their way to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppendId(pub u64);

/// What the coordinator wants done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Answer a JoinGroup.
    Joined(Ticket, JoinAnswer),
    /// Answer a SyncGroup.
    Synced(Ticket, SyncAnswer),
    /// Answer an OffsetCommit: a code for each of its partitions, in their order.
    Committed(Ticket, Vec<ErrorCode>),
    /// Answer whatever else waited for a record.
    Done(Ticket, ErrorCode),
    /// Append these records, all or none, to the partition of `__consumer_offsets` that the group belongs to, and call
    /// [`Coordinator::appended`].
    Append {
        /// For `appended`.
        id: AppendId,
        /// Which group they are about: [`partition_for`].
        group_id: String,
        /// Keys and values.
        records: Vec<GroupRecord>,
    },
}

/// Settings, with Kafka's names and defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `group.min.session.timeout.ms`.
    pub session_timeout_min: Duration,
    /// `group.max.session.timeout.ms`.
    pub session_timeout_max: Duration,
    /// `group.max.size`, in members.
    pub size_max: usize,
    /// `group.initial.rebalance.delay.ms`: an empty group waits so long for more members before its first generation.
    pub initial_rebalance_delay: Duration,
    /// `offset.metadata.max.bytes`.
    pub offset_metadata_bytes_max: usize,
    /// `offsets.retention.minutes`: offsets of a group without members are forgotten after this.
    pub offsets_retention: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            session_timeout_min: Duration::from_secs(6),
            session_timeout_max: Duration::from_secs(30 * 60),
            size_max: i32::MAX as usize,
            initial_rebalance_delay: Duration::from_secs(3),
            offset_metadata_bytes_max: 4096,
            offsets_retention: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

/// What is to happen once records are stored.
#[derive(Clone, Debug)]
enum Purpose {
    /// The leader's assignment of this generation becomes everyone's.
    Assignment { generation: i32 },
    /// A static member got a new id; its join is answered.
    StaticMember {
        /// The leader's id before, where that is what the member is to hear.
        old_leader: Option<String>,
        new_id: String,
    },
    /// A group became empty: nobody waits.
    Emptied,
    /// Offsets become the committed ones.
    Commit { ticket: Ticket, accepted: Accepted },
    /// Offsets are forgotten, and perhaps the group.
    Forget {
        ticket: Option<Ticket>,
        offsets: Vec<(String, i32)>,
        group: bool,
    },
}

impl Purpose {
    /// What is told where the records could not be stored. Some that are too large will not be smaller next time, so
    /// that whoever waits must not try again (`GroupMetadataManager`).
    fn refusal(&self, error: ErrorCode) -> ErrorCode {
        match (self, error) {
            (Purpose::Commit { .. }, ErrorCode::MessageTooLarge) => {
                ErrorCode::InvalidCommitOffsetSize
            }
            (_, ErrorCode::MessageTooLarge) => ErrorCode::UnknownServerError,
            (_, error) => error,
        }
    }
}

/// Hands a call what it may use: the time, settings, randomness, and where its wishes go.
struct Turn<'a> {
    now: Time,
    config: &'a Config,
    rng: &'a mut Rng,
    actions: &'a mut Vec<Action>,
    appends: &'a mut BTreeMap<AppendId, (String, Purpose)>,
    appends_made: &'a mut u64,
}

impl Turn<'_> {
    fn joined(&mut self, ticket: Option<Ticket>, answer: JoinAnswer) {
        let answer = ticket.map(|ticket| Action::Joined(ticket, answer));
        self.actions.extend(answer);
    }

    fn synced(&mut self, ticket: Option<Ticket>, answer: SyncAnswer) {
        let answer = ticket.map(|ticket| Action::Synced(ticket, answer));
        self.actions.extend(answer);
    }

    /// Whether offsets of a group are on their way to the log. They are the committed ones once they are there, which the
    /// group does not know yet.
    fn is_committing(&self, group_id: &str) -> bool {
        let is_commit = |purpose: &Purpose| matches!(purpose, Purpose::Commit { .. });
        let mut under_way = self.appends.values();
        under_way.any(|(group, purpose)| group == group_id && is_commit(purpose))
    }

    fn append(&mut self, group_id: &str, records: Vec<GroupRecord>, purpose: Purpose) {
        *self.appends_made += 1;
        let id = AppendId(*self.appends_made);
        self.appends.insert(id, (group_id.to_owned(), purpose));
        self.actions.push(Action::Append {
            id,
            group_id: group_id.to_owned(),
            records,
        });
    }
}

/// The coordinator of all groups whose partition of `__consumer_offsets` is on this broker: here, of all groups.
#[derive(Debug)]
pub struct Coordinator {
    config: Config,
    rng: Rng,
    groups: BTreeMap<String, Group>,
    actions: Vec<Action>,
    appends: BTreeMap<AppendId, (String, Purpose)>,
    appends_made: u64,
}

impl Coordinator {
    /// A coordinator that knows no group yet. Member ids are drawn from `rng`.
    pub fn new(config: Config, rng: Rng) -> Coordinator {
        Coordinator {
            config,
            rng,
            groups: BTreeMap::new(),
            actions: Vec::new(),
            appends: BTreeMap::new(),
            appends_made: 0,
        }
    }

    /// Takes a group over as it is, in the place of one of the same id.
    pub fn insert(&mut self, group: Group) {
        self.groups.insert(group.id.clone(), group);
    }

    /// A group, to look at.
    pub fn group(&self, id: &str) -> Option<&Group> {
        self.groups.get(id)
    }

    /// All groups, by id.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// The group, created where `create` says so, and what a call on it may use.
    fn turn(&mut self, id: &str, create: bool, now: Time) -> Option<(&mut Group, Turn<'_>)> {
        if create && !self.groups.contains_key(id) {
            self.groups.insert(id.to_owned(), Group::new(id, now));
        }
        let turn = Turn {
            now,
            config: &self.config,
            rng: &mut self.rng,
            actions: &mut self.actions,
            appends: &mut self.appends,
            appends_made: &mut self.appends_made,
        };
        self.groups.get_mut(id).map(|group| (group, turn))
    }

    fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// When [`Coordinator::tick`] has something to do, if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Time> {
        self.groups.values().filter_map(Group::next_deadline).min()
    }

    /// Does what is due: sessions, joins and syncs that ran out of time.
    pub fn tick(&mut self, now: Time) -> Vec<Action> {
        let due = |group: &&Group| group.next_deadline().is_some_and(|due| due <= now);
        let ids: Vec<String> = self
            .groups
            .values()
            .filter(due)
            .map(|group| group.id.clone())
            .collect();
        for id in ids {
            if let Some((group, mut turn)) = self.turn(&id, false, now) {
                group.expire_members(&mut turn);
                group.expire_join(&mut turn);
                group.expire_sync(&mut turn);
            }
        }
        self.take_actions()
    }

    /// The records of an [`Action::Append`] are in the log, or could not be put there: [`ErrorCode::MessageTooLarge`] where
    /// they never will be.
    pub fn appended(
        &mut self,
        id: AppendId,
        result: Result<(), ErrorCode>,
        now: Time,
    ) -> Vec<Action> {
        let Some((group_id, purpose)) = self.appends.remove(&id) else {
            return Vec::new();
        };
        let result = result.map_err(|error| purpose.refusal(error));
        let Some((group, mut turn)) = self.turn(&group_id, false, now) else {
            // The group was deleted meanwhile: whoever waits hears that the coordinator knows it no more.
            match purpose {
                Purpose::Commit { ticket, accepted } => {
                    let codes = vec![ErrorCode::CoordinatorNotAvailable; accepted.codes.len()];
                    self.actions.push(Action::Committed(ticket, codes));
                }
                Purpose::Forget {
                    ticket: Some(ticket),
                    ..
                } => self
                    .actions
                    .push(Action::Done(ticket, ErrorCode::GroupIdNotFound)),
                _ => {}
            }
            return self.take_actions();
        };
        match purpose {
            Purpose::Assignment { generation } => {
                group.assignment_stored(generation, result, &mut turn);
            }
            Purpose::StaticMember { old_leader, new_id } => {
                group.static_member_stored(old_leader, &new_id, result, &mut turn);
            }
            Purpose::Emptied => {}
            Purpose::Commit { ticket, accepted } => {
                let codes = group.offsets_stored(accepted, result);
                turn.actions.push(Action::Committed(ticket, codes));
            }
            Purpose::Forget {
                ticket,
                offsets,
                group: whole,
            } => {
                if result.is_ok() {
                    offsets.iter().for_each(|key| {
                        group.offsets.remove(key);
                    });
                }
                let gone = whole && result.is_ok();
                if whole && !gone {
                    // It is as it was, and may be deleted another time.
                    group.state = State::Empty;
                }
                let code = result.err().unwrap_or(ErrorCode::None);
                turn.actions
                    .extend(ticket.map(|ticket| Action::Done(ticket, code)));
                if gone {
                    self.groups.remove(&group_id);
                }
            }
        }
        self.take_actions()
    }

    /// Takes in one record of `__consumer_offsets`, as it is read at the start. What it does not understand it leaves
    /// alone: a later version of the broker may have written it.
    pub fn load(&mut self, key: &[u8], value: Option<&[u8]>, now: Time) {
        match records::decode(key, value) {
            Some(Stored::Offset { group, key, value }) => {
                let group = self
                    .groups
                    .entry(group.clone())
                    .or_insert_with(|| Group::new(&group, now));
                match value {
                    Some(committed) => group.offsets.insert(key, committed),
                    None => group.offsets.remove(&key),
                };
            }
            Some(Stored::Group { id, value }) => {
                let group = self
                    .groups
                    .entry(id.clone())
                    .or_insert_with(|| Group::new(&id, now));
                let offsets = std::mem::take(&mut group.offsets);
                *group = match value {
                    Some(stored) => stored.into_group(&id, now),
                    None => Group::new(&id, now),
                };
                group.offsets = offsets;
            }
            None => {}
        }
    }

    /// All records are read: sessions of the members that they name begin now. A group without members is kept for the
    /// number of its generation, which must not be used again; one that was deleted has none.
    pub fn loaded(&mut self, now: Time) {
        self.groups
            .retain(|_, group| group.generation > 0 || !group.offsets.is_empty());
        for member in self
            .groups
            .values_mut()
            .flat_map(|g| g.members.values_mut())
        {
            member.heard_of(now);
        }
    }
}

/// The partition of `__consumer_offsets` that a group's records are on: the absolute value of Java's `hashCode` of its
/// id (0 for the one number that has none), modulo `offsets.topic.num.partitions`.
pub fn partition_for(group_id: &str, partitions: u32) -> u32 {
    let hash = group_id.encode_utf16().fold(0i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    hash.checked_abs().unwrap_or(0).unsigned_abs() % partitions.max(1)
}
