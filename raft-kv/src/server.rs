//! The shell: gRPC and HTTP for clients, gRPC between members, files, timers, settings.

mod auth;
mod authority;
pub mod clock;
mod cluster;
mod compactor;
mod connections;
pub mod connector;
mod convert;
mod election;
pub mod errors;
pub mod etcd_flags;
pub mod explain;
mod gateway;
mod http;
pub mod identity;
pub mod ids;
mod kv;
pub mod kv_server;
mod lease_service;
pub mod leases;
mod line;
pub mod local_cluster;
mod lock;
mod maintenance;
pub mod members;
mod membership;
mod metrics;
mod peer_service;
pub mod peers;
mod proposals;
pub mod replica;
pub mod settings;
pub mod torture;
pub mod urls;
mod watch;
pub mod watchers;
pub mod wire;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::{Context, Result};
use chaos::Chaos;
use metrics_exporter_prometheus::PrometheusHandle;
use node::{Disk, FileDisk};
use serde_json::json;
use servers::lifetime;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use clock::Clock;
use connections::{Kv, Services};
use connector::Connector;
use identity::Birth;
use ids::RequestIds;
use kv_server::KvServer;
use leases::Leases;
use peers::{MESSAGE_MAX, Peers};
use proposals::Proposals;
use replica::{Replica, Waits};
use settings::Settings;
use urls::Url;
use watchers::Watchers;
use wire::etcdserverpb as pb;

use crate::consensus::{self, Consensus, Openraft, Storage};
use crate::store::Store;
use crate::watch::Limits;

/// The version of etcd whose API this is.
pub const VERSION: &str = "3.4.23";
/// The one that all members have in common.
pub const CLUSTER_VERSION: &str = "3.4.0";

/// Held by the one process that uses a directory.
const LOCK_FILE: &str = ".lock";

/// The consensus of this member.
pub(crate) type Engine = Openraft<Replica, Peers>;

/// A member's connection without a sign of life is asked for one after this: its calls would be kept for nobody.
const PEER_KEEP_ALIVE: Duration = Duration::from_secs(10);
/// A connection, also a client's, is closed when none has come after this.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Between two looks at whether compactions left something to give back.
const SCRUB_INTERVAL: Duration = Duration::from_millis(500);
/// What is served to clients, for those who ask.
const SERVED: [&str; 9] = [
    pb::kv_server::SERVICE_NAME,
    pb::watch_server::SERVICE_NAME,
    pb::lease_server::SERVICE_NAME,
    pb::cluster_server::SERVICE_NAME,
    pb::maintenance_server::SERVICE_NAME,
    pb::auth_server::SERVICE_NAME,
    wire::v3lockpb::lock_server::SERVICE_NAME,
    wire::v3electionpb::election_server::SERVICE_NAME,
    "grpc.health.v1.Health",
];
/// What is read of a request beyond its longest, so that one that is too long is refused by name.
const OVERLONG_BYTES: usize = 4 << 20;

/// Sends log lines to the standard error: those that `RUST_LOG` asks for, or else `default`. To be called once.
pub fn log_to_stderr(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // How long each step of a write took, at `RUST_LOG=raft_kv=debug`.
        .with_span_events(FmtSpan::CLOSE)
        .init();
}

/// Runs a member until it is asked to end.
///
/// # Errors
/// When a setting is wrong, an address is taken, the data directory is damaged; when the member is removed, or its disk fails.
pub fn run(options: &settings::Options) -> Result<()> {
    let settings = Settings::new(options.clone())?;
    let _lock = lifetime::lock(
        &settings.data_dir,
        LOCK_FILE,
        "give each member a --data-dir of its own",
    )?;
    if let Err(error) = lifetime::allow_open_files() {
        warn!("the limit of open files cannot be raised: {error}");
    }
    let prometheus = metrics::install()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(settings, prometheus))
}

