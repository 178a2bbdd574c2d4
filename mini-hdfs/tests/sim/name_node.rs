//! The NameNode as a process: answers calls once what they saw is durable, one fsync for many callers.

mod reports;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use mini_hdfs::block::{Block, TxId};
use mini_hdfs::error::FsError;
use mini_hdfs::namenode::{Batch, Config, NameNode, StorageError, checkpoint};
use mini_hdfs::protocol::{BlockEvent, Command, Permission};
use node::{Ctx, DiskErrorKind, Event, NodeId};

use self::reports::Report;
use crate::cluster::{CALM_AT, Member};
use crate::history::Shared;
use crate::invariants::{Deletion, Grant, Located, Order, OrderNews, SafeModeStep, Snapshot};
use crate::operator::Operator;
use crate::wire::{Message, Request, Response, Timer};

const TICK: Duration = Duration::from_millis(500);
const OPERATOR_COMES_AFTER: Duration = Duration::from_secs(30);

pub(crate) struct NameNodeProcess {
    config: Config,
    history: Shared,
    core: Option<NameNode>,
    /// On its way to the disk.
    batch: Option<Batch>,
    /// Answers that wait for a transaction to be durable.
    waiting: VecDeque<(TxId, NodeId, Message)>,
    /// Block reports under way, by the call that brought each.
    reports: BTreeMap<u64, Report>,
    /// What the operator has done so far.
    operator: Operator,
    /// Calls that came in this life: a network that duplicates does not make a call twice.
    seen: BTreeSet<u64>,
}

impl NameNodeProcess {
    pub(crate) fn new(config: Config, history: Shared) -> NameNodeProcess {
        NameNodeProcess {
            config,
            history,
            core: None,
            batch: None,
            waiting: VecDeque::new(),
            reports: BTreeMap::new(),
            operator: Operator::default(),
            seen: BTreeSet::new(),
        }
    }

    /// The core, once it is loaded.
    pub(crate) fn core(&self) -> Option<&NameNode> {
        self.core.as_ref()
    }

