//! Replicas on their way through a DataNode: written by a client, or copied from another DataNode.

use std::time::Duration;

use mini_hdfs::block::{Block, DatanodeId, DatanodeInfo, GenerationStamp, ReplicaState};
use mini_hdfs::datanode::block_file::BlockFileError;
use mini_hdfs::datanode::storage::Place;
use mini_hdfs::datanode::volumes::VolumeId;
use mini_hdfs::datanode::{PacketResponder, Replica, ReplicaWriter, replica_writer};
use mini_hdfs::packet::{AckStatus, BYTES_PER_CHECKSUM, Packet, PipelineAck, verify};
use mini_hdfs::protocol::BlockEvent;
use node::Ctx;

use super::{Running, read_packets};
use crate::cluster::Member;
use crate::wire::{Frame, Message, NAMENODE, Request, Stage, Timer, node_at};

/// A node of a pipeline waits so long for each node below it.
const DOWNSTREAM_PATIENCE: Duration = Duration::from_millis(1500);
/// And so long for its writer.
const WRITER_PATIENCE: Duration = Duration::from_secs(12);
/// And so long for whoever it sends a copy; the writer that asked for it waits longer.
const TRANSFER_PATIENCE: Duration = Duration::from_secs(3);

/// How long to wait for an answer that so many nodes must give, one after the other.
fn patience_with(nodes: usize) -> Duration {
    DOWNSTREAM_PATIENCE * u32::try_from(nodes).unwrap_or(1)
}

fn is_good(ack: &PipelineAck) -> bool {
    ack.replies.iter().all(|r| *r == AckStatus::Success)
}

/// A replica being written, and its part of the pipeline.
pub(super) struct Receiver {
    block: Block,
    stage: Stage,
    /// None once the replica is finalised, or cannot be written.
    writer: Option<ReplicaWriter>,
    responder: PacketResponder,
    /// The connection to the next node, and how many nodes there are from it on.
    below: Option<(u64, usize)>,
    /// Packets not acknowledged yet: number, end, checksum of a short last chunk.
    unacked: Vec<(u64, u64, Option<u32>)>,
    /// It is whole, and this receiver has nothing more to do with it.
    finalized: bool,
}

/// A copy being sent to other DataNodes.
pub(super) struct Transfer {
    packets: Vec<Packet>,
    last: u64,
    /// The writer that waits for it, on this connection, and the node that it is for.
    asked: Option<(u64, DatanodeId)>,
}

impl Running {
    pub(super) fn transfer(
        &mut self,
        block: Block,
        targets: &[DatanodeInfo],
        ctx: &mut Ctx<'_, Member>,
    ) {
        if let Some((replica, _)) = self.sound_replica(block, ctx) {
            // Where it fails, the NameNode asks somebody again.
            let _ = self.send_replica(&replica, Stage::Transfer, targets, None, ctx);
        }
    }

    /// A finalised replica, and all of it. None where there is none, or it is damaged: then the NameNode is told, for else nobody
    /// would ever notice.
    pub(super) fn sound_replica(
        &mut self,
        block: Block,
        ctx: &mut Ctx<'_, Member>,
    ) -> Option<(Replica, Vec<Packet>)> {
        let replica = self.replicas.readable(block).ok()?;
        if replica.state != ReplicaState::Finalized {
            return None;
        }
        let sound = |packet: &Packet| verify(&packet.data, &packet.checksums).is_ok();
        let packets = read_packets(ctx, &replica, 0, replica.block.len).ok();
        let packets = packets.filter(|packets| packets.iter().all(sound));
        if packets.is_none() {
            let (id, request) = (
                ctx.rng.next_u64(),
                Request::BadBlock(replica.block, self.id),
            );
            ctx.send(NAMENODE, Message::Call { id, request });
        }
        Some((replica, packets?))
    }