async fn serve(settings: Settings, prometheus: PrometheusHandle) -> Result<()> {
    let connector = Connector::new(settings.options.socks5);
    // Before anybody can ask this member: it has no answer yet.
    let birth = Birth::find_or_decide(&settings, connector).await?;
    let clients = listen("--listen-client-urls", &settings.listen_client).await?;
    let others = listen("--listen-peer-urls", &settings.listen_peer).await?;
    let observers = listen("--listen-metrics-urls", &settings.listen_metrics).await?;
    let listening = bound(&settings.listen_client, &clients)?;
    let mut ready =
        json!({ "client": listening[0], "peer": bound(&settings.listen_peer, &others)?[0] });
    if let Some(address) = bound(&settings.listen_metrics, &observers)?.first() {
        ready["metrics"] = json!(address);
    }
    let dir = settings.data_dir.join("member");
    let mut disk = FileDisk::open(&dir)?;
    if let Some(address) = &settings.options.chaos {
        let chaos = Chaos::new(std::slice::from_ref(&dir));
        disk = chaos.break_into(&dir, disk);
        ready["chaos"] = json!(chaos.serve(address).await?.to_string());
    }
    let client_urls = match &settings.advertise_client {
        Some(urls) => urls.iter().map(Url::to_string).collect(),
        None => listening,
    };
    let exit_with_stdin = settings.options.exit_with_stdin;
    let server = Arc::new(start(settings, disk, &birth, connector, client_urls).await?);
    let mut tasks = background(&server, birth);
    tasks.spawn(metrics::keep_up(prometheus.clone()));
    for listener in clients {
        tasks.spawn(serve_clients(server.clone(), listener, prometheus.clone()));
    }
    for listener in observers {
        tasks.spawn(http::serve_metrics(
            server.clone(),
            listener,
            prometheus.clone(),
        ));
    }
    for listener in others {
        tasks.spawn(serve_peers(server.clone(), listener));
    }
    let identity = server.identity;
    info!(member = format!("{:x}", identity.member_id), cluster = format!("{:x}", identity.cluster_id), client = %ready["client"], "ready");
    lifetime::announce(&ready)?;
    let ended = tokio::select! {
        () = lifetime::end_requested(exit_with_stdin) => Ok(()),
        reason = server.engine.failed() => Err(anyhow::anyhow!("this member cannot go on: {reason}")),
        () = removed(&server) => {
            // As it was told to: what starts failed processes again should leave it alone.
            error!("{}; its data directory is of no more use", peers::REMOVED);
            Ok(())
        }
        Some(ended) = tasks.join_next() => Err(anyhow::anyhow!("a part of the server ended: {ended:?}")),
    };
    hand_over(&server).await;
    tasks.shutdown().await;
    server.engine.stop().await;
    info!("ended");
    ended
}

/// A leader that ends on purpose has another member lead first, so that nobody has to wait for an election.
async fn hand_over(server: &KvServer) {
    let status = server.status();
    if status.leadership.leader != Some(status.id) {
        return;
    }
    let others = status
        .members
        .iter()
        .filter(|(id, member)| **id != status.id && !member.is_learner);
    if let Some((next, _)) = others.max_by_key(|(_, member)| member.matched)
        && let Err(error) = server.engine.transfer_leader(*next).await
    {
        warn!("leadership was not handed over: {error}");
    }
}

async fn removed(server: &KvServer) {
    let told = server.peers.removed();
    let applied = async {
        let mut applied = server.engine.applied();
        loop {
            if server.read(|replica| replica.members.was_removed(server.identity.member_id)) {
                return;
            }
            if applied.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = told => {}
        () = applied => {}
    }
    // Whoever asked for it is answered first.
    tokio::time::sleep(server.settings.election_timeout()).await;
}

async fn start(
    settings: Settings,
    disk: FileDisk,
    birth: &Birth,
    connector: Connector,
    client_urls: Vec<String>,
) -> Result<KvServer> {
    let identity = birth.identity;
    let clock = Clock::start();
    let waits = Arc::new(Waits::default());
    let leases = Arc::new(Leases::new(clock));
    let limits = Limits {
        fragment_bytes: settings.options.max_request_bytes,
        ..Limits::default()
    };
    let watchers = Arc::new(Watchers::new(limits));
    let store = Store::new(settings.quota_bytes);
    let replica = Replica::new(store, waits.clone(), leases.clone(), watchers.clone());
    let machine = Arc::new(RwLock::new(replica));
    let peers = Peers::new(identity, connector);
    let storage = Storage::blocking(move || Box::new(disk.clone()) as Box<dyn Disk + Send>);
    let options = consensus::Options {
        heartbeat_interval: settings.heartbeat(),
        election_timeout: settings.election_timeout(),
        snapshot_entries: settings.options.snapshot_count,
        catch_up_entries: settings.options.snapshot_catchup_entries,
        lease_reads: settings.options.lease_reads,
        ..consensus::Options::new(
            identity.cluster_id,
            identity.member_id,
            lifetime::random_seed(),
        )
    };
    let engine = Engine::start(options, storage, machine.clone(), peers.clone()).await?;
    if !birth.initial.is_empty() {
        let member = |member: &members::Member| consensus::Member {
            peer_urls: member.peer_urls.iter().map(Url::to_string).collect(),
            ..consensus::Member::default()
        };
        let members: BTreeMap<u64, _> = birth
            .initial
            .iter()
            .map(|each| (each.id, member(each)))
            .collect();
        engine.bootstrap(members).await?;
    }
    Ok(KvServer {
        ids: RequestIds::new(identity.member_id, clock.now()),
        settings,
        identity,
        clock,
        client_urls,
        leases,
        watchers,
        machine,
        waits,
        proposals: Proposals::default(),
        engine,
        peers,
        led: tokio::sync::watch::Sender::new(true),
    })
}

/// What a member does by itself.
fn background(server: &Arc<KvServer>, birth: Birth) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    macro_rules! spawn {
        (|$server:ident| $task:expr) => {{
            let $server = server.clone();
            tasks.spawn(async move { $task });
        }};
    }
    spawn!(|server| {
        if !birth.initial.is_empty() {
            membership::begin(&server, birth.initial).await;
        }
        membership::publish(&server).await;
        membership::follow(&server).await;
    });
    spawn!(|server| {
        server.leases.keep(&*server).await;
        // The consensus has stopped, and says why.
        std::future::pending::<()>().await;
    });
    spawn!(|server| server.send_proposals().await);
    spawn!(|server| server.watchers.catch_up(&server.machine).await);
    spawn!(|server| server
        .watchers
        .progress(server.settings.watch_progress_interval)
        .await);
    spawn!(|server| server.watch_leader().await);
    spawn!(|server| compactor::run(&server).await);
    spawn!(|server| loop {
        tokio::time::sleep(SCRUB_INTERVAL).await;
        server.scrub().await;
    });
    spawn!(|server| {
        let mut leadership = server.engine.leadership();
        while leadership.changed().await.is_ok() {
            let now = *leadership.borrow_and_update();
            metrics::leader_changed();
            let leader = now
                .leader
                .map_or("nobody".to_owned(), |id| format!("{id:x}"));
            info!(term = now.term, leader, "leadership changed");
        }
        std::future::pending::<()>().await;
    });
    tasks
}

