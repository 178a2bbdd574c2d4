//! The DataNode as a process: its directories, its data server, its calls of the NameNode, its end.

mod http;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chaos::Chaos;
use node::{FileDisk, Time};
use servers::lifetime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use super::clock::Clock;
use super::connector::Connector;
use super::rpc::{NameNodeClient, RpcError};
use super::settings::Settings;
use super::volumes::{self, VolumeSettings, VolumeStatus};
use super::xceiver::{DataEvent, DataServer};
use crate::block::{DatanodeId, DatanodeInfo};
use crate::datanode::actor::{Action, Answer, BpServiceActor, Call, CallId, Intervals};
use crate::datanode::storage::{self, Identity, StorageError};
use crate::datanode::volumes::VolumeId;
use crate::error::FsError;
use crate::protocol::{
    BlockEvent, BlockSynchronization, FailedVolume, Heartbeat, HeartbeatDetails, Registration,
    RegistrationId, StorageReport,
};

/// What `mini-hdfs datanode` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Directories of the replicas, one for each disk [default: what -D dfs.datanode.data.dir says]
    #[arg(long, value_name = "DIR[,DIR...]", value_delimiter = ',')]
    pub dir: Vec<PathBuf>,
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
    /// Where status and metrics are
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9864")]
    pub http: String,
    /// The name of this machine, by which a writer's own DataNode is known
    #[arg(long, value_name = "NAME", default_value_t = super::hostname())]
    pub hostname: String,
    /// Where this machine stands in the network, from the root down
    #[arg(long, value_name = "/RACK", default_value = "/default-rack")]
    pub rack: String,
    /// Bytes that replicas may use on all directories together, an equal part on each [default: what the file systems have]
    #[arg(long, value_name = "BYTES")]
    pub capacity: Option<u64>,
    /// Settings with HDFS's keys, as in -D dfs.heartbeat.interval=1s
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub define: Vec<String>,
    /// Take orders to break this server's disks at this address of this machine, as from
    /// curl -X PUT http://HOST:PORT/chaos -d 'slow_ms=200'
    #[arg(long, value_name = "HOST:PORT")]
    pub chaos: Option<String>,
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
/// When a setting is wrong, an address is taken, or a directory is used by another process or another DataNode; when
/// more volumes have failed than are tolerated, at the start or later.
pub fn run(options: &Options) -> Result<()> {
    let settings = Settings::parse(&options.define)?;
    let (data_settings, intervals) = settings.datanode()?;
    let dirs = directories(options, &settings)?;
    let mut opened = volumes::open(
        &dirs,
        &VolumeSettings {
            capacity: options.capacity,
            ..settings.volumes()?
        },
    )?;
    let chaos = options.chaos.as_ref().map(|_| Chaos::new(&dirs));
    if let Some(chaos) = &chaos {
        for (dir, disk) in dirs.iter().zip(&mut opened.disks) {
            *disk = disk.take().map(|disk| chaos.break_into(dir, disk));
        }
    }
    let id = opened.id;
    info!(datanode = %id, replicas = opened.map.len(), volumes = dirs.len(), "loaded");

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
    let identities = (0..)
        .map(VolumeId)
        .zip(&opened.identities)
        .zip(&opened.disks);
    let identities = identities
        .filter_map(|((volume, identity), disk)| Some((volume, (*identity)?, disk.clone()?)))
        .collect();
    let server = DataServer::start(listener, opened, connector.clone(), data_settings, tell)?;
    let volumes = server.volumes();
    if volumes.iter().all(|status| status.figures.capacity == 0) {
        bail!(
            "the volumes have no room at all: say --capacity where the disks cannot be measured, or reserve less of them (dfs.datanode.du.reserved)"
        );
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        let service = Service {
            namenode: NameNodeClient::new(&connector, &options.namenode)
                .context("cannot use --namenode")?
                .with_timeout(intervals.call_timeout),
            info,
            server: Arc::new(server),
            identities,
            unreachable: false,
        };
        serve(options, service, chaos.as_ref(), intervals, events).await
    });
    info!("ending");
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

/// Where the replicas are: a directory for each volume.
fn directories(options: &Options, settings: &Settings) -> Result<Vec<PathBuf>> {
    if !options.dir.is_empty() {
        return Ok(options.dir.clone());
    }
    let given = settings.text("dfs.datanode.data.dir").unwrap_or_default();
    let given = given
        .split(',')
        .map(str::trim)
        .filter(|dir| !dir.is_empty());
    let dirs: Vec<PathBuf> = given.map(PathBuf::from).collect();
    if dirs.is_empty() {
        bail!(
            "where are the replicas? Say --dir DIR[,DIR...], or -D dfs.datanode.data.dir=DIR[,DIR...]"
        );
    }
    Ok(dirs)
}

