//! Carries out moves, several at a time, and none on a DataNode that has as many as it may (`Dispatcher`).

use std::collections::{BTreeMap, VecDeque};
use std::io::BufReader;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail};
use tracing::{info, warn};

use super::BalancerSettings;
use crate::balancer::Move;
use crate::block::{DatanodeId, DatanodeInfo};
use crate::server::data_transfer::{MoveReply, Op, ReplaceBlock, receive_move_reply, send_op};
use crate::server::dfs_client::ClientSettings;

/// Moves under way at a time in the whole cluster.
const THREADS_MAX: usize = 64;

struct State {
    waiting: VecDeque<Move>,
    /// In how many moves each DataNode takes part now.
    busy: BTreeMap<DatanodeId, usize>,
    /// Bytes of the moves that succeeded.
    moved: u64,
}

struct Dispatcher<'a> {
    client: &'a ClientSettings,
    per_node: usize,
    infos: &'a BTreeMap<DatanodeId, DatanodeInfo>,
    state: Mutex<State>,
    one_ended: Condvar,
}

/// Carries out `moves`, and returns how many bytes were moved. Those that fail are told in the log, and left.
pub(super) fn dispatch(
    client: &ClientSettings,
    settings: &BalancerSettings,
    infos: &BTreeMap<DatanodeId, DatanodeInfo>,
    moves: Vec<Move>,
) -> u64 {
    let threads = moves.len().min(THREADS_MAX);
    let dispatcher = Dispatcher {
        client,
        per_node: settings.concurrent_moves.max(1),
        infos,
        state: Mutex::new(State {
            waiting: moves.into(),
            busy: BTreeMap::new(),
            moved: 0,
        }),
        one_ended: Condvar::new(),
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| dispatcher.work());
        }
    });
    dispatcher.lock().moved
}

impl Dispatcher<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(next) = self.next() {
            let moved = self.carry_out(&next);
            match &moved {
                Ok(bytes) => info!("moved {}, {bytes} bytes", next.block),
                Err(e) => warn!("cannot move {}: {e:#}", next.block),
            }
            let mut state = self.lock();
            state.moved += moved.unwrap_or(0);
            for id in [next.proxy, next.target] {
                *state.busy.entry(id).or_default() -= 1;
            }
            self.one_ended.notify_all();
        }
    }

    /// The next move whose DataNodes have time for it; none when there are no more.
    fn next(&self) -> Option<Move> {
        let mut state = self.lock();
        loop {
            if state.waiting.is_empty() {
                return None;
            }
            let free = |id: &DatanodeId| state.busy.get(id).copied().unwrap_or(0) < self.per_node;
            let first = |m: &Move| free(&m.proxy) && free(&m.target);
            let index = state.waiting.iter().position(first);
            if let Some(next) = index.and_then(|index| state.waiting.remove(index)) {
                for id in [next.proxy, next.target] {
                    *state.busy.entry(id).or_default() += 1;
                }
                return Some(next);
            }
            state = self
                .one_ended
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn carry_out(&self, chosen: &Move) -> Result<u64> {
        let info = |id| self.infos.get(&id).context("a DataNode that is not known");
        let (target, proxy) = (info(chosen.target)?, info(chosen.proxy)?);
        let timeout = self.client.socket_timeout;
        let mut socket = self
            .client
            .connector
            .connect(&target.address, timeout)
            .with_context(|| format!("cannot reach {}", target.address))?;
        socket.set_read_timeout(Some(timeout))?;
        socket.set_write_timeout(Some(timeout))?;
        let op = ReplaceBlock {
            block: chosen.block,
            delete: chosen.source,
            proxy: proxy.clone(),
        };
        send_op(&mut socket, &Op::Replace(op))?;
        let mut from = BufReader::new(socket);
        loop {
            match receive_move_reply(&mut from)? {
                MoveReply::UnderWay(_) => {}
                MoveReply::Done(bytes) => return Ok(bytes),
                MoveReply::Failed(reason) => bail!("{reason}"),
            }
        }
    }
}