    /// A writer wants its new node to have what this one has.
    pub(super) fn send_to_pipeline(
        &mut self,
        connection: u64,
        block: Block,
        target: DatanodeInfo,
        ctx: &mut Ctx<'_, Member>,
    ) {
        let asked = Some((connection, target.id));
        let replica = self.replicas.to_send(block).map_err(|e| e.to_string());
        let sent = replica.and_then(|replica| {
            self.send_replica(&replica, Stage::TransferRbw, &[target], asked, ctx)
        });
        if let Err(reason) = sent {
            let bad = self.id;
            let refused = Frame::Refused { bad, reason };
            self.connections.send(connection, refused, ctx);
        }
    }

    fn send_replica(
        &mut self,
        replica: &Replica,
        stage: Stage,
        targets: &[DatanodeInfo],
        asked: Option<(u64, DatanodeId)>,
        ctx: &mut Ctx<'_, Member>,
    ) -> Result<(), String> {
        let packets = read_packets(ctx, replica, 0, replica.block.len);
        let packets = packets.map_err(|e| e.to_string())?;
        let (first, rest) = targets.split_first().ok_or("no target was named")?;
        let frame = Frame::Write {
            block: replica.block,
            stage,
            targets: rest.to_vec(),
        };
        let connection = self.connections.open(node_at(&first.address), frame, ctx);
        let transfer = Transfer {
            last: packets.last().map_or(0, |packet| packet.seqno),
            packets,
            asked,
        };
        self.transfers.insert(connection, transfer);
        ctx.set_timer(Timer::Silence(connection), TRANSFER_PATIENCE);
        Ok(())
    }

    pub(super) fn write(
        &mut self,
        connection: u64,
        block: Block,
        stage: Stage,
        targets: &[DatanodeInfo],
        ctx: &mut Ctx<'_, Member>,
    ) {
        if let Stage::Recovery { generation, .. } = stage {
            self.stop_writer(block, generation, ctx);
        }
        // In its old generation, if this is a recovery: the next node has that too.
        let asked = block;
        let writer = match self.open_replica(asked, stage, ctx) {
            Ok(writer) => writer,
            Err(reason) => {
                let bad = self.id;
                let refused = Frame::Refused { bad, reason };
                self.connections.send(connection, refused, ctx);
                return;
            }
        };
        let block = writer.block();
        let below = targets.first().map(|next| {
            let targets = targets[1..].to_vec();
            let nodes = 1 + targets.len();
            let frame = Frame::Write {
                block: asked,
                stage,
                targets,
            };
            let below = self.connections.open(node_at(&next.address), frame, ctx);
            self.above.insert(below, connection);
            ctx.set_timer(Timer::Silence(below), patience_with(nodes));
            (below, nodes)
        });
        if below.is_none() {
            self.connections.send(connection, Frame::Accepted, ctx);
        }
        if !matches!(stage, Stage::Transfer | Stage::TransferRbw) {
            self.actor.notify(BlockEvent::Receiving(block));
        }
        let receiver = Receiver {
            block,
            stage,
            writer: Some(writer),
            responder: PacketResponder::new(below.is_some()),
            below,
            unacked: Vec::new(),
            finalized: false,
        };
        self.receivers.insert(connection, receiver);
        ctx.set_timer(Timer::Silence(connection), WRITER_PATIENCE);
    }

    /// A writer that comes back after its pipeline broke takes the replica from its old connection.
    pub(super) fn stop_writer(
        &mut self,
        block: Block,
        generation: GenerationStamp,
        ctx: &mut Ctx<'_, Member>,
    ) {
        let writes = |r: &Receiver| {
            r.block.id == block.id && r.block.generation < generation && !r.finalized
        };
        let old = self.receivers.iter();
        let old: Vec<u64> = old
            .filter(|(_, receiver)| writes(receiver))
            .map(|(connection, _)| *connection)
            .collect();
        for connection in old {
            self.abort(connection, ctx);
        }
    }

