//! The shell: sockets, files, timers, and the translation to and from the wire. It decides nothing.

pub mod api;
pub mod apis;
pub mod broker;
pub mod catalogue;
pub mod client;
pub mod clock;
pub mod connection;
pub mod fetches;
pub mod groups;
pub mod log_dir;
pub mod metrics;
pub mod partition;
pub mod response;
pub mod settings;
pub mod status;
pub mod topics;
pub mod trace;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chaos::Chaos;
use node::FileDisk;
use serde_json::json;
use servers::lifetime;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tracing::{debug, error, info, warn};
use tracing_subscriber::EnvFilter;

use broker::{Broker, locked};
use connection::Closed;
use settings::Settings;

/// Held by the one process that uses a directory (Kafka's name for it).
const LOCK_FILE: &str = ".lock";

/// What `mini-kafka server` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// A file of settings, `key=value` lines with Kafka's names
    #[arg(value_name = "server.properties")]
    pub file: Option<PathBuf>,
    /// A setting, over what the file says
    #[arg(long = "override", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Where it listens for clients, whatever `listeners` says; port 0 lets the system choose
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// Where the status page and the metrics are; port 0 lets the system choose
    #[arg(long, value_name = "HOST:PORT")]
    pub http: Option<String>,
    /// An address of this machine alone where orders are taken to break the log directory's disk, as from
    /// curl -X PUT http://HOST:PORT/chaos -d 'full=0'
    #[arg(long, value_name = "HOST:PORT")]
    pub chaos: Option<String>,
    /// End when the standard input does
    #[arg(long)]
    pub exit_with_stdin: bool,
}

/// Sends log lines to the standard error: those that `RUST_LOG` asks for, or else `default`. To be called once.
pub fn log_to_stderr(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// Runs a broker until it is asked to end.
///
/// # Errors
/// When a setting is wrong, an address is taken, or the log directory cannot be read.
pub fn run(options: &Options) -> Result<()> {
    let settings = read_settings(options)?;
    for name in settings.idle() {
        info!("{name} has no effect in this broker");
    }
    let dir = PathBuf::from(settings.log_dirs());
    if settings.log_dirs().contains(',') {
        bail!("log.dirs: this broker has one log directory");
    }
    let _lock = lifetime::lock(&dir, LOCK_FILE, "give each broker a log.dirs of its own")?;
    if let Err(error) = lifetime::allow_open_files() {
        warn!("the limit of open files cannot be raised: {error}");
    }
    let prometheus = metrics::install()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = listen(&settings).await?;
        let (host, port) = advertised(&settings, listener.local_addr()?)?;
        let mut disk = FileDisk::open(&dir)?;
        let chaos = options.chaos.as_ref();
        let chaos = chaos.map(|address| (Chaos::new(std::slice::from_ref(&dir)), address));
        if let Some((chaos, _)) = &chaos {
            disk = chaos.break_into(&dir, disk);
        }
        let broker = Arc::new(Broker::open(settings, disk, host, port)?);
        let mut ready = json!({ "kafka": format!("{}:{}", broker.host, broker.port) });
        if let Some((chaos, address)) = chaos {
            ready["chaos"] = json!(chaos.serve(address).await?.to_string());
        }
        let mut tasks = background(&broker);
        tasks.spawn(metrics::keep_small(prometheus.clone()));
        if let Some(address) = &options.http {
            let http = TcpListener::bind(address).await;
            let http = http.with_context(|| format!("cannot listen at --http {address}"))?;
            ready["http"] = json!(http.local_addr()?.to_string());
            let router = status::router(broker.clone(), prometheus);
            tasks.spawn(async move {
                if let Err(error) = axum::serve(http, router).await {
                    warn!("the status page is gone: {error}");
                }
            });
        }
        info!(address = %ready["kafka"], dir = %dir.display(), "ready");
        lifetime::announce(&ready)?;
        let accepting = broker.clone();
        tasks.spawn(async move { accept(&accepting, &listener).await });
        lifetime::end_requested(options.exit_with_stdin).await;
        tasks.shutdown().await;
        broker.close().await;
        info!("ended");
        Ok(())
    })
}

