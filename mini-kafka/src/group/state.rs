//! A group's state: who is in it, in which generation, and how far its rebalance has come.
//!
//! ```text
//!            a member joins                 all have joined, or time is up
//!   Empty ────────────────▶ PreparingRebalance ────────────────▶ CompletingRebalance
//!     ▲                        ▲          ▲ │ nobody has                  │
//!     └────────────────────────┼──────────┼─┘        the leader's sync    │
//!                    a member  │          │              is stored        ▼
//!                    joins, leaves, dies  └──────────────────────────── Stable
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use node::Time;

use super::member::{Member, Protocol};
use super::offsets::Committed;

/// Where a group stands (Kafka's names).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No members; perhaps offsets.
    Empty,
    /// Members are joining the next generation.
    PreparingRebalance,
    /// The generation is made; its leader's assignment is awaited.
    CompletingRebalance,
    /// Every member has its assignment.
    Stable,
    /// Removed; what still holds on to it should look for the group again.
    Dead,
}

impl State {
    /// The name that the protocol uses.
    pub fn name(self) -> &'static str {
        match self {
            State::Empty => "Empty",
            State::PreparingRebalance => "PreparingRebalance",
            State::CompletingRebalance => "CompletingRebalance",
            State::Stable => "Stable",
            State::Dead => "Dead",
        }
    }
}

/// How long the others are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JoinTimer {
    pub(super) deadline: Time,
    /// In a group's first rebalance (`group.initial.rebalance.delay.ms`): how much longer it may be put off while new
    /// members keep coming. None in every other rebalance, which ends as soon as all have joined.
    pub(super) extension: Option<Duration>,
    /// Whether somebody came since the timer was set.
    pub(super) somebody_came: bool,
}

/// A group. Its members are ordered by id, so that a run replays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// `group.id`.
    pub id: String,
    /// Where it stands.
    pub state: State,
    /// Since when: offsets of a group expire some time after it became empty.
    pub state_since: Time,
    /// Counts rebalances.
    pub generation: i32,
    /// `consumer`, `connect`, …; none where only offsets were ever stored.
    pub protocol_type: Option<String>,
    /// The protocol that this generation uses: one that all members know.
    pub protocol: Option<String>,
    /// The member that assigns.
    pub leader: Option<String>,
    /// By id.
    pub members: BTreeMap<String, Member>,
    /// From `group.instance.id` to member id.
    pub static_members: BTreeMap<String, String>,
    /// Ids given out, which have not joined yet (KIP-394), and until when they may.
    pub(super) pending: BTreeMap<String, Time>,
    pub(super) join_timer: Option<JoinTimer>,
    /// By when every member must have sent its sync.
    pub(super) sync_deadline: Option<Time>,
    /// Committed offsets by topic and partition.
    pub offsets: BTreeMap<(String, i32), Committed>,
}

impl Group {
    /// A group of nobody.
    pub fn new(id: &str, now: Time) -> Group {
        Group {
            id: id.to_owned(),
            state: State::Empty,
            state_since: now,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending: BTreeMap::new(),
            join_timer: None,
            sync_deadline: None,
            offsets: BTreeMap::new(),
        }
    }

    pub(super) fn move_to(&mut self, state: State, now: Time) {
        self.state = state;
        self.state_since = now;
    }

    /// Whether a member with these protocols could be in the group beside those that are: of the same kind, and with a
    /// protocol that everybody knows.
    pub fn accepts(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if protocol_type.is_empty() || protocols.is_empty() {
            return false;
        }
        let known_to_all =
            |protocol: &Protocol| self.members.values().all(|m| knows(m, &protocol.name));
        self.members.is_empty()
            || (self.protocol_type.as_deref() == Some(protocol_type)
                && protocols.iter().any(known_to_all))
    }

    /// The protocol of the next generation: each member votes for the first of its list that all members know, and the
    /// most votes win. None where they have nothing in common, or there are none.
    pub fn select_protocol(&self) -> Option<String> {
        // EXERCISE(kafka/group-join): of the protocols that every member knows, the one with the most votes.
        let everybody_knows = |name: &str| self.members.values().all(|m| knows(m, name));
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let vote = member.protocols.iter().find(|p| everybody_knows(&p.name));
            if let Some(vote) = vote {
                *votes.entry(&vote.name).or_default() += 1;
            }
        }
        let most = votes.into_iter().max_by_key(|(_, count)| *count);
        most.map(|(name, _)| name.to_owned())
    }

    /// Whether nobody has to be waited for any more.
    pub(super) fn all_joined(&self) -> bool {
        self.pending.is_empty() && self.members.values().all(|m| m.awaiting_join.is_some())
    }

    /// Makes sure that the leader is among those who joined: it stays who it was, or else the first of them is elected.
    /// False where nobody joined.
    pub fn elect_leader(&mut self) -> bool {
        let joined = |m: &&Member| m.awaiting_join.is_some();
        let current = self.leader.as_ref().and_then(|id| self.members.get(id));
        if current.filter(joined).is_none() {
            let Some(next) = self.members.values().find(joined) else {
                return false;
            };
            self.leader = Some(next.id.clone());
        }
        true
    }

    pub(super) fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    pub(super) fn add(&mut self, member: Member) {
        self.pending.remove(&member.id);
        if let Some(instance) = &member.instance_id {
            self.static_members
                .insert(instance.clone(), member.id.clone());
        }
        self.leader.get_or_insert_with(|| member.id.clone());
        self.members.insert(member.id.clone(), member);
    }

    pub(super) fn remove(&mut self, member_id: &str) -> Option<Member> {
        let member = self.members.remove(member_id)?;
        if let Some(instance) = &member.instance_id {
            self.static_members.remove(instance);
        }
        if self.is_leader(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
        Some(member)
    }

    /// Gives the place of a static member, with its assignment, to the process that now has its name.
    pub(super) fn replace_static(&mut self, instance: &str, new_id: &str) -> Option<Member> {
        let old_id = self.static_members.get(instance)?.clone();
        let old = self.members.remove(&old_id)?;
        let new = Member {
            id: new_id.to_owned(),
            awaiting_join: None,
            awaiting_sync: None,
            ..old.clone()
        };
        if self.is_leader(&old_id) {
            self.leader = Some(new_id.to_owned());
        }
        self.static_members
            .insert(instance.to_owned(), new_id.to_owned());
        self.members.insert(new_id.to_owned(), new);
        Some(old)
    }

    /// The longest of its members' rebalance timeouts.
    pub fn rebalance_timeout(&self) -> Duration {
        let timeouts = self.members.values().map(|m| m.rebalance_timeout);
        timeouts.max().unwrap_or_default()
    }

    /// When something is due in this group, if nobody says anything before.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        let sessions = self.members.values().filter_map(|m| m.session_deadline);
        let pending = self.pending.values().copied();
        let timer = self.join_timer.map(|timer| timer.deadline);
        sessions
            .chain(pending)
            .chain(timer)
            .chain(self.sync_deadline)
            .min()
    }
}

fn knows(member: &Member, protocol: &str) -> bool {
    member.protocols.iter().any(|p| p.name == protocol)
}
