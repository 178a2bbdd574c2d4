//! The balancer as a process, while everything else goes on. What it decides is decided by [`mini_hdfs::balancer`]; it asks and tells as
//! `server/balancer.rs` does. What is not answered is given up, and the next iteration may find a move of the last one still under
//! way, as one does after its predecessor was killed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use mini_hdfs::balancer::{Node, Pair, Utilisation, choose_moves, pair_up};
use mini_hdfs::block::{DatanodeId, DatanodeInfo};
use mini_hdfs::protocol::{AdminState, DatanodeReport, DatanodeState};
use node::{Ctx, Event};

use crate::cluster::{CALM_AT, Member};
use crate::wire::{Connections, Frame, Message, NAMENODE, Request, Response, Timer, node_at};

const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// A DataNode waits for the other one in between.
const MOVE_PATIENCE: Duration = Duration::from_secs(8);
/// Disks are a thousand times larger than what is on them: every difference counts.
const THRESHOLD: f64 = 0.0;
const GET_BLOCKS_SIZE: u64 = 16 << 10;

#[derive(Default)]
pub(crate) struct BalancerProcess {
    /// The call whose answer it waits for.
    call: Option<u64>,
    nodes: BTreeMap<DatanodeId, Node>,
    infos: BTreeMap<DatanodeId, DatanodeInfo>,
    /// Pairs for which no moves have been chosen yet in this iteration.
    pairs: VecDeque<Pair>,
    connections: Connections,
}

impl BalancerProcess {
    pub(crate) fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        match event {
            Event::Start => self.pause(ctx),
            Event::Timer(Timer::Next) => self.begin(ctx),
            Event::Timer(Timer::CallTimeout) => {
                self.pairs.clear();
                self.go_on(ctx);
            }
            Event::Timer(Timer::Silence(connection)) => self.connections.close(connection, ctx),
            Event::Message {
                message: Message::Answer { id, result },
                ..
            } if self.call == Some(id) => {
                match result {
                    Ok(Response::Datanodes(reports)) => self.pair_up(reports),
                    Ok(Response::Blocks(blocks)) => {
                        if let Some(pair) = self.pairs.pop_front() {
                            for chosen in
                                choose_moves(&pair, &blocks, &self.nodes, &BTreeSet::new())
                            {
                                let frame = Frame::Replace {
                                    block: chosen.block,
                                    delete: chosen.source,
                                    proxy: self.infos[&chosen.proxy].clone(),
                                };
                                let target = node_at(&self.infos[&chosen.target].address);
                                let connection = self.connections.open(target, frame, ctx);
                                ctx.set_timer(Timer::Silence(connection), MOVE_PATIENCE);
                            }
                        }
                    }
                    // The NameNode has just started, or the source has died.
                    Ok(_) | Err(_) => drop(self.pairs.pop_front()),
                }
                self.go_on(ctx);
            }
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
                // Whatever has become of the move, it is over.
                if !frames.is_empty() {
                    self.connections.close(connection, ctx);
                }
            }
            Event::Message { .. } | Event::Timer(_) => {}
        }
    }

    fn pause(&mut self, ctx: &mut Ctx<'_, Member>) {
        let pause = Duration::from_millis(500 + ctx.rng.below(2_000));
        ctx.set_timer(Timer::Next, pause);
    }

    fn begin(&mut self, ctx: &mut Ctx<'_, Member>) {
        // In the end there shall be nothing left to be done.
        if ctx.now() < CALM_AT {
            self.ask(Request::DatanodeReport, ctx);
        }
    }

    fn ask(&mut self, request: Request, ctx: &mut Ctx<'_, Member>) {
        let id = ctx.rng.next_u64();
        self.call = Some(id);
        ctx.send(NAMENODE, Message::Call { id, request });
        ctx.set_timer(Timer::CallTimeout, CALL_TIMEOUT);
    }

    /// Asks for blocks for the next pair; when there is none, the iteration is over.
    fn go_on(&mut self, ctx: &mut Ctx<'_, Member>) {
        self.call = None;
        ctx.cancel_timer(Timer::CallTimeout);
        match self.pairs.front() {
            Some(pair) => self.ask(Request::GetBlocks(pair.source, GET_BLOCKS_SIZE), ctx),
            None => self.pause(ctx),
        }
    }

    fn pair_up(&mut self, reports: Vec<DatanodeReport>) {
        let takes_part = |report: &DatanodeReport| {
            report.state != DatanodeState::Dead && report.admin == AdminState::Normal
        };
        let reports: Vec<DatanodeReport> = reports.into_iter().filter(takes_part).collect();
        let node = |report: &DatanodeReport| Node {
            id: report.info.id,
            hostname: report.info.hostname.clone(),
            rack: report.info.rack.clone(),
            capacity: report.heartbeat.capacity.max(1),
            used: report.heartbeat.dfs_used,
            remaining: report.heartbeat.remaining,
        };
        let nodes: Vec<Node> = reports.iter().map(node).collect();
        let utilisation = Utilisation::new(&nodes, THRESHOLD);
        self.pairs = pair_up(&nodes, &utilisation, u64::MAX).into();
        self.nodes = nodes.into_iter().map(|node| (node.id, node)).collect();
        self.infos = reports.into_iter().map(|r| (r.info.id, r.info)).collect();
    }
}
