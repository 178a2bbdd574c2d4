//! What clients ask, and what they are answered.

use std::time::Duration;

use super::{Malformed, all, answers, empty_answers, enums, narrowed, needed, try_all, wire};
use crate::balancer::StoredBlock;
use crate::block::{DatanodeId, DatanodeInfo, GenerationStamp, InodeId};
use crate::namenode::blocks::BlockState;
use crate::protocol::{
    AddBlockRequest, AdditionalDatanodeRequest, CreateRequest, DatanodeReport, FileStatus,
    FsckBlock, LeaseLimits, Listing, ReplicaHealth,
};

enums! {
    BlockState { UnderConstruction, Committed, Complete }
    ReplicaHealth {
        Live, Stale, Corrupt, Excess, Rbw, Decommissioning, Decommissioned, EnteringMaintenance, InMaintenance
    }
}

empty_answers! {
    MkdirsResponse, AbandonBlockResponse, UpdatePipelineResponse, ReportBadBlockResponse,
    RenameResponse, SetReplicationResponse, RefreshNodesResponse, SetAdminStateResponse, SetPermissionResponse,
    SetOwnerResponse
}

answers! {
    CompleteResponse { done: bool => |done| done }
    RecoverLeaseResponse { closed: bool => |closed| closed }
    IsFileClosedResponse { closed: bool => |closed| closed }
    DeleteResponse { deleted: bool => |deleted| deleted }
    SetSafeModeResponse { status: Option<String> => |status| status }
    UpdateBlockForPipelineResponse { generation: GenerationStamp => |stamp: GenerationStamp| stamp.0 }
    GetAdditionalDatanodeResponse { datanode: DatanodeInfo => |node: DatanodeInfo| Some(node.into()) }
    GetFileInfoResponse { status: Option<FileStatus> => |status: Option<FileStatus>| status.map(Into::into) }
    GetBlocksResponse { blocks: Vec<StoredBlock> => all }
    GetDatanodeReportResponse { datanodes: Vec<DatanodeReport> => all }
}

impl From<StoredBlock> for wire::BlockWithLocations {
    fn from(stored: StoredBlock) -> Self {
        wire::BlockWithLocations {
            block: Some(stored.block.into()),
            datanodes: stored.holders.into_iter().map(|id| id.0).collect(),
        }
    }
}

impl From<LeaseLimits> for wire::RenewLeaseResponse {
    fn from(limits: LeaseLimits) -> Self {
        let millis = |limit: Duration| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        wire::RenewLeaseResponse {
            soft_ms: millis(limits.soft),
            hard_ms: millis(limits.hard),
        }
    }
}

impl TryFrom<wire::BlockWithLocations> for StoredBlock {
    type Error = Malformed;

    fn try_from(stored: wire::BlockWithLocations) -> Result<Self, Malformed> {
        Ok(StoredBlock {
            block: needed(stored.block, "BlockWithLocations.block")?,
            holders: stored.datanodes.into_iter().map(DatanodeId).collect(),
        })
    }
}

impl From<wire::RenewLeaseResponse> for LeaseLimits {
    fn from(answer: wire::RenewLeaseResponse) -> Self {
        LeaseLimits {
            soft: Duration::from_millis(answer.soft_ms),
            hard: Duration::from_millis(answer.hard_ms),
        }
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

impl From<AdditionalDatanodeRequest> for wire::GetAdditionalDatanodeRequest {
    fn from(request: AdditionalDatanodeRequest) -> Self {
        wire::GetAdditionalDatanodeRequest {
            inode: request.inode.0,
            client: request.client,
            block: Some(request.block.into()),
            existing: request.existing.into_iter().map(|id| id.0).collect(),
            exclude: request.exclude.into_iter().map(|id| id.0).collect(),
            client_host: request.client_host,
        }
    }
}

impl TryFrom<wire::GetAdditionalDatanodeRequest> for AdditionalDatanodeRequest {
    type Error = Malformed;

    fn try_from(request: wire::GetAdditionalDatanodeRequest) -> Result<Self, Malformed> {
        Ok(AdditionalDatanodeRequest {
            inode: InodeId(request.inode),
            client: request.client,
            block: needed(request.block, "GetAdditionalDatanodeRequest.block")?,
            existing: request.existing.into_iter().map(DatanodeId).collect(),
            exclude: request.exclude.into_iter().map(DatanodeId).collect(),
            client_host: request.client_host,
        })
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