fn read_settings(options: &Options) -> Result<Settings> {
    let mut items = Vec::new();
    if let Some(file) = &options.file {
        let what = || format!("settings file {}", file.display());
        let text = std::fs::read_to_string(file).with_context(what)?;
        items = Settings::parse_file(&text).with_context(what)?;
        Settings::parse(&items).with_context(what)?;
    }
    items.extend(options.overrides.iter().cloned());
    let listeners = |address: &String| format!("listeners=PLAINTEXT://{address}");
    items.extend(options.listen.iter().map(listeners));
    Ok(Settings::parse(&items)?)
}

/// Host and port of the one listener for clients: `PLAINTEXT://host:port`. Those of controllers, which are not here, are left out.
fn listener_address<'a>(settings: &'a Settings, name: &'static str) -> Result<(&'a str, u16)> {
    let value = settings.text(name);
    let expected = || format!("{name}={value}: expected PLAINTEXT://HOST:PORT");
    let controllers: Vec<&str> = settings
        .text("controller.listener.names")
        .split(',')
        .collect();
    let of_controller = |listener: &str| {
        let (name, _) = listener.split_once("://").unwrap_or_default();
        controllers
            .iter()
            .any(|controller| controller.trim() == name)
    };
    let listeners = value.split(',').map(str::trim);
    let listeners: Vec<&str> = listeners
        .filter(|listener| !of_controller(listener))
        .collect();
    let [listener] = listeners[..] else {
        bail!(expected());
    };
    let address = listener
        .strip_prefix("PLAINTEXT://")
        .with_context(expected)?;
    let (host, port) = address.rsplit_once(':').with_context(expected)?;
    Ok((host, port.parse().with_context(expected)?))
}

async fn listen(settings: &Settings) -> Result<TcpListener> {
    let (host, port) = listener_address(settings, "listeners")?;
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    let host = host.trim_matches(['[', ']']);
    let listener = TcpListener::bind((host, port)).await;
    listener.with_context(|| format!("cannot listen at listeners={}", settings.text("listeners")))
}

/// Where clients are told to connect.
fn advertised(settings: &Settings, bound: SocketAddr) -> Result<(String, u16)> {
    if !settings.text("advertised.listeners").is_empty() {
        let (host, port) = listener_address(settings, "advertised.listeners")?;
        return Ok((host.to_owned(), if port == 0 { bound.port() } else { port }));
    }
    let (host, _) = listener_address(settings, "listeners")?;
    let unspecified = host.is_empty() || host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified());
    let host = if unspecified {
        let name = rustix::system::uname();
        name.nodename().to_string_lossy().into_owned()
    } else {
        host.to_owned()
    };
    Ok((host, bound.port()))
}

/// What the broker does by itself.
fn background(broker: &Arc<Broker>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let each = broker.clone();
    tasks.spawn(async move { each.groups.run_storing(&each).await });
    let each = broker.clone();
    tasks.spawn(async move { each.groups.run_timer(&each).await });
    let mut every = |setting: &'static str, act: fn(&Broker)| {
        let broker = broker.clone();
        let period = broker.settings.millis(setting);
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(period).await;
                let broker = broker.clone();
                // A panic in it is told, and costs one round.
                let _ = tokio::task::spawn_blocking(move || act(&broker)).await;
            }
        });
    };
    every("log.retention.check.interval.ms", |broker| {
        let now = broker.now();
        broker
            .partitions()
            .iter()
            .for_each(|partition| partition.tick(now));
    });
    every("log.flush.offset.checkpoint.interval.ms", |broker| {
        broker
            .partitions()
            .iter()
            .for_each(|partition| partition.checkpoint());
    });
    every("offsets.retention.check.interval.ms", |broker| {
        broker.groups.expire_offsets(broker);
    });
    if broker.settings.flag("log.cleaner.enable") {
        every("log.cleaner.backoff.ms", |broker| {
            let now = broker.now();
            broker
                .partitions()
                .iter()
                .for_each(|partition| partition.clean(now));
        });
    }
    let each = broker.clone();
    let period = broker.settings.millis("log.flush.scheduler.interval.ms");
    tasks.spawn(async move {
        loop {
            tokio::time::sleep(period).await;
            for partition in each.partitions() {
                partition.sync_if_due(each.now()).await;
            }
        }
    });
    tasks
}

