//! What the simulated processes say to each other: calls to the NameNode, and block data in order over
//! connections, as TCP carries it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};

use mini_hdfs::balancer::StoredBlock;
use mini_hdfs::block::{
    Block, BlockId, DatanodeId, DatanodeInfo, GenerationStamp, InodeId, LocatedBlock,
};
use mini_hdfs::datanode::block_recovery::Answer;
use mini_hdfs::error::FsError;
use mini_hdfs::packet::{Packet, PipelineAck};
use mini_hdfs::protocol::{
    AddBlockRequest, AdditionalDatanodeRequest, BlockEvent, BlockSynchronization, Command,
    CreateRequest, DatanodeReport, FileStatus, Heartbeat, LocatedBlocks, Registration,
    RegistrationId, ReportLeaseId, ReportedReplica,
};
use node::{Ctx, NodeId};

use crate::cluster::Member;

/// Where the NameNode is.
pub(crate) const NAMENODE: NodeId = NodeId(0);

/// A message between two processes.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// A call to the NameNode.
    Call { id: u64, request: Request },
    /// Its answer.
    Answer {
        id: u64,
        result: Result<Response, FsError>,
    },
    /// A piece of a connection; each side numbers its own from 0.
    Frame {
        connection: u64,
        number: u64,
        frame: Frame,
    },
}

impl Message {
    /// The sort of message, as the lab's page tells them apart.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Message::Call { request, .. } => match request {
                Request::Heartbeat(_) => "heartbeat",
                Request::BlockReport(..) => "block report",
                Request::Incremental(..) => "received or deleted",
                Request::Register(..) => "register",
                Request::RenewLease(_) => "renew lease",
                _ => "call",
            },
            Message::Answer { result: Ok(_), .. } => "answer",
            Message::Answer { .. } => "refusal",
            Message::Frame { frame, .. } => match frame {
                Frame::Packet(_) => "packet",
                Frame::Ack(_) => "ack",
                Frame::Write { .. } => "write block",
                Frame::Read { .. } => "read block",
                Frame::Transfer { .. } => "transfer block",
                Frame::Replace { .. } | Frame::Copy { .. } => "move block",
                Frame::InitRecovery { .. } | Frame::UpdateRecovered { .. } => "block recovery",
                Frame::Accepted | Frame::Replica(_) => "answer",
                Frame::Refused { .. } => "refusal",
                Frame::Reset => "reset",
            },
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Request {
    Mkdirs(String),
    Create(CreateRequest),
    AddBlock(AddBlockRequest),
    AbandonBlock {
        inode: InodeId,
        client: String,
        block: Block,
    },
    Complete {
        inode: InodeId,
        client: String,
        last: Option<Block>,
    },
    NewGeneration {
        inode: InodeId,
        client: String,
        block: Block,
    },
    AdditionalDatanode(AdditionalDatanodeRequest),
    UpdatePipeline {
        inode: InodeId,
        client: String,
        old: Block,
        new: Block,
        nodes: Vec<DatanodeId>,
    },
    Locations(String),
    BadBlock(Block, DatanodeId),
    Rename {
        from: String,
        to: String,
    },
    Delete(String),
    RenewLease(String),
    RecoverLease(String),
    IsFileClosed(String),
    Synchronized(BlockSynchronization),
    SetReplication(String, u16),
    /// With the file system that its disk belongs to, if it belongs to one.
    Register(DatanodeInfo, Option<u64>),
    Heartbeat(Heartbeat),
    BlockReport(
        DatanodeId,
        RegistrationId,
        ReportLeaseId,
        Vec<ReportedReplica>,
    ),
    Incremental(DatanodeId, RegistrationId, Vec<BlockEvent>),
    DatanodeReport,
    /// Blocks of a DataNode, of so many bytes together.
    GetBlocks(DatanodeId, u64),
}

