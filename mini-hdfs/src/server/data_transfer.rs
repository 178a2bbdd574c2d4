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

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use prost::Message;

use crate::block::{Block, BlockId, DatanodeId, DatanodeInfo, GenerationStamp, ReplicaState};
use crate::packet::{AckStatus, BYTES_PER_CHECKSUM, PACKET_DATA_MAX, Packet, PipelineAck};
use crate::server::trace;

pub use moves::{CopyBlock, MoveReply, ReplaceBlock, receive_move_reply, send_move_reply};

mod wire {
    #![allow(unreachable_pub, clippy::all, rust_2018_idioms)] // Generated.
    tonic::include_proto!("mini_hdfs.datatransfer");
}

/// The version of the protocol, first on every op (`DATA_TRANSFER_VERSION`).
pub const VERSION: u16 = 28;
/// The longest op, reply or ack, in bytes.
pub const MESSAGE_MAX: usize = 64 << 10;
/// The most data that one packet may bring, in bytes: more than anybody sends.
pub const RECEIVED_DATA_MAX: usize = 16 * PACKET_DATA_MAX;

const OP_WRITE: u8 = 80;
const OP_READ: u8 = 81;
const OP_REPLACE: u8 = 83;
const OP_COPY: u8 = 84;
const OP_BLOCK_CHECKSUM: u8 = 85;
const OP_TRANSFER: u8 = 86;
const OP_INIT_RECOVERY: u8 = 90;
const OP_UPDATE_RECOVERED: u8 = 91;
/// The longest packet header, in bytes.
const HEADER_MAX: usize = 256;

/// What a DataNode is asked for, first on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Write a replica.
    Write(WriteBlock),
    /// Send a range of one.
    Read(ReadBlock),
    /// Fetch one for the balancer.
    Replace(ReplaceBlock),
    /// Send one to whoever fetches it for the balancer.
    Copy(CopyBlock),
    /// Send the MD5 of the checksums of the first bytes of one, as many as the block's length says (`BLOCK_CHECKSUM`).
    Checksum(Block),
    /// Send one to another node of its pipeline.
    Transfer(TransferBlock),
    /// Say what replica there is, for a recovery (`initReplicaRecovery`).
    InitRecovery {
        /// Of which block.
        id: BlockId,
        /// The recovery.
        recovery_id: GenerationStamp,
    },
    /// The recovery has chosen the replica (`updateReplicaUnderRecovery`).
    UpdateRecovered {
        /// Of which block.
        id: BlockId,
        /// The recovery.
        recovery_id: GenerationStamp,
        /// The length that it shall have, in bytes.
        len: u64,
    },
}

/// Asks a DataNode to write a replica of a block and to pass it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteBlock {
    /// The block; with [`Stage::Recovery`] in its old generation, with [`Stage::Create`] as long as it may become.
    pub block: Block,
    /// Why it is written.
    pub stage: Stage,
    /// The writer's name.
    pub client: String,
    /// The rest of the pipeline, after the node that is asked.
    pub targets: Vec<DatanodeInfo>,
}

/// Why a replica is written (`BlockConstructionStage`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A client writes a new block (`PIPELINE_SETUP_CREATE`).
    Create,
    /// A client goes on with a block after a node of its pipeline was lost (`PIPELINE_SETUP_STREAMING_RECOVERY`).
    Recovery {
        /// The generation from now on.
        generation: GenerationStamp,
        /// What every node of the old pipeline has acknowledged, in bytes. The replica is cut to this length.
        acked_len: u64,
    },
    /// A DataNode sends a copy of its finalised replica (`TRANSFER_FINALIZED`).
    Transfer,
    /// A DataNode sends a copy of its replica to another node of the pipeline that writes it, which then takes it up
    /// (`TRANSFER_RBW`).
    TransferRbw,
}

/// Asks a DataNode to send its replica to another node of the pipeline that writes it. It is there when that is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferBlock {
    /// The block in the generation that the NameNode knows, with the length that the writer has seen acknowledged.
    pub block: Block,
    /// The writer's name.
    pub client: String,
    /// Who is to get it.
    pub targets: Vec<DatanodeInfo>,
}

