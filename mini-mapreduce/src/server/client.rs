//! A client of a coordinator: has jobs run, and waits for them, through restarts of the coordinator.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use servers::lifetime;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status as Refusal};

use super::connector::Connector;
use super::files::{self, FileSystems, paths};
use super::output;
use super::wire::{self, pb};
use crate::coordinator::history::AttemptRecord;
use crate::coordinator::job::JobState;
use crate::coordinator::status::Status;
use crate::counters::Counters;
use crate::job::JobSpec;
use crate::jobs;
use crate::protocol::{AttemptId, JobId};

/// How often a job is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long after a question without an answer it is asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// How long a coordinator may be away before nobody waits for it any more, if nothing else is said.
pub const PATIENCE: Duration = Duration::from_secs(120);

type Rpc = pb::coordinator_client::CoordinatorClient<Traced>;

/// Tells the coordinator of the trace that a call belongs to.
type Traced = InterceptedService<Channel, fn(Request<()>) -> Result<Request<()>, Refusal>>;

/// A client.
pub struct Client {
    address: String,
    rpc: Rpc,
    patience: Duration,
    tell: Box<dyn FnMut(&str) + Send>,
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
        let channel = Connector { socks5 }.channel(address, Some(ANSWER_MAX))?;
        let traced = InterceptedService::new(channel, traces::tell as fn(_) -> _);
        let rpc = pb::coordinator_client::CoordinatorClient::new(traced);
        Ok(Client {
            address: address.to_owned(),
            rpc: rpc.max_decoding_message_size(64 << 20),
            patience: PATIENCE,
            tell: Box::new(|_| {}),
        })
    }

    /// Waits so long for a coordinator that is away, while it is started again, before it gives up.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Client {
        self.patience = patience;
        self
    }

    /// Tells somebody that the coordinator does not answer and is waited for.
    #[must_use]
    pub fn telling(mut self, tell: impl FnMut(&str) + Send + 'static) -> Client {
        self.tell = Box::new(tell);
        self
    }

    fn refused(&self, refusal: &Refusal) -> anyhow::Error {
        match may_pass(refusal) {
            true => anyhow::anyhow!(
                "the coordinator at {} does not answer: {}",
                self.address,
                refusal.message()
            ),
            false => anyhow::anyhow!("{}", refusal.message()),
        }
    }

    /// Asks, and asks again where no answer comes but may yet: the coordinator is perhaps being started again.
    async fn until_answered<T, A>(&mut self, ask: impl Fn(Rpc) -> A) -> Result<T, Refusal>
    where
        A: Future<Output = Result<Response<T>, Refusal>>,
    {
        let mut silent_since = None;
        loop {
            let refusal = match ask(self.rpc.clone()).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(refusal) if !may_pass(&refusal) => return Err(refusal),
                Err(refusal) => refusal,
            };
            if silent_since.is_none() {
                let (error, seconds) = (self.refused(&refusal), self.patience.as_secs());
                (self.tell)(&format!("{error}; trying again for {seconds} s"));
            }
            if silent_since.get_or_insert_with(Instant::now).elapsed() >= self.patience {
                return Err(refusal);
            }
            tokio::time::sleep(AGAIN_AFTER).await;
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
        let mut counters = Counters::default();
        let mut between = Vec::new();
        // Else that would be found out only when all other steps are done.
        if let Some(last) = steps.last() {
            let output = last.output.clone();
            let check = move || output::check_is_new(&FileSystems::default(), &output);
            tokio::task::spawn_blocking(check).await??;
        }
        for step in steps {
            let output = step.output.clone();
            match self.step(step, &mut watch).await {
                Ok(Ok(counted)) => counters.merge(&counted),
                Ok(Err(reason)) => {
                    remove(between).await;
                    bail!(reason);
                }
                // Its job may run on, and read what is there.
                Err(error) => return Err(error),
            }
            between.push(output);
        }
        // What a step has left is read by the next one, and then of no use.
        between.pop();
        remove(between).await;
        Ok(counters)
    }

    /// One job from its submission to its end: what it counted, or why it failed or was refused.
    ///
    /// # Errors
    /// Where nobody knows whether it is over.
    async fn step(
        &mut self,
        spec: JobSpec,
        watch: &mut impl FnMut(&Status),
    ) -> Result<Result<Counters, String>> {
        let job = match self.ask_for(spec).await {
            Ok(job) => job,
            Err(refusal) if may_pass(&refusal) => return Err(self.refused(&refusal)),
            Err(refusal) => return Ok(Err(refusal.message().to_owned())),
        };
        let ended = self.wait(job, watch).await?;
        Ok(match ended.state {
            JobState::Failed { reason } => Err(format!("{job} failed: {reason}")),
            _ => Ok(ended.counters),
        })
    }

    async fn ask_for(&mut self, spec: JobSpec) -> Result<JobId, Refusal> {
        let request = pb::SubmitRequest {
            token: lifetime::random_seed(),
            spec: Some(wire::spec_to(spec)),
        };
        let ask = |mut rpc: Rpc| {
            let request = request.clone();
            async move { rpc.submit(request).await }
        };
        Ok(JobId(self.until_answered(ask).await?.job))
    }

    /// Has a job taken. Asked again where no answer comes: the token makes sure that it is taken once.
    ///
    /// # Errors
    /// Where it is refused, or nobody answers for too long.
    pub async fn submit(&mut self, spec: JobSpec) -> Result<JobId> {
        let taken = self.ask_for(spec).await;
        taken.map_err(|refusal| self.refused(&refusal))
    }

    /// Waits until a job is over, well or not.
    ///
    /// # Errors
    /// Where nobody answers for too long, or nobody knows of it any more.
    pub async fn wait(&mut self, job: JobId, watch: &mut impl FnMut(&Status)) -> Result<Status> {
        loop {
            let ask = |mut rpc: Rpc| async move { rpc.get_job(pb::JobRef { job: job.0 }).await };
            let status = self.until_answered(ask).await;
            let status = status.map_err(|refusal| {
                let advice = format!(
                    "{job} may run on: mini-mapreduce jobs --coordinator {} shows it",
                    self.address
                );
                self.refused(&refusal).context(advice)
            })?;
            let status = wire::status_from(status);
            watch(&status);
            if status.state.is_over() {
                return Ok(status);
            }
            tokio::time::sleep(LOOK_EVERY).await;
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

/// Whether there may be an answer yet. Of a connection that broke under a call only the transport's own codes tell: a coordinator that died.
fn may_pass(refusal: &Refusal) -> bool {
    matches!(
        refusal.code(),
        Code::Unavailable
            | Code::Unknown
            | Code::Internal
            | Code::Cancelled
            | Code::DeadlineExceeded
    )
}

/// Removes what is of no use any more. What stays is in nobody's way.
async fn remove(paths: Vec<String>) {
    let remove = move || {
        let files = FileSystems::default();
        paths.iter().for_each(|path| files.remove(path));
    };
    // Where that fails, they are in nobody's way.
    let _ = tokio::task::spawn_blocking(remove).await;
}
