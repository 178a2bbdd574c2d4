//! How the members of a cluster agree on a sequence of commands.
//!
//! [`Consensus`] is all that the rest of a member knows of Raft: commands are proposed, a read may ask from where on the state is fresh
//! enough, members come and go. Behind it stands [`Openraft`], that is the library `openraft` with a [log](crate::wal) of our own
//! under it and a [`Transport`] beside it. Another engine can take its place without the server noticing.
//!
//! The state machine stands behind a lock that consensus and readers share. A read is linearizable if it happens after
//! [`Consensus::read_index`] has returned: the leader has made sure, by hearing from a majority, that nobody else leads; so it knows of every
//! write that was acknowledged before; and the member that reads has applied all of them (Ongaro's thesis, section 6.4).
//!
//! Members talk in bytes. What they mean is this module's business, how they get there the transport's.

mod engine;
pub mod explain;
mod log_store;
mod machine;
mod network;
mod peer;
mod storage;
#[cfg(test)]
#[cfg(feature = "simulation")]
mod tests;
mod types;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::watch;

pub use engine::{Openraft, Options, StartError};
pub use storage::Storage;

use crate::state_machine::StateMachine;
use crate::wal::Position;

/// A member, as the cluster knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where the other members reach it.
    pub peer_urls: Vec<String>,
    /// Whether it gets a vote when it has caught up. [`Consensus::add_member`] sets it.
    pub wants_vote: bool,
}

/// How a member's messages get to another one. A clone is the same transport.
pub trait Transport: Clone + Send + Sync + 'static {
    /// Sends a message to a member, to be handed to [`Openraft::handle`] there, and returns what that returned. The future may be dropped
    /// at any time: deadlines are the caller's.
    ///
    /// # Errors
    /// Why there is no answer. The message may have arrived all the same.
    fn call(
        &self,
        to: u64,
        member: &Member,
        message: Bytes,
    ) -> impl Future<Output = Result<Bytes, TransportError>> + Send;
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TransportError {
    /// There is no connection: it is worth waiting a while.
    #[error("cannot reach it: {0}")]
    Unreachable(String),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// Consensus, as the rest of a member sees it.
pub trait Consensus<S: StateMachine>: Clone + Send + Sync + 'static {
    /// Has these commands carried out by all members, in this order. They come into the log together, which costs less than one by one. All
    /// have been applied here when this returns, but for those that were refused.
    ///
    /// # Errors
    /// [`ProposeError`], of each; after [`ProposeError::Unknown`] the command may be carried out, or never.
    fn propose_all(
        &self,
        commands: &[Arc<S::Command>],
    ) -> impl Future<Output = Vec<Result<S::Response, ProposeError>>> + Send;

    /// As [`Consensus::propose_all`], of one command.
    ///
    /// # Errors
    /// [`ProposeError`].
    fn propose(
        &self,
        command: S::Command,
    ) -> impl Future<Output = Result<S::Response, ProposeError>> + Send {
        let command = [Arc::new(command)];
        async move {
            let mut answers = self.propose_all(&command).await;
            answers.pop().unwrap_or(Err(ProposeError::Unknown))
        }
    }

    /// As [`Consensus::propose`], but only while this member leads in `term`: what a leader decides on its own, from what it knows, must not be
    /// carried out when it leads again and others have led meanwhile.
    ///
    /// # Errors
    /// As for [`Consensus::propose`]; [`ProposeError::NotLeader`] also where this member leads in another term.
    fn propose_in(
        &self,
        term: u64,
        command: S::Command,
    ) -> impl Future<Output = Result<S::Response, ProposeError>> + Send;

    /// Returns once all that was acknowledged anywhere before the call has been applied here, with the index of the last entry that this takes.
    /// At a follower the leader is asked. Calls at the same time share one question.
    ///
    /// # Errors
    /// [`ReadError`]: try again.
    fn read_index(&self) -> impl Future<Output = Result<u64, ReadError>> + Send;

    /// Adds a member, which gets the log. A learner has no vote; another one gets its vote when it has caught up, so that
    /// it never counts for a majority that it could not help.
    ///
    /// # Errors
    /// [`MembershipError`].
    fn add_member(
        &self,
        id: u64,
        member: Member,
        is_learner: bool,
    ) -> impl Future<Output = Result<(), MembershipError>> + Send;

    /// Gives a learner its vote.
    ///
    /// # Errors
    /// [`MembershipError`], among them that it has not caught up yet.
    fn promote_member(&self, id: u64) -> impl Future<Output = Result<(), MembershipError>> + Send;

    /// Removes a member. Its id is never used again.
    ///
    /// # Errors
    /// [`MembershipError`].
    fn remove_member(&self, id: u64) -> impl Future<Output = Result<(), MembershipError>> + Send;

    /// Says where a member is reached from now on.
    ///
    /// # Errors
    /// [`MembershipError`].
    fn update_member(
        &self,
        id: u64,
        member: Member,
    ) -> impl Future<Output = Result<(), MembershipError>> + Send;

    /// Asks the leader, which must be this member, to have another one lead, and waits until that one does.
    ///
    /// # Errors
    /// [`MembershipError`]; the other one may lead in the end all the same.
    fn transfer_leader(&self, to: u64) -> impl Future<Output = Result<(), MembershipError>> + Send;

    /// Asks for a snapshot now; it is made in the background.
    ///
    /// # Errors
    /// [`ProposeError::Stopped`].
    fn trigger_snapshot(&self) -> impl Future<Output = Result<(), ProposeError>> + Send;

    /// How things stand.
    fn status(&self) -> Status;

    /// How many entries are known to be committed and have not been applied here yet.
    fn unapplied(&self) -> u64;

    /// Who leads, and whenever that changes.
    fn leadership(&self) -> watch::Receiver<Leadership>;

    /// The index of the last entry that was applied, and whenever there is another one.
    fn applied(&self) -> watch::Receiver<u64>;

    /// Resolves when this member cannot go on, with the reason; or when it was stopped.
    fn failed(&self) -> impl Future<Output = String> + Send;

    /// Stops. What was acknowledged is on the disk.
    fn stop(&self) -> impl Future<Output = ()> + Send;
}