    pub(crate) fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        match event {
            Event::Start => self.start(ctx),
            Event::Message {
                from,
                message: Message::Call { id, request },
            } => {
                if self.seen.insert(id) {
                    self.call(from, id, &request, ctx);
                }
            }
            Event::Message { .. } => {}
            Event::Timer(Timer::Tick) => {
                self.operator(ctx);
                let now = ctx.now();
                if let Some(core) = &mut self.core {
                    self.operator.act(core, &self.history, now);
                }
                self.watched(|core, ctx| core.tick(ctx.now(), ctx.rng), ctx);
                ctx.set_timer(Timer::Tick, TICK);
            }
            Event::Timer(Timer::Flush) => self.flush(ctx),
            Event::Timer(Timer::ReportPart(id)) => self.take_report_part(id, ctx),
            Event::Timer(Timer::Checkpoint) => self.checkpoint(ctx),
            Event::Timer(_) => {}
        }
        self.after_call(ctx);
    }

    fn start(&mut self, ctx: &mut Ctx<'_, Member>) {
        if !self.history.borrow().formatted {
            match NameNode::format(ctx.disk, ctx.rng) {
                // A crash came after the last step of formatting and before we heard of it.
                Ok(()) | Err(StorageError::AlreadyFormatted(_)) => {}
                Err(StorageError::Disk(e)) if e.kind == DiskErrorKind::Crashed => return,
                Err(e) => panic!("the NameNode cannot be formatted: {e}"),
            }
        }
        let now = ctx.now();
        let mut core = match NameNode::load(self.config.clone(), ctx.disk, now) {
            Ok(core) => core,
            Err(StorageError::Disk(e)) if e.kind == DiskErrorKind::Crashed => return,
            Err(e) => panic!("the NameNode cannot start: {e}"),
        };
        let mut history = self.history.borrow_mut();
        history.formatted = true;
        history.recovered(core.last_txid(), Snapshot::of(&core));
        core.refresh_nodes(history.hosts.clone(), now);
        self.core = Some(core);
        ctx.set_timer(Timer::Tick, TICK);
    }

    /// Where blocks are lost, the NameNode stays in safe mode until somebody has seen it: `dfsadmin -safemode leave`.
    fn operator(&mut self, ctx: &mut Ctx<'_, Member>) {
        let lost = self.history.borrow().damaged;
        if let Some(core) = &mut self.core
            && lost
            && core.safe_mode().is_some()
            && ctx.now() > CALM_AT + OPERATOR_COMES_AFTER
        {
            core.set_safe_mode(false, ctx.now());
        }
    }

    /// Lets the core do something, and notes what an invariant wants to know.
    fn watched<T>(
        &mut self,
        act: impl FnOnce(&mut NameNode, &mut Ctx<'_, Member>) -> T,
        ctx: &mut Ctx<'_, Member>,
    ) -> Option<T> {
        let core = self.core.as_mut()?;
        let (was_on, before) = (core.safe_mode().is_some(), core.last_txid());
        let result = act(core, ctx);
        let after = core.last_txid();
        let mut history = self.history.borrow_mut();
        if was_on && core.safe_mode().is_some() {
            let edits = after.0 - before.0;
            history
                .safe_mode_steps
                .push(SafeModeStep { edits, orders: 0 });
        }
        if after != before {
            history.snapshots.insert(after, Snapshot::of(core));
        }
        Some(result)
    }

    fn call(&mut self, from: NodeId, id: u64, request: &Request, ctx: &mut Ctx<'_, Member>) {
        if let Request::BlockReport(..) = request {
            self.begin_report(from, id, request.clone(), ctx);
            return;
        }
        let history = self.history.clone();
        let result = self.watched(
            |core, ctx| {
                let result = answer(core, request.clone(), ctx);
                let in_safe_mode = core.safe_mode().is_some();
                note(&history, request, &result, in_safe_mode);
                note_grant(&history, request, &result, core);
                note_deletions(&history, request, &result, core);
                result
            },
            ctx,
        );
        if let (Some(result), Some(core)) = (result, &self.core) {
            let answer = Message::Answer { id, result };
            self.waiting.push_back((core.last_txid(), from, answer));
        }
    }

    /// Begins a sync where one is due, and sends the answers whose transactions are durable.
    fn after_call(&mut self, ctx: &mut Ctx<'_, Member>) {
        let Some(core) = &mut self.core else {
            return;
        };
        if self.batch.is_none() {
            self.batch = core.begin_sync();
            if self.batch.is_some() {
                let takes = Duration::from_micros(200 + ctx.rng.below(5_000));
                ctx.set_timer(Timer::Flush, takes);
            }
        }
        let synced = core.synced_txid();
        let mut history = self.history.borrow_mut();
        while let Some((txid, _, _)) = self.waiting.front()
            && *txid <= synced
            && let Some((txid, to, message)) = self.waiting.pop_front()
        {
            history.acked = history.acked.max(txid);
            ctx.send(to, message);
        }
        let acked = history.acked;
        let kept = history
            .snapshots
            .keys()
            .rfind(|txid| **txid <= acked)
            .copied();
        if let Some(kept) = kept {
            history.snapshots = history.snapshots.split_off(&kept);
        }
    }

    fn flush(&mut self, ctx: &mut Ctx<'_, Member>) {
        let (Some(batch), Some(core)) = (self.batch.take(), &mut self.core) else {
            return;
        };
        match batch.write(ctx.disk) {
            Ok(()) => {}
            Err(e) if e.kind == DiskErrorKind::Crashed => return,
            Err(e) => panic!("the edit log cannot be written: {e}"),
        }
        core.end_sync(&batch);
        if batch.roll.is_some() {
            // Some of them take long, and edits go on meanwhile.
            let after = Duration::from_micros(ctx.rng.below(3_000_000));
            ctx.set_timer(Timer::Checkpoint, after);
        }
    }

    fn checkpoint(&mut self, ctx: &mut Ctx<'_, Member>) {
        let Some(core) = &mut self.core else {
            return;
        };
        match checkpoint(&self.config, ctx.disk) {
            Ok(image) => core.end_checkpoint(Some(image), ctx.now()),
            Err(StorageError::Disk(e)) if e.kind == DiskErrorKind::Crashed => {}
            Err(e) => panic!("no checkpoint can be made: {e}"),
        }
    }
}

/// Notes what the invariants judge.
fn note(
    history: &Shared,
    request: &Request,
    result: &Result<Response, FsError>,
    in_safe_mode: bool,
) {
    let mut history = history.borrow_mut();
    match (request, result) {
        (Request::Register(info, _), Ok(_)) => {
            let node = crate::wire::node_at(&info.address);
            history.datanodes.insert(info.id, node);
            history.orders.push(OrderNews::Void(info.id));
        }
        (Request::Heartbeat(heartbeat), Ok(Response::Commands(commands))) => {
            for command in commands {
                if let Command::Invalidate(blocks) = command {
                    let from = heartbeat.id;
                    let given = |block: &Block| {
                        OrderNews::Given(Order {
                            from,
                            block: *block,
                        })
                    };
                    let orders = blocks.iter().map(given);
                    history.orders.extend(orders);
                }
                if let Command::Recover(orders) = command {
                    let ids = orders.iter().map(|order| order.block.id);
                    history.recovered.extend(ids);
                    history.recoveries.extend(orders.iter().cloned());
                }
            }
            let orders = commands.iter();
            let orders =
                orders.filter(|c| !matches!(c, Command::Register | Command::ReportBlocks(_)));
            let orders = orders.count();
            if in_safe_mode {
                history
                    .safe_mode_steps
                    .push(SafeModeStep { edits: 0, orders });
            }
        }
        (Request::Incremental(datanode, _, events), Ok(_)) => {
            for event in events {
                if let BlockEvent::Deleted(block) = event {
                    history.orders.push(OrderNews::Done(*datanode, block.id));
                }
            }
        }
        (_, Ok(Response::Located(located))) => {
            for located in located.blocks.iter().filter(|b| !b.corrupt) {
                if located.under_construction {
                    history.located_open.insert(located.block.id);
                } else {
                    history.located.push(Located {
                        block: located.block,
                        nodes: located.locations.iter().map(|info| info.id).collect(),
                    });
                }
            }
        }
        _ => {}
    }
}

