//! What members say to each other, and how it is written.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use bytes::Bytes;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    VoteRequest, VoteResponse,
};

use crate::consensus::types::{RaftVote, Types};

/// A message, and for whom it is meant.
#[derive(Serialize, Deserialize)]
pub(super) struct Envelope {
    /// The cluster. What another one says is none of ours.
    pub(super) cluster: u64,
    /// Who says it.
    pub(super) from: u64,
    /// To whom: an address may be another member's by now.
    pub(super) to: u64,
    pub(super) request: Request,
}

#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) enum Request {
    Append(AppendEntriesRequest<Types>),
    Vote(VoteRequest<Types>),
    PreVote(VoteRequest<Types>),
    TransferLeader(TransferLeaderRequest<Types>),
    /// From where on a read is linearizable, as the leader knows.
    ReadIndex,
    Snapshot(SnapshotPart),
}

/// A piece of a snapshot's file.
#[derive(Serialize, Deserialize)]
pub(super) struct SnapshotPart {
    pub(super) vote: RaftVote,
    /// Tells one transfer from another; the file's name.
    pub(super) file: String,
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
    /// The file ends here: install it.
    pub(super) is_last: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) enum Response {
    Append(AppendEntriesResponse<Types>),
    Vote(VoteResponse<Types>),
    TransferLeader(Result<(), String>),
    ReadIndex(Result<u64, String>),
    /// The part is written; or the transfer has to begin anew.
    SnapshotPart(bool),
    SnapshotInstalled(SnapshotResponse<Types>),
    /// It was not meant for whoever got it, or he cannot go on.
    Refused(String),
}

pub(super) fn encode(message: &impl Serialize) -> Bytes {
    // Everything in them can be encoded; where that is ever not so, an empty message is understood by nobody.
    postcard::to_stdvec(message).unwrap_or_default().into()
}

pub(super) fn decode<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, String> {
    postcard::from_bytes(bytes).map_err(|e| format!("a message is not understood: {e}"))
}