async fn listen(flag: &str, urls: &[Url]) -> Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for url in urls {
        let listener = TcpListener::bind(url.authority()).await;
        listeners.push(listener.with_context(|| format!("cannot listen at {flag} {url}"))?);
    }
    Ok(listeners)
}

/// URLs with the ports that the system chose.
fn bound(urls: &[Url], listeners: &[TcpListener]) -> Result<Vec<String>> {
    let bound = urls.iter().zip(listeners).map(|(url, listener)| {
        let port = listener.local_addr()?.port();
        Ok(Url {
            port,
            ..url.clone()
        }
        .to_string())
    });
    bound.collect()
}

async fn serve_clients(server: Arc<KvServer>, listener: TcpListener, prometheus: PrometheusHandle) {
    let options = &server.settings.options;
    let request_max = options.max_request_bytes + OVERLONG_BYTES;
    let streams_max = options.max_concurrent_streams;
    let kv = kv::KvService(server.clone());
    let kv = pb::kv_server::KvServer::new(kv).max_decoding_message_size(request_max);
    let router = grpc(&server, kv.clone(), request_max)
        .await
        .and_then(|routes| {
            let grpc = routes.into_axum_router();
            http::router(grpc, request_max, server.clone(), prometheus)
        });
    match router {
        Ok(others) => {
            let services = Services { server, kv, others };
            match connections::serve(listener, services, streams_max).await {}
        }
        Err(error) => error!("the services cannot be described: {error}"),
    }
}

async fn grpc(server: &Arc<KvServer>, kv: Kv, request_max: usize) -> Result<Routes> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health
        .set_service_status("", tonic_health::ServingStatus::Serving)
        .await;
    let reflection = |itself| {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(wire::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        // Of what is described, that between members is not served here.
        let served = SERVED.iter().copied().chain([itself]);
        served.fold(builder, |builder, name| builder.with_service_name(name))
    };
    macro_rules! service {
        ($package:path, $server:ident, $service:expr) => {{
            use $package as package;
            package::$server::new($service).max_decoding_message_size(request_max)
        }};
    }
    Ok(Routes::new(kv)
        .add_service(service!(
            pb::watch_server,
            WatchServer,
            watch::WatchService(server.clone())
        ))
        .add_service(service!(
            pb::lease_server,
            LeaseServer,
            lease_service::LeaseService(server.clone())
        ))
        .add_service(service!(
            pb::cluster_server,
            ClusterServer,
            cluster::ClusterService(server.clone())
        ))
        .add_service(service!(
            pb::maintenance_server,
            MaintenanceServer,
            maintenance::MaintenanceService(server.clone())
        ))
        .add_service(service!(
            pb::auth_server,
            AuthServer,
            auth::AuthService(server.clone())
        ))
        .add_service(service!(
            wire::v3lockpb::lock_server,
            LockServer,
            lock::LockService(server.clone())
        ))
        .add_service(service!(
            wire::v3electionpb::election_server,
            ElectionServer,
            election::ElectionService(server.clone())
        ))
        .add_service(health_service)
        .add_service(reflection("grpc.reflection.v1.ServerReflection").build_v1()?)
        .add_service(reflection("grpc.reflection.v1alpha.ServerReflection").build_v1alpha()?))
}

async fn serve_peers(server: Arc<KvServer>, listener: TcpListener) {
    let service = wire::peer::peer_server::PeerServer::new(peer_service::PeerService(server))
        .max_decoding_message_size(MESSAGE_MAX)
        .max_encoding_message_size(MESSAGE_MAX);
    let served = tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(PEER_KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE_TIMEOUT))
        .add_service(service)
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
    if let Err(error) = served.await {
        error!("members are not answered any more: {error}");
    }
}
