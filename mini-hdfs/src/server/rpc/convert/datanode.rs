//! What DataNodes say, and what they are told.

use super::{Malformed, all, answers, empty_answers, enums, needed, wire};
use crate::block::{DatanodeId, ReplicaState};
use crate::protocol::{
    BlockEvent, Command, Heartbeat, Registration, RegistrationId, ReportLeaseId, ReportedReplica,
};

enums! {
    ReplicaState { Finalized, Rbw, Rwr, Temporary }
}

empty_answers! { BlockReportResponse, BlockReceivedAndDeletedResponse }

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
            wants_report_lease: heartbeat.wants_report_lease,
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
        use wire::command::{Invalidate, Kind, Register, ReportBlocks, Transfer};
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
