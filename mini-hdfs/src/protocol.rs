//! What NameNode, DataNodes and clients say to each other, as plain types: the cores and the
//! simulator use these; `server/` translates them to and from the wire.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::block::{
    Block, DatanodeId, DatanodeInfo, GenerationStamp, InodeId, LocatedBlock, ReplicaState,
    StorageId,
};

/// A file or a directory, as `stat` shows it (`HdfsFileStatus`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStatus {
    /// The full path.
    pub path: String,
    /// Which inode.
    pub inode: InodeId,
    /// Whether it is a directory; then lengths, replication and block size are 0.
    pub is_directory: bool,
    /// Length in bytes; of a file being written, that of its finished blocks.
    pub len: u64,
    /// How many replicas its blocks should have.
    pub replication: u16,
    /// The size of its blocks in bytes, but for the last.
    pub block_size: u64,
    /// When its contents last changed, in milliseconds since the epoch.
    pub modified_ms: u64,
    /// When it was last read, in milliseconds since the epoch; kept at the time of creation.
    pub accessed_ms: u64,
    /// Owner, group and mode.
    pub permission: Permission,
    /// A client is still writing it.
    pub under_construction: bool,
    /// How many entries a directory has.
    pub children: u64,
}

/// Owner, group and mode. They are kept and shown; nothing is refused on their account
/// (HDFS's `dfs.permissions.enabled=false`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Permission {
    /// The user that owns it.
    pub owner: String,
    /// The group that owns it.
    pub group: String,
    /// The nine permission bits and the sticky bit, as `chmod` counts them: `0o644`.
    pub mode: u16,
}

/// Sums over a tree, for `dfs -du` and `dfs -count` (`ContentSummary`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentSummary {
    /// Bytes in files.
    pub len: u64,
    /// Bytes times replication.
    pub space_consumed: u64,
    /// Files below and including the path.
    pub files: u64,
    /// Directories below and including the path.
    pub directories: u64,
}

/// What `create` needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateRequest {
    /// The new file.
    pub path: String,
    /// The writer's name, unique to it: the holder of the lease.
    pub client: String,
    /// Replace a file that is there.
    pub overwrite: bool,
    /// Make missing directories above it.
    pub create_parent: bool,
    /// Replicas of each block; 0 for the file system's default.
    pub replication: u16,
    /// Bytes in a block, a multiple of 512; 0 for the file system's default.
    pub block_size: u64,
    /// Owner, group and mode of the file.
    pub permission: Permission,
}

/// What `add_block` needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddBlockRequest {
    /// The file being written, by the inode that `create` returned: a rename does not disturb a writer.
    pub inode: InodeId,
    /// The writer.
    pub client: String,
    /// The block that the writer has just finished, with its length; none before the first.
    pub previous: Option<Block>,
    /// DataNodes that the writer could not reach.
    pub exclude: Vec<DatanodeId>,
    /// The writer's machine, where it is known.
    pub client_host: Option<String>,
}

/// What `get_additional_datanode` needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdditionalDatanodeRequest {
    /// The file being written.
    pub inode: InodeId,
    /// The writer.
    pub client: String,
    /// The block that is being written, in its current generation.
    pub block: Block,
    /// The DataNodes that are left in its pipeline, in order.
    pub existing: Vec<DatanodeId>,
    /// DataNodes that failed.
    pub exclude: Vec<DatanodeId>,
    /// The writer's machine, where it is known.
    pub client_host: Option<String>,
}

/// The blocks of a part of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocatedBlocks {
    /// The file's length; of a file being written, that of its finished blocks.
    pub len: u64,
    /// The blocks that the asked range touches, in order; of a file being written, the last one too.
    pub blocks: Vec<LocatedBlock>,
    /// A client is still writing the file.
    pub under_construction: bool,
}

/// A page of a directory's entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// In the order of their names.
    pub entries: Vec<FileStatus>,
    /// How many are known to follow these: 0 if none does, else at least 1, counted no further than one
    /// page. Ask again, starting after the last name.
    pub remaining: u64,
}

/// Names one registration of a DataNode with one life of the NameNode. Commands of an earlier one are
/// void: the block map that they were decided on is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RegistrationId(pub u64);

/// The answer to a DataNode's registration (`NamespaceInfo`, `DatanodeRegistration`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// To be sent with every later call.
    pub id: RegistrationId,
    /// The file system that the DataNode's replicas belong to from now on.
    pub namespace_id: u64,
}

/// What a DataNode says of itself with each heartbeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Which DataNode.
    pub id: DatanodeId,
    /// Its registration; another one than the current is answered with [`Command::Register`].
    pub registration: RegistrationId,
    /// Bytes that its volumes hold in all.
    pub capacity: u64,
    /// Bytes that its replicas use.
    pub dfs_used: u64,
    /// Bytes that are free for new replicas.
    pub remaining: u64,
    /// Transfers under way (`xceiverCount`), the measure of its load.
    pub xceivers: u32,
    /// A full block report is due: it asks for a lease to send it (`requestFullBlockReportLease`).
    pub wants_report_lease: bool,
}

