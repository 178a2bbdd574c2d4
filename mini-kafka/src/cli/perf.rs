//! `mini-kafka perf`: like `kafka-producer-perf-test.sh` and `kafka-consumer-perf-test.sh`.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use mini_kafka::server::client::consumer::{Consumer, EARLIEST};
use mini_kafka::server::client::producer::Producer;

use super::console::producer_config;
use super::{Bootstrap, block_on, now_ms};

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Options {
    /// How fast records are sent
    Producer(ProducerOptions),
    /// How fast they are read
    Consumer(ConsumerOptions),
}

/// What is sent.
#[derive(Debug, Args)]
pub(crate) struct ProducerOptions {
    #[command(flatten)]
    bootstrap: Bootstrap,
    /// Where to
    #[arg(long)]
    topic: String,
    /// How many
    #[arg(long)]
    num_records: u64,
    /// Bytes of each value
    #[arg(long, default_value_t = 100)]
    record_size: usize,
    /// acks, batch.size, compression.type, enable.idempotence
    #[arg(long, value_name = "KEY=VALUE", num_args = 1..)]
    producer_props: Vec<String>,
}

/// What is read.
#[derive(Debug, Args)]
pub(crate) struct ConsumerOptions {
    #[command(flatten)]
    bootstrap: Bootstrap,
    /// Where from
    #[arg(long)]
    topic: String,
    /// How many records
    #[arg(long)]
    messages: u64,
    /// Nothing came for so long: an error
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    timeout: u64,
}

#[allow(clippy::cast_precision_loss)]
fn report(what: &str, records: u64, bytes: u64, took: Duration) {
    let seconds = took.as_secs_f64().max(1e-9);
    let (per_second, mb) = (records as f64 / seconds, bytes as f64 / 1e6);
    say!(
        "{records} records {what}, {per_second:.0} records/sec ({:.1} MB/sec), {mb:.1} MB in {seconds:.2} s",
        mb / seconds
    );
}

pub(crate) fn run(options: &Options) -> Result<()> {
    block_on(async {
        match options {
            Options::Producer(options) => produce(options).await,
            Options::Consumer(options) => consume(options).await,
        }
    })
}

async fn produce(options: &ProducerOptions) -> Result<()> {
    let config = producer_config(&options.producer_props)?;
    let client = options.bootstrap.connect().await?;
    let mut producer = Producer::new(client, &options.topic, config).await?;
    // The same printable bytes in every run, which no codec makes vanish.
    let mut rng = node::Rng::new(1);
    let letters = (0..options.record_size).map(|_| b'a' + u8::try_from(rng.below(26)).unwrap_or(0));
    let value: Vec<u8> = letters.collect();
    let began = Instant::now();
    for _ in 0..options.num_records {
        producer.send(now_ms(), None, Some(&value), &[]).await?;
    }
    let sent = producer.flush().await?;
    report("sent", sent, sent * value.len() as u64, began.elapsed());
    Ok(())
}

async fn consume(options: &ConsumerOptions) -> Result<()> {
    let mut client = options.bootstrap.connect().await?;
    let topic = &options.topic;
    let counts = client
        .partition_counts(std::slice::from_ref(topic), false)
        .await?;
    let count = counts.get(topic).copied().unwrap_or(0);
    let mut consumer = Consumer::new(client, EARLIEST);
    consumer
        .assign((0..count).map(|partition| ((topic.clone(), partition), EARLIEST)))
        .await?;
    let (began, mut last_came) = (Instant::now(), Instant::now());
    let (mut records, mut bytes) = (0, 0);
    while records < options.messages {
        let polled = consumer.poll(Duration::from_millis(500)).await?;
        if !polled.is_empty() {
            last_came = Instant::now();
        } else if last_came.elapsed() > Duration::from_millis(options.timeout) {
            bail!(
                "{records} of {} records came, and then none for {} ms",
                options.messages,
                options.timeout
            );
        }
        records += polled.len() as u64;
        bytes += polled
            .iter()
            .flat_map(|r| &r.value)
            .map(|value| value.len() as u64)
            .sum::<u64>();
    }
    report("read", records, bytes, began.elapsed());
    Ok(())
}
