//! The threads behind a file being written (`DataStreamer`'s thread and its `ResponseProcessor`), and what they share with
//! the thread that writes: the [`DataStreamer`] under one lock, which nobody holds while it waits for the network.
//!
//! The streamer's thread does what [`DataStreamer::action`] says: asks for blocks, sets pipelines up and mends them, sends
//! packets. While a pipeline stands, another thread hears its acknowledgements.

use std::io::{self, BufReader};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::sockets::{self, Pipeline};
use super::{DfsClient, DfsError};
use crate::block::{Block, DatanodeId, DatanodeInfo, InodeId};
use crate::client::ack_queue::BadNode;
use crate::client::data_streamer::{Action, DataStreamer, Setup, WriteSettings};
use crate::client::retry::{CallFailure, Repeat};
use crate::error::FsError;
use crate::protocol::{AddBlockRequest, AdditionalDatanodeRequest, FileStatus};
use crate::server::data_transfer;
use crate::server::rpc::RpcError;

/// What the threads of one file share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) client: DfsClient,
    pub(super) path: String,
    pub(super) inode: InodeId,
    holder: String,
    block_size: u64,
    state: Mutex<State>,
    pub(super) changed: Condvar,
}

/// How far the file is.
#[derive(Debug)]
pub(super) struct State {
    pub(super) streamer: DataStreamer,
    /// The last block finished.
    pub(super) previous: Option<Block>,
    pub(super) blocks_finished: u64,
    /// The connection of the pipeline that stands; its other half waits in `up` for the thread that hears it.
    pipeline: Option<TcpStream>,
    up: Option<BufReader<TcpStream>>,
    /// How many pipelines there were: who belongs to an older one has no say.
    pipelines: u64,
    error: Option<DfsError>,
    pub(super) closed: bool,
}

impl State {
    pub(super) fn check(&self, path: &str) -> Result<(), DfsError> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None if self.closed => Err(DfsError::Closed {
                path: path.to_owned(),
            }),
            None => Ok(()),
        }
    }

    fn is_over(&self) -> bool {
        self.closed || self.error.is_some()
    }

    /// A node of the pipeline of this number failed.
    fn node_failed(&mut self, pipeline: u64, bad: BadNode) {
        if pipeline == self.pipelines && self.streamer.action() == Action::Stream {
            tracing::warn!(node = bad.index, reason = %bad.reason, "a DataNode of the pipeline failed");
            self.streamer.on_node_failed(bad);
        }
    }
}

/// Tells whoever waits for a thread that it panicked.
struct PanicGuard<'a>(&'a Shared);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let text = format!(
                "cannot write {}: a thread of the client panicked",
                self.0.path
            );
            self.0.lock().error = Some(DfsError::Local(text));
            self.0.changed.notify_all();
        }
    }
}

