//! How block data travels: the framing of HDFS's data transfer protocol, over a plain TCP connection.
//!
//! ```text
//! op      version u16 | opcode u8 | message, its length before it as a varint
//! reply   message, its length before it as a varint
//! packet  payload length u32 (its own 4 bytes, checksums and data) | header length u16 | header | checksums | data
//! ack     message, its length before it as a varint
//! ```
//!
//! Numbers are big-endian, messages are protobuf (`proto/datatransfer.proto`).
//!
//! - **Writing**: `op WRITE →`, `← reply` once the whole pipeline stands, then `packet →` and `← ack` side by side, until the
//!   last packet is acknowledged. A packet without data that is not the last one changes nothing; a writer that has
//!   nothing to say sends one now and then, so that nobody takes it for dead.
//! - **Recovering**: `op INIT or UPDATE →`, `← reply`, between two DataNodes. (HDFS has an RPC protocol for this,
//!   `InterDatanodeProtocol`.) The connection can then be used for the next op.
//! - **Reading**: `op READ →`, `← reply`, then `← packet` until the last one, which has no data. The first one begins at the chunk
//!   that holds the first byte asked for, and the range ends with a whole chunk or with the replica, so that the
//!   reader can check all of it. The connection can then be used for the next op.
//! - **Moving**, for the balancer: `op REPLACE →` to who shall have the replica, `← move reply` from time to time, and at the end.
//!   That one sends `op COPY →` to another, who answers as to a reader.
//! - **Comparing**: `op BLOCK_CHECKSUM →`, `← reply` with an MD5. The connection can then be used for the next op.
//! - **Sending on**: `op TRANSFER →`, then `← reply` now and then that it is in progress, and one that says how it ended.
//!
//! Hand in buffered readers: messages are read in small pieces.

mod moves;
mod op;
mod packet;
mod reply;

use std::io::{self, ErrorKind, Read};
use std::time::Duration;

use prost::Message;

use crate::block::{Block, BlockId, DatanodeId, DatanodeInfo, GenerationStamp};

pub use moves::{CopyBlock, MoveReply, ReplaceBlock, receive_move_reply, send_move_reply};
pub use op::{Op, ReadBlock, Stage, TransferBlock, WriteBlock, receive_op, send_op};
pub(super) use packet::send_data;
pub use packet::{
    PacketHead, RECEIVED_DATA_MAX, receive_ack, receive_packet, receive_packet_head, send_ack,
    send_packet,
};
pub use reply::{
    OpReply, RecoveredReplica, receive_checksum, receive_replica, receive_reply, send_checksum,
    send_replica, send_reply,
};

mod wire {
    #![allow(unreachable_pub, clippy::all, rust_2018_idioms)] // Generated.
    tonic::include_proto!("mini_hdfs.datatransfer");
}

/// The version of the protocol, first on every op (`DATA_TRANSFER_VERSION`).
pub const VERSION: u16 = 28;
/// The longest op, reply or ack, in bytes.
pub const MESSAGE_MAX: usize = 64 << 10;

/// How long to wait for a sign of life from the next node of a pipeline with `below` more nodes after it, where `base` is
/// the time for one node alone (`dfs.client.socket-timeout`). Each node adds a twelfth, 5 seconds to HDFS's minute: so
/// whoever is next to a silent node gives it up first, and can still say so.
pub fn pipeline_timeout(base: Duration, below: usize) -> Duration {
    base + base / 12 * u32::try_from(below).unwrap_or(u32::MAX)
}

fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.into())
}