/// Shows the pages, says that all is ready, and talks with the NameNode until the process is asked to end.
async fn serve(
    options: &Options,
    service: Service,
    chaos: Option<&Chaos>,
    intervals: Intervals,
    events: UnboundedReceiver<DataEvent>,
) -> Result<()> {
    let http = TcpListener::bind(&options.http)
        .with_context(|| format!("cannot listen at --http {}", options.http))?;
    http.set_nonblocking(true)?;
    let http = tokio::net::TcpListener::from_std(http)?;
    let http_address = http.local_addr()?;
    let shown = http::Shown {
        info: service.info.clone(),
        server: service.server.clone(),
    };
    let mut pages = tokio::spawn(axum::serve(http, http::router(shown)).into_future());
    let mut ready = serde_json::json!({
        "ready": "datanode",
        "id": service.info.id.to_string(),
        "address": service.info.address,
        "http": http_address.to_string(),
    });
    if let (Some(chaos), Some(address)) = (chaos, &options.chaos) {
        ready["chaos"] = chaos.serve(address).await?.to_string().into();
    }
    lifetime::announce(&ready)?;
    let served = tokio::select! {
        served = service.serve(intervals, events) => served,
        ended = &mut pages => bail!("the HTTP server ended: {ended:?}"),
        () = lifetime::end_requested(options.exit_with_stdin) => Ok(()),
    };
    // It holds the data server, whose end is waited for.
    pages.abort();
    let _ = pages.await;
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
    /// Of each volume that was well at the start, with the disk where it is kept.
    identities: Vec<(VolumeId, Identity, FileDisk)>,
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
                self.call(&mut calls, id, call);
            }
            tokio::select! {
                event = events.recv() => match event {
                    Some(DataEvent::Replica(event)) => actor.notify(event),
                    Some(DataEvent::Corrupt(block)) => {
                        warn!("{block}: the replica here is damaged");
                        actor.notify_bad(block);
                    }
                    Some(DataEvent::VolumeFailed(gone)) => {
                        actor.notify_all(gone.into_iter().map(BlockEvent::Deleted).collect());
                    }
                    Some(DataEvent::TooManyVolumesFailed(why)) => bail!(why),
                    Some(DataEvent::Recovered(synchronization)) => self.commit(synchronization),
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

    fn call(&self, calls: &mut JoinSet<(CallId, Result<Reply, RpcError>)>, id: CallId, call: Call) {
        let (namenode, info) = (self.namenode.clone(), self.info.clone());
        let mut identities = self.identities.iter();
        let namespace_id = identities.find_map(|(_, identity, _)| identity.namespace_id);
        let (server, me) = (self.server.clone(), self.info.id);
        calls.spawn(async move {
            let answer = match call {
                Call::Register => namenode
                    .register_datanode(&info, namespace_id)
                    .await
                    .map(Reply::Registered),
                Call::Heartbeat(registration, wants_report_lease) => {
                    let (mut heartbeat, details) = heartbeat(&server, me, registration);
                    heartbeat.wants_report_lease = wants_report_lease;
                    let commands = namenode.heartbeat(&heartbeat, details).await;
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
                Call::BadBlock(block) => {
                    let reported = namenode.report_bad_block(block, me).await;
                    reported.map(|()| Reply::Other(Answer::Done))
                }
            };
            (id, answer)
        });
    }

    /// One warning when the NameNode goes away, and a word when it is back. Ends the DataNode when the NameNode serves
    /// another file system, or does not admit it: nobody can mend that but its operator.
    fn understand(&mut self, reply: Result<Reply, RpcError>) -> Result<Answer> {
        let was_unreachable = std::mem::take(&mut self.unreachable);
        let (answer, refusal) = match reply {
            Ok(Reply::Registered(registration)) => {
                self.join(registration.namespace_id)?;
                info!("registered with {}", self.namenode.address());
                (Answer::Registered(registration.id), None)
            }
            Ok(Reply::Other(answer)) => (answer, None),
            Err(RpcError::Refused(
                e @ (FsError::InconsistentNamespace { .. } | FsError::DisallowedDatanode(_)),
            )) => bail!(e),
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

    /// Every volume belongs to this file system from now on.
    fn join(&mut self, namespace_id: u64) -> Result<()> {
        for (volume, identity, disk) in &mut self.identities {
            match storage::join_namespace(identity, namespace_id, disk) {
                Err(StorageError::Disk(e)) => self.server.volume_failed(*volume, &e.to_string()),
                joined => joined?,
            }
        }
        Ok(())
    }

    fn act(&self, action: Action) {
        match action {
            Action::Delete(blocks) => {
                debug!("deleting {} replicas", blocks.len());
                self.server.delete(&blocks);
            }
            Action::Transfer { block, targets } => self.server.transfer(block, targets),
            Action::Recover(order) => self.server.recover(order),
        }
    }

    /// Once is enough: if it is not heard, the NameNode has the block recovered again.
    fn commit(&self, synchronization: BlockSynchronization) {
        let (namenode, block) = (self.namenode.clone(), synchronization.block);
        tokio::spawn(async move {
            if let Err(e) = namenode.commit_block_synchronization(synchronization).await {
                warn!("cannot end the recovery of {block}: {e}");
            }
        });
    }
}

/// What a heartbeat says, and what it says of each volume.
fn heartbeat(
    server: &DataServer,
    id: DatanodeId,
    registration: RegistrationId,
) -> (Heartbeat, HeartbeatDetails) {
    let (mut heartbeat, mut details) = (Heartbeat::default(), HeartbeatDetails::default());
    (heartbeat.id, heartbeat.registration) = (id, registration);
    heartbeat.xceivers = server.transfers();
    let slow = server.slow_disks();
    for VolumeStatus {
        id: volume_id,
        volume,
        figures,
        ..
    } in server.volumes()
    {
        if let Some(reason) = volume.failed {
            let dir = volume.dir;
            details.failed_volumes.push(FailedVolume { dir, reason });
            continue;
        }
        heartbeat.capacity += figures.capacity;
        heartbeat.dfs_used += figures.used;
        heartbeat.remaining += figures.remaining;
        details.storages.push(StorageReport {
            storage: volume.storage.unwrap_or_default(),
            capacity: figures.capacity,
            dfs_used: figures.used,
            remaining: figures.remaining,
            slow_us: slow.get(&volume_id).copied(),
        });
    }
    details.slow_peers = server.slow_peers_to_report();
    (heartbeat, details)
}

async fn sleep_until(clock: &Clock, time: Time) {
    tokio::time::sleep(time.since(clock.now())).await;
}
