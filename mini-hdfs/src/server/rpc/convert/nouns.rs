//! Blocks, DataNodes, files.

use super::{Malformed, all, enums, narrowed, needed, same_fields, try_all, wire};
use crate::block::{
    Block, BlockId, DatanodeId, DatanodeInfo, GenerationStamp, InodeId, LocatedBlock,
};
use crate::protocol::{
    AdminState, ContentSummary, DatanodeReport, DatanodeState, FileStatus, FsStatus, LeavingStatus,
    LocatedBlocks, Permission,
};

enums! {
    DatanodeState { Live, Stale, Dead }
    AdminState {
        Normal, DecommissionInProgress, Decommissioned, EnteringMaintenance, InMaintenance
    }
}

same_fields! {
    ContentSummary { len, space_consumed, files, directories }
    FsStatus {
        capacity, dfs_used, remaining, inodes, blocks, under_replicated, pending_replication, corrupt,
        missing, pending_deletion, under_construction, live_datanodes, stale_datanodes, dead_datanodes,
        safe_mode, last_txid, checkpoint_txid, volume_failures, slow_datanodes,
        decommissioning_datanodes, decommissioned_datanodes,
        entering_maintenance_datanodes, in_maintenance_datanodes
    }
    LeavingStatus { under_replicated, only_here, in_open_files }
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

impl From<DatanodeReport> for wire::DatanodeReport {
    fn from(report: DatanodeReport) -> Self {
        wire::DatanodeReport {
            info: Some(report.info.into()),
            state: wire::DatanodeState::from(report.state).into(),
            heartbeat: Some(report.heartbeat.into()),
            last_contact_ms: report.last_contact_ms,
            blocks: report.blocks,
            details: Some(report.details.into()),
            slow_reports: report.slow_reports as u64,
            admin: wire::AdminState::from(report.admin).into(),
            leaving: Some(report.leaving.into()),
        }
    }
}

impl TryFrom<wire::DatanodeReport> for DatanodeReport {
    type Error = Malformed;

    fn try_from(report: wire::DatanodeReport) -> Result<Self, Malformed> {
        Ok(DatanodeReport {
            state: report.state().try_into()?,
            admin: report.admin().try_into()?,
            leaving: needed(report.leaving, "DatanodeReport.leaving")?,
            info: needed(report.info, "DatanodeReport.info")?,
            heartbeat: needed(report.heartbeat, "DatanodeReport.heartbeat")?,
            last_contact_ms: report.last_contact_ms,
            blocks: report.blocks,
            details: report.details.map(Into::into).unwrap_or_default(),
            slow_reports: usize::try_from(report.slow_reports).unwrap_or(usize::MAX),
        })
    }
}
