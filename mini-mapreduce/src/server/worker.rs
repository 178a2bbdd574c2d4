//! `mini-mapreduce worker`: an [`Agent`] with the coordinator and other workers at the far end of gRPC, and the server of its map outputs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use chaos::Chaos;
use node::DiskFaults;
use servers::lifetime;
use tempfile::TempDir;
use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Response, Status as Refusal};

use super::agent::{Agent, Settings};
use super::connector::Connector;
use super::coordinator::new_worker;
use super::files::FileSystems;
use super::http;
use super::links::{FetchError, Link, LinkError, Segment, Segments};
use super::shuffle;
use super::wire::{self, pb};
use crate::protocol::{AttemptId, Registration, Reply, Report};

/// How long the coordinator may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How long tasks may take to end once they have heard that they shall.
pub(super) const TASKS_END_MAX: Duration = Duration::from_secs(3);
/// How often news of the coordinator's decisions are worth a report, at most.
const NEWS_EVERY: Duration = Duration::from_millis(10);
/// How the directory of a life begins.
const LIFE: &str = "life-";

/// What `mini-mapreduce worker` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Where the coordinator is called
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8032")]
    pub coordinator: String,
    /// Where map outputs are served; port 0 lets the system choose
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub listen: String,
    /// Where others reach what it serves [default: where it listens, with the address from which it reaches the coordinator if that is any address]
    #[arg(long, value_name = "HOST:PORT")]
    pub advertise: Option<String>,
    /// Where Prometheus reads its metrics; port 0 lets the system choose
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub http: String,
    /// Where it keeps what it makes, in a directory for this life alone
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Its machine, as splits name it: what a DataNode there calls itself
    #[arg(long, default_value_t = super::files::host())]
    pub host: String,
    /// Where that stands
    #[arg(long, default_value = "/default-rack")]
    pub rack: String,
    /// How many maps at once
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub map_slots: u32,
    /// How many reduces at once
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub reduce_slots: u32,
    /// How often it reports, if nothing is urgent
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub heartbeat: u64,
    /// Reach the coordinator and other workers through this SOCKS5 listener
    #[arg(long, value_name = "HOST:PORT")]
    pub socks5: Option<SocketAddr>,
    /// An address of this machine alone where orders are taken to break the disk, as from
    /// curl -X PUT http://HOST:PORT/chaos -d 'slow_ms=200'
    #[arg(long, value_name = "HOST:PORT")]
    pub chaos: Option<String>,
    /// End when the standard input does
    #[arg(long)]
    pub exit_with_stdin: bool,
}

/// Runs a worker until it is asked to end.
///
/// # Errors
/// When it cannot begin.
pub async fn run(options: Options) -> Result<()> {
    let files = FileSystems::on(&options.host);
    run_on(options, files, DiskFaults::default(), &[]).await
}

/// The same, for who runs it as a part of something else: its input is `files`, its disk has `faults`, and its ready line says `also`.
///
/// # Errors
/// As [`run`].
pub async fn run_on(
    options: Options,
    files: FileSystems,
    faults: DiskFaults,
    also: &[(&str, String)],
) -> Result<()> {
    let base = &options.dir;
    std::fs::create_dir_all(base).with_context(|| format!("cannot make {}", base.display()))?;
    let advice = "one worker has one directory; end the other one, or name another directory";
    let _lock = lifetime::lock(base, "worker.lock", advice)?;
    remove_earlier_lives(base).with_context(|| format!("cannot clear {}", base.display()))?;
    let life = TempDir::with_prefix_in(LIFE, base);
    let life = life.with_context(|| format!("cannot write to {}", base.display()))?;
    let listener = TcpListener::bind(&options.listen).await;
    let listener = listener.with_context(|| format!("cannot listen at {}", options.listen))?;
    let address = match &options.advertise {
        Some(address) => address.clone(),
        None => reachable(listener.local_addr()?, &options.coordinator).await?,
    };
    let settings = Settings {
        worker: new_worker(),
        address: address.clone(),
        host: options.host.clone(),
        rack: options.rack.clone(),
        map_slots: options.map_slots,
        reduce_slots: options.reduce_slots,
        dir: life.path().to_owned(),
        heartbeat: Duration::from_millis(options.heartbeat),
        faults: faults.clone(),
    };
    let mut ready = serde_json::json!({"ready": "worker", "shuffle": address});
    if let Some(address) = &options.chaos {
        let chaos = Chaos::of(base, faults);
        ready["chaos"] = chaos.serve(address).await?.to_string().into();
    }
    for (key, value) in also {
        ready[*key] = value.clone().into();
    }
    let connector = Connector {
        socks5: options.socks5,
    };
    let far = Far {
        runtime: Handle::current(),
        connector,
        coordinator: connector.channel(&options.coordinator, None)?,
        workers: Mutex::default(),
    };
    let far = Arc::new(far);
    let links: (Box<dyn Link>, Box<dyn Segments>) = (Box::new(far.clone()), Box::new(far.clone()));
    let agent = Agent::new(settings, files, links.0, links.1);
    let pages = http::serve_worker(&options.http, agent.clone()).await?;
    ready["http"] = pages.to_string().into();
    lifetime::announce(&ready)?;

    let service = pb::shuffle_server::ShuffleServer::new(shuffle::Service(agent.clone()));
    let rpc = tonic::transport::Server::builder()
        .trace_fn(traces::of_call)
        .add_service(service)
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
    let (running, coordinator) = (agent.clone(), options.coordinator.clone());
    let mut reporting = tokio::task::spawn_blocking(move || {
        running.run(|reason| {
            eprintln!(
                "worker: the coordinator at {coordinator} does not answer: {reason}; trying again"
            );
        });
    });
    let never = far.hear_news(&agent);
    let ended = tokio::select! {
        never = never => match never {},
        ended = rpc => ended.context("cannot serve any more"),
        // It does not end by itself. A worker that reports no more must not seem to live.
        ended = &mut reporting => ended.context("cannot report any more"),
        () = lifetime::end_requested(options.exit_with_stdin) => Ok(()),
    };
    agent.stop();
    // Tasks that run on end with the process.
    let _ = tokio::task::spawn_blocking(move || agent.wait_for_tasks(TASKS_END_MAX)).await;
    ended
}

