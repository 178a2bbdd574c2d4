//! How the simulated client writes a file: the client's core decides, this carries it out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mini_hdfs::block::{Block, DatanodeId, DatanodeInfo, InodeId};
use mini_hdfs::client::ack_queue::BadNode;
use mini_hdfs::client::data_streamer::{Action, DataStreamer, Setup, WriteSettings};
use mini_hdfs::client::packets::Packetizer;
use mini_hdfs::client::replace_datanode::{Blame, Policy};
use mini_hdfs::client::retry::{CallFailure, Repeat};
use mini_hdfs::error::FsError;
use mini_hdfs::protocol::{AddBlockRequest, AdditionalDatanodeRequest, CreateRequest};
use node::{Ctx, Rng};

use super::{ClientProcess, Task};
use crate::cluster::{BLOCK_SIZE, Member};
use crate::history::{ClosedFile, Known, Promise, Shared};
use crate::name_node::permission;
use crate::wire::{Frame, Request, Response, Stage, Timer, node_at};

/// A pipeline that has not answered for so long has failed; longer than its nodes wait for each other.
const PATIENCE: Duration = Duration::from_secs(6);
/// `complete` is asked for so often.
const COMPLETE_MAX: u32 = 40;

/// A file being written.
pub(super) struct Writing {
    path: String,
    bytes: Arc<[u8]>,
    replication: u16,
    inode: Option<InodeId>,
    /// Bytes already cut into packets.
    written: usize,
    /// The current block has bytes, and the packets that end it are not queued yet.
    in_block: bool,
    packetizer: Packetizer,
    streamer: DataStreamer,
    finished: Vec<Block>,
    /// The connection to the first node of the pipeline.
    connection: Option<u64>,
    /// How often each node had been started when the pipeline was set up.
    boots: BTreeMap<DatanodeId, u32>,
    completes: u32,
    /// It writes a piece now and then, so that a block stays open for long.
    slow: bool,
    /// It flushes to be sure of what it has written.
    counts_on_it: bool,
}

impl ClientProcess {
    pub(super) fn begin_write(
        &mut self,
        path: String,
        bytes: Arc<[u8]>,
        replication: u16,
        ctx: &mut Ctx<'_, Member>,
    ) {
        let mut history = self.history.borrow_mut();
        history.set(&path, Known::Unknown);
        history.open.insert(path.clone(), bytes.clone());
        drop(history);
        let request = CreateRequest {
            path: path.clone(),
            client: self.name.clone(),
            overwrite: false,
            create_parent: false,
            replication,
            block_size: BLOCK_SIZE,
            permission: permission(),
        };
        self.task = Task::Write(Box::new(Writing {
            path,
            bytes,
            replication,
            inode: None,
            written: 0,
            in_block: true,
            packetizer: Packetizer::new(BLOCK_SIZE),
            streamer: DataStreamer::new(self.write_settings(replication, ctx.rng)),
            counts_on_it: ctx.rng.percent(60),
            finished: Vec::new(),
            connection: None,
            boots: BTreeMap::new(),
            completes: 0,
            slow: ctx.rng.percent(40),
        }));
        self.call(Request::Create(request), Repeat::AtMostOnce, ctx);
    }

    pub(super) fn write_answered(
        &mut self,
        result: Result<Response, CallFailure>,
        ctx: &mut Ctx<'_, Member>,
    ) {
        let Task::Write(writing) = &mut self.task else {
            return;
        };
        match result {
            Ok(Response::File(status)) => writing.inode = Some(status.inode),
            Ok(Response::Block(located)) => writing.streamer.on_block(located),
            Ok(Response::Generation(generation)) => writing.streamer.on_generation(generation),
            Ok(Response::Completed(true)) => return self.written(ctx),
            Ok(Response::Completed(false)) => {
                writing.completes += 1;
                if writing.completes > COMPLETE_MAX {
                    return self.give_up(ctx);
                }
                ctx.set_timer(Timer::Next, Duration::from_millis(200));
                return;
            }
            Ok(Response::Done) => match writing.streamer.action() {
                Action::Abandon(_) => writing.streamer.on_abandoned(),
                _ => writing.streamer.on_pipeline_updated(),
            },
            Ok(Response::Datanode(node)) => writing.streamer.on_additional(node),
            Err(CallFailure::Refused(FsError::NoDatanodes { reason, .. }))
                if matches!(writing.streamer.action(), Action::AdditionalDatanode { .. }) =>
            {
                writing.streamer.on_no_additional(reason);
            }
            Err(CallFailure::Refused(FsError::NoDatanodes { .. }))
                if writing.streamer.on_no_datanodes() => {}
            Ok(_) | Err(_) => return self.give_up(ctx),
        }
        self.write_on(ctx);
    }