    pub(super) fn open_replica(
        &mut self,
        block: Block,
        stage: Stage,
        ctx: &mut Ctx<'_, Member>,
    ) -> Result<ReplicaWriter, String> {
        let (state, place) = match stage {
            Stage::Recovery {
                generation,
                acked_len,
            } => {
                let old = self.replicas.recover(block, generation, acked_len);
                let old = old.map_err(|e| e.to_string())?;
                let writer = ReplicaWriter::recover(ctx.disk, &old, generation, acked_len);
                return writer.map_err(|e| {
                    self.replicas.give_back(old);
                    e.to_string()
                });
            }
            Stage::Create => (ReplicaState::Rbw, Place::Rbw),
            Stage::Transfer | Stage::TransferRbw => (ReplicaState::Temporary, Place::Tmp),
        };
        let old = self.replicas.create(block, state, VolumeId(0));
        if let Some(old) = old.map_err(|e| e.to_string())? {
            let _ = replica_writer::delete(ctx.disk, &old);
        }
        ReplicaWriter::create(ctx.disk, block, place).map_err(|e| {
            self.replicas.release(block);
            e.to_string()
        })
    }

    pub(super) fn packet(&mut self, connection: u64, packet: &Packet, ctx: &mut Ctx<'_, Member>) {
        let Some(receiver) = self.receivers.get_mut(&connection) else {
            return;
        };
        ctx.set_timer(Timer::Silence(connection), WRITER_PATIENCE);
        let sync = packet.sync || packet.last;
        receiver.responder.received(packet.seqno, sync);
        if let Some((below, nodes)) = receiver.below {
            self.connections
                .send(below, Frame::Packet(packet.clone()), ctx);
            ctx.set_timer(Timer::Silence(below), patience_with(nodes));
        }
        if receiver.writer.is_none() {
            return;
        }
        let short = !packet.data.len().is_multiple_of(BYTES_PER_CHECKSUM);
        let checksum = packet.checksums.last().copied().filter(|_| short);
        receiver
            .unacked
            .push((packet.seqno, packet.end(), checksum));
        let acks = match self.store(connection, packet, ctx) {
            Ok(acks) => acks,
            Err(e) => {
                let status = match e {
                    BlockFileError::Checksum { .. } => AckStatus::ErrorChecksum,
                    _ => AckStatus::Error,
                };
                match self.receivers.get_mut(&connection) {
                    Some(receiver) => {
                        receiver.writer = None;
                        receiver.responder.local_failed(packet.seqno, status)
                    }
                    None => Vec::new(),
                }
            }
        };
        self.acks(connection, acks, ctx);
    }

    fn store(
        &mut self,
        connection: u64,
        packet: &Packet,
        ctx: &mut Ctx<'_, Member>,
    ) -> Result<Vec<PipelineAck>, BlockFileError> {
        let Some(receiver) = self.receivers.get_mut(&connection) else {
            return Ok(Vec::new());
        };
        let Some(mut writer) = receiver.writer.take() else {
            return Ok(Vec::new());
        };
        let (disk, seqno) = (&mut *ctx.disk, packet.seqno);
        writer.write_packet(disk, packet.offset, &packet.data, &packet.checksums)?;
        let mut acks = receiver.responder.local_written(seqno);
        if packet.last && matches!(receiver.stage, Stage::TransferRbw) {
            let block = writer.keep_as_rbw(disk)?;
            receiver.finalized = true;
            if self.replicas.keep_as_rbw(block).is_ok() {
                self.actor.notify(BlockEvent::Receiving(block));
            }
        } else if packet.last {
            let block = writer.finalize(disk, true)?;
            receiver.finalized = true;
            if self.replicas.finalize(block).is_ok() {
                self.actor.notify(BlockEvent::Received(block));
            }
        } else {
            if packet.sync {
                writer.sync(disk)?;
            }
            receiver.writer = Some(writer);
        }
        if packet.last || packet.sync {
            acks.extend(receiver.responder.local_synced(seqno));
        }
        Ok(acks)
    }