/// Asks a DataNode for a range of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBlock {
    /// The block, in the generation that it must have; its length is not looked at.
    pub block: Block,
    /// Where to begin, in bytes.
    pub offset: u64,
    /// How many bytes to send; fewer come where the replica ends before.
    pub len: u64,
    /// The reader's name.
    pub client: String,
}

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

/// How long to wait for a sign of life from the next node of a pipeline with `below` more nodes after it, where `base` is
/// the time for one node alone (`dfs.client.socket-timeout`). Each node adds a twelfth, 5 seconds to HDFS's minute: so
/// whoever is next to a silent node gives it up first, and can still say so.
pub fn pipeline_timeout(base: Duration, below: usize) -> Duration {
    base + base / 12 * u32::try_from(below).unwrap_or(u32::MAX)
}

fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.into())
}

/// Sends an op in one write.
///
/// # Errors
/// As the connection's.
pub fn send_op(to: &mut impl Write, op: &Op) -> io::Result<()> {
    let mut bytes = VERSION.to_be_bytes().to_vec();
    let traceparent = trace::traceparent().unwrap_or_default();
    match op {
        Op::Write(write) => {
            bytes.push(OP_WRITE);
            let message = wire::WriteBlock {
                traceparent,
                ..write_to_wire(write)
            };
            bytes.extend(message.encode_length_delimited_to_vec());
        }
        Op::Read(read) => {
            bytes.push(OP_READ);
            let message = wire::ReadBlock {
                traceparent,
                ..read_to_wire(read)
            };
            bytes.extend(message.encode_length_delimited_to_vec());
        }
        Op::Checksum(block) => {
            bytes.push(OP_BLOCK_CHECKSUM);
            let message = wire::BlockChecksum {
                block: Some(block_to_wire(*block)),
                traceparent,
            };
            bytes.extend(message.encode_length_delimited_to_vec());
        }
        Op::Replace(replace) => {
            bytes.push(OP_REPLACE);
            bytes.extend(replace.to_wire().encode_length_delimited_to_vec());
        }
        Op::Copy(copy) => {
            bytes.push(OP_COPY);
            bytes.extend(copy.to_wire().encode_length_delimited_to_vec());
        }
        Op::Transfer(transfer) => {
            bytes.push(OP_TRANSFER);
            let message = wire::TransferBlock {
                traceparent,
                ..transfer_to_wire(transfer)
            };
            bytes.extend(message.encode_length_delimited_to_vec());
        }
        Op::InitRecovery { id, recovery_id } => {
            bytes.push(OP_INIT_RECOVERY);
            let message = wire::InitRecovery {
                block_id: id.0,
                recovery_id: recovery_id.0,
                traceparent,
            };
            bytes.extend(message.encode_length_delimited_to_vec());
        }
        Op::UpdateRecovered {
            id,
            recovery_id,
            len,
        } => {
            bytes.push(OP_UPDATE_RECOVERED);
            let message = wire::UpdateRecovered {
                block_id: id.0,
                recovery_id: recovery_id.0,
                len: *len,
                traceparent,
            };
            bytes.extend(message.encode_length_delimited_to_vec());
        }
    }
    to.write_all(&bytes)
}

