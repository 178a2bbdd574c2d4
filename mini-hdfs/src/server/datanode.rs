//! The DataNode as a process: its directory, its data server, its calls of the NameNode, its end.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use node::{FileDisk, Rng, Time};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use super::clock::Clock;
use super::connector::Connector;
use super::lifetime;
use super::rpc::{NameNodeClient, RpcError};
use super::settings::Settings;
use super::xceiver::{DataEvent, DataServer};
use crate::block::{Block, DatanodeInfo};
use crate::datanode::ReplicaMap;
use crate::datanode::actor::{Action, Answer, BpServiceActor, Call, CallId, Intervals};
use crate::datanode::storage::{self, Identity};
use crate::error::FsError;
use crate::protocol::{Heartbeat, Registration};

/// What `mini-hdfs datanode` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Directory of the replicas
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Where the NameNode is called
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "MINI_HDFS_NAMENODE",
        default_value = "127.0.0.1:8020"
    )]
    pub namenode: String,
    /// Where block data is served; port 0 lets the system choose
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9866")]
    pub listen: String,
    /// The name of this machine, by which a writer's own DataNode is known
    #[arg(long, value_name = "NAME", default_value_t = super::hostname())]
    pub hostname: String,
    /// Where this machine stands in the network, from the root down
    #[arg(long, value_name = "/RACK", default_value = "/default-rack")]
    pub rack: String,
    /// Bytes that replicas may use in all [default: what the file system has]
    #[arg(long, value_name = "BYTES")]
    pub capacity: Option<u64>,
    /// Settings with HDFS's keys, as in -D dfs.heartbeat.interval=1s
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub define: Vec<String>,
    /// End when the standard input does
    #[arg(long)]
    pub exit_with_stdin: bool,
    /// Dial everything through this SOCKS5 listener
    #[arg(long, value_name = "HOST:PORT", hide = true)]
    pub socks: Option<SocketAddr>,
}

/// Runs a DataNode until it is asked to end. While the NameNode is away it serves replicas, and calls again and again.
///
/// # Errors
/// When a setting is wrong, the address is taken, or the directory cannot be used or is used by another process.
pub fn run(options: &Options) -> Result<()> {
    let (data_settings, intervals) = Settings::parse(&options.define)?.datanode()?;
    let dir = options.dir.display();
    let _lock = lifetime::lock(&options.dir)?;
    let mut disk = FileDisk::open(&options.dir)?;
    let mut rng = Rng::new(lifetime::random_seed());
    let identity = storage::load_or_format(&mut disk, &mut rng)
        .with_context(|| format!("cannot use {dir}"))?;
    let scan = storage::scan(&mut disk).with_context(|| format!("cannot use {dir}"))?;
    let id = identity.id;
    info!(datanode = %id, replicas = scan.replicas.len(), "loaded {dir}");
    for (block, reason) in &scan.ignored {
        warn!("{block} does not count: {reason}");
    }

    let listener = TcpListener::bind(&options.listen)
        .with_context(|| format!("cannot listen at --listen {}", options.listen))?;
    let address = listener.local_addr()?;
    let info = DatanodeInfo {
        id,
        hostname: options.hostname.clone(),
        address: if address.ip().is_unspecified() {
            format!("{}:{}", options.hostname, address.port())
        } else {
            address.to_string()
        },
        rack: options.rack.clone(),
    };
    let connector = options
        .socks
        .map_or_else(Connector::direct, Connector::socks5);
    let (sender, events) = unbounded_channel();
    let tell = move |event| {
        // Nobody listens any more while the process ends.
        let _ = sender.send(event);
    };
    let map = ReplicaMap::new(scan.replicas);
    let identity_disk = disk.clone();
    let server = DataServer::start(
        listener,
        id,
        disk,
        map,
        connector.clone(),
        data_settings,
        tell,
    )?;

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        let service = Service {
            namenode: NameNodeClient::new(&connector, &options.namenode)?
                .with_timeout(intervals.call_timeout),
            info,
            server: Arc::new(server),
            volume: Volume {
                dir: options.dir.clone(),
                configured: options.capacity,
            },
            identity,
            disk: identity_disk,
            unreachable: false,
        };
        service.volume.figures(0)?;
        lifetime::announce(&serde_json::json!({
            "ready": "datanode",
            "id": id.to_string(),
            "address": service.info.address,
        }))?;
        tokio::select! {
            served = service.serve(intervals, events) => served,
            () = lifetime::end_requested(options.exit_with_stdin) => Ok(()),
        }
    });
    info!("ending");
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

/// What came back from a call.
enum Reply {
    Registered(Registration),
    Other(Answer),
}

/// The conversation with the NameNode (`BPServiceActor`'s thread).
struct Service {
    namenode: NameNodeClient,
    info: DatanodeInfo,
    server: Arc<DataServer>,
    volume: Volume,
    identity: Identity,
    /// Where the identity is kept.
    disk: FileDisk,
    /// The last call had no answer.
    unreachable: bool,
}