/// Where others reach a server that listens there: at any address it is the one from which the coordinator is reached.
async fn reachable(mut listening: SocketAddr, coordinator: &str) -> Result<String> {
    if listening.ip().is_unspecified() {
        let any = SocketAddr::new(listening.ip(), 0);
        let way = UdpSocket::bind(any).await?;
        // Nothing is sent: the system says from where it would be.
        let way = way.connect(coordinator).await.map(|()| way.local_addr());
        let own = way.and_then(|own| own);
        let own = own.with_context(|| {
            format!("cannot find the way to {coordinator}; --advertise says where others reach this worker")
        })?;
        listening.set_ip(own.ip());
    }
    Ok(listening.to_string())
}

/// What an earlier life has left is nobody's: it was killed, or it would have removed it.
fn remove_earlier_lives(base: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(base)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(LIFE) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// The way to the coordinator, and to other workers; for threads that are none of the runtime's.
struct Far {
    runtime: Handle,
    connector: Connector,
    coordinator: Channel,
    workers: Mutex<BTreeMap<String, Channel>>,
}

impl Far {
    fn coordinator(&self) -> pb::coordinator_client::CoordinatorClient<Channel> {
        let client = pb::coordinator_client::CoordinatorClient::new(self.coordinator.clone());
        client
            .max_decoding_message_size(64 << 20)
            .max_encoding_message_size(64 << 20)
    }

    /// Has the worker report whenever the coordinator has decided something. Without that it would hear of a new job, or of the last map that its reduces
    /// wait for, half a heartbeat late.
    async fn hear_news(&self, agent: &Agent) -> Infallible {
        loop {
            let news = self.coordinator().watch(pb::WatchRequest {}).await;
            if let Ok(news) = news {
                let mut news = news.into_inner();
                while let Ok(Some(_)) = news.message().await {
                    agent.hurry();
                    tokio::time::sleep(NEWS_EVERY).await;
                }
            }
            tokio::time::sleep(agent.settings.heartbeat).await;
        }
    }

    fn worker(&self, address: &str) -> io::Result<Channel> {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = workers.get(address) {
            return Ok(channel.clone());
        }
        // Inside of the runtime, where a connection's task will live.
        let _inside = self.runtime.enter();
        let channel = self.connector.channel(address, None);
        let channel = channel.map_err(io::Error::other)?;
        workers.insert(address.to_owned(), channel.clone());
        Ok(channel)
    }

    fn call<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Refusal>>,
    ) -> Result<T, LinkError> {
        // Inside of the runtime, whose clock it is.
        let answered = self
            .runtime
            .block_on(async { timeout(ANSWER_MAX, call).await });
        match answered {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(refusal)) if refusal.code() == Code::FailedPrecondition => {
                Err(LinkError::Unknown)
            }
            Ok(Err(refusal)) => Err(LinkError::Unreachable(refusal.message().to_owned())),
            Err(_) => Err(LinkError::Unreachable("it is silent".to_owned())),
        }
    }
}

impl Link for Arc<Far> {
    fn register(&self, registration: Registration) -> Result<Vec<AttemptId>, LinkError> {
        let mut client = self.coordinator();
        let registration = wire::registration_to(registration);
        let registered = self.call(client.register(registration))?;
        let useless = registered.useless.into_iter();
        Ok(useless.map(wire::attempt_from).collect())
    }

    fn heartbeat(&self, report: Report) -> Result<Reply, LinkError> {
        let mut client = self.coordinator();
        let reply = self.call(client.heartbeat(wire::report_to(report)))?;
        wire::reply_from(reply).map_err(|e| LinkError::Unreachable(e.message().to_owned()))
    }
}

impl Segments for Arc<Far> {
    fn fetch(
        &self,
        map: AttemptId,
        address: &str,
        partition: u32,
        dir: &Path,
    ) -> Result<Segment, FetchError> {
        let file = dir.join(format!("{map}.segment"));
        let channel = self.worker(address).map_err(FetchError::There)?;
        let copy = shuffle::copy(channel, map, partition, &file);
        self.runtime.block_on(copy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_says_where_others_reach_it() {
        let at = |listening: &str| reachable(listening.parse().unwrap(), "127.0.0.1:8032");
        assert_eq!(at("127.0.0.1:4711").await.unwrap(), "127.0.0.1:4711");
        assert_eq!(at("0.0.0.0:4711").await.unwrap(), "127.0.0.1:4711");
        let error = reachable("0.0.0.0:1".parse().unwrap(), "nowhere").await;
        assert!(error.unwrap_err().to_string().contains("--advertise"));
    }
}
