//! What administrators are told of groups.

use super::Coordinator;
use super::state::{Group, State};

/// A group, in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Its id.
    pub group_id: String,
    /// `consumer`, `connect`, …; empty where only offsets were ever stored.
    pub protocol_type: String,
    /// Where it stands.
    pub state: State,
}

/// A group, described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Where it stands; [`State::Dead`] if there is no such group.
    pub state: State,
    /// As in [`Listing`].
    pub protocol_type: String,
    /// The protocol of the current generation, once it is stable.
    pub protocol: String,
    /// By id.
    pub members: Vec<DescribedMember>,
}

/// A member, described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedMember {
    /// Its id.
    pub member_id: String,
    /// Its `group.instance.id`.
    pub instance_id: Option<String>,
    /// Its `client.id`.
    pub client_id: String,
    /// The address that it connects from.
    pub client_host: String,
    /// What it said for the protocol; empty while the group is not stable.
    pub metadata: Vec<u8>,
    /// What it has been assigned; empty while the group is not stable.
    pub assignment: Vec<u8>,
}

impl Coordinator {
    /// All groups, by id.
    pub fn list(&self) -> Vec<Listing> {
        let listing = |group: &Group| Listing {
            group_id: group.id.clone(),
            protocol_type: group.protocol_type.clone().unwrap_or_default(),
            state: group.state,
        };
        let alive = self.groups().filter(|group| group.state != State::Dead);
        alive.map(listing).collect()
    }

    /// One group. As Kafka has it, a group that is not there is dead, which is no error.
    pub fn describe(&self, group_id: &str) -> Description {
        let Some(group) = self.group(group_id) else {
            return Description {
                state: State::Dead,
                protocol_type: String::new(),
                protocol: String::new(),
                members: Vec::new(),
            };
        };
        let stable = group.state == State::Stable;
        let protocol = group.protocol.clone().filter(|_| stable);
        let protocol = protocol.unwrap_or_default();
        let members = group.members.values().map(|member| DescribedMember {
            member_id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: member.metadata(&protocol),
            assignment: if stable {
                member.assignment.clone()
            } else {
                Vec::new()
            },
        });
        Description {
            state: group.state,
            protocol_type: group.protocol_type.clone().unwrap_or_default(),
            members: members.collect(),
            protocol,
        }
    }
}
