//! What a DataNode answers.

use std::io::{self, Read, Write};

use prost::Message;

use super::{block_from_wire, block_to_wire, invalid, receive_message, wire};
use crate::block::{Block, DatanodeId, ReplicaState};

/// The answer to an op (`BlockOpResponse`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpReply {
    /// Go on.
    Success {
        /// How many bytes of the replica can be read: its length or, while it is written, what is
        /// acknowledged (`getReplicaVisibleLength`).
        visible_len: u64,
    },
    /// No.
    Refused {
        /// Why not, and who says so.
        reason: String,
        /// The node of the pipeline that failed (`firstBadLink`), where it is known.
        bad_link: Option<DatanodeId>,
        /// The reason is that there is no replica of the block here (`ReplicaNotFoundException`).
        no_replica: bool,
    },
    /// It takes a while; another answer follows.
    InProgress,
}

/// A replica whose writer was stopped, and how far it was; none where there is none.
pub type RecoveredReplica = Option<(Block, ReplicaState)>;

/// Sends the answer to an op.
///
/// # Errors
/// As the connection's.
pub fn send_reply(to: &mut impl Write, reply: &OpReply) -> io::Result<()> {
    let message = match reply {
        OpReply::Success { visible_len } => wire::OpReply {
            success: true,
            visible_len: *visible_len,
            ..wire::OpReply::default()
        },
        OpReply::Refused {
            reason,
            bad_link,
            no_replica,
        } => wire::OpReply {
            no_replica: *no_replica,
            reason: reason.clone(),
            bad_link: bad_link.map(|id| id.0),
            ..wire::OpReply::default()
        },
        OpReply::InProgress => wire::OpReply {
            in_progress: true,
            ..wire::OpReply::default()
        },
    };
    to.write_all(&message.encode_length_delimited_to_vec())
}

/// Receives the answer to an op.
///
/// # Errors
/// As the connection's; `InvalidData` where it is no reply.
pub fn receive_reply(from: &mut impl Read) -> io::Result<OpReply> {
    let message: wire::OpReply = receive_message(from, "reply")?;
    Ok(if message.in_progress {
        OpReply::InProgress
    } else if message.success {
        OpReply::Success {
            visible_len: message.visible_len,
        }
    } else {
        OpReply::Refused {
            reason: message.reason,
            bad_link: message.bad_link.map(DatanodeId),
            no_replica: message.no_replica,
        }
    })
}

/// Sends the answer to [`Op::Checksum`].
///
/// # Errors
/// As the connection's.
pub fn send_checksum(to: &mut impl Write, md5: [u8; 16]) -> io::Result<()> {
    let message = wire::OpReply {
        success: true,
        md5: md5.to_vec(),
        ..wire::OpReply::default()
    };
    to.write_all(&message.encode_length_delimited_to_vec())
}

/// Receives the answer to [`Op::Checksum`]: the MD5, or why there is none.
///
/// # Errors
/// As the connection's; `InvalidData` where it is no reply, or none to that op.
pub fn receive_checksum(from: &mut impl Read) -> io::Result<Result<[u8; 16], String>> {
    let message: wire::OpReply = receive_message(from, "reply")?;
    if !message.success {
        return Ok(Err(message.reason));
    }
    let md5 = message.md5.as_slice().try_into();
    md5.map(Ok)
        .map_err(|_| invalid(format!("an MD5 of {} bytes", message.md5.len())))
}

/// Sends the answer to [`Op::InitRecovery`]: the replica with its good bytes as length, and the state in which it was found; none
/// where there is none that can be used.
///
/// # Errors
/// As the connection's.
pub fn send_replica(to: &mut impl Write, replica: RecoveredReplica) -> io::Result<()> {
    let state = match replica.map(|(_, state)| state) {
        Some(ReplicaState::Finalized) => wire::ReplicaState::Finalized,
        Some(ReplicaState::Rbw) => wire::ReplicaState::Rbw,
        Some(ReplicaState::Rwr) => wire::ReplicaState::Rwr,
        Some(ReplicaState::Temporary) | None => wire::ReplicaState::Unspecified,
    };
    let message = wire::OpReply {
        success: true,
        replica: replica.map(|(block, _)| block_to_wire(block)),
        state: state.into(),
        ..wire::OpReply::default()
    };
    to.write_all(&message.encode_length_delimited_to_vec())
}

/// Receives the answer to [`Op::InitRecovery`].
///
/// # Errors
/// As the connection's; `InvalidData` where it is no such answer; the reason, where it is a refusal.
pub fn receive_replica(from: &mut impl Read) -> io::Result<RecoveredReplica> {
    let message: wire::OpReply = receive_message(from, "reply")?;
    if !message.success {
        return Err(io::Error::other(message.reason));
    }
    let state = match message.state() {
        wire::ReplicaState::Finalized => ReplicaState::Finalized,
        wire::ReplicaState::Rbw => ReplicaState::Rbw,
        wire::ReplicaState::Rwr => ReplicaState::Rwr,
        wire::ReplicaState::Unspecified if message.replica.is_none() => return Ok(None),
        wire::ReplicaState::Unspecified => {
            return Err(invalid("reply: a replica in no known state"));
        }
    };
    let block = block_from_wire(message.replica, "reply")?;
    Ok(Some((block, state)))
}
