//! What `openraft` is told of our types.

use std::any::Any;
use std::fmt::{self, Display};

use bytes::Bytes;
use openraft::impls::leader_id_std;
use openraft::type_config::alias;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::consensus::Member;
use crate::wal::{Position, Vote};

openraft::declare_raft_types!(
    /// One leader a term, as in the paper; commands as bytes, encoded once by whom they are proposed to.
    pub(super) Types:
        D = Command,
        R = Answer,
        NodeId = u64,
        Node = Member,
        LeaderId = leader_id_std::LeaderId<u64, u64>,
        AsyncRuntime = Runtime,
);

/// Draws from a seed, which a simulation fixes.
pub(super) type Runtime = openraft::rt::deterministic_rng::DeterministicRng<openraft::TokioRuntime>;

pub(super) type LogId = alias::LogIdOf<Types>;
pub(super) type Entry = alias::EntryOf<Types>;
pub(super) type RaftVote = alias::VoteOf<Types>;
pub(super) type StoredMembership = alias::StoredMembershipOf<Types>;
pub(super) type SnapshotMeta = alias::SnapshotMetaOf<Types>;
pub(super) type Snapshot = alias::SnapshotOf<Types, super::machine::SnapshotFile>;

/// A command, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command(pub(super) Bytes);

impl Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Command, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Command;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Command, E> {
                Ok(Command(Bytes::copy_from_slice(bytes)))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

/// What the machine answered: its `Response`, or nothing where no command was applied. It never leaves the member.
#[derive(Debug)]
pub(super) struct Answer(pub(super) Option<Box<dyn Any + Send + Sync>>);

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom("an answer does not leave its member"))
    }
}

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Answer, D::Error> {
        Err(de::Error::custom("an answer does not leave its member"))
    }
}

pub(super) fn position(log_id: &LogId) -> Position {
    Position {
        term: log_id.leader_id.term,
        index: log_id.index,
    }
}

/// The leader in a term, of which there is one.
pub(super) fn leader_in(term: u64) -> alias::CommittedLeaderIdOf<Types> {
    use openraft::vote::RaftLeaderId;
    leader_id_std::LeaderId::<u64, u64>::new(term, 0).to_committed()
}

pub(super) fn log_id(position: Position) -> LogId {
    LogId::new(leader_in(position.term), position.index)
}

pub(super) fn vote(vote: &RaftVote) -> Vote {
    Vote {
        term: vote.leader_id.term,
        candidate: vote.leader_id.voted_for,
        elected: vote.committed,
    }
}

pub(super) fn raft_vote(vote: Vote) -> RaftVote {
    if vote.elected {
        RaftVote::new_committed(vote.term, vote.candidate)
    } else {
        RaftVote::new(vote.term, vote.candidate)
    }
}
