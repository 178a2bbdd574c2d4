//! A DataNode as a process: replicas on its disk, pipelines through it, and what the actor says to the NameNode.

use std::collections::BTreeMap;
use std::time::Duration;

use mini_hdfs::block::{Block, DatanodeId, DatanodeInfo, ReplicaState};
use mini_hdfs::datanode::actor::{Action, Answer, Call, CallId, Intervals};
use mini_hdfs::datanode::block_file::BlockFileError;
use mini_hdfs::datanode::storage::{Place, load_or_format, scan};
use mini_hdfs::datanode::{
    BpServiceActor, PacketResponder, ReplicaMap, ReplicaWriter, replica_writer,
};
use mini_hdfs::error::FsError;
use mini_hdfs::packet::{AckStatus, BYTES_PER_CHECKSUM, Packet, PipelineAck};
use mini_hdfs::protocol::{BlockEvent, Heartbeat};
use node::{Ctx, Event};

use crate::cluster::Member;
use crate::history::Shared;
use crate::invariants::Served;
use crate::wire::{
    Connections, Frame, Message, NAMENODE, Request, Response, Stage, Timer, node_at,
};

/// A node of a pipeline waits so long for each node below it.
const DOWNSTREAM_PATIENCE: Duration = Duration::from_millis(1500);
/// And so long for its writer.
const WRITER_PATIENCE: Duration = Duration::from_secs(12);
const CAPACITY: u64 = 1 << 30;
/// Bytes that a reader gets in one packet.
const READ_PACKET: usize = 2 * BYTES_PER_CHECKSUM;

/// How long to wait for an answer that so many nodes must give, one after the other.
fn patience_with(nodes: usize) -> Duration {
    DOWNSTREAM_PATIENCE * u32::try_from(nodes).unwrap_or(1)
}

/// A replica being written, and its part of the pipeline.
struct Receiver {
    block: Block,
    stage: Stage,
    /// None once the replica is finalised, or cannot be written.
    writer: Option<ReplicaWriter>,
    responder: PacketResponder,
    /// The connection to the next node, and how many nodes there are from it on.
    below: Option<(u64, usize)>,
    /// Packets not acknowledged yet: number, end, checksum of a short last chunk.
    unacked: Vec<(u64, u64, Option<u32>)>,
    finalized: bool,
}

/// A copy being sent to other DataNodes.
struct Transfer {
    packets: Vec<Packet>,
    last: u64,
}

/// What a DataNode is once its disk let it start.
struct Running {
    id: DatanodeId,
    info: DatanodeInfo,
    replicas: ReplicaMap,
    actor: BpServiceActor,
    calls: BTreeMap<u64, CallId>,
    connections: Connections,
    receivers: BTreeMap<u64, Receiver>,
    /// From the connection below to the connection above.
    above: BTreeMap<u64, u64>,
    transfers: BTreeMap<u64, Transfer>,
    history: Shared,
}

pub(crate) struct DataNodeProcess {
    rack: String,
    history: Shared,
    running: Option<Running>,
}

fn intervals() -> Intervals {
    Intervals {
        heartbeat: Duration::from_secs(1),
        block_report: Duration::from_secs(20),
        call_timeout: Duration::from_secs(3),
    }
}

impl DataNodeProcess {
    pub(crate) fn new(rack: String, history: Shared) -> DataNodeProcess {
        DataNodeProcess {
            rack,
            history,
            running: None,
        }
    }

    pub(crate) fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        match (&mut self.running, event) {
            (None, Event::Start | Event::Timer(Timer::Boot)) => self.boot(ctx),
            (Some(running), event) => running.step(event, ctx),
            (None, _) => {}
        }
        if let Some(running) = &mut self.running {
            running.poll(ctx);
        }
    }

    fn boot(&mut self, ctx: &mut Ctx<'_, Member>) {
        let found = load_or_format(ctx.disk, ctx.rng)
            .and_then(|identity| scan(ctx.disk).map(|found| (identity.id, found)));
        let Ok((id, found)) = found else {
            // Its disk is full, or it is crashing: somebody will start it again.
            ctx.set_timer(Timer::Boot, Duration::from_secs(1));
            return;
        };
        let address = ctx.id().0.to_string();
        self.running = Some(Running {
            id,
            info: DatanodeInfo {
                id,
                hostname: format!("host{address}"),
                address,
                rack: self.rack.clone(),
            },
            replicas: ReplicaMap::new(found.replicas),
            actor: BpServiceActor::new(intervals()),
            calls: BTreeMap::new(),
            connections: Connections::default(),
            receivers: BTreeMap::new(),
            above: BTreeMap::new(),
            transfers: BTreeMap::new(),
            history: self.history.clone(),
        });
    }
}

