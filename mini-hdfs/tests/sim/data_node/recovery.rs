//! Blocks whose writer is gone: a DataNode as the primary that recovers one, and as one of those that it asks.

use std::time::Duration;

use mini_hdfs::block::{Block, BlockId, DatanodeInfo, GenerationStamp};
use mini_hdfs::datanode::block_recovery::{Answer, Step};
use mini_hdfs::datanode::{BlockRecovery, ReplicaWriter, replica_writer};
use mini_hdfs::protocol::{BlockEvent, RecoveringBlock};
use node::Ctx;

use super::Running;
use crate::cluster::Member;
use crate::wire::{Frame, Message, NAMENODE, Request, Timer, node_at};

const PATIENCE: Duration = Duration::from_secs(2);

impl Running {
    pub(super) fn recover(&mut self, order: RecoveringBlock, ctx: &mut Ctx<'_, Member>) {
        let id = order.block.id;
        if let Some((_, Some(old))) = self.recoveries.remove(&id) {
            self.connections.close(old, ctx);
        }
        self.recoveries
            .insert(id, (BlockRecovery::new(order), None));
        self.recover_on(id, ctx);
    }

    /// Does the next steps, until one has to be waited for.
    fn recover_on(&mut self, id: BlockId, ctx: &mut Ctx<'_, Member>) {
        while let Some((recovery, None)) = self.recoveries.get(&id) {
            let recovery_id = recovery.order().recovery_id;
            match recovery.step() {
                Step::Init(node) if node.id == self.id => {
                    let answer = self.init_recovery(id, recovery_id, ctx);
                    if let Some((recovery, _)) = self.recoveries.get_mut(&id) {
                        recovery.on_replica(answer);
                    }
                }
                Step::Update(node, len) if node.id == self.id => {
                    let done = self.update_recovered(id, recovery_id, len, ctx);
                    if let Some((recovery, _)) = self.recoveries.get_mut(&id) {
                        recovery.on_updated(done);
                    }
                }
                Step::Init(node) => {
                    let frame = Frame::InitRecovery { id, recovery_id };
                    self.ask(id, &node, frame, ctx);
                }
                Step::Update(node, len) => {
                    let frame = Frame::UpdateRecovered {
                        id,
                        recovery_id,
                        len,
                    };
                    self.ask(id, &node, frame, ctx);
                }
                Step::Commit(synchronization) => {
                    let request = Request::Synchronized(synchronization);
                    let call = ctx.rng.next_u64();
                    ctx.send(NAMENODE, Message::Call { id: call, request });
                    self.recoveries.remove(&id);
                }
                Step::Fail(_) => {
                    self.recoveries.remove(&id);
                }
            }
        }
    }

    fn ask(&mut self, id: BlockId, node: &DatanodeInfo, frame: Frame, ctx: &mut Ctx<'_, Member>) {
        let connection = self.connections.open(node_at(&node.address), frame, ctx);
        ctx.set_timer(Timer::Silence(connection), PATIENCE);
        if let Some((_, waits)) = self.recoveries.get_mut(&id) {
            *waits = Some(connection);
        }
    }

    /// The block whose recovery waits for an answer on this connection.
    pub(super) fn recovering_on(&self, connection: u64) -> Option<BlockId> {
        let mut waiting = self.recoveries.iter();
        let found = waiting.find(|(_, (_, waits))| *waits == Some(connection));
        found.map(|(id, _)| *id)
    }

    pub(super) fn recovery_heard(
        &mut self,
        id: BlockId,
        connection: u64,
        frame: Frame,
        ctx: &mut Ctx<'_, Member>,
    ) {
        self.connections.close(connection, ctx);
        ctx.cancel_timer(Timer::Silence(connection));
        let Some((recovery, waits)) = self.recoveries.get_mut(&id) else {
            return;
        };
        *waits = None;
        let failed = |frame| match frame {
            Frame::Refused { reason, .. } => reason,
            _ => "no answer".to_owned(),
        };
        match (recovery.step(), frame) {
            (Step::Init(_), Frame::Replica(answer)) => recovery.on_replica(Ok(answer)),
            (Step::Init(_), frame) => recovery.on_replica(Err(failed(frame))),
            (_, Frame::Accepted) => recovery.on_updated(Ok(())),
            (_, frame) => recovery.on_updated(Err(failed(frame))),
        }
        self.recover_on(id, ctx);
    }

    // ---- what the primary asks

    pub(super) fn reply(
        &mut self,
        connection: u64,
        answer: Result<Frame, String>,
        ctx: &mut Ctx<'_, Member>,
    ) {
        let bad = self.id;
        let answer = answer.unwrap_or_else(|reason| Frame::Refused { bad, reason });
        self.connections.send(connection, answer, ctx);
    }

    pub(super) fn init_recovery(
        &mut self,
        id: BlockId,
        recovery_id: GenerationStamp,
        ctx: &mut Ctx<'_, Member>,
    ) -> Result<Answer, String> {
        let block = Block {
            id,
            ..Block::default()
        };
        self.stop_writer(block, recovery_id, ctx);
        let replica = self.replicas.init_recovery(id, recovery_id);
        let Some(replica) = replica.map_err(|e| e.to_string())? else {
            return Ok(Answer::None);
        };
        let len = replica_writer::recoverable_len(ctx.disk, &replica);
        Ok(match len.map_err(|e| e.to_string())? {
            Some(len) => {
                let block = Block {
                    len,
                    ..replica.block
                };
                Answer::Replica(block, replica.state)
            }
            None => Answer::None,
        })
    }

    pub(super) fn update_recovered(
        &mut self,
        id: BlockId,
        recovery_id: GenerationStamp,
        len: u64,
        ctx: &mut Ctx<'_, Member>,
    ) -> Result<(), String> {
        let old = self.replicas.update_recovered(id, recovery_id, len);
        let old = old.map_err(|e| e.to_string())?;
        let disk = &mut *ctx.disk;
        let written = ReplicaWriter::recover(disk, &old, recovery_id, len)
            .and_then(|writer| writer.finalize(disk, true));
        match written {
            Ok(block) => {
                self.replicas.finalize(block).map_err(|e| e.to_string())?;
                self.actor.notify(BlockEvent::Received(block));
                Ok(())
            }
            Err(e) => {
                self.replicas.give_back(old);
                Err(e.to_string())
            }
        }
    }
}
