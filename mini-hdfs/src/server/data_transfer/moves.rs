//! The ops by which the balancer moves replicas.

use std::io::{self, Read, Write};

use prost::Message;

use super::{
    block_from_wire, block_to_wire, invalid, receive_message, target_from_wire, target_to_wire,
    wire,
};
use crate::block::{Block, DatanodeId, DatanodeInfo};

/// Asks a DataNode to fetch a replica from another (`replaceBlock`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaceBlock {
    /// Which block.
    pub block: Block,
    /// Whose replica may be deleted then: the NameNode is told.
    pub delete: DatanodeId,
    /// From whom it is fetched (`proxySource`).
    pub proxy: DatanodeInfo,
}

/// Asks a DataNode for all of a finalised replica (`copyBlock`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyBlock {
    /// Which block, in the generation that it must have.
    pub block: Block,
}

/// What has become of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveReply {
    /// It is under way; so many bytes have come (`IN_PROGRESS`).
    UnderWay(u64),
    /// The replica is there, with so many bytes.
    Done(u64),
    /// It is not, and why.
    Failed(String),
}

impl ReplaceBlock {
    pub(super) fn to_wire(&self) -> wire::ReplaceBlock {
        wire::ReplaceBlock {
            block: Some(block_to_wire(self.block)),
            delete: self.delete.0,
            proxy: Some(target_to_wire(&self.proxy)),
        }
    }

    pub(super) fn from_wire(op: wire::ReplaceBlock) -> io::Result<ReplaceBlock> {
        let proxy = op.proxy.map(target_from_wire);
        Ok(ReplaceBlock {
            block: block_from_wire(op.block, "replace op")?,
            delete: DatanodeId(op.delete),
            proxy: proxy.ok_or_else(|| invalid("replace op: names no proxy"))?,
        })
    }
}

impl CopyBlock {
    pub(super) fn to_wire(self) -> wire::CopyBlock {
        wire::CopyBlock {
            block: Some(block_to_wire(self.block)),
        }
    }

    pub(super) fn from_wire(op: wire::CopyBlock) -> io::Result<CopyBlock> {
        let block = block_from_wire(op.block, "copy op")?;
        Ok(CopyBlock { block })
    }
}

/// Says what has become of a move.
///
/// # Errors
/// As the connection's.
pub fn send_move_reply(to: &mut impl Write, reply: &MoveReply) -> io::Result<()> {
    use wire::move_reply::Kind;
    let kind = match reply {
        MoveReply::UnderWay(bytes) => Kind::UnderWay(*bytes),
        MoveReply::Done(bytes) => Kind::Done(*bytes),
        MoveReply::Failed(reason) => Kind::Failed(reason.clone()),
    };
    let message = wire::MoveReply { kind: Some(kind) };
    to.write_all(&message.encode_length_delimited_to_vec())
}

/// Hears what has become of a move.
///
/// # Errors
/// As the connection's; `InvalidData` where it is no such reply.
pub fn receive_move_reply(from: &mut impl Read) -> io::Result<MoveReply> {
    use wire::move_reply::Kind;
    let message: wire::MoveReply = receive_message(from, "move reply")?;
    match message.kind {
        Some(Kind::UnderWay(bytes)) => Ok(MoveReply::UnderWay(bytes)),
        Some(Kind::Done(bytes)) => Ok(MoveReply::Done(bytes)),
        Some(Kind::Failed(reason)) => Ok(MoveReply::Failed(reason)),
        None => Err(invalid("move reply: says nothing")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Op, receive_op, send_op};
    use super::*;

    #[test]
    fn what_is_sent_arrives() {
        let block = Block::new(7, 1001, 5);
        let proxy = DatanodeInfo {
            id: DatanodeId(3),
            hostname: "h".to_owned(),
            address: "127.0.0.1:1".to_owned(),
            rack: "/r".to_owned(),
        };
        let replace = ReplaceBlock {
            block,
            delete: DatanodeId(u64::MAX),
            proxy,
        };
        for op in [Op::Replace(replace), Op::Copy(CopyBlock { block })] {
            let mut bytes = Vec::new();
            send_op(&mut bytes, &op).unwrap();
            let received = receive_op(&mut bytes.as_slice()).unwrap();
            assert_eq!(received.map(|(op, _)| op), Some(op));
        }
        for reply in [
            MoveReply::UnderWay(9),
            MoveReply::Done(0),
            MoveReply::Failed("no".to_owned()),
        ] {
            let mut bytes = Vec::new();
            send_move_reply(&mut bytes, &reply).unwrap();
            assert_eq!(receive_move_reply(&mut bytes.as_slice()).unwrap(), reply);
        }
        let empty = wire::MoveReply { kind: None }.encode_length_delimited_to_vec();
        assert!(receive_move_reply(&mut empty.as_slice()).is_err());
    }
}