/// Receives a message with its length before it. `what` it should be is for errors.
fn receive_message<M: Message + Default>(from: &mut impl Read, what: &str) -> io::Result<M> {
    let mut len = 0_usize;
    let mut shift = 0;
    loop {
        let mut byte = [0];
        from.read_exact(&mut byte)?;
        len |= usize::from(byte[0] & 0x7f) << shift;
        if len > MESSAGE_MAX || shift > 14 {
            return Err(invalid(format!("{what}: longer than {MESSAGE_MAX} bytes")));
        }
        if byte[0] & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    let mut bytes = vec![0; len];
    from.read_exact(&mut bytes)?;
    M::decode(bytes.as_slice()).map_err(|e| invalid(format!("{what}: {e}")))
}

fn block_to_wire(block: Block) -> wire::Block {
    wire::Block {
        id: block.id.0,
        generation: block.generation.0,
        len: block.len,
    }
}

fn block_from_wire(block: Option<wire::Block>, what: &str) -> io::Result<Block> {
    let block = block.ok_or_else(|| invalid(format!("{what}: names no block")))?;
    Ok(Block {
        id: BlockId(block.id),
        generation: GenerationStamp(block.generation),
        len: block.len,
    })
}

fn target_to_wire(target: &DatanodeInfo) -> wire::Datanode {
    wire::Datanode {
        id: target.id.0,
        hostname: target.hostname.clone(),
        address: target.address.clone(),
        rack: target.rack.clone(),
    }
}

fn target_from_wire(target: wire::Datanode) -> DatanodeInfo {
    DatanodeInfo {
        id: DatanodeId(target.id),
        hostname: target.hostname,
        address: target.address,
        rack: target.rack,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::ReplicaState;
    use crate::packet::{AckStatus, Packet, PipelineAck};

    #[test]
    fn ops_replies_and_acks_arrive_as_they_were_sent() {
        let write = Op::Write(WriteBlock {
            block: Block::new(7, 1001, 300),
            stage: Stage::Recovery {
                generation: GenerationStamp(1002),
                acked_len: 200,
            },
            client: "writer".into(),
            targets: vec![DatanodeInfo {
                id: DatanodeId(u64::MAX),
                hostname: "h".into(),
                address: "127.0.0.1:1".into(),
                rack: "/r".into(),
            }],
        });
        let refused = OpReply::Refused {
            reason: "no".into(),
            bad_link: Some(DatanodeId(0)),
            no_replica: true,
        };
        let transfer = Op::Transfer(TransferBlock {
            block: Block::new(7, 1001, 300),
            client: "writer".into(),
            targets: match &write {
                Op::Write(write) => write.targets.clone(),
                other => panic!("{other:?}"),
            },
        });
        let recover = Op::UpdateRecovered {
            id: BlockId(7),
            recovery_id: GenerationStamp(1003),
            len: 200,
        };
        let replica = Some((Block::new(7, 1002, 200), ReplicaState::Rwr));
        let ack = PipelineAck {
            seqno: 300,
            replies: vec![AckStatus::Success, AckStatus::ErrorChecksum],
        };
        let mut bytes = Vec::new();
        send_op(&mut bytes, &write).unwrap();
        send_op(&mut bytes, &transfer).unwrap();
        send_reply(&mut bytes, &OpReply::InProgress).unwrap();
        send_reply(&mut bytes, &refused).unwrap();
        send_ack(&mut bytes, &ack).unwrap();
        send_op(&mut bytes, &recover).unwrap();
        send_replica(&mut bytes, replica).unwrap();
        send_replica(&mut bytes, None).unwrap();
        send_reply(&mut bytes, &refused).unwrap();
        let mut from = bytes.as_slice();
        assert_eq!(receive_op(&mut from).unwrap(), Some((write, String::new())));
        let sent = Some((transfer, String::new()));
        assert_eq!(receive_op(&mut from).unwrap(), sent);
        assert_eq!(receive_reply(&mut from).unwrap(), OpReply::InProgress);
        assert_eq!(receive_reply(&mut from).unwrap(), refused);
        assert_eq!(receive_ack(&mut from).unwrap(), ack);
        assert_eq!(
            receive_op(&mut from).unwrap(),
            Some((recover, String::new()))
        );
        assert_eq!(receive_replica(&mut from).unwrap(), replica);
        assert_eq!(receive_replica(&mut from).unwrap(), None);
        let reason = receive_replica(&mut from).unwrap_err().to_string();
        assert_eq!(reason, "no");
        assert_eq!(receive_op(&mut from).unwrap(), None);
    }

    #[test]
    fn packets_arrive_as_they_were_sent_in_buffers_used_again() {
        let mut first = Packet::new(0, 0, vec![1; 70_000]);
        let mut last = Packet::new(1, 70_000, Vec::new());
        (first.sync, last.last) = (true, true);
        let mut bytes = Vec::new();
        send_packet(&mut bytes, &first).unwrap();
        send_packet(&mut bytes, &first).unwrap();
        send_packet(&mut bytes, &last).unwrap();
        let mut from = bytes.as_slice();
        let mut packet = Packet::new(9, 9, Vec::new());
        receive_packet(&mut from, &mut packet).unwrap();
        assert_eq!(packet, first);
        let buffer = packet.data.as_ptr();
        receive_packet(&mut from, &mut packet).unwrap();
        assert_eq!((packet.data.as_ptr(), &packet), (buffer, &first));
        receive_packet(&mut from, &mut packet).unwrap();
        assert_eq!(packet, last);
    }

    #[test]
    fn nothing_is_allocated_for_lengths_that_cannot_be() {
        let endless = [0xff; 64];
        let reason = receive_reply(&mut &endless[..]).unwrap_err().to_string();
        assert!(reason.contains("longer than"), "{reason}");
        let reason = receive_packet(&mut &endless[..], &mut Packet::new(0, 0, vec![]));
        let reason = reason.unwrap_err().to_string();
        assert!(reason.contains("header of 65535 bytes"), "{reason}");
        let mut bytes = Vec::new();
        send_packet(&mut bytes, &Packet::new(0, 0, vec![0; 2 << 20])).unwrap();
        let reason = receive_packet(&mut bytes.as_slice(), &mut Packet::new(0, 0, vec![]));
        let reason = reason.unwrap_err().to_string();
        assert!(
            reason.contains("2097152 bytes of data, more than"),
            "{reason}"
        );
        let reason = receive_op(&mut &[0, 28, 127][..]).unwrap_err().to_string();
        assert!(reason.contains("op 127"), "{reason}");
    }
}