    /// Does what the streamer wants next.
    pub(super) fn write_on(&mut self, ctx: &mut Ctx<'_, Member>) {
        let client = self.name.clone();
        let Task::Write(writing) = &mut self.task else {
            return;
        };
        let Some(inode) = writing.inode else {
            return;
        };
        let previous = writing.finished.last().copied();
        let request = match writing.streamer.action() {
            Action::AddBlock { .. } if writing.is_written() => Request::Complete {
                inode,
                client,
                last: previous,
            },
            Action::AddBlock { exclude } => Request::AddBlock(AddBlockRequest {
                inode,
                client,
                previous,
                exclude,
                client_host: Some(format!("host{}", 1 + ctx.id().0 % 3)),
            }),
            Action::Abandon(block) => Request::AbandonBlock {
                inode,
                client,
                block,
            },
            Action::NewGeneration(block) => Request::NewGeneration {
                inode,
                client,
                block,
            },
            Action::UpdatePipeline { old, new, nodes } => Request::UpdatePipeline {
                inode,
                client,
                old,
                new,
                nodes,
            },
            Action::AdditionalDatanode {
                block,
                existing,
                exclude,
            } => Request::AdditionalDatanode(AdditionalDatanodeRequest {
                inode,
                client,
                block,
                existing,
                exclude,
                client_host: None,
            }),
            Action::Transfer {
                block,
                source,
                target,
            } => {
                let frame = Frame::Transfer { block, target };
                return self.connect_to(&source.address, frame, ctx);
            }
            Action::Connect(setup) => return self.connect(&setup, ctx),
            Action::Stream => return self.stream(ctx),
            Action::Fail(_) => return self.give_up(ctx),
        };
        self.call(request, Repeat::MidFile, ctx);
    }

    fn connect(&mut self, setup: &Setup, ctx: &mut Ctx<'_, Member>) {
        let stage = match setup.recovery {
            Some(generation) => Stage::Recovery {
                generation,
                acked_len: setup.block.len,
            },
            None => Stage::Create,
        };
        let frame = Frame::Write {
            block: setup.block,
            stage,
            targets: setup.nodes[1..].to_vec(),
        };
        if let Task::Write(writing) = &mut self.task {
            let history = self.history.borrow();
            let boots =
                |node: &DatanodeInfo| Some((node.id, *history.boots.get(&node_at(&node.address))?));
            writing.boots = setup.nodes.iter().filter_map(boots).collect();
        }
        self.connect_to(&setup.nodes[0].address, frame, ctx);
    }

    /// Opens another connection instead of the one that there is.
    fn connect_to(&mut self, address: &str, frame: Frame, ctx: &mut Ctx<'_, Member>) {
        let Task::Write(writing) = &mut self.task else {
            return;
        };
        if let Some(old) = writing.connection.take() {
            self.connections.close(old, ctx);
        }
        let connection = self.connections.open(node_at(address), frame, ctx);
        writing.connection = Some(connection);
        ctx.set_timer(Timer::Silence(connection), PATIENCE);
    }

    /// Cuts and sends packets, and goes on to the next block when this one is finished.
    fn stream(&mut self, ctx: &mut Ctx<'_, Member>) {
        let Task::Write(writing) = &mut self.task else {
            return;
        };
        if let Some(block) = writing.streamer.take_finished() {
            writing.finished.push(block);
            writing.in_block = true;
            writing.note_promises(&self.history);
            if let Some(connection) = writing.connection.take() {
                self.connections.close(connection, ctx);
            }
            return self.write_on(ctx);
        }
        while writing.in_block && !writing.streamer.is_full() {
            writing.cut(ctx);
            if writing.slow {
                let pause = Duration::from_micros(ctx.rng.below(500_000));
                ctx.set_timer(Timer::Next, pause);
                break;
            }
        }
        while let (Some(connection), Some(packet)) =
            (writing.connection, writing.streamer.next_to_send())
        {
            self.connections
                .send(connection, Frame::Packet(packet), ctx);
        }
    }