/// Notes which good replicas a DataNode was told to delete.
fn note_deletions(
    history: &Shared,
    request: &Request,
    result: &Result<Response, FsError>,
    core: &NameNode,
) {
    let (Request::Heartbeat(heartbeat), Ok(Response::Commands(commands))) = (request, result)
    else {
        return;
    };
    let mut history = history.borrow_mut();
    for command in commands {
        if let Command::Invalidate(blocks) = command {
            let deletions = blocks.iter();
            let deletions = deletions.filter_map(|b| Deletion::of(b.id, heartbeat.id, core));
            history.deletions.extend(deletions);
        }
    }
}

/// Notes who was allowed to write what.
fn note_grant(
    history: &Shared,
    request: &Request,
    result: &Result<Response, FsError>,
    core: &NameNode,
) {
    let (inode, client) = match request {
        Request::AddBlock(request) => (request.inode, &request.client),
        Request::NewGeneration { inode, client, .. }
        | Request::UpdatePipeline { inode, client, .. } => (*inode, client),
        _ => return,
    };
    if result.is_ok() {
        let grant = Grant {
            inode,
            client: client.clone(),
            holder: core.leases().holder(inode).map(str::to_owned),
        };
        history.borrow_mut().grants.push(grant);
    }
}

fn answer(
    core: &mut NameNode,
    request: Request,
    ctx: &mut Ctx<'_, Member>,
) -> Result<Response, FsError> {
    let now = ctx.now();
    let done = |()| Response::Done;
    match request {
        Request::Mkdirs(path) => core.mkdirs(&path, true, &permission(), now).map(done),
        Request::Create(request) => core.create(&request, now).map(Response::File),
        Request::AddBlock(request) => core.add_block(&request, now, ctx.rng).map(Response::Block),
        Request::AbandonBlock {
            inode,
            client,
            block,
        } => core.abandon_block(inode, &client, block).map(done),
        Request::Complete {
            inode,
            client,
            last,
        } => core
            .complete(inode, &client, last, now)
            .map(Response::Completed),
        Request::NewGeneration {
            inode,
            client,
            block,
        } => core
            .update_block_for_pipeline(inode, &client, block)
            .map(Response::Generation),
        Request::AdditionalDatanode(request) => core
            .get_additional_datanode(&request, now, ctx.rng)
            .map(Response::Datanode),
        Request::UpdatePipeline {
            inode,
            client,
            old,
            new,
            nodes,
        } => core
            .update_pipeline(inode, &client, old, new, &nodes)
            .map(done),
        Request::Locations(path) => core
            .get_block_locations(&path, 0, u64::MAX, None, now, ctx.rng)
            .map(Response::Located),
        Request::BadBlock(block, datanode) => core.report_bad_block(block, datanode).map(done),
        Request::Rename { from, to } => core.rename(&from, &to, now).map(done),
        Request::RenewLease(client) => {
            core.renew_lease(&client, now);
            Ok(Response::Done)
        }
        Request::RecoverLease(path) => core.recover_lease(&path, now).map(Response::Closed),
        Request::IsFileClosed(path) => core.is_file_closed(&path).map(Response::Closed),
        Request::Synchronized(synchronization) => core
            .commit_block_synchronization(&synchronization, now)
            .map(done),
        Request::Delete(path) => core.delete(&path, true, now).map(|_| Response::Done),
        Request::SetReplication(path, replication) => {
            core.set_replication(&path, replication).map(done)
        }
        Request::Register(info, namespace) => core
            .register_datanode(info, namespace, now, ctx.rng)
            .map(Response::Registered),
        Request::Heartbeat(heartbeat) => Ok(Response::Commands(core.heartbeat(&heartbeat, now))),
        Request::BlockReport(..) => Err(FsError::InvalidArgument("it comes in parts".into())),
        Request::Incremental(id, registration, events) => core
            .incremental_block_report(id, registration, &events, now)
            .map(done),
        Request::DatanodeReport => Ok(Response::Datanodes(core.datanode_report(now))),
        Request::GetBlocks(id, size) => core.get_blocks(id, size, 1, ctx.rng).map(Response::Blocks),
    }
}

pub(crate) fn permission() -> Permission {
    Permission {
        owner: "sim".into(),
        group: "sim".into(),
        mode: 0o755,
    }
}