impl Shared {
    pub(super) fn new(client: DfsClient, holder: String, status: &FileStatus) -> Shared {
        let settings = client.settings();
        let write = WriteSettings {
            policy: settings.replace_datanode,
            best_effort: settings.replace_best_effort,
            ..WriteSettings::new(status.replication)
        };
        Shared {
            client,
            path: status.path.clone(),
            inode: status.inode,
            holder,
            block_size: status.block_size,
            state: Mutex::new(State {
                streamer: DataStreamer::new(write),
                previous: None,
                blocks_finished: 0,
                pipeline: None,
                up: None,
                pipelines: 0,
                error: None,
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Ends all work: nothing more is sent.
    pub(super) fn abort(&self) {
        let mut state = self.lock();
        state.closed = true;
        if let Some(pipeline) = state.pipeline.take() {
            sockets::cut(&pipeline);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Ends all work with this error, unless there was one before.
    pub(super) fn fail(&self, error: DfsError) {
        self.lock().error.get_or_insert(error);
        self.abort();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while `condition` holds and the file can be written.
    pub(super) fn wait_while<'a>(
        &self,
        state: MutexGuard<'a, State>,
        condition: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        self.changed
            .wait_while(state, |state| !state.is_over() && condition(state))
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait_until(&self, condition: impl Fn(&State) -> bool) -> Result<(), DfsError> {
        let state = self.wait_while(self.lock(), |state| !condition(state));
        if condition(&state) {
            return Ok(());
        }
        state.check(&self.path)
    }

    /// The streamer's thread.
    pub(super) fn stream(self: Arc<Self>) {
        let _guard = PanicGuard(&self);
        while !self.lock().is_over() {
            if let Err(error) = self.step() {
                self.lock().error = Some(error);
            }
            self.changed.notify_all();
        }
    }

    /// Does what is due.
    fn step(self: &Arc<Self>) -> Result<(), DfsError> {
        let name_node = self.client.name_node();
        let (inode, holder) = (self.inode, self.holder.as_str());
        let action = self.lock().streamer.action();
        match action {
            Action::AddBlock { exclude } => self.add_block(exclude)?,
            Action::Abandon(block) => {
                self.client.call(Repeat::MidFile, || {
                    name_node.abandon_block(inode, holder, block)
                })?;
                self.lock().streamer.on_abandoned();
            }
            Action::NewGeneration(block) => {
                let generation = self.client.call(Repeat::MidFile, || {
                    name_node.update_block_for_pipeline(inode, holder, block)
                })?;
                self.lock().streamer.on_generation(generation);
            }
            Action::AdditionalDatanode {
                block,
                existing,
                exclude,
            } => self.add_datanode(block, existing, exclude)?,
            Action::Transfer {
                block,
                source,
                target,
            } => self.transfer(block, &source, &target),
            Action::Connect(setup) => self.connect(&setup),
            Action::UpdatePipeline { old, new, nodes } => {
                self.client.call(Repeat::MidFile, || {
                    name_node.update_pipeline(inode, holder, old, new, &nodes)
                })?;
                self.lock().streamer.on_pipeline_updated();
            }
            Action::Stream => {
                self.hear_new_pipeline()?;
                self.send_next();
            }
            Action::Fail(error) => {
                return Err(DfsError::Write {
                    path: self.path.clone(),
                    error,
                });
            }
        }
        Ok(())
    }

    fn add_block(&self, exclude: Vec<DatanodeId>) -> Result<(), DfsError> {
        let state = self.wait_while(self.lock(), |state| state.streamer.all_acked());
        if state.is_over() {
            return Ok(());
        }
        let request = AddBlockRequest {
            inode: self.inode,
            client: self.holder.clone(),
            previous: state.previous,
            exclude,
            client_host: self.client.settings().host.clone(),
        };
        drop(state);
        let name_node = self.client.name_node();
        let added = self
            .client
            .call(Repeat::MidFile, || name_node.add_block(&request));
        match added {
            Ok(located) => self.lock().streamer.on_block(located),
            Err(DfsError::Call(RpcError::Refused(FsError::NoDatanodes { .. })))
                if self.lock().streamer.on_no_datanodes() => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Asks for another node, where one of the pipeline has failed.
    fn add_datanode(
        &self,
        block: Block,
        existing: Vec<DatanodeId>,
        exclude: Vec<DatanodeId>,
    ) -> Result<(), DfsError> {
        let request = AdditionalDatanodeRequest {
            inode: self.inode,
            client: self.holder.clone(),
            block,
            existing,
            exclude,
            client_host: self.client.settings().host.clone(),
        };
        let name_node = self.client.name_node();
        let found = self.client.call(Repeat::MidFile, || {
            name_node.get_additional_datanode(&request)
        });
        match found {
            Ok(node) => self.lock().streamer.on_additional(node),
            Err(DfsError::Call(RpcError::Refused(refused @ FsError::NoDatanodes { .. }))) => {
                tracing::warn!(%block, %refused, "a failed DataNode cannot be replaced");
                self.lock().streamer.on_no_additional(refused.to_string());
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn transfer(&self, block: Block, source: &DatanodeInfo, target: &DatanodeInfo) {
        let sent = sockets::transfer(self.client.settings(), &self.holder, block, source, target);
        let (from, to) = (&source.address, &target.address);
        match sent {
            Ok(()) => {
                tracing::info!(%block, %from, %to, "a DataNode joins the pipeline");
                self.lock().streamer.on_transferred();
            }
            Err((blame, reason)) => {
                tracing::warn!(%block, %from, %to, ?blame, %reason, "no copy for the pipeline");
                self.lock().streamer.on_transfer_failed(blame, reason);
            }
        }
    }

    fn connect(&self, setup: &Setup) {
        let connected =
            sockets::set_up(self.client.settings(), &self.holder, setup, self.block_size);
        let mut state = self.lock();
        match connected {
            Ok(Pipeline { down, up }) => {
                state.streamer.on_connected();
                (state.pipeline, state.up) = (Some(down), Some(up));
                state.pipelines += 1;
            }
            Err(bad) => {
                tracing::warn!(block = %setup.block, node = bad.index, reason = %bad.reason, "no pipeline");
                state.streamer.on_node_failed(bad);
            }
        }
    }

    /// Begins to hear acknowledgements, if the pipeline is a new one.
    fn hear_new_pipeline(self: &Arc<Self>) -> Result<(), DfsError> {
        let mut state = self.lock();
        let number = state.pipelines;
        if let Some(up) = state.up.take() {
            let shared = Arc::clone(self);
            thread::Builder::new()
                .name("dfs-acks".to_owned())
                .spawn(move || shared.hear(up, number))
                .map_err(|e| DfsError::local("cannot start a thread", &e))?;
        }
        Ok(())
    }

    /// Sends the next packet, or waits until there is one or something else to do.
    fn send_next(&self) {
        let idle_max = self.client.settings().socket_timeout / 2;
        let began = Instant::now();
        let mut state = self.lock();
        let packet = loop {
            if state.is_over() || state.streamer.action() != Action::Stream {
                return;
            }
            if let Some(packet) = state.streamer.next_to_send() {
                break packet;
            }
            let left = idle_max.saturating_sub(began.elapsed());
            if left == Duration::ZERO {
                if state.streamer.all_acked() {
                    state.streamer.push_heartbeat();
                    continue;
                }
                return;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        let number = state.pipelines;
        let down = state.pipeline.as_ref().map(TcpStream::try_clone);
        drop(state);
        let sent = match down {
            Some(Ok(mut down)) => data_transfer::send_packet(&mut down, &packet),
            Some(Err(error)) => Err(error),
            None => return,
        };
        if let Err(error) = sent {
            self.sending_failed(number, &error);
        }
    }

    /// The first node takes no more. It may have said why, and then it is another one that failed: the thread that hears
    /// acknowledgements decides, at the latest when its connection ends.
    fn sending_failed(&self, number: u64, error: &io::Error) {
        let patience = self.client.settings().socket_timeout;
        let state = self.lock();
        let streams = |state: &mut State| {
            !state.is_over()
                && state.pipelines == number
                && state.streamer.action() == Action::Stream
        };
        let waited = self.changed.wait_timeout_while(state, patience, streams);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        let reason = format!("could not be sent to: {error}");
        state.node_failed(number, BadNode { index: 0, reason });
    }

    /// The thread that hears the acknowledgements of one pipeline, until it fails or its block is finished.
    fn hear(&self, mut up: BufReader<TcpStream>, number: u64) {
        let _guard = PanicGuard(self);
        loop {
            let heard = data_transfer::receive_ack(&mut up);
            let mut state = self.lock();
            if number != state.pipelines {
                break;
            }
            match heard {
                Ok(ack) => {
                    state.streamer.on_ack(&ack);
                    if state.streamer.action() != Action::Stream {
                        tracing::warn!(?ack, "a DataNode of the pipeline failed");
                    }
                }
                Err(error) => {
                    let reason = sockets::told(error, "acknowledging packets").to_string();
                    state.node_failed(number, BadNode { index: 0, reason });
                }
            }
            if let Some(block) = state.streamer.take_finished() {
                state.previous = Some(block);
                state.blocks_finished += 1;
                state.pipeline = None;
            }
            if state.is_over() || state.streamer.action() != Action::Stream {
                break;
            }
            drop(state);
            self.changed.notify_all();
        }
        sockets::cut(up.get_ref());
        self.changed.notify_all();
    }

    /// Tells the NameNode that the file is finished, until it has heard of enough replicas of the last block.
    pub(super) fn complete(&self, last: Option<Block>) -> Result<(), DfsError> {
        let name_node = self.client.name_node();
        let backoff = self.client.settings().retry_mid_file;
        let not_yet = CallFailure::Refused(FsError::NotReplicatedYet(self.path.clone()));
        let began = Instant::now();
        for attempt in 0.. {
            let done = self.client.call(Repeat::MidFile, || {
                name_node.complete(self.inode, &self.holder, last)
            })?;
            if done {
                break;
            }
            let pause = backoff.retry(Repeat::MidFile, &not_yet, attempt, began.elapsed());
            let Some(pause) = pause else {
                return Err(DfsError::NotComplete {
                    path: self.path.clone(),
                    last: last.unwrap_or_default(),
                });
            };
            thread::sleep(pause);
        }
        Ok(())
    }
}