impl Service {
    async fn serve(
        mut self,
        intervals: Intervals,
        mut events: UnboundedReceiver<DataEvent>,
    ) -> Result<()> {
        let clock = Clock::start();
        let mut actor = BpServiceActor::new(intervals);
        let mut calls = JoinSet::new();
        loop {
            let now = clock.now();
            if let Some((id, call)) = actor.poll(now) {
                self.call(&mut calls, id, call)?;
            }
            tokio::select! {
                event = events.recv() => match event {
                    Some(DataEvent::Replica(event)) => actor.notify(event),
                    Some(DataEvent::Corrupt(block)) => self.report_corrupt(block),
                    None => bail!("the data server is gone"),
                },
                Some(answered) = calls.join_next() => {
                    let (id, answer) = answered?;
                    let answer = self.understand(answer)?;
                    for action in actor.answered(id, answer, clock.now()) {
                        self.act(action);
                    }
                }
                () = sleep_until(&clock, actor.next_poll()) => {}
            }
        }
    }

    fn call(
        &self,
        calls: &mut JoinSet<(CallId, Result<Reply, RpcError>)>,
        id: CallId,
        call: Call,
    ) -> Result<()> {
        let (namenode, info) = (self.namenode.clone(), self.info.clone());
        let namespace_id = self.identity.namespace_id;
        let (server, me) = (self.server.clone(), self.info.id);
        let (capacity, remaining) = self.volume.figures(server.used())?;
        calls.spawn(async move {
            let answer = match call {
                Call::Register => namenode
                    .register_datanode(&info, namespace_id)
                    .await
                    .map(Reply::Registered),
                Call::Heartbeat(registration, wants_report_lease) => {
                    let heartbeat = Heartbeat {
                        id: me,
                        registration,
                        capacity,
                        dfs_used: server.used(),
                        remaining,
                        xceivers: server.transfers(),
                        wants_report_lease,
                    };
                    let commands = namenode.heartbeat(&heartbeat).await;
                    commands.map(|commands| Reply::Other(Answer::Commands(commands)))
                }
                Call::BlockReport(registration, lease) => {
                    let report = server.report();
                    let reported = namenode.block_report(me, registration, lease, report).await;
                    reported.map(|()| Reply::Other(Answer::Done))
                }
                Call::Incremental(registration, events) => {
                    let reported = namenode
                        .incremental_block_report(me, registration, events)
                        .await;
                    reported.map(|()| Reply::Other(Answer::Done))
                }
            };
            (id, answer)
        });
        Ok(())
    }

    /// One warning when the NameNode goes away, and a word when it is back. Ends the DataNode when the NameNode serves
    /// another file system: nobody can mend that but its operator.
    fn understand(&mut self, reply: Result<Reply, RpcError>) -> Result<Answer> {
        let was_unreachable = std::mem::take(&mut self.unreachable);
        let (answer, refusal) = match reply {
            Ok(Reply::Registered(registration)) => {
                let joined = registration.namespace_id;
                storage::join_namespace(&mut self.identity, joined, &mut self.disk)?;
                info!("registered with {}", self.namenode.address());
                (Answer::Registered(registration.id), None)
            }
            Ok(Reply::Other(answer)) => (answer, None),
            Err(RpcError::Refused(e @ FsError::InconsistentNamespace { .. })) => bail!(e),
            Err(RpcError::Refused(FsError::UnregisteredNode(_))) => (Answer::Unregistered, None),
            Err(e @ (RpcError::Unreachable { .. } | RpcError::Unavailable { .. })) => {
                self.unreachable = true;
                if !was_unreachable {
                    warn!("{e}; will go on trying");
                }
                return Ok(Answer::Failed);
            }
            Err(e) => (Answer::Failed, Some(e)),
        };
        if was_unreachable {
            info!("the NameNode answers again");
        }
        if let Some(e) = refusal {
            warn!("{e}");
        }
        Ok(answer)
    }

    fn act(&self, action: Action) {
        match action {
            Action::Delete(blocks) => {
                debug!("deleting {} replicas", blocks.len());
                self.server.delete(&blocks);
            }
            Action::Transfer { block, targets } => self.server.transfer(block, targets),
        }
    }

    /// Once is enough: the copy that failed for it is asked for again.
    fn report_corrupt(&self, block: Block) {
        warn!("{block}: the replica here is damaged");
        let (namenode, me) = (self.namenode.clone(), self.info.id);
        tokio::spawn(async move {
            if let Err(e) = namenode.report_bad_block(block, me).await {
                warn!("cannot report {block}: {e}");
            }
        });
    }
}

async fn sleep_until(clock: &Clock, time: Time) {
    tokio::time::sleep(time.since(clock.now())).await;
}

/// The file system that holds the replicas.
struct Volume {
    dir: PathBuf,
    /// `--capacity`.
    configured: Option<u64>,
}

impl Volume {
    /// Capacity and what is left of it, in bytes, with `used` bytes in replicas.
    fn figures(&self, used: u64) -> Result<(u64, u64)> {
        let (capacity, free) = match (file_system(&self.dir), self.configured) {
            (Ok((_, free)), Some(capacity)) => (capacity, free),
            (Err(_), Some(capacity)) => (capacity, capacity),
            (Ok(measured), None) => return Ok(measured),
            (Err(e), None) => {
                return Err(e).context("cannot measure the disk; say --capacity");
            }
        };
        Ok((capacity, capacity.saturating_sub(used).min(free)))
    }
}

/// Size and free bytes of the file system that holds `dir`.
#[cfg(unix)]
fn file_system(dir: &Path) -> std::io::Result<(u64, u64)> {
    let stat = rustix::fs::statvfs(dir)?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Ok((bytes(stat.f_blocks), bytes(stat.f_bavail)))
}

#[cfg(not(unix))]
fn file_system(_dir: &Path) -> std::io::Result<(u64, u64)> {
    Err(std::io::ErrorKind::Unsupported.into())
}