/// Receives an op, and the `traceparent` of the trace that it belongs to, empty where there is none; nothing where the
/// other side has closed the connection instead.
///
/// # Errors
/// As the connection's; `InvalidData` where it is no op of this version.
pub fn receive_op(from: &mut impl Read) -> io::Result<Option<(Op, String)>> {
    let mut head = [0; 3];
    if from.read(&mut head[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut head[1..])?;
    let version = u16::from_be_bytes([head[0], head[1]]);
    if version != VERSION {
        return Err(invalid(format!(
            "data transfer version {version} was offered, this node speaks {VERSION}"
        )));
    }
    match head[2] {
        OP_WRITE => {
            let mut op: wire::WriteBlock = receive_message(from, "write op")?;
            let trace = std::mem::take(&mut op.traceparent);
            Ok(Some((Op::Write(write_from_wire(op)?), trace)))
        }
        OP_READ => {
            let mut op: wire::ReadBlock = receive_message(from, "read op")?;
            let trace = std::mem::take(&mut op.traceparent);
            Ok(Some((Op::Read(read_from_wire(op)?), trace)))
        }
        OP_BLOCK_CHECKSUM => {
            let op: wire::BlockChecksum = receive_message(from, "checksum op")?;
            let block = block_from_wire(op.block, "checksum op")?;
            Ok(Some((Op::Checksum(block), op.traceparent)))
        }
        OP_REPLACE => {
            let message = receive_message(from, "replace op")?;
            let op = Op::Replace(ReplaceBlock::from_wire(message)?);
            Ok(Some((op, String::new())))
        }
        OP_COPY => {
            let message = receive_message(from, "copy op")?;
            let op = Op::Copy(CopyBlock::from_wire(message)?);
            Ok(Some((op, String::new())))
        }
        OP_TRANSFER => {
            let mut op: wire::TransferBlock = receive_message(from, "transfer op")?;
            let trace = std::mem::take(&mut op.traceparent);
            Ok(Some((Op::Transfer(transfer_from_wire(op)?), trace)))
        }
        OP_INIT_RECOVERY => {
            let op: wire::InitRecovery = receive_message(from, "recovery op")?;
            let recovery = Op::InitRecovery {
                id: BlockId(op.block_id),
                recovery_id: GenerationStamp(op.recovery_id),
            };
            Ok(Some((recovery, op.traceparent)))
        }
        OP_UPDATE_RECOVERED => {
            let op: wire::UpdateRecovered = receive_message(from, "recovery op")?;
            let recovery = Op::UpdateRecovered {
                id: BlockId(op.block_id),
                recovery_id: GenerationStamp(op.recovery_id),
                len: op.len,
            };
            Ok(Some((recovery, op.traceparent)))
        }
        other => Err(invalid(format!(
            "data transfer op {other} is not known; {OP_WRITE} (write), {OP_READ} (read), {OP_REPLACE} (replace), {OP_COPY} (copy), \
             {OP_BLOCK_CHECKSUM} (checksum), {OP_TRANSFER} (transfer), {OP_INIT_RECOVERY} and {OP_UPDATE_RECOVERED} (recovery) are"
        ))),
    }
}

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

/// Sends a packet, its data straight from where it is, in one system call where the connection takes it whole.
///
/// # Errors
/// As the connection's; `InvalidInput` where there is more data than a packet can say.
pub fn send_packet(to: &mut impl Write, packet: &Packet) -> io::Result<()> {
    let header = wire::PacketHeader {
        offset_in_block: packet.offset,
        seqno: packet.seqno,
        last_packet_in_block: packet.last,
        data_len: 0,
        sync_block: packet.sync,
    };
    send_parts(to, header, &packet.checksums, &packet.data)
}

/// Sends data as packet `seqno`, neither the last nor to be synced.
///
/// # Errors
/// As [`send_packet`].
pub(super) fn send_data(
    to: &mut impl Write,
    seqno: u64,
    offset: u64,
    checksums: &[u32],
    data: &[u8],
) -> io::Result<()> {
    let header = wire::PacketHeader {
        offset_in_block: offset,
        seqno,
        ..wire::PacketHeader::default()
    };
    send_parts(to, header, checksums, data)
}

fn send_parts(
    to: &mut impl Write,
    mut header: wire::PacketHeader,
    checksums: &[u32],
    data: &[u8],
) -> io::Result<()> {
    let payload_len = 4 + 4 * checksums.len() + data.len();
    let (Ok(data_len), Ok(payload_len)) = (u32::try_from(data.len()), u32::try_from(payload_len))
    else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "packet too large"));
    };
    header.data_len = data_len;
    let header_len = u16::try_from(header.encoded_len()).unwrap_or(u16::MAX);
    let mut head = Vec::with_capacity(6 + HEADER_MAX + 4 * checksums.len());
    head.extend(payload_len.to_be_bytes());
    head.extend(header_len.to_be_bytes());
    header.encode(&mut head).map_err(io::Error::other)?;
    head.extend(checksums.iter().flat_map(|sum| sum.to_be_bytes()));
    write_both(to, &head, data)
}

