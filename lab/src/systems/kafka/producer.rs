//! A producer of the lab: records at a rate, each in a request of its own, sent again until it is acknowledged. It remembers what
//! was, so that the lab can look whether it is there.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Args;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use mini_kafka::error::ErrorCode;
use mini_kafka::record::builder::BatchBuilder;
use mini_kafka::record::compression::Compression;
use mini_kafka::server::client::producer::partition_for_key;
use mini_kafka::server::client::{Client, ClientError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::TopicPartition;
use crate::lab::lock;
use crate::systems::lines;

const PRODUCE_VERSION: i16 = 7;
/// How often it looks whether there is something to send.
const TICK: Duration = Duration::from_millis(10);
/// Between two attempts (`retry.backoff.ms`).
const BACKOFF: Duration = Duration::from_millis(100);
/// So many acknowledgements are remembered, and told at a time.
const ACKS_MAX: usize = 20_000;
const ACKS_TOLD_MAX: usize = 1_000;

#[derive(Clone, Debug, Args)]
pub(super) struct Options {
    /// Its name, with which its records begin
    #[arg(long)]
    name: String,
    /// The broker
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap: String,
    /// Where the records go
    #[arg(long)]
    topic: String,
    /// Records a second; 0 for none but those that are ordered
    #[arg(long, default_value_t = 10.0)]
    rate: f64,
    /// Of how many keys, one after the other
    #[arg(long, default_value_t = 50)]
    keys: u64,
    /// Number the batches, so that one that is sent again is written once (`enable.idempotence`)
    #[arg(long)]
    idempotent: bool,
    /// Send again what is not acknowledged within this time (`request.timeout.ms`)
    #[arg(long, default_value_t = 2000)]
    timeout_ms: u64,
    #[command(flatten)]
    node: lines::NodeOptions,
}

/// A record, as it is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Sent {
    pub(crate) key: String,
    /// None for a tombstone.
    pub(crate) value: Option<String>,
}

/// An acknowledgement: what is where.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Ack {
    pub(crate) partition: TopicPartition,
    pub(crate) offset: i64,
    pub(crate) record: Sent,
}

/// What `show` answers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Shown {
    /// Records a second, as ordered.
    pub(crate) rate: f64,
    pub(crate) idempotent: bool,
    pub(crate) acknowledged: u64,
    /// Requests that were sent again.
    pub(crate) again: u64,
    /// Whether a record is on its way, and its acknowledgement not yet here.
    pub(crate) waits: bool,
    /// Why it had to send something again.
    pub(crate) trouble: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    shown: Shown,
    ordered: VecDeque<Sent>,
    /// The latest, and the number of the first of them.
    acks: VecDeque<Ack>,
    first: u64,
}

impl State {
    fn fail(&mut self, why: String) {
        self.shown.again += 1;
        self.shown.trouble = Some(why);
    }

    fn acknowledge(&mut self, ack: Ack) {
        self.shown.acknowledged += 1;
        self.shown.waits = false;
        self.acks.push_back(ack);
        if self.acks.len() > ACKS_MAX {
            self.acks.pop_front();
            self.first += 1;
        }
    }
}

/// Is a producer, until standard input ends.
pub(super) fn run(options: &Options) -> Result<()> {
    let shown = Shown {
        rate: options.rate,
        idempotent: options.idempotent,
        ..Shown::default()
    };
    let state = Arc::new(Mutex::new(State {
        shown,
        ..State::default()
    }));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let line = Line {
        options: options.clone(),
        state: state.clone(),
        client: None,
        partitions: 0,
        producer_id: -1,
        sequences: BTreeMap::new(),
    };
    runtime.spawn(line.produce());
    lines::serve(&options.node, move |word, said| answer(&state, word, said))
}

fn answer(state: &Mutex<State>, word: &str, said: &Value) -> Result<Value> {
    let mut state = lock(state);
    match word {
        "show" => Ok(json!(state.shown)),
        "rate" => {
            state.shown.rate = f64::deserialize(said)?;
            Ok(Value::Null)
        }
        "send" => {
            state.ordered.push_back(Sent::deserialize(said)?);
            Ok(Value::Null)
        }
        "acks" => {
            let from = u64::deserialize(said)?.max(state.first);
            let skip = usize::try_from(from - state.first)?;
            let acks = state.acks.iter().skip(skip).take(ACKS_TOLD_MAX);
            let acks: Vec<&Ack> = acks.collect();
            Ok(json!({"first": from, "acks": acks}))
        }
        _ => bail!("a producer knows no {word}"),
    }
}

