//! The load generator: clients that each wait for an answer before they ask again.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use node::Rng;
use raft_kv::client::pb;
use tokio::task::JoinSet;

use super::caller::Caller;

const VALUE_BYTES: usize = 256;
/// The part of a load that is not counted, at its beginning.
const WARM_UP: f64 = 0.2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Operation {
    Put,
    Linearizable,
    Serializable,
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::Put => "put",
            Operation::Linearizable => "linearizable get",
            Operation::Serializable => "serializable get",
        }
    }
}

/// What is asked of a cluster.
pub(crate) struct Load {
    pub(crate) endpoints: Vec<String>,
    pub(crate) operation: Operation,
    pub(crate) clients: usize,
    pub(crate) keys: u64,
}

/// What came of it.
pub(crate) struct Measured {
    /// Answers a second, of all clients together.
    pub(crate) rate: f64,
    /// All answers, those of the warm-up included.
    pub(crate) all: usize,
    /// In microseconds.
    pub(crate) latencies: Histogram<u64>,
}

struct Client {
    caller: Caller,
    operation: Operation,
    rng: Rng,
    keys: u64,
}

fn key(number: u64) -> Vec<u8> {
    format!("key-{number:08}").into_bytes()
}

impl Client {
    async fn ask(&mut self, key: Vec<u8>) -> Result<()> {
        if self.operation == Operation::Put {
            let value = vec![b'v'; VALUE_BYTES];
            let request = pb::PutRequest {
                key,
                value,
                ..Default::default()
            };
            let put = self.caller.call("/etcdserverpb.KV/Put", &request).await;
            let _: pb::PutResponse = put.context("a put failed")?;
        } else {
            let request = pb::RangeRequest {
                key,
                serializable: self.operation == Operation::Serializable,
                ..Default::default()
            };
            let range = self.caller.call("/etcdserverpb.KV/Range", &request).await;
            let answer: pb::RangeResponse = range.context("a get failed")?;
            ensure!(answer.count == 1, "a key is missing");
        }
        Ok(())
    }

    /// Asks until the time is over; says when each answer came, and how long it took.
    async fn repeat(mut self, end: Instant) -> Result<Vec<(Instant, Duration)>> {
        let mut answers = Vec::new();
        let mut asked = Instant::now();
        while asked < end {
            let key = key(self.rng.below(self.keys));
            self.ask(key).await?;
            let now = Instant::now();
            answers.push((now, now - asked));
            asked = now;
        }
        Ok(answers)
    }
}

impl Load {
    /// Clients, connected to the endpoints in turn.
    async fn connect(&self) -> Result<Vec<Client>> {
        let mut clients = Vec::new();
        for (n, endpoint) in (0..self.clients).zip(self.endpoints.iter().cycle()) {
            clients.push(Client {
                caller: Caller::connect(endpoint).await?,
                operation: self.operation,
                rng: Rng::new(n as u64 + 1),
                keys: self.keys,
            });
        }
        Ok(clients)
    }

    /// Writes every key once.
    pub(crate) async fn fill(&self) -> Result<()> {
        let mut writers = JoinSet::new();
        let clients = self.connect().await?;
        let step = clients.len();
        for (first, mut client) in (0..self.keys).zip(clients) {
            writers.spawn(async move {
                for number in (first..client.keys).step_by(step) {
                    client.ask(key(number)).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = writers.join_next().await {
            done??;
        }
        Ok(())
    }

    /// All clients at once, for so long.
    pub(crate) async fn run(&self, time: Duration) -> Result<Measured> {
        let clients = self.connect().await?;
        let counted_from = Instant::now() + time.mul_f64(WARM_UP);
        let end = counted_from + time;
        let mut running = JoinSet::new();
        for client in clients {
            running.spawn(client.repeat(end));
        }
        let mut latencies = Histogram::new_with_max(60_000_000, 3)?;
        let mut all = 0;
        while let Some(done) = running.join_next().await {
            let answers = done??;
            all += answers.len();
            for (at, took) in answers {
                if at >= counted_from {
                    latencies.saturating_record(u64::try_from(took.as_micros())?);
                }
            }
        }
        let rate = latencies.len() as f64 / time.as_secs_f64();
        Ok(Measured {
            rate,
            all,
            latencies,
        })
    }
}
