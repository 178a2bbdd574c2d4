//! Between the plain types and the generated ones. Outward nothing can fail; inward a message may lack a part
//! that we cannot do without, or hold a number that is out of range.

use tonic::Status;

use super::wire;
use crate::block::{
    Block, BlockId, DatanodeId, DatanodeInfo, GenerationStamp, InodeId, LocatedBlock, ReplicaState,
};
use crate::namenode::blocks::BlockState;
use crate::protocol::{
    AddBlockRequest, BlockEvent, Command, ContentSummary, CreateRequest, DatanodeReport,
    DatanodeState, FileStatus, FsStatus, FsckBlock, Heartbeat, Listing, LocatedBlocks, Permission,
    RegistrationId, ReplicaHealth, ReportedReplica,
};

/// A message that is no such message; holds the field at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed message: {0} is missing or out of range")]
pub struct Malformed(&'static str);

impl From<Malformed> for Status {
    fn from(malformed: Malformed) -> Status {
        Status::invalid_argument(malformed.to_string())
    }
}

/// The value of a field that must be there.
pub(crate) fn needed<W, T: TryFrom<W>>(
    field: Option<W>,
    name: &'static str,
) -> Result<T, Malformed> {
    T::try_from(field.ok_or(Malformed(name))?).map_err(|_| Malformed(name))
}

/// A number in a narrower type than the wire has.
pub(crate) fn narrowed<T: TryFrom<u32>>(number: u32, name: &'static str) -> Result<T, Malformed> {
    T::try_from(number).map_err(|_| Malformed(name))
}

pub(crate) fn all<W, T: From<W>>(items: Vec<W>) -> Vec<T> {
    items.into_iter().map(T::from).collect()
}

pub(crate) fn try_all<W, T: TryFrom<W, Error = Malformed>>(
    items: Vec<W>,
) -> Result<Vec<T>, Malformed> {
    items.into_iter().map(T::try_from).collect()
}

/// An enum whose value 0 on the wire means that it was not set.
macro_rules! enums {
    ($($core:ident { $($variant:ident),* })*) => { $(
        impl From<$core> for wire::$core {
            fn from(core: $core) -> Self {
                match core { $($core::$variant => wire::$core::$variant),* }
            }
        }

        impl TryFrom<wire::$core> for $core {
            type Error = Malformed;

            fn try_from(wire: wire::$core) -> Result<Self, Malformed> {
                match wire {
                    wire::$core::Unspecified => Err(Malformed(stringify!($core))),
                    $(wire::$core::$variant => Ok($core::$variant)),*
                }
            }
        }
    )* };
}

enums! {
    BlockState { UnderConstruction, Committed, Complete }
    ReplicaHealth { Live, Stale, Corrupt, Excess, Rbw }
    DatanodeState { Live, Stale, Dead }
    ReplicaState { Finalized, Rbw, Rwr, Temporary }
}

impl From<Block> for wire::Block {
    fn from(block: Block) -> Self {
        wire::Block {
            id: block.id.0,
            generation: block.generation.0,
            len: block.len,
        }
    }
}

impl From<wire::Block> for Block {
    fn from(block: wire::Block) -> Self {
        Block {
            id: BlockId(block.id),
            generation: GenerationStamp(block.generation),
            len: block.len,
        }
    }
}

impl From<DatanodeInfo> for wire::DatanodeInfo {
    fn from(info: DatanodeInfo) -> Self {
        wire::DatanodeInfo {
            id: info.id.0,
            hostname: info.hostname,
            address: info.address,
            rack: info.rack,
        }
    }
}

impl From<wire::DatanodeInfo> for DatanodeInfo {
    fn from(info: wire::DatanodeInfo) -> Self {
        DatanodeInfo {
            id: DatanodeId(info.id),
            hostname: info.hostname,
            address: info.address,
            rack: info.rack,
        }
    }
}

impl From<LocatedBlock> for wire::LocatedBlock {
    fn from(located: LocatedBlock) -> Self {
        wire::LocatedBlock {
            block: Some(located.block.into()),
            offset: located.offset,
            locations: all(located.locations),
            corrupt: located.corrupt,
            under_construction: located.under_construction,
        }
    }
}

impl TryFrom<wire::LocatedBlock> for LocatedBlock {
    type Error = Malformed;

    fn try_from(located: wire::LocatedBlock) -> Result<Self, Malformed> {
        Ok(LocatedBlock {
            block: needed(located.block, "LocatedBlock.block")?,
            offset: located.offset,
            locations: all(located.locations),
            corrupt: located.corrupt,
            under_construction: located.under_construction,
        })
    }
}

impl TryFrom<wire::LocatedBlocks> for LocatedBlocks {
    type Error = Malformed;

    fn try_from(located: wire::LocatedBlocks) -> Result<Self, Malformed> {
        Ok(LocatedBlocks {
            len: located.len,
            blocks: try_all(located.blocks)?,
            under_construction: located.under_construction,
        })
    }
}

impl From<Permission> for wire::Permission {
    fn from(permission: Permission) -> Self {
        wire::Permission {
            owner: permission.owner,
            group: permission.group,
            mode: permission.mode.into(),
        }
    }
}

impl TryFrom<wire::Permission> for Permission {
    type Error = Malformed;

    fn try_from(permission: wire::Permission) -> Result<Self, Malformed> {
        Ok(Permission {
            owner: permission.owner,
            group: permission.group,
            mode: narrowed(permission.mode, "Permission.mode")?,
        })
    }
}

impl From<FileStatus> for wire::FileStatus {
    fn from(status: FileStatus) -> Self {
        wire::FileStatus {
            path: status.path,
            inode: status.inode.0,
            is_directory: status.is_directory,
            len: status.len,
            replication: status.replication.into(),
            block_size: status.block_size,
            modified_ms: status.modified_ms,
            accessed_ms: status.accessed_ms,
            permission: Some(status.permission.into()),
            under_construction: status.under_construction,
            children: status.children,
        }
    }
}

impl TryFrom<wire::FileStatus> for FileStatus {
    type Error = Malformed;

    fn try_from(status: wire::FileStatus) -> Result<Self, Malformed> {
        Ok(FileStatus {
            path: status.path,
            inode: InodeId(status.inode),
            is_directory: status.is_directory,
            len: status.len,
            replication: narrowed(status.replication, "FileStatus.replication")?,
            block_size: status.block_size,
            modified_ms: status.modified_ms,
            accessed_ms: status.accessed_ms,
            permission: needed(status.permission, "FileStatus.permission")?,
            under_construction: status.under_construction,
            children: status.children,
        })
    }
}

impl From<CreateRequest> for wire::CreateRequest {
    fn from(request: CreateRequest) -> Self {
        wire::CreateRequest {
            path: request.path,
            client: request.client,
            overwrite: request.overwrite,
            create_parent: request.create_parent,
            replication: request.replication.into(),
            block_size: request.block_size,
            permission: Some(request.permission.into()),
        }
    }
}

impl TryFrom<wire::CreateRequest> for CreateRequest {
    type Error = Malformed;

    fn try_from(request: wire::CreateRequest) -> Result<Self, Malformed> {
        Ok(CreateRequest {
            path: request.path,
            client: request.client,
            overwrite: request.overwrite,
            create_parent: request.create_parent,
            replication: narrowed(request.replication, "CreateRequest.replication")?,
            block_size: request.block_size,
            permission: needed(request.permission, "CreateRequest.permission")?,
        })
    }
}

impl From<AddBlockRequest> for wire::AddBlockRequest {
    fn from(request: AddBlockRequest) -> Self {
        wire::AddBlockRequest {
            inode: request.inode.0,
            client: request.client,
            previous: request.previous.map(Into::into),
            exclude: request.exclude.into_iter().map(|id| id.0).collect(),
            client_host: request.client_host,
        }
    }
}

impl From<wire::AddBlockRequest> for AddBlockRequest {
    fn from(request: wire::AddBlockRequest) -> Self {
        AddBlockRequest {
            inode: InodeId(request.inode),
            client: request.client,
            previous: request.previous.map(Into::into),
            exclude: request.exclude.into_iter().map(DatanodeId).collect(),
            client_host: request.client_host,
        }
    }
}

impl From<Listing> for wire::Listing {
    fn from(listing: Listing) -> Self {
        wire::Listing {
            entries: all(listing.entries),
            remaining: listing.remaining,
        }
    }
}

impl TryFrom<wire::Listing> for Listing {
    type Error = Malformed;

    fn try_from(listing: wire::Listing) -> Result<Self, Malformed> {
        Ok(Listing {
            entries: try_all(listing.entries)?,
            remaining: listing.remaining,
        })
    }
}

impl From<ContentSummary> for wire::ContentSummary {
    fn from(summary: ContentSummary) -> Self {
        wire::ContentSummary {
            len: summary.len,
            space_consumed: summary.space_consumed,
            files: summary.files,
            directories: summary.directories,
        }
    }
}

impl From<wire::ContentSummary> for ContentSummary {
    fn from(summary: wire::ContentSummary) -> Self {
        ContentSummary {
            len: summary.len,
            space_consumed: summary.space_consumed,
            files: summary.files,
            directories: summary.directories,
        }
    }
}

impl From<FsckBlock> for wire::FsckBlock {
    fn from(block: FsckBlock) -> Self {
        let replica = |(datanode, health): (DatanodeInfo, ReplicaHealth)| wire::FsckReplica {
            datanode: Some(datanode.into()),
            health: wire::ReplicaHealth::from(health).into(),
        };
        wire::FsckBlock {
            block: Some(block.block.into()),
            state: wire::BlockState::from(block.state).into(),
            expected: block.expected.into(),
            replicas: block.replicas.into_iter().map(replica).collect(),
            badly_distributed: block.badly_distributed,
        }
    }
}

impl TryFrom<wire::FsckBlock> for FsckBlock {
    type Error = Malformed;

    fn try_from(block: wire::FsckBlock) -> Result<Self, Malformed> {
        let state = block.state().try_into()?;
        let replica = |replica: wire::FsckReplica| {
            let health = replica.health().try_into()?;
            Ok((needed(replica.datanode, "FsckReplica.datanode")?, health))
        };
        Ok(FsckBlock {
            block: needed(block.block, "FsckBlock.block")?,
            state,
            expected: narrowed(block.expected, "FsckBlock.expected")?,
            replicas: block
                .replicas
                .into_iter()
                .map(replica)
                .collect::<Result<_, _>>()?,
            badly_distributed: block.badly_distributed,
        })
    }
}

impl From<DatanodeReport> for wire::DatanodeReport {
    fn from(report: DatanodeReport) -> Self {
        wire::DatanodeReport {
            info: Some(report.info.into()),
            state: wire::DatanodeState::from(report.state).into(),
            heartbeat: Some(report.heartbeat.into()),
            last_contact_ms: report.last_contact_ms,
            blocks: report.blocks,
        }
    }
}

impl TryFrom<wire::DatanodeReport> for DatanodeReport {
    type Error = Malformed;

    fn try_from(report: wire::DatanodeReport) -> Result<Self, Malformed> {
        Ok(DatanodeReport {
            state: report.state().try_into()?,
            info: needed(report.info, "DatanodeReport.info")?,
            heartbeat: needed(report.heartbeat, "DatanodeReport.heartbeat")?,
            last_contact_ms: report.last_contact_ms,
            blocks: report.blocks,
        })
    }
}

/// Structs whose fields are the same on both sides.
macro_rules! same_fields {
    ($($name:ident { $($field:ident),* })*) => { $(
        impl From<$name> for wire::$name {
            fn from(core: $name) -> Self {
                wire::$name { $($field: core.$field),* }
            }
        }

        impl From<wire::$name> for $name {
            fn from(wire: wire::$name) -> Self {
                $name { $($field: wire.$field),* }
            }
        }
    )* };
}

same_fields! {
    FsStatus {
        capacity, dfs_used, remaining, inodes, blocks, under_replicated, pending_replication, corrupt,
        missing, pending_deletion, under_construction, live_datanodes, stale_datanodes, dead_datanodes,
        safe_mode, last_txid, checkpoint_txid
    }
}

impl From<Heartbeat> for wire::Heartbeat {
    fn from(heartbeat: Heartbeat) -> Self {
        wire::Heartbeat {
            id: heartbeat.id.0,
            registration: heartbeat.registration.0,
            capacity: heartbeat.capacity,
            dfs_used: heartbeat.dfs_used,
            remaining: heartbeat.remaining,
            xceivers: heartbeat.xceivers,
        }
    }
}

impl From<wire::Heartbeat> for Heartbeat {
    fn from(heartbeat: wire::Heartbeat) -> Self {
        Heartbeat {
            id: DatanodeId(heartbeat.id),
            registration: RegistrationId(heartbeat.registration),
            capacity: heartbeat.capacity,
            dfs_used: heartbeat.dfs_used,
            remaining: heartbeat.remaining,
            xceivers: heartbeat.xceivers,
        }
    }
}

impl From<Command> for wire::Command {
    fn from(command: Command) -> Self {
        use wire::command::{Invalidate, Kind, Register, Transfer};
        let kind = match command {
            Command::Register => Kind::Register(Register {}),
            Command::Invalidate(blocks) => Kind::Invalidate(Invalidate {
                blocks: all(blocks),
            }),
            Command::Transfer { block, targets } => Kind::Transfer(Transfer {
                block: Some(block.into()),
                targets: all(targets),
            }),
        };
        wire::Command { kind: Some(kind) }
    }
}

impl TryFrom<wire::Command> for Command {
    type Error = Malformed;

    fn try_from(command: wire::Command) -> Result<Self, Malformed> {
        use wire::command::Kind;
        Ok(match command.kind.ok_or(Malformed("Command.kind"))? {
            Kind::Register(_) => Command::Register,
            Kind::Invalidate(invalidate) => Command::Invalidate(all(invalidate.blocks)),
            Kind::Transfer(transfer) => Command::Transfer {
                block: needed(transfer.block, "Transfer.block")?,
                targets: all(transfer.targets),
            },
        })
    }
}

impl From<ReportedReplica> for wire::ReportedReplica {
    fn from(replica: ReportedReplica) -> Self {
        wire::ReportedReplica {
            block: Some(replica.block.into()),
            state: wire::ReplicaState::from(replica.state).into(),
        }
    }
}

impl TryFrom<wire::ReportedReplica> for ReportedReplica {
    type Error = Malformed;

    fn try_from(replica: wire::ReportedReplica) -> Result<Self, Malformed> {
        Ok(ReportedReplica {
            state: replica.state().try_into()?,
            block: needed(replica.block, "ReportedReplica.block")?,
        })
    }
}

impl From<BlockEvent> for wire::BlockEvent {
    fn from(event: BlockEvent) -> Self {
        use wire::block_event::Kind;
        let kind = match event {
            BlockEvent::Receiving(block) => Kind::Receiving(block.into()),
            BlockEvent::Received(block) => Kind::Received(block.into()),
            BlockEvent::Deleted(block) => Kind::Deleted(block.into()),
        };
        wire::BlockEvent { kind: Some(kind) }
    }
}

impl TryFrom<wire::BlockEvent> for BlockEvent {
    type Error = Malformed;

    fn try_from(event: wire::BlockEvent) -> Result<Self, Malformed> {
        use wire::block_event::Kind;
        Ok(match event.kind.ok_or(Malformed("BlockEvent.kind"))? {
            Kind::Receiving(block) => BlockEvent::Receiving(block.into()),
            Kind::Received(block) => BlockEvent::Received(block.into()),
            Kind::Deleted(block) => BlockEvent::Deleted(block.into()),
        })
    }
}

/// Answers that say nothing but that the call was carried out.
macro_rules! empty_answers {
    ($($name:ident),*) => { $(
        impl From<()> for wire::$name {
            fn from((): ()) -> Self {
                wire::$name {}
            }
        }
    )* };
}

empty_answers! {
    MkdirsResponse, AbandonBlockResponse, UpdatePipelineResponse, ReportBadBlockResponse,
    RenameResponse, SetReplicationResponse, BlockReportResponse, BlockReceivedAndDeletedResponse
}

/// Answers of one field.
macro_rules! answers {
    ($($name:ident { $field:ident: $core:ty => $convert:expr })*) => { $(
        impl From<$core> for wire::$name {
            fn from(core: $core) -> Self {
                wire::$name { $field: $convert(core) }
            }
        }
    )* };
}

answers! {
    CompleteResponse { done: bool => |done| done }
    DeleteResponse { deleted: bool => |deleted| deleted }
    SetSafeModeResponse { status: Option<String> => |status| status }
    UpdateBlockForPipelineResponse { generation: GenerationStamp => |stamp: GenerationStamp| stamp.0 }
    GetFileInfoResponse { status: Option<FileStatus> => |status: Option<FileStatus>| status.map(Into::into) }
    GetDatanodeReportResponse { datanodes: Vec<DatanodeReport> => all }
    RegisterDatanodeResponse { registration: RegistrationId => |id: RegistrationId| id.0 }
    HeartbeatResponse { commands: Vec<Command> => all }
}