/// What a heartbeat says beside its figures: of each volume, and of peers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatDetails {
    /// Its volumes that are well. Empty from a DataNode that does not tell.
    pub storages: Vec<StorageReport>,
    /// Its volumes that have failed, with the reason.
    pub failed_volumes: Vec<FailedVolume>,
    /// Peers that are much slower than others, if a report of them is due.
    pub slow_peers: Vec<SlowPeer>,
}

/// The figures of one volume of a DataNode, in bytes (`StorageReport`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageReport {
    /// Which volume.
    pub storage: StorageId,
    /// Bytes that replicas may use on it.
    pub capacity: u64,
    /// Bytes that they use.
    pub dfs_used: u64,
    /// Bytes that are free for new ones.
    pub remaining: u64,
    /// Where its disk is much slower than the DataNode's others: how long an operation takes on average, in microseconds
    /// (`SlowDiskReports`).
    pub slow_us: Option<u64>,
}

/// A volume that its DataNode has taken out (`VolumeFailureInfo`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedVolume {
    /// Its directory.
    pub dir: String,
    /// What was wrong with it.
    pub reason: String,
}

/// A DataNode that takes much longer for a packet than others, as one of its peers sees it (`SlowPeerReports`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowPeer {
    /// Who is slow.
    pub node: DatanodeId,
    /// Its average, in microseconds.
    pub latency_us: u64,
}

/// Names the permission to send one full block report (`fullBlockReportLeaseId`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReportLeaseId(pub u64);

/// What the NameNode tells a DataNode to do, in answer to a heartbeat (`DatanodeCommand`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Register again and report all blocks: the NameNode does not know you.
    Register,
    /// Send a full block report now, under this lease.
    ReportBlocks(ReportLeaseId),
    /// Delete these replicas, if they are of this generation or an older one.
    Invalidate(Vec<Block>),
    /// Copy this finalised replica to these DataNodes, through a pipeline.
    Transfer {
        /// Which block.
        block: Block,
        /// Where to.
        targets: Vec<DatanodeInfo>,
    },
    /// Bring the replicas of these blocks, whose writers are gone, to one length (`BlockRecoveryCommand`).
    Recover(Vec<RecoveringBlock>),
}

/// A block whose writer is gone, and what the DataNode that recovers it, the *primary*, needs to know (`RecoveringBlock`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveringBlock {
    /// The block in the version that the NameNode knows.
    pub block: Block,
    /// The generation of its replicas afterwards, which also names this attempt: a later one has a higher one.
    pub recovery_id: GenerationStamp,
    /// The DataNodes that may hold a replica, the primary among them.
    pub locations: Vec<DatanodeInfo>,
}

/// What came of a recovery (`commitBlockSynchronization`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockSynchronization {
    /// The block as [`RecoveringBlock`] named it.
    pub block: Block,
    /// The attempt.
    pub recovery_id: GenerationStamp,
    /// The length of its replicas now; none where nobody holds a byte, and the block is to be removed.
    pub len: Option<u64>,
    /// The DataNodes whose replicas have this length and generation.
    pub datanodes: Vec<DatanodeId>,
}

/// How long a lease counts, as `renewLease` tells its holder. (HDFS's client knows the first by heart and the second from
/// its own settings.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseLimits {
    /// After this long without renewal another client may take the files.
    pub soft: Duration,
    /// After this long the NameNode closes them.
    pub hard: Duration,
}

/// A replica as a block report lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedReplica {
    /// The block, with the generation and the length that are on the disk.
    pub block: Block,
    /// The replica's state; [`ReplicaState::Temporary`] ones are not reported.
    pub state: ReplicaState,
}

/// A change that an incremental block report tells at once (`ReceivedDeletedBlockInfo`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockEvent {
    /// A client has begun to write a replica.
    Receiving(Block),
    /// A replica is finalised.
    Received(Block),
    /// A replica was fetched for the balancer and is finalised: that of `delete` may go now (`delHints`).
    Moved {
        /// The replica.
        block: Block,
        /// Whose replica it takes the place of.
        delete: DatanodeId,
    },
    /// A replica was deleted.
    Deleted(Block),
}

impl BlockEvent {
    /// The block that it is about.
    pub fn block(&self) -> Block {
        match self {
            BlockEvent::Receiving(block)
            | BlockEvent::Received(block)
            | BlockEvent::Moved { block, .. }
            | BlockEvent::Deleted(block) => *block,
        }
    }
}

