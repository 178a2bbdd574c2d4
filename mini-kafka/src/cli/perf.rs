//! `mini-kafka perf`: like `kafka-producer-perf-test.sh` and `kafka-consumer-perf-test.sh`.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use hdrhistogram::Histogram;
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
    /// So many records a second, and their latencies; -1 is as many as there can be, without latencies
    #[arg(long, allow_negative_numbers = true, default_value_t = -1.0)]
    throughput: f64,
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

/// Bytes are counted in MiB, as Kafka does though it says MB.
#[allow(clippy::cast_precision_loss)]
fn report(what: &str, records: u64, bytes: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64().max(1e-9);
    let (per_second, mb) = (records as f64 / seconds, bytes as f64 / f64::from(1 << 20));
    format!(
        "{records} records {what}, {per_second:.1} records/sec ({:.2} MB/sec)",
        mb / seconds
    )
}

/// How long acknowledgements took, at most: from each record's sending until its producer had time to wait for all that was sent.
struct Latencies {
    sent: Vec<Instant>,
    micros: Histogram<u64>,
}

impl Latencies {
    fn acknowledged(&mut self) {
        for sent in self.sent.drain(..) {
            let micros = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.micros.saturating_record(micros);
        }
    }

    fn report(&self) -> String {
        let at = |quantile| self.micros.value_at_quantile(quantile) / 1000;
        format!(
            "{:.2} ms avg latency, {:.2} ms max latency, {} ms 50th, {} ms 95th, {} ms 99th, {} ms 99.9th",
            self.micros.mean() / 1000.0,
            Duration::from_micros(self.micros.max()).as_secs_f64() * 1000.0,
            at(0.5),
            at(0.95),
            at(0.99),
            at(0.999),
        )
    }
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
    let pause = Duration::try_from_secs_f64(options.throughput.recip()).ok();
    let mut latencies = Latencies {
        sent: Vec::new(),
        micros: Histogram::new(3)?,
    };
    let began = Instant::now();
    let mut due = began;
    for _ in 0..options.num_records {
        if let Some(pause) = pause {
            if Instant::now() < due {
                producer.flush().await?;
                latencies.acknowledged();
                tokio::time::sleep_until(due.into()).await;
            }
            due += pause;
            latencies.sent.push(Instant::now());
        }
        producer.send(now_ms(), None, Some(&value), &[]).await?;
    }
    let sent = producer.flush().await?;
    let rate = report("sent", sent, sent * value.len() as u64, began.elapsed());
    latencies.acknowledged();
    match pause {
        Some(_) => say!("{rate}, {}.", latencies.report()),
        None => say!("{rate}."),
    }
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
    say!("{}.", report("read", records, bytes, began.elapsed()));
    Ok(())
}