impl Running {
    fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        match event {
            Event::Message {
                from,
                message:
                    Message::Frame {
                        connection,
                        number,
                        frame,
                    },
            } => {
                let frames = self
                    .connections
                    .receive((connection, number), from, frame, ctx);
                for frame in frames {
                    self.frame(connection, frame, ctx);
                }
            }
            Event::Message {
                message: Message::Answer { id, result },
                ..
            } => self.answered(id, result, ctx),
            Event::Timer(Timer::Silence(connection)) => self.silence(connection, ctx),
            Event::Message { .. } | Event::Timer(_) | Event::Start => {}
        }
    }

    // ---- the NameNode

    fn poll(&mut self, ctx: &mut Ctx<'_, Member>) {
        let now = ctx.now();
        while let Some((call, what)) = self.actor.poll(now) {
            let request = match what {
                Call::Register => Request::Register(self.info.clone()),
                Call::Heartbeat(registration) => Request::Heartbeat(Heartbeat {
                    id: self.id,
                    registration,
                    capacity: CAPACITY,
                    dfs_used: self.replicas.used(),
                    remaining: CAPACITY - self.replicas.used(),
                    xceivers: u32::try_from(self.receivers.len()).unwrap_or(u32::MAX),
                }),
                Call::BlockReport(registration) => {
                    Request::BlockReport(self.id, registration, self.replicas.report())
                }
                Call::Incremental(registration, events) => {
                    Request::Incremental(self.id, registration, events)
                }
            };
            let id = ctx.rng.next_u64();
            self.calls.insert(id, call);
            ctx.send(NAMENODE, Message::Call { id, request });
        }
        let next = self.actor.next_poll().since(now);
        ctx.set_timer(Timer::Poll, next.max(Duration::from_millis(1)));
    }

    fn answered(&mut self, id: u64, result: Result<Response, FsError>, ctx: &mut Ctx<'_, Member>) {
        let Some(call) = self.calls.remove(&id) else {
            return;
        };
        let answer = match result {
            Ok(Response::Registered(registration)) => Answer::Registered(registration),
            Ok(Response::Commands(commands)) => Answer::Commands(commands),
            Ok(_) => Answer::Done,
            Err(FsError::UnregisteredNode(_)) => Answer::Unregistered,
            Err(_) => Answer::Failed,
        };
        for action in self.actor.answered(call, answer, ctx.now()) {
            match action {
                Action::Delete(blocks) => blocks.iter().for_each(|b| self.delete(*b, ctx)),
                Action::Transfer { block, targets } => self.transfer(block, &targets, ctx),
            }
        }
    }

    fn delete(&mut self, block: Block, ctx: &mut Ctx<'_, Member>) {
        match self.replicas.invalidate(block) {
            Ok(replica) => {
                // What cannot be removed is found again at the next start.
                let _ = replica_writer::delete(ctx.disk, &replica);
                self.actor.notify(BlockEvent::Deleted(block));
            }
            Err(_) if self.replicas.get(block.id).is_none() => {
                self.actor.notify(BlockEvent::Deleted(block));
            }
            Err(_) => {}
        }
    }

    fn transfer(&mut self, block: Block, targets: &[DatanodeInfo], ctx: &mut Ctx<'_, Member>) {
        let replica = self.replicas.readable(block);
        let Ok(replica) = replica.map_err(|_| ()).and_then(|replica| {
            let whole = replica.state == ReplicaState::Finalized;
            whole.then_some(replica).ok_or(())
        }) else {
            return;
        };
        let (Some(first), Ok(packets)) = (
            targets.first(),
            read_packets(ctx, &replica, 0, replica.block.len),
        ) else {
            return;
        };
        let frame = Frame::Write {
            block: replica.block,
            stage: Stage::Transfer,
            targets: targets[1..].to_vec(),
        };
        let connection = self.connections.open(node_at(&first.address), frame, ctx);
        let last = packets.last().map_or(0, |packet| packet.seqno);
        self.transfers
            .insert(connection, Transfer { packets, last });
        ctx.set_timer(Timer::Silence(connection), WRITER_PATIENCE);
    }

    // ---- connections

    fn frame(&mut self, connection: u64, frame: Frame, ctx: &mut Ctx<'_, Member>) {
        if let Some(above) = self.above.get(&connection).copied() {
            self.below_said(above, connection, frame, ctx);
        } else if self.transfers.contains_key(&connection) {
            self.on_transfer(connection, frame, ctx);
        } else {
            match frame {
                Frame::Write {
                    block,
                    stage,
                    targets,
                } => self.write(connection, block, stage, &targets, ctx),
                Frame::Read { block, offset, len } => {
                    self.read(connection, block, offset, len, ctx);
                }
                Frame::Packet(packet) => self.packet(connection, &packet, ctx),
                _ => self.abort(connection, ctx),
            }
        }
    }

    fn silence(&mut self, connection: u64, ctx: &mut Ctx<'_, Member>) {
        if let Some(above) = self.above.get(&connection).copied() {
            self.connections.close(connection, ctx);
            self.below_said(above, connection, Frame::Reset, ctx);
        } else {
            self.abort(connection, ctx);
        }
    }

    fn read(
        &mut self,
        connection: u64,
        block: Block,
        offset: u64,
        len: u64,
        ctx: &mut Ctx<'_, Member>,
    ) {
        let replica = self.replicas.readable(block).map_err(|e| e.to_string());
        let packets = replica.and_then(|replica| {
            let packets = read_packets(ctx, &replica, offset, len).map_err(|e| e.to_string())?;
            Ok((replica, packets))
        });
        match packets {
            Ok((replica, packets)) => {
                self.history.borrow_mut().served.push(Served {
                    by: self.id,
                    asked: block,
                    replica: replica.block,
                });
                self.connections.send(connection, Frame::Accepted, ctx);
                for packet in packets {
                    self.connections
                        .send(connection, Frame::Packet(packet), ctx);
                }
            }
            Err(reason) => {
                let bad = self.id;
                self.connections
                    .send(connection, Frame::Refused { bad, reason }, ctx);
            }
        }
    }

    fn write(
        &mut self,
        connection: u64,
        block: Block,
        stage: Stage,
        targets: &[DatanodeInfo],
        ctx: &mut Ctx<'_, Member>,
    ) {
        self.stop_writer(block, ctx);
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
        if !matches!(stage, Stage::Transfer) {
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
    fn stop_writer(&mut self, block: Block, ctx: &mut Ctx<'_, Member>) {
        let old = self.receivers.iter();
        let old: Vec<u64> = old
            .filter(|(_, r)| r.block.id == block.id && !r.finalized)
            .map(|(connection, _)| *connection)
            .collect();
        for connection in old {
            self.abort(connection, ctx);
        }
    }

    fn open_replica(
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
                let taken = Block {
                    generation,
                    ..block
                };
                let writer = ReplicaWriter::recover(ctx.disk, &old, generation, acked_len);
                return writer.map_err(|e| {
                    self.replicas.release(taken);
                    e.to_string()
                });
            }
            Stage::Create => (ReplicaState::Rbw, Place::Rbw),
            Stage::Transfer => (ReplicaState::Temporary, Place::Tmp),
        };
        let old = self.replicas.create(block, state);
        if let Some(old) = old.map_err(|e| e.to_string())? {
            let _ = replica_writer::delete(ctx.disk, &old);
        }
        ReplicaWriter::create(ctx.disk, block, place).map_err(|e| {
            self.replicas.release(block);
            e.to_string()
        })
    }

    fn packet(&mut self, connection: u64, packet: &Packet, ctx: &mut Ctx<'_, Member>) {
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
        if packet.last {
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
            let good = ack.replies.iter().all(|r| *r == AckStatus::Success);
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

    fn below_said(&mut self, above: u64, below: u64, frame: Frame, ctx: &mut Ctx<'_, Member>) {
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

    fn on_transfer(&mut self, connection: u64, frame: Frame, ctx: &mut Ctx<'_, Member>) {
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
            Frame::Ack(ack) if ack.seqno != transfer.last => {}
            _ => self.abort(connection, ctx),
        }
    }

    /// Ends a connection from above, and the replica's part in the pipeline.
    fn abort(&mut self, connection: u64, ctx: &mut Ctx<'_, Member>) {
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
            if matches!(receiver.stage, Stage::Transfer) {
                let replica =
                    mini_hdfs::datanode::Replica::new(receiver.block, ReplicaState::Temporary);
                let _ = replica_writer::delete(ctx.disk, &replica);
            }
        }
    }
}

/// A range of a replica as packets, with the checksums that are on the disk, and an empty last one.
fn read_packets(
    ctx: &Ctx<'_, Member>,
    replica: &mini_hdfs::datanode::Replica,
    offset: u64,
    len: u64,
) -> Result<Vec<Packet>, BlockFileError> {
    let chunks = replica_writer::read(ctx.disk, replica, offset, len)?;
    let mut packets: Vec<Packet> = Vec::new();
    let mut at = chunks.offset;
    let sums = chunks.checksums.chunks(READ_PACKET / BYTES_PER_CHECKSUM);
    for (data, sums) in chunks.data.chunks(READ_PACKET).zip(sums) {
        packets.push(Packet {
            seqno: packets.len() as u64,
            offset: at,
            data: data.into(),
            checksums: sums.to_vec(),
            last: false,
            sync: false,
        });
        at += data.len() as u64;
    }
    packets.push(Packet {
        seqno: packets.len() as u64,
        last: true,
        ..Packet::new(0, at, [])
    });
    Ok(packets)
}