/// Who leads, as far as a member knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The newest term.
    pub term: u64,
    /// The leader in it.
    pub leader: Option<u64>,
}

/// How things stand at a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// This member.
    pub id: u64,
    /// Who leads. None, too, where that member was not heard for two election timeouts, or is this one and no majority was.
    pub leadership: Leadership,
    /// The index of the last entry of its log.
    pub last_index: u64,
    /// Up to where it knows the log to be committed.
    pub committed: u64,
    /// Up to where it has been applied.
    pub applied: u64,
    /// The entry at which the newest snapshot stands.
    pub snapshot: Option<Position>,
    /// The last entry that was purged.
    pub purged: Option<Position>,
    /// The members.
    pub members: BTreeMap<u64, MemberStatus>,
}

/// A member, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberStatus {
    /// Where it is reached.
    pub member: Member,
    /// Whether it has a vote now.
    pub has_vote: bool,
    /// Whether it has none, and gets none by itself.
    pub is_learner: bool,
    /// The index of the last entry that it is known to have; at the leader only.
    pub matched: Option<u64>,
}

/// Why a command was not carried out, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProposeError {
    /// This member does not lead; nothing was done.
    #[error("this member is not the leader")]
    NotLeader {
        /// The one that does, as far as is known here.
        leader: Option<u64>,
    },
    /// Leadership was lost meanwhile; the command may be carried out, or never.
    #[error("leadership was lost before the command was committed; it may take effect or not")]
    Unknown,
    /// This member has stopped.
    #[error("this member has stopped: {0}")]
    Stopped(String),
}

/// Why it is not known from where on a read is fresh.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// Nobody leads, as far as is known here, or the leader gave no answer.
    #[error("there is no leader that could be asked: {0}")]
    NoLeader(String),
    /// This member has stopped.
    #[error("this member has stopped: {0}")]
    Stopped(String),
}

/// Why the members are what they were.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MembershipError {
    /// The leader decides on members, and it is another one.
    #[error(transparent)]
    Propose(#[from] ProposeError),
    /// Another change is under way.
    #[error("another change of the members is under way")]
    InProgress,
    /// There is no such member.
    #[error("there is no member {0:x}")]
    NotFound(u64),
    /// There is one already.
    #[error("there is a member {0:x} already")]
    Exists(u64),
    /// It has a vote already.
    #[error("member {0:x} is not a learner")]
    NotLearner(u64),
    /// It lacks too much of the log.
    #[error("learner {0:x} has not caught up with the leader yet")]
    NotReady(u64),
    /// It would have been the last one with a vote.
    #[error("member {0:x} is the last one that has a vote")]
    LastVoter(u64),
    /// Leadership did not get there in time.
    #[error("member {0:x} did not become the leader in time")]
    TransferTimedOut(u64),
}
