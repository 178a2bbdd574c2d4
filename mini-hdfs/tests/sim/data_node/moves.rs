//! Replicas that the balancer moves: a DataNode as the one that fetches, and as the one that is fetched from.

use std::time::Duration;

use mini_hdfs::block::{Block, DatanodeId, DatanodeInfo, ReplicaState};
use mini_hdfs::datanode::{Replica, ReplicaWriter, replica_writer};
use mini_hdfs::packet::Packet;
use mini_hdfs::protocol::BlockEvent;
use node::Ctx;

use super::Running;
use crate::cluster::Member;
use crate::wire::{Frame, Stage, Timer, node_at};

const PATIENCE: Duration = Duration::from_secs(3);

/// A replica that is being fetched.
pub(super) struct Fetch {
    /// The connection of the balancer, which waits for it.
    balancer: u64,
    block: Block,
    /// Whose replica may go then.
    delete: DatanodeId,
    writer: ReplicaWriter,
}

impl Running {
    pub(super) fn replace(
        &mut self,
        balancer: u64,
        block: Block,
        delete: DatanodeId,
        proxy: &DatanodeInfo,
        ctx: &mut Ctx<'_, Member>,
    ) {
        match self.open_replica(block, Stage::Transfer, ctx) {
            Ok(writer) => {
                let frame = Frame::Copy { block };
                let from = self.connections.open(node_at(&proxy.address), frame, ctx);
                ctx.set_timer(Timer::Silence(from), PATIENCE);
                let fetch = Fetch {
                    balancer,
                    block,
                    delete,
                    writer,
                };
                self.fetches.insert(from, fetch);
            }
            Err(reason) => self.reply(balancer, Err(reason), ctx),
        }
    }

    /// Sends all of a finalised replica.
    pub(super) fn copy(&mut self, connection: u64, block: Block, ctx: &mut Ctx<'_, Member>) {
        let Some((_, packets)) = self.sound_replica(block, ctx) else {
            let reason = "no sound replica is here".to_owned();
            return self.reply(connection, Err(reason), ctx);
        };
        self.reply(connection, Ok(Frame::Accepted), ctx);
        for packet in packets {
            self.connections
                .send(connection, Frame::Packet(packet), ctx);
        }
    }

    pub(super) fn fetched(&mut self, from: u64, frame: Frame, ctx: &mut Ctx<'_, Member>) {
        let Some(fetch) = self.fetches.get_mut(&from) else {
            return;
        };
        ctx.set_timer(Timer::Silence(from), PATIENCE);
        let stored = match frame {
            Frame::Accepted => return,
            Frame::Packet(packet) => store(fetch, &packet, ctx).map(|()| packet.last),
            _ => Err("the other one has hung up".to_owned()),
        };
        if matches!(stored, Ok(false)) {
            return;
        }
        self.connections.close(from, ctx);
        ctx.cancel_timer(Timer::Silence(from));
        let Some(fetch) = self.fetches.remove(&from) else {
            return;
        };
        let (balancer, block, delete) = (fetch.balancer, fetch.block, fetch.delete);
        let done = stored.and_then(|_| {
            let written = fetch.writer.finalize(ctx.disk, true);
            let written = written.map_err(|e| e.to_string())?;
            self.replicas.finalize(written).map_err(|e| e.to_string())
        });
        if done.is_ok() {
            self.actor.notify(BlockEvent::Moved { block, delete });
        } else {
            self.replicas.release(block);
            let replica = Replica::new(block, ReplicaState::Temporary);
            let _ = replica_writer::delete(ctx.disk, &replica);
        }
        self.reply(balancer, done.map(|()| Frame::Accepted), ctx);
    }
}

fn store(fetch: &mut Fetch, packet: &Packet, ctx: &mut Ctx<'_, Member>) -> Result<(), String> {
    let Packet { offset, last, .. } = *packet;
    let (disk, data) = (&mut *ctx.disk, &packet.data);
    let written = fetch
        .writer
        .write_packet(disk, offset, data, &packet.checksums);
    written.map_err(|e| e.to_string())?;
    if last && offset != fetch.block.len {
        return Err(format!("{offset} bytes came, of {}", fetch.block.len));
    }
    Ok(())
}
