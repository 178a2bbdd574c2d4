//! The core behind its lock, and the thread that makes its edits durable (`FSEditLog.logSync`).
//!
//! A call locks the core, runs, notes the last transaction and unlocks; it is answered once that transaction is on
//! the disk. Meanwhile other calls run. So while one sync is under way the edits of all who call in that
//! time gather, and the next sync carries them together: many callers share one fsync.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::Context;
use node::{FileDisk, Rng, Time};
use tokio::sync::{Mutex, mpsc, watch};
use tonic::Status;
use tracing::{Instrument, error, info, info_span};

use super::host_files::HostFiles;
use crate::block::{DatanodeInfo, TxId};
use crate::error::FsError;
use crate::namenode::hosts::{Host, Hosts, Wish};
use crate::namenode::{Config, NameNode, checkpoint};
use crate::protocol::DatanodeReport;
use crate::server::clock::Clock;
use crate::server::metrics::Metrics;
use crate::server::rpc::to_status;

/// The core, and what its calls draw from.
#[derive(Debug)]
struct Core {
    namenode: NameNode,
    rng: Rng,
}

/// What all of a NameNode's tasks and threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    core: Mutex<Core>,
    /// The operator's files of DataNodes. Whoever reads or writes them holds the lock until the core has been told.
    host_files: Mutex<HostFiles>,
    clock: Clock,
    synced: watch::Sender<TxId>,
    wake: SyncSender<Wake>,
    /// Takes what makes it impossible to go on.
    fatal: mpsc::UnboundedSender<anyhow::Error>,
    /// What is counted and measured.
    pub(crate) metrics: Metrics,
}

/// What the sync thread waits for.
#[derive(Debug)]
enum Wake {
    Sync,
    Stop,
}

/// The sync thread.
#[derive(Debug)]
pub(crate) struct Syncer {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

impl Shared {
    /// Starts to serve `namenode`, whose files are on `disk`. What makes it impossible to go on comes
    /// out of the receiver.
    pub(crate) fn start(
        namenode: NameNode,
        host_files: HostFiles,
        config: Config,
        disk: FileDisk,
        clock: Clock,
        rng: Rng,
    ) -> anyhow::Result<(Arc<Shared>, Syncer, mpsc::UnboundedReceiver<anyhow::Error>)> {
        let (fatal, failures) = mpsc::unbounded_channel();
        let (wake, woken) = sync_channel(1);
        let shared = Arc::new(Shared {
            synced: watch::Sender::new(namenode.synced_txid()),
            core: Mutex::new(Core { namenode, rng }),
            host_files: Mutex::new(host_files),
            clock,
            wake,
            fatal,
            metrics: Metrics::new()?,
        });
        let thread = {
            let shared = shared.clone();
            let run = move || shared.sync_until_stopped(&woken, &config, disk);
            thread::Builder::new().name("sync".to_owned()).spawn(run)?
        };
        let syncer = Syncer {
            shared: shared.clone(),
            thread,
        };
        Ok((shared, syncer, failures))
    }

    /// Runs one call of the NameNode, and returns when what it did and saw is durable.
    pub(crate) async fn call<T>(
        &self,
        method: &'static str,
        call: impl FnOnce(&mut NameNode, Time, &mut Rng) -> Result<T, FsError>,
    ) -> Result<T, Status> {
        let began = Instant::now();
        let result = self.durably(call).await;
        let result = result.and_then(|result| result.map_err(|refused| to_status(&refused)));
        self.metrics.rpc(method, began.elapsed(), result.is_err());
        result
    }

    /// As [`Shared::call`], for what cannot be refused and is no RPC.
    pub(crate) async fn durably<T>(
        &self,
        call: impl FnOnce(&mut NameNode, Time, &mut Rng) -> T,
    ) -> Result<T, Status> {
        let began = Instant::now();
        let (result, seen, pending) = {
            let mut core = self.core.lock().await;
            self.metrics.lock_wait(began.elapsed());
            let _guard = EndOnPanic(self);
            let Core { namenode, rng } = &mut *core;
            // Under the lock, so that the core never sees time run backwards.
            let result = call(namenode, self.clock.now(), rng);
            let seen = namenode.last_txid();
            (result, seen, seen > namenode.synced_txid())
        };
        if pending {
            self.wake();
            // Readers wait as writers do: a crash must not take back what they have seen.
            let mut synced = self.synced.subscribe();
            let wait = synced.wait_for(|synced| *synced >= seen);
            if wait.instrument(info_span!("edit_log_sync")).await.is_err() {
                return Err(Status::unavailable("the NameNode is ending"));
            }
        }
        Ok(result)
    }

    /// Lets time pass in the core, step by step: others have their turn in between. Does not wait for the disk.
    pub(crate) async fn tick(&self) {
        let mut more = true;
        while more {
            let mut core = self.core.lock().await;
            let _guard = EndOnPanic(self);
            let Core { namenode, rng } = &mut *core;
            let now = self.clock.now();
            more = tokio::task::block_in_place(|| namenode.tick(now, rng));
        }
        self.wake();
        self.metrics.upkeep();
    }

    /// Reads the files of hosts, and does what they say now.
    pub(crate) async fn refresh_nodes(&self) -> Result<(), Status> {
        let files = self.host_files.lock().await;
        let hosts = files.read().map_err(|e| refused(format!("{e:#}")))?;
        self.call("refreshNodes", |nn, now, _| {
            nn.refresh_nodes(hosts, now);
            Ok(())
        })
        .await
    }