    pub(super) fn write_frame(&mut self, connection: u64, frame: Frame, ctx: &mut Ctx<'_, Member>) {
        let Task::Write(writing) = &mut self.task else {
            return;
        };
        if writing.connection != Some(connection) {
            return;
        }
        ctx.set_timer(Timer::Silence(connection), PATIENCE);
        if let Action::Transfer { target, .. } = writing.streamer.action() {
            match frame {
                Frame::Accepted => writing.streamer.on_transferred(),
                Frame::Refused { bad, reason } if bad == target.id => {
                    writing.streamer.on_transfer_failed(Blame::Target, reason);
                }
                _ => {
                    let reason = "closed the connection".to_owned();
                    writing.streamer.on_transfer_failed(Blame::Source, reason);
                }
            }
            writing.connection = None;
            self.connections.close(connection, ctx);
            return self.write_on(ctx);
        }
        let accepted = matches!(frame, Frame::Accepted);
        match frame {
            Frame::Accepted => writing.streamer.on_connected(),
            Frame::Ack(ack) => writing.streamer.on_ack(&ack),
            Frame::Refused { bad, reason } => {
                let index = match writing.streamer.action() {
                    Action::Connect(setup) => setup.nodes.iter().position(|n| n.id == bad),
                    _ => None,
                };
                let index = index.unwrap_or(0);
                writing.streamer.on_node_failed(BadNode { index, reason });
            }
            _ => {
                let (index, reason) = (0, "closed the connection".to_owned());
                writing.streamer.on_node_failed(BadNode { index, reason });
            }
        }
        writing.note_promises(&self.history);
        let streams = matches!(writing.streamer.action(), Action::Stream);
        if !accepted && !streams {
            // A node has failed: what still comes from this pipeline is of no interest.
            writing.connection = None;
            self.connections.close(connection, ctx);
            ctx.cancel_timer(Timer::Silence(connection));
        }
        // While a call is under way, its answer leads on.
        if self.pending.is_none() {
            self.write_on(ctx);
        }
    }

    /// The file is closed: from now on it must be there.
    fn written(&mut self, ctx: &mut Ctx<'_, Member>) {
        if let Task::Write(writing) = std::mem::replace(&mut self.task, Task::Idle) {
            let file = ClosedFile {
                bytes: writing.bytes,
                blocks: writing.finished,
                replication: Some(writing.replication),
            };
            let mut history = self.history.borrow_mut();
            history.open.remove(&writing.path);
            history.promised.remove(&writing.path);
            history.set(&writing.path, Known::Closed(file));
        }
        self.idle(ctx);
    }

    /// The file stays open and unknown: leases do not run out in this part.
    fn give_up(&mut self, ctx: &mut Ctx<'_, Member>) {
        if let Task::Write(writing) = &mut self.task
            && let Some(connection) = writing.connection.take()
        {
            self.connections.close(connection, ctx);
        }
        self.idle(ctx);
    }
}

impl ClientProcess {
    /// Where no write may fail, the writer goes on with as few nodes as there are.
    fn write_settings(&self, replication: u16, rng: &mut Rng) -> WriteSettings {
        let policies = [Policy::Never, Policy::Default, Policy::Always];
        WriteSettings {
            policy: policies[rng.index(policies.len())],
            best_effort: rng.percent(80) || self.replication_min > 1,
            ..WriteSettings::new(replication)
        }
    }
}

impl Writing {
    /// What its user may count on: the nodes of the pipeline have what is acknowledged.
    fn note_promises(&self, history: &Shared) {
        let finished: u64 = self.finished.iter().map(|block| block.len).sum();
        let block = self.streamer.acked();
        let known = |node: &DatanodeInfo| Some((node.id, *self.boots.get(&node.id)?));
        let bytes = usize::try_from(finished + block.len).unwrap_or(usize::MAX);
        let promise = Promise {
            before: usize::try_from(finished).unwrap_or(usize::MAX),
            bytes,
            block,
            nodes: self.streamer.nodes().iter().filter_map(known).collect(),
        };
        history
            .borrow_mut()
            .promised
            .insert(self.path.clone(), promise);
    }

    /// Every byte is in a finished block.
    fn is_written(&self) -> bool {
        let finished: u64 = self.finished.iter().map(|block| block.len).sum();
        finished == self.bytes.len() as u64
    }

    /// Queues the next packets: of a size drawn, so that chunks are flushed in the middle too.
    fn cut(&mut self, ctx: &mut Ctx<'_, Member>) {
        let rest = &self.bytes[self.written..];
        let size = (1 + ctx.rng.index(1500)).min(rest.len());
        let mut piece = &rest[..size];
        let packet = self.packetizer.write(&mut piece);
        self.written += size - piece.len();
        let flushed = packet.or_else(|| self.packetizer.flush(ctx.rng.percent(20)));
        if self.counts_on_it {
            self.streamer.set_hflushed();
        }
        if let Some(packet) = flushed {
            self.streamer.push(packet);
        }
        if self.packetizer.block_is_full() || self.written == self.bytes.len() {
            for packet in self.packetizer.end_block(true) {
                self.streamer.push(packet);
            }
            self.in_block = false;
        }
    }
}
