//! A DataNode as a process: replicas on its disk, pipelines through it, and what the actor says to the NameNode.

mod moves;
mod pipeline;
mod recovery;

use std::collections::BTreeMap;
use std::time::Duration;

use mini_hdfs::block::{Block, BlockId, DatanodeId, DatanodeInfo};
use mini_hdfs::datanode::actor::{Action, Answer, Call, CallId, Intervals};
use mini_hdfs::datanode::block_file::BlockFileError;
use mini_hdfs::datanode::scanner::{Next, ScanConfig, VolumeScanner};
use mini_hdfs::datanode::storage::{Identity, StorageError, join_namespace, load_or_format, scan};
use mini_hdfs::datanode::volumes::VolumeId;
use mini_hdfs::datanode::{BlockRecovery, BpServiceActor, Replica, ReplicaMap, replica_writer};
use mini_hdfs::error::FsError;
use mini_hdfs::packet::{BYTES_PER_CHECKSUM, Packet, verify};
use mini_hdfs::protocol::{BlockEvent, Heartbeat, Registration};
use node::{Ctx, Event, Time};

use self::moves::Fetch;
use self::pipeline::{Receiver, Transfer};
use crate::cluster::Member;
use crate::history::Shared;
use crate::invariants::Served;
use crate::wire::{Connections, Frame, Message, NAMENODE, Request, Response, Timer};

const CAPACITY: u64 = 1 << 30;
/// How often the scanner is asked.
const SCAN_EVERY: Duration = Duration::from_millis(500);
/// Bytes that a reader gets in one packet.
const READ_PACKET: usize = 2 * BYTES_PER_CHECKSUM;

/// What a DataNode is once its disk let it start.
struct Running {
    id: DatanodeId,
    /// As its disk says.
    identity: Identity,
    info: DatanodeInfo,
    replicas: ReplicaMap,
    actor: BpServiceActor,
    calls: BTreeMap<u64, CallId>,
    connections: Connections,
    receivers: BTreeMap<u64, Receiver>,
    /// From the connection below to the connection above.
    above: BTreeMap<u64, u64>,
    transfers: BTreeMap<u64, Transfer>,
    /// By the connection to the one that it is fetched from.
    fetches: BTreeMap<u64, Fetch>,
    scanner: VolumeScanner,
    /// Blocks of which this is the primary, and the connection on which each waits for an answer.
    recoveries: BTreeMap<BlockId, (BlockRecovery, Option<u64>)>,
    history: Shared,
}

pub(crate) struct DataNodeProcess {
    rack: String,
    /// When its machine dies for good.
    dies_at: Option<Time>,
    history: Shared,
    running: Option<Running>,
}

/// Fast enough that each replica is read a few times before the end.
fn scan_config() -> ScanConfig {
    ScanConfig {
        bytes_per_second: 4096,
        period: Duration::from_secs(20),
    }
}

fn intervals() -> Intervals {
    Intervals {
        heartbeat: Duration::from_secs(1),
        // Longer than a run: what an incremental report loses is lost.
        block_report: Duration::from_secs(600),
        call_timeout: Duration::from_secs(3),
    }
}

impl DataNodeProcess {
    pub(crate) fn new(rack: String, dies_at: Option<Time>, history: Shared) -> DataNodeProcess {
        DataNodeProcess {
            rack,
            dies_at,
            history,
            running: None,
        }
    }

