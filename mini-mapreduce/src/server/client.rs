//! A client of a coordinator: has jobs run, and waits for them, through restarts of the coordinator.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use servers::lifetime;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status as Refusal};

use super::connector::Connector;
use super::files::{self, FileSystems, paths};
use super::wire::{self, pb};
use crate::coordinator::history::AttemptRecord;
use crate::coordinator::job::JobState;
use crate::coordinator::status::Status;
use crate::counters::Counters;
use crate::job::JobSpec;
use crate::jobs;
use crate::protocol::{AttemptId, JobId};

/// How long a call may take.
const CALL_MAX: Duration = Duration::from_secs(60);

/// How often a job is looked at.
const POLL: Duration = Duration::from_millis(200);

/// How long a coordinator may be away before nobody waits for it any more.
const AWAY_MAX: Duration = Duration::from_secs(120);

/// Tells the coordinator of the trace that a call belongs to.
type Traced = InterceptedService<Channel, fn(Request<()>) -> Result<Request<()>, Refusal>>;

/// A client.
pub struct Client {
    address: String,
    rpc: pb::coordinator_client::CoordinatorClient<Traced>,
}

impl Client {
    /// A client of the coordinator at `HOST:PORT`, which is not called yet.
    ///
    /// # Errors
    /// When that is no address.
    pub fn new(address: &str) -> Result<Client> {
        Client::through(address, None)
    }

    /// The same, that dials through the SOCKS5 listener at `socks5`.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn through(address: &str, socks5: Option<SocketAddr>) -> Result<Client> {
        let channel = Connector { socks5 }.channel(address, Some(CALL_MAX))?;
        let traced = InterceptedService::new(channel, traces::tell as fn(_) -> _);
        let rpc = pb::coordinator_client::CoordinatorClient::new(traced);
        Ok(Client {
            address: address.to_owned(),
            rpc: rpc.max_decoding_message_size(64 << 20),
        })
    }

    fn refused(&self, refusal: &Refusal) -> anyhow::Error {
        match refusal.code() {
            Code::Unavailable => anyhow::anyhow!(
                "the coordinator at {} does not answer: {}",
                self.address,
                refusal.message()
            ),
            _ => anyhow::anyhow!("{}", refusal.message()),
        }
    }

    /// Runs a job, and the jobs that it consists of, one after another. `watch` looks on.
    ///
    /// # Errors
    /// Where it is not taken or fails, or the coordinator is away for too long.
    pub async fn run(
        &mut self,
        spec: &JobSpec,
        mut watch: impl FnMut(&Status),
    ) -> Result<Counters> {
        // Other processes stand elsewhere.
        let spec = paths::absolute(&paths::qualified(spec, &files::user())?)?;
        let steps = jobs::steps(&spec)?;
        let (last, mut counters) = (steps.len() - 1, Counters::default());
        let mut between = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            if number < last {
                between.push(step.output.clone());
            }
            let job = self.submit(step).await?;
            let ended = self.wait(job, &mut watch).await;
            // What a step has left is read by the next one, and then of no use.
            if number == last || ended.is_err() {
                let between = std::mem::take(&mut between);
                let remove = move || {
                    let files = FileSystems::default();
                    between.iter().for_each(|path| files.remove(path));
                };
                tokio::task::spawn_blocking(remove).await?;
            }
            counters.merge(&ended?.counters);
        }
        Ok(counters)
    }

    /// Has a job taken. Asked again where no answer comes: the token makes sure that it is taken once.
    ///
    /// # Errors
    /// Where it is refused, or nobody answers for too long.
    pub async fn submit(&mut self, spec: JobSpec) -> Result<JobId> {
        let request = pb::SubmitRequest {
            token: lifetime::random_seed(),
            spec: Some(wire::spec_to(spec)),
        };
        let begun = Instant::now();
        loop {
            match self.rpc.submit(request.clone()).await {
                Ok(job) => return Ok(JobId(job.into_inner().job)),
                // Without a first sign of life, a wrong address is likelier than a coordinator that is away.
                Err(refusal)
                    if refusal.code() == Code::Unavailable && begun.elapsed() < AWAY_MAX / 10 =>
                {
                    tokio::time::sleep(POLL).await;
                }
                Err(refusal) => return Err(self.refused(&refusal)),
            }
        }
    }

    /// Waits until a job is over.
    ///
    /// # Errors
    /// Where it has failed, or nobody answers for too long.
    pub async fn wait(&mut self, job: JobId, watch: &mut impl FnMut(&Status)) -> Result<Status> {
        let mut heard = Instant::now();
        loop {
            match self.job(job).await {
                Ok(status) => {
                    heard = Instant::now();
                    watch(&status);
                    match &status.state {
                        JobState::Succeeded => return Ok(status),
                        JobState::Failed { reason } => bail!("{job} failed: {reason}"),
                        JobState::Running | JobState::Committing => {}
                    }
                }
                Err(refusal)
                    if refusal.code() == Code::Unavailable && heard.elapsed() < AWAY_MAX => {}
                Err(refusal) => return Err(self.refused(&refusal)).context("the job may run on"),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// How a job fares.
    ///
    /// # Errors
    /// Where nobody answers, or there is no such job.
    pub async fn job(&mut self, job: JobId) -> Result<Status, Refusal> {
        let status = self.rpc.get_job(pb::JobRef { job: job.0 }).await?;
        Ok(wire::status_from(status.into_inner()))
    }

    /// How all jobs fare that the coordinator remembers.
    ///
    /// # Errors
    /// Where nobody answers.
    pub async fn jobs(&mut self) -> Result<Vec<Status>> {
        let listed = self.rpc.list_jobs(pb::ListJobsRequest {}).await;
        let listed = listed.map_err(|refusal| self.refused(&refusal))?;
        let jobs = listed.into_inner().jobs.into_iter();
        Ok(jobs.map(wire::status_from).collect())
    }

    /// What has become of a job's attempts, and how many more there were.
    ///
    /// # Errors
    /// Where nobody answers, or there is no such job.
    pub async fn attempts(&mut self, job: JobId) -> Result<(Vec<(AttemptId, AttemptRecord)>, u64)> {
        let listed = self.rpc.list_attempts(pb::JobRef { job: job.0 }).await;
        let listed = listed
            .map_err(|refusal| self.refused(&refusal))?
            .into_inner();
        let attempts = listed.attempts.into_iter().map(wire::record_from);
        let attempts: Result<Vec<_>, Refusal> = attempts.collect();
        let attempts = attempts.map_err(|refusal| self.refused(&refusal))?;
        Ok((attempts, listed.forgotten))
    }

    /// Ends a job.
    ///
    /// # Errors
    /// Where nobody answers, or there is nothing to end.
    pub async fn kill(&mut self, job: JobId, reason: &str) -> Result<()> {
        let request = pb::KillRequest {
            job: job.0,
            reason: reason.to_owned(),
        };
        let killed = self.rpc.kill_job(request).await;
        killed.map_err(|refusal| self.refused(&refusal))?;
        Ok(())
    }
}
