//! `mini-mapreduce coordinator`: a [`Host`] with its journal in a directory, over gRPC.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use node::{DiskError, FileDisk};
use servers::lifetime;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status as Refusal};
use tracing::Span;

use super::files::FileSystems;
use super::host::{Host, HostError};
use super::http;
use super::wire::{self, pb};
use crate::coordinator::Config;
use crate::coordinator::status::Status;
use crate::protocol::{JobId, WorkerId};

/// How often the core hears that time has passed.
const TICK: Duration = Duration::from_millis(200);

/// The largest message: a report of many attempts with their counters.
const MESSAGE_MAX: usize = 64 << 20;

/// What `mini-mapreduce coordinator` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Where workers and clients call; port 0 lets the system choose
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8032")]
    pub listen: String,
    /// Where its pages are, for browsers, programs and Prometheus; port 0 lets the system choose
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:19888")]
    pub http: String,
    /// Where the journal is kept
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// How long a worker may be silent before it is taken for dead
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    pub worker_timeout: f64,
    /// How long a task runs before a second attempt at it is thought of
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub speculative_after: f64,
    /// How many jobs that are over are remembered
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub jobs_kept: u32,
    /// End when the standard input does
    #[arg(long)]
    pub exit_with_stdin: bool,
}

/// Runs a coordinator until it is asked to end.
///
/// # Errors
/// When it cannot begin, or its journal cannot be written any more.
pub async fn run(options: Options) -> Result<()> {
    run_on(options, FileSystems::default()).await
}

/// The same, with jobs that have their input from `files`.
///
/// # Errors
/// As [`run`].
pub async fn run_on(options: Options, files: FileSystems) -> Result<()> {
    let dir = &options.dir;
    let advice = "one coordinator has one directory; end the other one, or name another directory";
    let _lock = lifetime::lock(dir, "coordinator.lock", advice)?;
    let seconds = |option: &str, seconds: f64| {
        let duration = Duration::try_from_secs_f64(seconds);
        duration.map_err(|error| anyhow!("{option} {seconds}: {error}"))
    };
    let timeout = seconds("--worker-timeout", options.worker_timeout)?;
    let mut config = Config {
        worker_timeout: timeout,
        jobs_kept: usize::try_from(options.jobs_kept)?,
        ..Config::default()
    };
    config.limits.lease = timeout;
    config.late.runtime_min = seconds("--speculative-after", options.speculative_after)?;
    let disk = FileDisk::open(dir).with_context(|| format!("cannot use {}", dir.display()))?;
    let host = Host::open(config, Box::new(disk), files);
    let host = host.with_context(|| format!("cannot go on in {}", dir.display()))?;

    let listener = TcpListener::bind(&options.listen).await;
    let listener = listener.with_context(|| format!("cannot listen at {}", options.listen))?;
    let pages = http::serve(&options.http, host.clone()).await?;
    lifetime::announce(&serde_json::json!({
        "ready": "coordinator",
        "rpc": listener.local_addr()?.to_string(),
        "http": pages.to_string(),
    }))?;
    let service = pb::coordinator_server::CoordinatorServer::new(Service(host.clone()))
        .max_decoding_message_size(MESSAGE_MAX)
        .max_encoding_message_size(MESSAGE_MAX);
    let rpc = tonic::transport::Server::builder()
        .trace_fn(traces::of_call)
        .add_service(service)
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
    tokio::select! {
        ended = rpc => ended.context("cannot serve any more"),
        broken = tick(host) => Err(broken),
        () = lifetime::end_requested(options.exit_with_stdin) => Ok(()),
    }
}

/// Returns when nothing can be decided any more, and why.
async fn tick(host: Arc<Host>) -> anyhow::Error {
    loop {
        let host = host.clone();
        match spawn_blocking(move || host.tick()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                return anyhow::Error::new(error).context("the journal cannot be written any more");
            }
            // What it has decided by half must not be built upon.
            Err(error) => {
                return anyhow::Error::new(error).context("the coordinator's core has failed");
            }
        }
        tokio::time::sleep(TICK).await;
    }
}

struct Service(Arc<Host>);

impl Service {
    /// On a thread that may wait for the disk.
    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Host) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (host, span) = (self.0.clone(), Span::current());
        let asked = spawn_blocking(move || span.in_scope(|| ask(&host))).await;
        asked.map_err(|error| Refusal::internal(error.to_string()))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err gives it")]