    /// Writes down what is wanted of some, and does what the files of hosts say now.
    pub(crate) async fn set_admin_state(
        &self,
        names: &[Host],
        wish: Option<Wish>,
    ) -> Result<(), Status> {
        let mut files = self.host_files.lock().await;
        let mut hosts = files.read().map_err(|e| refused(format!("{e:#}")))?;
        let known = self.durably(|nn, now, _| nn.datanode_report(now)).await?;
        for host in names {
            let mut meant = known.iter().filter(|node| host.is(&node.info)).peekable();
            let is_known = meant.peek().is_some();
            if !is_known && !hosts.wishes.iter().any(|(name, _)| name == host) {
                return Err(refused(unknown_host(host, &known)));
            }
            let stays_out = wish != Some(Wish::Decommission);
            if let Some(node) = meant.find(|node| stays_out && hosts.excludes(&node.info)) {
                return Err(refused(format!(
                    "{} ({}) stands in the list of DataNodes to decommission (dfs.hosts.exclude): take it out there, \
                     then run dfsadmin -refreshNodes",
                    node.info.hostname, node.info.address
                )));
            }
            hosts.set(host, wish);
        }
        if wish.is_none() {
            sent_away_otherwise(names, &hosts, &known, self.clock.now().as_millis())?;
        }
        tokio::task::block_in_place(|| files.write(&hosts))
            .map_err(|e| refused(format!("{e:#}")))?;
        self.call("setAdminState", |nn, now, _| {
            nn.refresh_nodes(hosts, now);
            Ok(())
        })
        .await
    }

    fn wake(&self) {
        // A full channel wakes the thread as well.
        let _ = self.wake.try_send(Wake::Sync);
    }

    fn fail(&self, error: anyhow::Error) {
        // Whoever listened has stopped serving, which is what this is for.
        let _ = self.fatal.send(error);
    }

    fn sync_until_stopped(
        self: &Arc<Self>,
        woken: &Receiver<Wake>,
        config: &Config,
        mut disk: FileDisk,
    ) {
        let mut checkpointing: Option<JoinHandle<()>> = None;
        loop {
            let stop = !matches!(woken.recv(), Ok(Wake::Sync));
            loop {
                match self.sync_once(&mut disk) {
                    Ok(Synced::Nothing) => break,
                    Ok(Synced::Edits) => {}
                    Ok(Synced::Segment) => {
                        let (shared, config, disk) = (self.clone(), config.clone(), disk.clone());
                        checkpointing =
                            Some(thread::spawn(move || shared.checkpoint(&config, disk)));
                    }
                    // What is on the disk is not known any more, and nobody may be answered.
                    Err(e) => return self.fail(e),
                }
            }
            if stop {
                if let Some(Err(_)) = checkpointing.map(JoinHandle::join) {
                    error!("the checkpoint failed");
                }
                return;
            }
        }
    }

    fn sync_once(&self, disk: &mut FileDisk) -> anyhow::Result<Synced> {
        let Some(batch) = self.core.blocking_lock().namenode.begin_sync() else {
            return Ok(Synced::Nothing);
        };
        let began = Instant::now();
        batch
            .write(disk)
            .context("the edit log cannot be written, so nothing can be promised any more")?;
        self.core.blocking_lock().namenode.end_sync(&batch);
        let before = self.synced.send_replace(batch.last);
        self.metrics.sync(began.elapsed(), batch.last.0 - before.0);
        Ok(if batch.roll.is_some() {
            Synced::Segment
        } else {
            Synced::Edits
        })
    }

    fn checkpoint(&self, config: &Config, mut disk: FileDisk) {
        let began = Instant::now();
        let image = checkpoint(config, &mut disk);
        match &image {
            Ok(reached) => {
                self.metrics.checkpoint(began.elapsed());
                info!(transaction = reached.0, took = ?began.elapsed(), "checkpoint");
            }
            Err(e) => error!("the checkpoint failed and will be tried again: {e}"),
        }
        let mut core = self.core.blocking_lock();
        core.namenode.end_checkpoint(image.ok(), self.clock.now());
    }
}

fn refused(reason: String) -> Status {
    to_status(&FsError::InvalidArgument(reason))
}

/// Refuses to put back a DataNode that was sent away by another of its names.
fn sent_away_otherwise(
    names: &[Host],
    hosts: &Hosts,
    known: &[DatanodeReport],
    now_ms: u64,
) -> Result<(), Status> {
    let meant = |info: &DatanodeInfo| names.iter().any(|name| name.is(info));
    for DatanodeReport { info, .. } in known {
        let mut others = hosts.wishes.iter().map(|(other, _)| other);
        let other = others.rfind(|other| other.is(info));
        if let Some(other) = other.filter(|_| meant(info) && hosts.wish(info, now_ms).is_some()) {
            return Err(refused(format!(
                "{} ({}) was sent away as {other}: recommission {other}",
                info.hostname, info.address
            )));
        }
    }
    Ok(())
}

fn unknown_host(host: &Host, known: &[DatanodeReport]) -> String {
    let names = known.iter().map(|node| {
        let DatanodeInfo {
            hostname, address, ..
        } = &node.info;
        format!("{hostname} ({address})")
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    let names = names.join(", ");
    format!("no DataNode {host} has registered; there are: {names}")
}

enum Synced {
    Nothing,
    Edits,
    /// These edits were the last of their segment.
    Segment,
}

impl Syncer {
    /// Makes durable what is left, and ends the thread.
    pub(crate) fn stop(self) {
        let Syncer { shared, thread } = self;
        let asked = shared.wake.send(Wake::Stop);
        if asked.is_ok() && thread.join().is_err() {
            error!("the sync thread panicked");
        }
    }
}

/// Ends the NameNode when a call panics: it may have changed one half of something, and the edit log tells
/// nothing of it. A restart brings back what was acknowledged.
struct EndOnPanic<'a>(&'a Shared);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(anyhow::anyhow!(
                "a call panicked (see above), so the state in memory cannot be trusted"
            ));
        }
    }
}