/// How many connections there are, by address.
type Connections = Arc<Mutex<BTreeMap<IpAddr, usize>>>;

async fn accept(broker: &Arc<Broker>, listener: &TcpListener) {
    let connections = Connections::default();
    let mut serving = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    if let Some(place) = Place::take(broker, &connections, peer.ip()) {
                        serving.spawn(serve(broker.clone(), stream, peer, place));
                    }
                }
                // Mostly too many open files: a moment later there may be fewer.
                Err(error) => {
                    warn!("a connection was not accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(served) = serving.join_next() => {
                if let Err(error) = served {
                    error!("a connection was given up: {error}");
                }
            }
        }
    }
}

async fn serve(broker: Arc<Broker>, stream: TcpStream, peer: SocketAddr, _place: Place) {
    match connection::serve(broker, stream, peer).await {
        Ok(()) => debug!(%peer, "disconnected"),
        Err(Closed::Io(error)) => debug!(%peer, "disconnected: {error}"),
        Err(error) => warn!(%peer, "connection closed: {error}"),
    }
}

/// A place among the connections; free again when this is dropped.
struct Place {
    connections: Connections,
    ip: IpAddr,
}

impl Place {
    fn take(broker: &Broker, connections: &Connections, ip: IpAddr) -> Option<Place> {
        let mut open = locked(connections);
        let of_ip = open.get(&ip).copied().unwrap_or(0);
        let limits = [
            ("max.connections", open.values().sum()),
            ("max.connections.per.ip", of_ip),
        ];
        for (limit, count) in limits {
            if count >= broker.settings.count(limit) {
                warn!(%ip, count, "connection refused: {limit}");
                return None;
            }
        }
        open.insert(ip, of_ip + 1);
        metrics::connections(open.values().sum());
        Some(Place {
            connections: connections.clone(),
            ip,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = locked(&self.connections);
        if let Some(count) = open.get_mut(&self.ip) {
            *count -= 1;
        }
        open.retain(|_, count| *count > 0);
        metrics::connections(open.values().sum());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("server.properties");
        std::fs::write(&file, text).unwrap();
        read_settings(&Options {
            file: Some(file),
            overrides: Vec::new(),
            listen: None,
            http: None,
            chaos: None,
            exit_with_stdin: false,
        })
    }

    #[test]
    fn kafkas_own_file_is_taken() {
        let text = "process.roles=broker,controller\nnode.id=1\n\
             controller.quorum.bootstrap.servers=localhost:9093\n\
             listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ninter.broker.listener.name=PLAINTEXT\n\
             advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n\
             controller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
             num.network.threads=3\nnum.io.threads=8\nsocket.send.buffer.bytes=102400\n\
             socket.receive.buffer.bytes=102400\nsocket.request.max.bytes=104857600\n\
             log.dirs=/tmp/kraft-combined-logs\nnum.partitions=1\n\
             num.recovery.threads.per.data.dir=1\noffsets.topic.replication.factor=1\n\
             share.coordinator.state.topic.replication.factor=1\n\
             share.coordinator.state.topic.min.isr=1\ntransaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\nlog.retention.hours=168\n\
             log.segment.bytes=1073741824\nlog.retention.check.interval.ms=300000\n";
        let settings = read(text).unwrap();
        let address = |name| listener_address(&settings, name).unwrap();
        assert_eq!(address("listeners"), ("", 9092));
        assert_eq!(address("advertised.listeners"), ("localhost", 9092));
        let two = read("listeners=PLAINTEXT://:9092,SSL://:9093").unwrap();
        assert!(listener_address(&two, "listeners").is_err());
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_name() {
        let error = format!("{:#}", read("num.partition=3").unwrap_err());
        assert!(
            error.contains("server.properties: num.partition: no such"),
            "{error}"
        );
    }
}