#[derive(Clone, Debug)]
pub(crate) enum Response {
    Done,
    File(FileStatus),
    Block(LocatedBlock),
    Completed(bool),
    Closed(bool),
    Generation(GenerationStamp),
    Datanode(DatanodeInfo),
    Located(LocatedBlocks),
    Registered(Registration),
    Commands(Vec<Command>),
    Datanodes(Vec<DatanodeReport>),
    Blocks(Vec<StoredBlock>),
}

/// Why a replica is written; see `server::data_transfer`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    Create,
    Recovery {
        generation: GenerationStamp,
        acked_len: u64,
    },
    /// A copy ends as a finalised replica.
    Transfer,
    /// A copy for a pipeline, which takes it up.
    TransferRbw,
}

/// What travels on a connection.
#[derive(Clone)]
pub(crate) enum Frame {
    /// Opens one: write a replica, and pass it on to the targets.
    Write {
        block: Block,
        stage: Stage,
        targets: Vec<DatanodeInfo>,
    },
    /// Opens one: send a range of a replica.
    Read {
        block: Block,
        offset: u64,
        len: u64,
    },
    /// Opens one: send this replica to another node of its pipeline.
    Transfer {
        block: Block,
        target: DatanodeInfo,
    },
    /// Opens one: fetch this replica from the proxy; the one of `delete` may go then.
    Replace {
        block: Block,
        delete: DatanodeId,
        proxy: DatanodeInfo,
    },
    /// Opens one: send all of this replica.
    Copy {
        block: Block,
    },
    /// Opens one: a recovery with this id wants to know the replica.
    InitRecovery {
        id: BlockId,
        recovery_id: GenerationStamp,
    },
    /// Its answer.
    Replica(Answer),
    /// Opens one: the recovery has chosen the replica, with this length.
    UpdateRecovered {
        id: BlockId,
        recovery_id: GenerationStamp,
        len: u64,
    },
    /// The pipeline is set up, the range follows, the copy is sent, the replica is updated or moved.
    Accepted,
    /// It is not, because of this node.
    Refused {
        bad: DatanodeId,
        reason: String,
    },
    Packet(Packet),
    Ack(PipelineAck),
    /// The other side has closed the connection, or never knew it.
    Reset,
}

impl Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Frame::Write {
                block,
                stage,
                targets,
            } => {
                let targets: Vec<&str> = targets.iter().map(|t| t.address.as_str()).collect();
                write!(f, "write {block} {stage:?} then {targets:?}")
            }
            Frame::Read { block, offset, len } => write!(f, "read {block} at {offset}+{len}"),
            Frame::Transfer { block, target } => write!(f, "send {block} to {}", target.address),
            Frame::Replace {
                block,
                delete,
                proxy,
            } => write!(f, "fetch {block} from {} for {delete}", proxy.address),
            Frame::Copy { block } => write!(f, "copy {block}"),
            Frame::InitRecovery { id, recovery_id } => write!(f, "recover {id} as {recovery_id}"),
            Frame::Replica(answer) => write!(f, "{answer:?}"),
            Frame::UpdateRecovered {
                id,
                recovery_id,
                len,
            } => write!(f, "cut {id} to {len} as {recovery_id}"),
            Frame::Accepted => f.write_str("accepted"),
            Frame::Refused { bad, reason } => write!(f, "refused by {bad}: {reason}"),
            Frame::Packet(p) => {
                let (seqno, offset, len) = (p.seqno, p.offset, p.data.len());
                write!(f, "packet {seqno}: {offset}+{len}")?;
                f.write_str(if p.sync { " sync" } else { "" })?;
                f.write_str(if p.last { " last" } else { "" })
            }
            Frame::Ack(ack) => write!(f, "ack {} {:?}", ack.seqno, ack.replies),
            Frame::Reset => f.write_str("reset"),
        }
    }
}