fn broken(error: DiskError) -> Refusal {
    Refusal::unavailable(format!("the journal cannot be written: {error}"))
}

#[tonic::async_trait]
impl pb::coordinator_server::Coordinator for Service {
    async fn register(
        &self,
        request: Request<pb::Registration>,
    ) -> Result<Response<pb::Registered>, Refusal> {
        let registration = wire::registration_from(request.into_inner())?;
        let useless = self.ask(|host| host.register(registration)).await?;
        let useless = useless.map_err(broken)?.into_iter();
        Ok(Response::new(pb::Registered {
            useless: useless.map(wire::attempt_to).collect(),
        }))
    }

    async fn heartbeat(
        &self,
        request: Request<pb::Report>,
    ) -> Result<Response<pb::Reply>, Refusal> {
        let report = wire::report_from(request.into_inner())?;
        let reply = self.ask(move |host| host.heartbeat(&report)).await?;
        match reply.map_err(broken)? {
            Ok(reply) => Ok(Response::new(wire::reply_to(reply))),
            Err(unknown) => Err(Refusal::failed_precondition(unknown.to_string())),
        }
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<pb::News, Refusal>> + Send>>;

    async fn watch(
        &self,
        _: Request<pb::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Refusal> {
        // The first word comes at once: something may have been decided before the worker watched.
        let decisions = WatchStream::new(self.0.decisions());
        Ok(Response::new(Box::pin(decisions.map(|()| Ok(pb::News {})))))
    }

    async fn submit(
        &self,
        request: Request<pb::SubmitRequest>,
    ) -> Result<Response<pb::JobRef>, Refusal> {
        let request = request.into_inner();
        let spec = wire::spec_from(request.spec)?;
        let token = request.token;
        match self.ask(move |host| host.submit(token, spec)).await? {
            Ok(job) => Ok(Response::new(pb::JobRef { job: job.0 })),
            Err(HostError::Journal(error)) => Err(broken(error)),
            Err(error) => Err(Refusal::invalid_argument(error.to_string())),
        }
    }

    async fn get_job(
        &self,
        request: Request<pb::JobRef>,
    ) -> Result<Response<pb::JobStatus>, Refusal> {
        let id = JobId(request.into_inner().job);
        let status = self.0.look(|core| core.job(id).map(Status::of));
        let status = status.map_err(broken)?;
        let status = status.ok_or_else(|| Refusal::not_found(format!("there is no {id}")))?;
        Ok(Response::new(wire::status_to(status)))
    }

    async fn list_jobs(
        &self,
        _: Request<pb::ListJobsRequest>,
    ) -> Result<Response<pb::JobList>, Refusal> {
        let jobs = self
            .0
            .look(|core| core.jobs().map(Status::of).collect::<Vec<_>>());
        let jobs = jobs.map_err(broken)?;
        Ok(Response::new(pb::JobList {
            jobs: jobs.into_iter().map(wire::status_to).collect(),
        }))
    }

    async fn list_attempts(
        &self,
        request: Request<pb::JobRef>,
    ) -> Result<Response<pb::AttemptList>, Refusal> {
        let id = JobId(request.into_inner().job);
        let list = self.0.look(|core| {
            let history = &core.job(id)?.history;
            let attempts = history.attempts().map(|(id, a)| wire::record_to(id, a));
            Some(pb::AttemptList {
                attempts: attempts.collect(),
                forgotten: history.forgotten(),
            })
        });
        let list = list.map_err(broken)?;
        let list = list.ok_or_else(|| Refusal::not_found(format!("there is no {id}")))?;
        Ok(Response::new(list))
    }

    async fn kill_job(
        &self,
        request: Request<pb::KillRequest>,
    ) -> Result<Response<pb::KillReply>, Refusal> {
        let pb::KillRequest { job, reason } = request.into_inner();
        let id = JobId(job);
        let killed = self.ask(move |host| host.kill(id, &reason)).await?;
        if killed.map_err(broken)? {
            Ok(Response::new(pb::KillReply {}))
        } else {
            let text =
                format!("there is no {id} that could be ended: none of that number, or it is over");
            Err(Refusal::failed_precondition(text))
        }
    }
}

/// A name for a worker's life.
pub(super) fn new_worker() -> WorkerId {
    WorkerId(lifetime::random_seed())
}
