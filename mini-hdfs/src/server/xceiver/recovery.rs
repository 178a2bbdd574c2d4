//! Blocks whose writer is gone: as the primary that recovers one, and as one of those that it asks (`BlockRecoveryWorker`,
//! `InterDatanodeProtocol`).

use std::net::TcpStream;

use anyhow::{Context, Result, bail};
use tracing::{info, warn};

use super::connection::Transferring;
use super::{DataEvent, Shared};
use crate::block::{BlockId, DatanodeInfo, GenerationStamp};
use crate::datanode::BlockRecovery;
use crate::datanode::block_recovery::{Answer, Step};
use crate::protocol::{BlockEvent, RecoveringBlock};
use crate::server::data_transfer::{
    Op, OpReply, RecoveredReplica, pipeline_timeout, receive_replica, receive_reply, send_op,
};

/// Carries one attempt to its end. Where it fails, the NameNode will notice, and have another one made.
pub(super) fn recover(shared: &Shared, order: RecoveringBlock) {
    let _counted = Transferring::begin(shared);
    let (block, id, recovery_id) = (order.block, order.block.id, order.recovery_id);
    let mut recovery = BlockRecovery::new(order);
    loop {
        match recovery.step() {
            Step::Init(node) => {
                let answer = shared.ask_for_replica(&node, id, recovery_id);
                let answer = answer.map(|replica| match replica {
                    Some((block, state)) => Answer::Replica(block, state),
                    None => Answer::None,
                });
                recovery.on_replica(answer.map_err(|e| format!("{e:#}")));
            }
            Step::Update(node, len) => {
                let updated = shared.have_updated(&node, id, recovery_id, len);
                recovery.on_updated(updated.map_err(|e| format!("{e:#}")));
            }
            Step::Commit(synchronization) => {
                info!(
                    "recovered {block} as {recovery_id}: {:?} bytes",
                    synchronization.len
                );
                return (shared.on_event)(DataEvent::Recovered(synchronization));
            }
            Step::Fail(reason) => return warn!("{reason}"),
        }
    }
}

impl Shared {
    fn ask_for_replica(
        &self,
        node: &DatanodeInfo,
        id: BlockId,
        recovery_id: GenerationStamp,
    ) -> Result<RecoveredReplica> {
        if node.id == self.id {
            return self.init_recovery(id, recovery_id);
        }
        let op = Op::InitRecovery { id, recovery_id };
        self.ask(node, &op, receive_replica)
    }

    fn have_updated(
        &self,
        node: &DatanodeInfo,
        id: BlockId,
        recovery_id: GenerationStamp,
        len: u64,
    ) -> Result<()> {
        if node.id == self.id {
            return self.update_recovered(id, recovery_id, len);
        }
        let op = Op::UpdateRecovered {
            id,
            recovery_id,
            len,
        };
        match self.ask(node, &op, receive_reply)? {
            OpReply::Refused { reason, .. } => bail!("{reason}"),
            OpReply::Success { .. } => Ok(()),
            OpReply::InProgress => bail!("{} answered what it was not asked", node.address),
        }
    }

    fn ask<T>(
        &self,
        node: &DatanodeInfo,
        op: &Op,
        receive: impl Fn(&mut TcpStream) -> std::io::Result<T>,
    ) -> Result<T> {
        let timeout = self.settings.socket_timeout;
        let mut socket = self
            .connector
            .connect(&node.address, timeout)
            .with_context(|| format!("cannot reach {}", node.address))?;
        // It waits as long for its own writer to stop.
        socket.set_read_timeout(Some(pipeline_timeout(timeout, 1)))?;
        socket.set_write_timeout(Some(timeout))?;
        send_op(&mut socket, op)?;
        receive(&mut socket).with_context(|| format!("{} was asked", node.address))
    }

    pub(super) fn init_recovery(
        &self,
        id: BlockId,
        recovery_id: GenerationStamp,
    ) -> Result<RecoveredReplica> {
        let patience = self.settings.socket_timeout;
        let found = self.dataset.init_recovery(id, recovery_id, patience);
        found.inspect_err(|e| self.look_at_volume_of(e))
    }

    pub(super) fn update_recovered(
        &self,
        id: BlockId,
        recovery_id: GenerationStamp,
        len: u64,
    ) -> Result<()> {
        let recovered = self.dataset.update_recovered(id, recovery_id, len);
        let block = recovered.inspect_err(|e| self.look_at_volume_of(e))?;
        self.tell(BlockEvent::Received(block));
        Ok(())
    }
}