/// Names of timers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// NameNode: decide what to copy and delete.
    Tick,
    /// NameNode: take the next part of a block report that came as this call.
    ReportPart(u64),
    /// NameNode: the batch under way reaches the disk.
    Flush,
    /// NameNode: merge the edits into an image.
    Checkpoint,
    /// DataNode: ask the actor.
    Poll,
    /// DataNode: read a replica in the background.
    Scan,
    /// DataNode: its disk did not let it start.
    Boot,
    /// Client: begin the next operation, or go on with this one.
    Next,
    /// Client: the call under way was not answered.
    CallTimeout,
    /// Client: call again.
    Retry,
    /// Client: tell the NameNode that it lives.
    Renew,
    /// A connection has been silent for too long.
    Silence(u64),
}

/// One side of a connection.
#[derive(Debug)]
struct Connection {
    peer: NodeId,
    sent: u64,
    received: u64,
    /// Frames that came before their turn.
    early: BTreeMap<u64, Frame>,
}

/// The connections of a process: frames arrive in order and once, or not at all.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: BTreeMap<u64, Connection>,
    closed: BTreeSet<u64>,
}

impl Connections {
    /// Opens a connection with its first frame.
    pub(crate) fn open(&mut self, peer: NodeId, frame: Frame, ctx: &mut Ctx<'_, Member>) -> u64 {
        let id = ctx.rng.next_u64();
        self.accept(id, peer);
        self.send(id, frame, ctx);
        id
    }

    fn accept(&mut self, id: u64, peer: NodeId) {
        let connection = Connection {
            peer,
            sent: 0,
            received: 0,
            early: BTreeMap::new(),
        };
        self.open.insert(id, connection);
    }

    pub(crate) fn send(&mut self, id: u64, frame: Frame, ctx: &mut Ctx<'_, Member>) {
        if let Some(connection) = self.open.get_mut(&id) {
            let message = Message::Frame {
                connection: id,
                number: connection.sent,
                frame,
            };
            connection.sent += 1;
            ctx.send(connection.peer, message);
        }
    }

    /// Takes a frame from the network and returns those whose turn it is.
    pub(crate) fn receive(
        &mut self,
        (id, number): (u64, u64),
        from: NodeId,
        frame: Frame,
        ctx: &mut Ctx<'_, Member>,
    ) -> Vec<Frame> {
        let opens = matches!(
            frame,
            Frame::Write { .. }
                | Frame::Read { .. }
                | Frame::Transfer { .. }
                | Frame::Replace { .. }
                | Frame::Copy { .. }
                | Frame::InitRecovery { .. }
                | Frame::UpdateRecovered { .. }
        );
        if opens && !self.open.contains_key(&id) && !self.closed.contains(&id) {
            self.accept(id, from);
        }
        let Some(connection) = self.open.get_mut(&id) else {
            if !matches!(frame, Frame::Reset) {
                let frame = Frame::Reset;
                let message = Message::Frame {
                    connection: id,
                    number: 0,
                    frame,
                };
                ctx.send(from, message);
            }
            return Vec::new();
        };
        if matches!(frame, Frame::Reset) {
            self.forget(id);
            return vec![frame];
        }
        if number >= connection.received {
            connection.early.insert(number, frame);
        }
        let mut due = Vec::new();
        while let Some(frame) = connection.early.remove(&connection.received) {
            connection.received += 1;
            due.push(frame);
        }
        due
    }

    /// Closes a connection; the other side hears of it, if anything gets there.
    pub(crate) fn close(&mut self, id: u64, ctx: &mut Ctx<'_, Member>) {
        if self.open.contains_key(&id) {
            self.send(id, Frame::Reset, ctx);
            self.forget(id);
            ctx.cancel_timer(Timer::Silence(id));
        }
    }

    fn forget(&mut self, id: u64) {
        self.open.remove(&id);
        self.closed.insert(id);
    }
}

/// The process that has this address: addresses are node ids.
pub(crate) fn node_at(address: &str) -> NodeId {
    NodeId(address.parse().expect("addresses are node ids here"))
}
