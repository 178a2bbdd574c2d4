//! A member of a group, as its coordinator knows it.

use std::time::Duration;

use node::Time;

use super::Ticket;

/// One way in which a member could share out partitions (for consumers: an assignor's name), and what it has to say
/// for it (for consumers: its subscription). The coordinator does not look inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// `range`, `cooperative-sticky`, …
    pub name: String,
    /// Opaque; for the leader.
    pub metadata: Vec<u8>,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Given by the coordinator; another one after every new start of the process.
    pub id: String,
    /// `group.instance.id`: a name that outlives the process (KIP-345).
    pub instance_id: Option<String>,
    /// The client's `client.id`.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// How long it may take to join again when the group rebalances (`max.poll.interval.ms`).
    pub rebalance_timeout: Duration,
    /// Not heard of for so long, it is dead.
    pub session_timeout: Duration,
    /// In the order in which it likes them.
    pub protocols: Vec<Protocol>,
    /// What the leader assigned to it in this generation.
    pub assignment: Vec<u8>,
    /// The join that waits for the others.
    pub(super) awaiting_join: Option<Ticket>,
    /// The sync that waits for the leader's.
    pub(super) awaiting_sync: Option<Ticket>,
    /// Whether it has sent a sync in this generation.
    pub(super) synced: bool,
    /// When it is dead unless it is heard of; none while the group owes it an answer.
    pub(super) session_deadline: Option<Time>,
}

impl Member {
    /// A member that owns nothing, and that nothing is owed to, with the timeouts that clients have by default.
    pub fn new(id: impl Into<String>) -> Member {
        Member {
            id: id.into(),
            instance_id: None,
            client_id: String::new(),
            client_host: String::new(),
            rebalance_timeout: Duration::from_secs(300),
            session_timeout: Duration::from_secs(45),
            protocols: Vec::new(),
            assignment: Vec::new(),
            awaiting_join: None,
            awaiting_sync: None,
            synced: false,
            session_deadline: None,
        }
    }

    /// Whether it says the same as before.
    pub(super) fn matches(&self, protocols: &[Protocol]) -> bool {
        self.protocols == protocols
    }

    /// What it has to say for `protocol`; nothing if it does not know it.
    pub(super) fn metadata(&self, protocol: &str) -> Vec<u8> {
        let found = self.protocols.iter().find(|p| p.name == protocol);
        found.map(|p| p.metadata.clone()).unwrap_or_default()
    }

    /// It was heard of: its session starts over.
    pub(super) fn heard_of(&mut self, now: Time) {
        let waits = self.awaiting_join.is_some() || self.awaiting_sync.is_some();
        self.session_deadline = (!waits).then(|| now + self.session_timeout);
    }
}