    fn acks(&mut self, connection: u64, acks: Vec<PipelineAck>, ctx: &mut Ctx<'_, Member>) {
        for ack in acks {
            let Some(receiver) = self.receivers.get_mut(&connection) else {
                return;
            };
            let good = is_good(&ack);
            let acked = receiver.unacked.iter().position(|u| u.0 == ack.seqno);
            if let Some((_, end, checksum)) = acked.map(|i| receiver.unacked.remove(i))
                && good
                && !receiver.finalized
            {
                self.replicas.acknowledged(receiver.block, end, checksum);
            }
            self.connections.send(connection, Frame::Ack(ack), ctx);
        }
    }

    pub(super) fn below_said(
        &mut self,
        above: u64,
        below: u64,
        frame: Frame,
        ctx: &mut Ctx<'_, Member>,
    ) {
        ctx.cancel_timer(Timer::Silence(below));
        let Some(receiver) = self.receivers.get_mut(&above) else {
            self.connections.close(below, ctx);
            return;
        };
        let acks = match frame {
            Frame::Accepted => {
                self.connections.send(above, Frame::Accepted, ctx);
                return;
            }
            Frame::Refused { bad, reason } => {
                self.connections
                    .send(above, Frame::Refused { bad, reason }, ctx);
                self.abort_quietly(above, ctx);
                return;
            }
            Frame::Ack(ack) => match receiver.responder.downstream_ack(ack) {
                Ok(acks) => acks,
                Err(_) => receiver.responder.downstream_failed(),
            },
            _ => receiver.responder.downstream_failed(),
        };
        if let Some((_, nodes)) = receiver.below
            && !receiver.responder.is_idle()
        {
            ctx.set_timer(Timer::Silence(below), patience_with(nodes));
        }
        self.acks(above, acks, ctx);
    }

    pub(super) fn on_transfer(&mut self, connection: u64, frame: Frame, ctx: &mut Ctx<'_, Member>) {
        let Some(transfer) = self.transfers.get_mut(&connection) else {
            return;
        };
        match frame {
            Frame::Accepted => {
                for packet in std::mem::take(&mut transfer.packets) {
                    self.connections
                        .send(connection, Frame::Packet(packet), ctx);
                }
            }
            Frame::Ack(ack) if ack.seqno != transfer.last && is_good(&ack) => {}
            frame => {
                let asked = transfer.asked;
                let sent = matches!(frame, Frame::Ack(ack) if is_good(&ack));
                self.abort(connection, ctx);
                let Some((writer, bad)) = asked else { return };
                let reason = "the copy did not arrive".to_owned();
                let answer = if sent {
                    Frame::Accepted
                } else {
                    Frame::Refused { bad, reason }
                };
                self.connections.send(writer, answer, ctx);
            }
        }
    }

    /// Ends a connection from above, and the replica's part in the pipeline.
    pub(super) fn abort(&mut self, connection: u64, ctx: &mut Ctx<'_, Member>) {
        self.abort_quietly(connection, ctx);
        self.connections.close(connection, ctx);
        ctx.cancel_timer(Timer::Silence(connection));
    }

    /// As `abort`, but the connection stays open for what was said on it.
    fn abort_quietly(&mut self, connection: u64, ctx: &mut Ctx<'_, Member>) {
        self.transfers.remove(&connection);
        let Some(receiver) = self.receivers.remove(&connection) else {
            return;
        };
        if let Some((below, _)) = receiver.below {
            self.above.remove(&below);
            self.connections.close(below, ctx);
        }
        if !receiver.finalized {
            self.replicas.release(receiver.block);
            if matches!(receiver.stage, Stage::Transfer | Stage::TransferRbw) {
                let replica = Replica::new(receiver.block, ReplicaState::Temporary);
                let _ = replica_writer::delete(ctx.disk, &replica);
            }
        }
    }
}
