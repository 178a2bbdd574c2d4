//! A consumer of the lab: a member of a group that reads what it is given, as fast as it may, and commits how far it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use mini_kafka::server::client::consumer::{Assignor, Consumed, Consumer, EARLIEST, GroupConfig};
use mini_kafka::server::client::{Client, ClientError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::TopicPartition;
use crate::lab::lock;
use crate::systems::lines;

/// How long the broker may wait for records before it answers a fetch.
const WAIT: Duration = Duration::from_millis(200);
/// What does not end within this time is given up, with its connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// `max.poll.interval.ms`.
const REBALANCE_MAX: Duration = Duration::from_secs(5);
const COMMIT_EVERY: Duration = Duration::from_millis(500);
/// Between two attempts to join.
const BACKOFF: Duration = Duration::from_millis(200);

#[derive(Clone, Debug, Args)]
pub(super) struct Options {
    /// Its name
    #[arg(long)]
    name: String,
    /// The broker
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap: String,
    /// What it reads
    #[arg(long)]
    topic: String,
    /// Its group
    #[arg(long)]
    group: String,
    /// How partitions are shared out: range, roundrobin, sticky, cooperative-sticky
    #[arg(long, default_value = "range", value_parser = assignor)]
    assignor: Assignor,
    /// Come back under the same name (`group.instance.id`)
    #[arg(long = "static")]
    is_static: bool,
    /// Out of the group after so long a silence (`session.timeout.ms`)
    #[arg(long, default_value_t = 3000)]
    session_ms: u64,
    /// Records a second that it can work off; 0 for any number
    #[arg(long, default_value_t = 0.0)]
    speed: f64,
    #[command(flatten)]
    node: lines::NodeOptions,
}

fn assignor(name: &str) -> Result<Assignor> {
    Assignor::by_name(name).ok_or_else(|| anyhow!("there is no assignor {name}"))
}

/// What `show` answers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Shown {
    pub(crate) group: String,
    /// Which generation of the group it is a member of.
    pub(crate) generation: Option<i32>,
    /// What it reads.
    pub(crate) owned: BTreeSet<TopicPartition>,
    /// How many records it has worked off.
    pub(crate) read: u64,
    /// Records a second, as ordered; 0 for any number.
    pub(crate) speed: f64,
    /// Why it had to join anew, or why nothing comes.
    pub(crate) trouble: Option<String>,
}

/// Is a consumer, until standard input ends.
pub(super) fn run(options: &Options) -> Result<()> {
    let shown = Arc::new(Mutex::new(Shown {
        group: options.group.clone(),
        speed: options.speed,
        ..Shown::default()
    }));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.spawn(consume(options.clone(), shown.clone()));
    lines::serve(&options.node, move |word, said| answer(&shown, word, said))
}

fn answer(shown: &Mutex<Shown>, word: &str, said: &Value) -> Result<Value> {
    let mut shown = lock(shown);
    match word {
        "show" => Ok(json!(*shown)),
        "speed" => {
            shown.speed = f64::deserialize(said)?;
            Ok(Value::Null)
        }
        _ => bail!("a consumer knows no {word}"),
    }
}

async fn consume(options: Options, shown: Arc<Mutex<Shown>>) {
    loop {
        let ended = match timeout(PATIENCE, join(&options)).await {
            Ok(Ok(consumer)) => read(consumer, &shown).await,
            Ok(Err(e)) => e.to_string(),
            Err(_) => "the broker does not answer".to_owned(),
        };
        {
            let mut shown = lock(&shown);
            (shown.generation, shown.trouble) = (None, Some(ended));
            shown.owned.clear();
        }
        sleep(BACKOFF).await;
    }
}

async fn join(options: &Options) -> Result<Consumer, ClientError> {
    let socks = options.node.socks;
    let client = Client::connect_through(socks, &options.bootstrap, &options.name).await?;
    let mut consumer = Consumer::new(client, EARLIEST);
    let joining = consumer.subscribe(GroupConfig {
        group_id: options.group.clone(),
        instance_id: options.is_static.then(|| options.name.clone()),
        topics: BTreeSet::from([options.topic.clone()]),
        assignor: options.assignor,
        session_timeout: Duration::from_millis(options.session_ms),
        heartbeat_interval: Duration::from_millis(options.session_ms / 3),
        rebalance_timeout: REBALANCE_MAX,
        auto_commit: Some(COMMIT_EVERY),
    });
    joining.await?;
    Ok(consumer)
}

/// Reads until something fails; returns what.
async fn read(mut consumer: Consumer, shown: &Mutex<Shown>) -> String {
    let (mut allowed, mut since) = (0.0, Instant::now());
    loop {
        let records = match timeout(PATIENCE, consumer.poll(WAIT)).await {
            Ok(Ok(records)) => records,
            Ok(Err(e)) => return e.to_string(),
            Err(_) => return "the broker does not answer".to_owned(),
        };
        let speed = lock(shown).speed;
        let elapsed = std::mem::replace(&mut since, Instant::now()).elapsed();
        let taken = if speed > 0.0 {
            // What it has not used it does not save up.
            allowed = f64::min(allowed + speed * elapsed.as_secs_f64(), speed.max(1.0));
            let covered = |n: &usize| (*n + 1) as f64 <= allowed;
            let taken = (0..records.len()).take_while(covered).count();
            allowed -= taken as f64;
            taken
        } else {
            records.len()
        };
        // The rest is read again: so far is what is committed.
        for (partition, offset) in first_of_each(&records[taken..]) {
            consumer.seek(partition, offset);
        }
        {
            let mut shown = lock(shown);
            shown.read += taken as u64;
            shown.trouble = consumer.trouble().map(ToString::to_string);
            shown.generation = consumer.generation();
            shown.owned = consumer.positions().keys().cloned().collect();
        }
        if taken < records.len() {
            sleep(WAIT / 4).await;
        }
    }
}

/// The first offset of each partition.
fn first_of_each(records: &[Consumed]) -> BTreeMap<&TopicPartition, i64> {
    let mut first = BTreeMap::new();
    for record in records {
        first.entry(&record.partition).or_insert(record.offset);
    }
    first
}