/// Writes two buffers as if they were one.
fn write_both(to: &mut impl Write, head: &[u8], data: &[u8]) -> io::Result<()> {
    let mut written = 0;
    while written < head.len() {
        let slices = [IoSlice::new(&head[written..]), IoSlice::new(data)];
        match to.write_vectored(&slices) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => written += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    to.write_all(&data[written - head.len()..])
}

/// Receives a packet into `packet`, and uses its buffers again where nobody else holds them. The checksums are
/// not verified.
///
/// # Errors
/// As the connection's; `InvalidData` where it is no packet, or one that is too large. `packet` is then
/// useless.
pub fn receive_packet(from: &mut impl Read, packet: &mut Packet) -> io::Result<()> {
    let head = receive_packet_head(from)?;
    packet.offset = head.offset;
    packet.seqno = head.seqno;
    packet.last = head.last;
    packet.sync = head.sync;
    receive_checksums(from, head.checksums_len(), &mut packet.checksums)?;
    receive_data(from, head.data_len, &mut packet.data)
}

/// What comes before the checksums and the data of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketHead {
    /// See [`Packet`].
    pub offset: u64,
    /// See [`Packet`].
    pub seqno: u64,
    /// See [`Packet`].
    pub last: bool,
    /// See [`Packet`].
    pub sync: bool,
    /// Bytes of data.
    pub data_len: usize,
}

impl PacketHead {
    /// Bytes of checksums, which come before the data.
    pub fn checksums_len(&self) -> usize {
        4 * self.data_len.div_ceil(BYTES_PER_CHECKSUM)
    }
}

/// Receives the first part of a packet: for whoever wants to know what passes, and nothing more.
///
/// # Errors
/// As [`receive_packet`].
pub fn receive_packet_head(from: &mut impl Read) -> io::Result<PacketHead> {
    let mut lengths = [0; 6];
    from.read_exact(&mut lengths)?;
    let [p0, p1, p2, p3, h0, h1] = lengths;
    let payload_len = u64::from(u32::from_be_bytes([p0, p1, p2, p3]));
    let header_len = usize::from(u16::from_be_bytes([h0, h1]));
    if header_len > HEADER_MAX {
        return Err(invalid(format!(
            "packet header of {header_len} bytes, more than {HEADER_MAX}"
        )));
    }
    let mut header = [0; HEADER_MAX];
    from.read_exact(&mut header[..header_len])?;
    let header = wire::PacketHeader::decode(&header[..header_len])
        .map_err(|e| invalid(format!("packet header: {e}")))?;
    let data_len = usize::try_from(header.data_len).unwrap_or(usize::MAX);
    if data_len > RECEIVED_DATA_MAX {
        return Err(invalid(format!(
            "packet with {data_len} bytes of data, more than {RECEIVED_DATA_MAX}"
        )));
    }
    let head = PacketHead {
        offset: header.offset_in_block,
        seqno: header.seqno,
        last: header.last_packet_in_block,
        sync: header.sync_block,
        data_len,
    };
    if payload_len != (4 + head.checksums_len() + data_len) as u64 {
        return Err(invalid(format!(
            "packet of {payload_len} bytes says that it holds {data_len} bytes of data"
        )));
    }
    Ok(head)
}

fn receive_checksums(from: &mut impl Read, len: usize, into: &mut Vec<u32>) -> io::Result<()> {
    let mut bytes = [0; BYTES_PER_CHECKSUM];
    into.clear();
    let mut left = len;
    while left > 0 {
        let piece = left.min(bytes.len());
        from.read_exact(&mut bytes[..piece])?;
        let (words, _) = bytes[..piece].as_chunks::<4>();
        into.extend(words.iter().copied().map(u32::from_be_bytes));
        left -= piece;
    }
    Ok(())
}

fn receive_data(from: &mut impl Read, len: usize, into: &mut Arc<[u8]>) -> io::Result<()> {
    if into.len() != len || Arc::get_mut(into).is_none() {
        *into = std::iter::repeat_n(0, len).collect();
    }
    match Arc::get_mut(into) {
        Some(data) => from.read_exact(data),
        None => Err(io::Error::other("a buffer just made has another owner")),
    }
}