/// The one line of records that it sends.
struct Line {
    options: Options,
    state: Arc<Mutex<State>>,
    client: Option<Client>,
    /// How many the topic has; 0 until it has been asked.
    partitions: i32,
    /// By which, with the sequence, the broker knows a batch that it has already.
    producer_id: i64,
    sequences: BTreeMap<i32, i32>,
}

impl Line {
    async fn produce(mut self) {
        let (mut number, mut due) = (0, Instant::now());
        loop {
            let record = {
                let mut state = lock(&self.state);
                let (rate, now) = (state.shown.rate, Instant::now());
                let ordered = state.ordered.pop_front();
                let next = ordered.or_else(|| {
                    (rate > 0.0 && due <= now).then(|| {
                        // What could not be sent in time is not made up for.
                        due = due.max(now - TICK) + Duration::from_secs_f64(1.0 / rate);
                        number += 1;
                        Sent {
                            key: format!("k{}", number % self.options.keys.max(1)),
                            value: Some(format!("{}:{number}", self.options.name)),
                        }
                    })
                });
                state.shown.waits = next.is_some();
                next
            };
            match record {
                Some(record) => self.deliver(record).await,
                None => sleep(TICK).await,
            }
        }
    }

    /// Sends a record until it is acknowledged.
    async fn deliver(&mut self, record: Sent) {
        let wait = Duration::from_millis(self.options.timeout_ms);
        loop {
            let why = match timeout(wait, self.attempt(&record)).await {
                Ok(Ok((partition, offset))) => {
                    let sequence = self.sequences.entry(partition).or_default();
                    *sequence = sequence.wrapping_add(1).max(0);
                    let partition = (self.options.topic.clone(), partition);
                    return lock(&self.state).acknowledge(Ack {
                        partition,
                        offset,
                        record,
                    });
                }
                Ok(Err(why)) => format!("{why:#}"),
                Err(_) => "no acknowledgement came in time".to_owned(),
            };
            // A new connection: whatever is still on its way on this one is nobody's.
            self.client = None;
            lock(&self.state).fail(why);
            sleep(BACKOFF).await;
        }
    }

    async fn attempt(&mut self, record: &Sent) -> Result<(i32, i64)> {
        let options = self.options.clone();
        let client = match &mut self.client {
            Some(client) => client,
            none => none.insert(connect(&options).await?),
        };
        if self.partitions == 0 {
            let topics = [options.topic.clone()];
            let counts = client.partition_counts(&topics, false).await?;
            self.partitions = counts.get(&options.topic).copied().unwrap_or(0);
        }
        if options.idempotent && self.producer_id < 0 {
            let request = InitProducerIdRequest::default()
                .with_transactional_id(None)
                .with_transaction_timeout_ms(60_000);
            let answer = client.call(1, &request).await?;
            ClientError::check("a producer id", answer.error_code)?;
            (self.producer_id, self.sequences) = (answer.producer_id.0, BTreeMap::new());
        }
        let partition = partition_for_key(record.key.as_bytes(), self.partitions);
        let mut batch = BatchBuilder::new(Compression::None);
        if options.idempotent {
            let sequence = self.sequences.get(&partition).copied().unwrap_or(0);
            batch = batch.producer(self.producer_id, 0, sequence);
        }
        let value = record.value.as_deref().map(str::as_bytes);
        batch.push(now_ms(), Some(record.key.as_bytes()), value, &[]);
        let data = PartitionProduceData::default()
            .with_index(partition)
            .with_records(Some(batch.build()?.into()));
        let topic = TopicProduceData::default()
            .with_name(TopicName(StrBytes::from_string(options.topic)))
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_transactional_id(None)
            .with_acks(if options.idempotent { -1 } else { 1 })
            .with_timeout_ms(30_000)
            .with_topic_data(vec![topic]);
        let answer = client.call(PRODUCE_VERSION, &request).await?;
        let mut answers = answer.responses.iter().flat_map(|t| &t.partition_responses);
        let answer = answers.next().context("the answer names no partition")?;
        if let Err(e) = ClientError::check("a record", answer.error_code) {
            // The broker has lost a part of this line of numbers: a new one begins. After any other error the same batch may have been
            // written nevertheless, and is sent under its number again.
            if answer.error_code == ErrorCode::OutOfOrderSequenceNumber.code() {
                self.producer_id = -1;
            }
            return Err(e.into());
        }
        Ok((partition, answer.base_offset))
    }
}

async fn connect(options: &Options) -> Result<Client, ClientError> {
    let socks: Option<SocketAddr> = options.node.socks;
    Client::connect_through(socks, &options.bootstrap, &options.name).await
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}