/// A DataNode as the NameNode sees it, for `dfsadmin -report`, the status page and the lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatanodeReport {
    /// Who and where.
    pub info: DatanodeInfo,
    /// Live, stale or dead.
    pub state: DatanodeState,
    /// Whether it is in service.
    pub admin: AdminState,
    /// What it still has to wait for while it is about to leave the service.
    pub leaving: LeavingStatus,
    /// Its last heartbeat's figures.
    pub heartbeat: Heartbeat,
    /// What that said of volumes.
    pub details: HeartbeatDetails,
    /// How many of its peers report it as slow.
    pub slow_reports: usize,
    /// When that came, in milliseconds since the epoch.
    pub last_contact_ms: u64,
    /// How many replicas it is known to hold.
    pub blocks: u64,
}

/// How long ago a DataNode was last heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DatanodeState {
    /// Recently.
    Live,
    /// Longer ago than the stale interval: read from last and not written to.
    Stale,
    /// Longer ago than the dead interval: its replicas do not count.
    Dead,
}

/// Whether a DataNode is in service, as its operator wants it (`DatanodeInfo.AdminStates`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AdminState {
    /// In service.
    #[default]
    Normal,
    /// It shall be taken out for good: its replicas are copied elsewhere, and no new ones come to it.
    DecommissionInProgress,
    /// Everything that it holds is elsewhere too: it may be switched off.
    Decommissioned,
    /// It shall be away for a while: blocks that would have too few replicas meanwhile get more.
    EnteringMaintenance,
    /// It may be away: its replicas are not made anew.
    InMaintenance,
}

/// What a DataNode that is about to leave the service still waits for (`DatanodeDescriptor.LeavingServiceStatus`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeavingStatus {
    /// Blocks on it with too few replicas elsewhere.
    pub under_replicated: u64,
    /// Of these, those without a replica elsewhere.
    pub only_here: u64,
    /// Of these, those that are being written.
    pub in_open_files: u64,
}

/// The state of a replica as `fsck` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplicaHealth {
    /// Good, on a live DataNode.
    Live,
    /// Good, on a DataNode that has not been heard for a while.
    Stale,
    /// Its bytes do not match their checksums, or its generation or length is wrong.
    Corrupt,
    /// More than the file needs; chosen to be deleted.
    Excess,
    /// Good, on a DataNode that is about to be decommissioned.
    Decommissioning,
    /// Good, on a DataNode that is decommissioned.
    Decommissioned,
    /// Good, on a DataNode that is about to be in maintenance.
    EnteringMaintenance,
    /// Good, as far as is known, on a DataNode in maintenance.
    InMaintenance,
    /// Being written.
    Rbw,
}

/// A block as `fsck` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FsckBlock {
    /// The block.
    pub block: Block,
    /// Under construction, committed or complete.
    pub state: crate::namenode::blocks::BlockState,
    /// How many replicas it should have.
    pub expected: u16,
    /// Its replicas, each with its DataNode.
    pub replicas: Vec<(DatanodeInfo, ReplicaHealth)>,
    /// It has enough replicas, but on fewer racks than it should.
    pub badly_distributed: bool,
}

/// A file as `fsck` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FsckFile {
    /// The file.
    pub status: FileStatus,
    /// Its blocks, in order.
    pub blocks: Vec<FsckBlock>,
}

/// Figures of the whole file system, for the status page, `/metrics` and the lab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FsStatus {
    /// Bytes that all live DataNodes hold, use, and have free.
    pub capacity: u64,
    /// See `capacity`.
    pub dfs_used: u64,
    /// See `capacity`.
    pub remaining: u64,
    /// Files and directories.
    pub inodes: u64,
    /// Blocks, whatever their state.
    pub blocks: u64,
    /// Blocks with at least one but fewer good replicas than they should have.
    pub under_replicated: u64,
    /// Blocks being copied now.
    pub pending_replication: u64,
    /// Blocks with at least one corrupt replica.
    pub corrupt: u64,
    /// Complete blocks without any good replica.
    pub missing: u64,
    /// Replicas waiting to be deleted.
    pub pending_deletion: u64,
    /// Files being written.
    pub under_construction: u64,
    /// Live DataNodes, stale ones included.
    pub live_datanodes: u64,
    /// Of these, the stale ones.
    pub stale_datanodes: u64,
    /// Dead DataNodes.
    pub dead_datanodes: u64,
    /// Volumes that have failed on live DataNodes (`VolumeFailuresTotal`).
    pub volume_failures: u64,
    /// Live DataNodes that their peers report as slow.
    pub slow_datanodes: u64,
    /// DataNodes that are about to be decommissioned, dead or alive.
    pub decommissioning_datanodes: u64,
    /// DataNodes that are decommissioned, dead or alive.
    pub decommissioned_datanodes: u64,
    /// DataNodes that are about to be in maintenance, dead or alive.
    pub entering_maintenance_datanodes: u64,
    /// DataNodes in maintenance, dead or alive.
    pub in_maintenance_datanodes: u64,
    /// Why safe mode is on, and what turns it off; none when it is off.
    pub safe_mode: Option<String>,
    /// The last transaction of the edit log.
    pub last_txid: u64,
    /// The transaction up to which the newest fsimage reaches.
    pub checkpoint_txid: u64,
}
