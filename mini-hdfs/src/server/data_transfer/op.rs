//! What a DataNode is asked for.

use std::io::{self, Read, Write};

use prost::Message;

use super::{
    CopyBlock, ReplaceBlock, VERSION, block_from_wire, block_to_wire, invalid, receive_message,
    target_from_wire, target_to_wire, wire,
};
use crate::block::{Block, BlockId, DatanodeInfo, GenerationStamp};

const OP_WRITE: u8 = 80;
const OP_READ: u8 = 81;
const OP_REPLACE: u8 = 83;
const OP_COPY: u8 = 84;
const OP_BLOCK_CHECKSUM: u8 = 85;
const OP_TRANSFER: u8 = 86;
const OP_INIT_RECOVERY: u8 = 90;
const OP_UPDATE_RECOVERED: u8 = 91;

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

/// Sends an op in one write.
///
/// # Errors
/// As the connection's.
pub fn send_op(to: &mut impl Write, op: &Op) -> io::Result<()> {
    let mut bytes = VERSION.to_be_bytes().to_vec();
    let traceparent = traces::traceparent().unwrap_or_default();
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
