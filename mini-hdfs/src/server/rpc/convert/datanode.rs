//! What DataNodes say, and what they are told.

use super::{Malformed, all, answers, empty_answers, enums, needed, same_fields, try_all, wire};
use crate::block::{DatanodeId, GenerationStamp, ReplicaState, StorageId};
use crate::protocol::{
    BlockEvent, BlockSynchronization, Command, FailedVolume, Heartbeat, HeartbeatDetails,
    RecoveringBlock, Registration, RegistrationId, ReportLeaseId, ReportedReplica, SlowPeer,
    StorageReport,
};

enums! {
    ReplicaState { Finalized, Rbw, Rwr, Temporary }
}

same_fields! {
    FailedVolume { dir, reason }
}

empty_answers! {
    BlockReportResponse, BlockReceivedAndDeletedResponse, CommitBlockSynchronizationResponse
}

answers! {
    HeartbeatResponse { commands: Vec<Command> => all }
}

impl From<Registration> for wire::RegisterDatanodeResponse {
    fn from(registration: Registration) -> Self {
        wire::RegisterDatanodeResponse {
            registration: registration.id.0,
            namespace_id: registration.namespace_id,
        }
    }
}

impl From<wire::RegisterDatanodeResponse> for Registration {
    fn from(answer: wire::RegisterDatanodeResponse) -> Self {
        Registration {
            id: RegistrationId(answer.registration),
            namespace_id: answer.namespace_id,
        }
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
            details: None,
            wants_report_lease: heartbeat.wants_report_lease,
        }
    }
}

impl From<StorageReport> for wire::StorageReport {
    fn from(report: StorageReport) -> Self {
        wire::StorageReport {
            storage: report.storage.0,
            capacity: report.capacity,
            dfs_used: report.dfs_used,
            remaining: report.remaining,
            slow_us: report.slow_us,
        }
    }
}

impl From<wire::StorageReport> for StorageReport {
    fn from(report: wire::StorageReport) -> Self {
        StorageReport {
            storage: StorageId(report.storage),
            capacity: report.capacity,
            dfs_used: report.dfs_used,
            remaining: report.remaining,
            slow_us: report.slow_us,
        }
    }
}

impl From<SlowPeer> for wire::SlowPeer {
    fn from(peer: SlowPeer) -> Self {
        wire::SlowPeer {
            node: peer.node.0,
            latency_us: peer.latency_us,
        }
    }
}

impl From<wire::SlowPeer> for SlowPeer {
    fn from(peer: wire::SlowPeer) -> Self {
        SlowPeer {
            node: DatanodeId(peer.node),
            latency_us: peer.latency_us,
        }
    }
}

impl From<HeartbeatDetails> for wire::HeartbeatDetails {
    fn from(details: HeartbeatDetails) -> Self {
        wire::HeartbeatDetails {
            storages: all(details.storages),
            failed_volumes: all(details.failed_volumes),
            slow_peers: all(details.slow_peers),
        }
    }
}

impl From<wire::HeartbeatDetails> for HeartbeatDetails {
    fn from(details: wire::HeartbeatDetails) -> Self {
        HeartbeatDetails {
            storages: all(details.storages),
            failed_volumes: all(details.failed_volumes),
            slow_peers: all(details.slow_peers),
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
            wants_report_lease: heartbeat.wants_report_lease,
        }
    }
}

impl From<Command> for wire::Command {
    fn from(command: Command) -> Self {
        use wire::command::{Invalidate, Kind, Recover, Register, ReportBlocks, Transfer};
        let kind = match command {
            Command::Register => Kind::Register(Register {}),
            Command::ReportBlocks(lease) => Kind::ReportBlocks(ReportBlocks { lease: lease.0 }),
            Command::Invalidate(blocks) => Kind::Invalidate(Invalidate {
                blocks: all(blocks),
            }),
            Command::Transfer { block, targets } => Kind::Transfer(Transfer {
                block: Some(block.into()),
                targets: all(targets),
            }),
            Command::Recover(blocks) => Kind::Recover(Recover {
                blocks: all(blocks),
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
            Kind::ReportBlocks(report) => Command::ReportBlocks(ReportLeaseId(report.lease)),
            Kind::Invalidate(invalidate) => Command::Invalidate(all(invalidate.blocks)),
            Kind::Transfer(transfer) => Command::Transfer {
                block: needed(transfer.block, "Transfer.block")?,
                targets: all(transfer.targets),
            },
            Kind::Recover(recover) => Command::Recover(try_all(recover.blocks)?),
        })
    }
}

impl From<RecoveringBlock> for wire::RecoveringBlock {
    fn from(recovering: RecoveringBlock) -> Self {
        wire::RecoveringBlock {
            block: Some(recovering.block.into()),
            recovery_id: recovering.recovery_id.0,
            locations: all(recovering.locations),
        }
    }
}

impl TryFrom<wire::RecoveringBlock> for RecoveringBlock {
    type Error = Malformed;

    fn try_from(recovering: wire::RecoveringBlock) -> Result<Self, Malformed> {
        Ok(RecoveringBlock {
            block: needed(recovering.block, "RecoveringBlock.block")?,
            recovery_id: GenerationStamp(recovering.recovery_id),
            locations: all(recovering.locations),
        })
    }
}

impl From<BlockSynchronization> for wire::CommitBlockSynchronizationRequest {
    fn from(synchronization: BlockSynchronization) -> Self {
        wire::CommitBlockSynchronizationRequest {
            block: Some(synchronization.block.into()),
            recovery_id: synchronization.recovery_id.0,
            len: synchronization.len,
            datanodes: synchronization.datanodes.iter().map(|id| id.0).collect(),
        }
    }
}

impl TryFrom<wire::CommitBlockSynchronizationRequest> for BlockSynchronization {
    type Error = Malformed;

    fn try_from(request: wire::CommitBlockSynchronizationRequest) -> Result<Self, Malformed> {
        Ok(BlockSynchronization {
            block: needed(request.block, "CommitBlockSynchronizationRequest.block")?,
            recovery_id: GenerationStamp(request.recovery_id),
            len: request.len,
            datanodes: request.datanodes.into_iter().map(DatanodeId).collect(),
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
        use wire::block_event::{Kind, Moved};
        let kind = match event {
            BlockEvent::Moved { block, delete } => Kind::Moved(Moved {
                block: Some(block.into()),
                delete: delete.0,
            }),
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
            Kind::Moved(moved) => BlockEvent::Moved {
                block: needed(moved.block, "Moved.block")?,
                delete: DatanodeId(moved.delete),
            },
            Kind::Deleted(block) => BlockEvent::Deleted(block.into()),
        })
    }
}