    pub(crate) fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        if self.dies_at.is_some_and(|at| at <= ctx.now()) {
            return;
        }
        if matches!(event, Event::Start) {
            *self.history.borrow_mut().boots.entry(ctx.id()).or_default() += 1;
        }
        match (&mut self.running, event) {
            (None, Event::Start | Event::Timer(Timer::Boot)) => self.boot(ctx),
            (Some(running), event) => running.step(event, ctx),
            (None, _) => {}
        }
        if let Some(running) = &mut self.running {
            running.poll(ctx);
        }
    }

    /// What it knows of its replica of a block, if it runs and has one.
    pub(crate) fn replica(&self, id: BlockId) -> Option<&Replica> {
        self.running.as_ref()?.replicas.get(id)
    }

    fn boot(&mut self, ctx: &mut Ctx<'_, Member>) {
        let found = load_or_format(ctx.disk, ctx.rng)
            .and_then(|identity| scan(ctx.disk).map(|found| (identity, found)));
        let Ok((identity, found)) = found else {
            // Its disk is full, or it is crashing: somebody will start it again.
            ctx.set_timer(Timer::Boot, Duration::from_secs(1));
            return;
        };
        let address = ctx.id().0.to_string();
        let id = identity.id;
        self.running = Some(Running {
            id,
            identity,
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
            fetches: BTreeMap::new(),
            scanner: VolumeScanner::resume(VolumeId(0), scan_config(), None, ctx.now()),
            recoveries: BTreeMap::new(),
            history: self.history.clone(),
        });
        ctx.set_timer(Timer::Scan, SCAN_EVERY);
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
            Event::Timer(Timer::Scan) => self.scan(ctx),
            Event::Message { .. } | Event::Timer(_) | Event::Start => {}
        }
    }

    /// Reads a replica that may never be asked for, if one is due.
    fn scan(&mut self, ctx: &mut Ctx<'_, Member>) {
        ctx.set_timer(Timer::Scan, SCAN_EVERY);
        let Next::Scan(scan) = self.scanner.next(&self.replicas, ctx.now()) else {
            return;
        };
        let Ok(replica) = self.replicas.readable(scan.block) else {
            return;
        };
        let read = replica_writer::check(ctx.disk, &replica)
            .and_then(|()| replica_writer::read(ctx.disk, &replica, 0, u64::MAX));
        let whole = read.is_ok_and(|chunks| {
            chunks.data.len() as u64 == scan.block.len
                && verify(&chunks.data, &chunks.checksums).is_ok()
        });
        if !whole {
            self.actor.notify_bad(scan.block);
        }
        let now = ctx.now();
        self.scanner.scanned(scan, scan.block.len, now, now);
    }

    // ---- the NameNode

    fn poll(&mut self, ctx: &mut Ctx<'_, Member>) {
        let now = ctx.now();
        while let Some((call, what)) = self.actor.poll(now) {
            let request = match what {
                Call::Register => Request::Register(self.info.clone(), self.identity.namespace_id),
                Call::Heartbeat(registration, wants_report_lease) => {
                    Request::Heartbeat(Heartbeat {
                        id: self.id,
                        registration,
                        capacity: CAPACITY,
                        dfs_used: self.replicas.used(),
                        remaining: CAPACITY - self.replicas.used(),
                        xceivers: u32::try_from(self.receivers.len()).unwrap_or(u32::MAX),
                        wants_report_lease,
                    })
                }
                Call::BlockReport(registration, lease) => {
                    Request::BlockReport(self.id, registration, lease, self.replicas.report())
                }
                Call::Incremental(registration, events) => {
                    Request::Incremental(self.id, registration, events)
                }
                Call::BadBlock(block) => Request::BadBlock(block, self.id),
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
            // A disk that does not take the note belongs to nobody yet: nothing may be reported of it.
            Ok(Response::Registered(registration)) => match self.join(registration, ctx) {
                Ok(()) => Answer::Registered(registration.id),
                Err(StorageError::Disk(_)) => Answer::Failed,
                Err(e) => panic!("DataNode {} cannot join: {e}", self.id),
            },
            Ok(Response::Commands(commands)) => Answer::Commands(commands),
            Ok(_) => Answer::Done,
            Err(FsError::UnregisteredNode(_)) => Answer::Unregistered,
            Err(_) => Answer::Failed,
        };
        for action in self.actor.answered(call, answer, ctx.now()) {
            match action {
                Action::Delete(blocks) => blocks.iter().for_each(|b| self.delete(*b, ctx)),
                Action::Transfer { block, targets } => self.transfer(block, &targets, ctx),
                Action::Recover(order) => self.recover(order, ctx),
            }
        }
    }

    fn join(
        &mut self,
        registration: Registration,
        ctx: &mut Ctx<'_, Member>,
    ) -> Result<(), StorageError> {
        let mut joined = self.identity;
        join_namespace(&mut joined, registration.namespace_id, ctx.disk)?;
        self.identity = joined;
        Ok(())
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

    // ---- connections

    fn frame(&mut self, connection: u64, frame: Frame, ctx: &mut Ctx<'_, Member>) {
        if let Some(above) = self.above.get(&connection).copied() {
            self.below_said(above, connection, frame, ctx);
        } else if self.transfers.contains_key(&connection) {
            self.on_transfer(connection, frame, ctx);
        } else if self.fetches.contains_key(&connection) {
            self.fetched(connection, frame, ctx);
        } else if let Some(id) = self.recovering_on(connection) {
            self.recovery_heard(id, connection, frame, ctx);
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
                Frame::Replace {
                    block,
                    delete,
                    proxy,
                } => self.replace(connection, block, delete, &proxy, ctx),
                Frame::Copy { block } => self.copy(connection, block, ctx),
                Frame::InitRecovery { id, recovery_id } => {
                    let answer = self.init_recovery(id, recovery_id, ctx).map(Frame::Replica);
                    self.reply(connection, answer, ctx);
                }
                Frame::UpdateRecovered {
                    id,
                    recovery_id,
                    len,
                } => {
                    let done = self.update_recovered(id, recovery_id, len, ctx);
                    self.reply(connection, done.map(|()| Frame::Accepted), ctx);
                }
                Frame::Transfer { block, target } => {
                    self.send_to_pipeline(connection, block, target, ctx);
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
        } else if let Some(id) = self.recovering_on(connection) {
            self.recovery_heard(id, connection, Frame::Reset, ctx);
        } else if self.transfers.contains_key(&connection) {
            self.on_transfer(connection, Frame::Reset, ctx);
        } else if self.fetches.contains_key(&connection) {
            self.fetched(connection, Frame::Reset, ctx);
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
}

/// A range of a replica as packets, with the checksums that are on the disk, and an empty last one.
fn read_packets(
    ctx: &Ctx<'_, Member>,
    replica: &Replica,
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