/// Sends the answer to a packet.
///
/// # Errors
/// As the connection's.
pub fn send_ack(to: &mut impl Write, ack: &PipelineAck) -> io::Result<()> {
    let status = |status: &AckStatus| match status {
        AckStatus::Success => wire::AckStatus::Success,
        AckStatus::Error => wire::AckStatus::Error,
        AckStatus::ErrorChecksum => wire::AckStatus::ErrorChecksum,
    };
    let message = wire::PipelineAck {
        seqno: ack.seqno,
        replies: ack.replies.iter().map(|s| status(s).into()).collect(),
    };
    to.write_all(&message.encode_length_delimited_to_vec())
}

/// Receives the answer to a packet.
///
/// # Errors
/// As the connection's; `InvalidData` where it is no ack.
pub fn receive_ack(from: &mut impl Read) -> io::Result<PipelineAck> {
    let message: wire::PipelineAck = receive_message(from, "ack")?;
    let status = |status| match status {
        wire::AckStatus::Success => AckStatus::Success,
        wire::AckStatus::ErrorChecksum => AckStatus::ErrorChecksum,
        wire::AckStatus::Error | wire::AckStatus::Unspecified => AckStatus::Error,
    };
    Ok(PipelineAck {
        seqno: message.seqno,
        replies: message.replies().map(status).collect(),
    })
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

fn write_to_wire(op: &WriteBlock) -> wire::WriteBlock {
    let (stage, new_generation, acked_len) = match op.stage {
        Stage::Create => (wire::Stage::Create, 0, 0),
        Stage::Recovery {
            generation,
            acked_len,
        } => (wire::Stage::Recovery, generation.0, acked_len),
        Stage::Transfer => (wire::Stage::Transfer, 0, 0),
        Stage::TransferRbw => (wire::Stage::TransferRbw, 0, 0),
    };
    wire::WriteBlock {
        block: Some(block_to_wire(op.block)),
        stage: stage.into(),
        new_generation,
        acked_len,
        client: op.client.clone(),
        targets: op.targets.iter().map(target_to_wire).collect(),
        traceparent: String::new(),
    }
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

fn transfer_to_wire(op: &TransferBlock) -> wire::TransferBlock {
    wire::TransferBlock {
        block: Some(block_to_wire(op.block)),
        client: op.client.clone(),
        targets: op.targets.iter().map(target_to_wire).collect(),
        traceparent: String::new(),
    }
}

fn transfer_from_wire(op: wire::TransferBlock) -> io::Result<TransferBlock> {
    Ok(TransferBlock {
        block: block_from_wire(op.block, "transfer op")?,
        client: op.client,
        targets: op.targets.into_iter().map(target_from_wire).collect(),
    })
}

fn write_from_wire(op: wire::WriteBlock) -> io::Result<WriteBlock> {
    let stage = match op.stage() {
        wire::Stage::Create => Stage::Create,
        wire::Stage::Recovery => Stage::Recovery {
            generation: GenerationStamp(op.new_generation),
            acked_len: op.acked_len,
        },
        wire::Stage::Transfer => Stage::Transfer,
        wire::Stage::TransferRbw => Stage::TransferRbw,
        wire::Stage::Unspecified => {
            return Err(invalid(format!("write op: unknown stage {}", op.stage)));
        }
    };
    Ok(WriteBlock {
        block: block_from_wire(op.block, "write op")?,
        stage,
        client: op.client,
        targets: op.targets.into_iter().map(target_from_wire).collect(),
    })
}

fn read_to_wire(op: &ReadBlock) -> wire::ReadBlock {
    wire::ReadBlock {
        block: Some(block_to_wire(op.block)),
        offset: op.offset,
        len: op.len,
        client: op.client.clone(),
        traceparent: String::new(),
    }
}

fn read_from_wire(op: wire::ReadBlock) -> io::Result<ReadBlock> {
    Ok(ReadBlock {
        block: block_from_wire(op.block, "read op")?,
        offset: op.offset,
        len: op.len,
        client: op.client,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
