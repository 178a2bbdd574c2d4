//! `mini-kafka console-producer` and `console-consumer`: like Kafka's scripts of those names.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write, stdin, stdout};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use mini_kafka::record::compression::{CODECS, Compression};
use mini_kafka::server::client::ClientError;
use mini_kafka::server::client::consumer::{
    Assignor, Consumed, Consumer, EARLIEST, GroupConfig, LATEST,
};
use mini_kafka::server::client::producer::{Producer, ProducerConfig};
use mini_kafka::server::trace;
use tokio::sync::mpsc::{self, Receiver};
use tokio::sync::oneshot;
use tracing::{Instrument, info_span};

use super::{Bootstrap, block_on, now_ms, pairs};

/// A line waits no longer than this for others to be sent with (`linger.ms`).
const LINGER: Duration = Duration::from_millis(10);
/// After Ctrl-C, what was read has so long to be acknowledged.
const CLOSING: Duration = Duration::from_secs(5);
/// As many lines are read ahead of the broker.
const READ_AHEAD: usize = 4096;

/// How lines become records.
#[derive(Debug, Args)]
pub(crate) struct ProducerOptions {
    #[command(flatten)]
    bootstrap: Bootstrap,
    /// Where the records go
    #[arg(long)]
    topic: String,
    /// none, gzip, snappy, lz4 or zstd
    #[arg(long, value_name = "CODEC", default_value = "none")]
    compression_codec: String,
    /// parse.key=true takes what is before key.separator (a tab) as the key
    #[arg(long, value_name = "KEY=VALUE")]
    property: Vec<String>,
    /// acks, batch.size, compression.type, delivery.timeout.ms, enable.idempotence
    #[arg(long, value_name = "KEY=VALUE")]
    producer_property: Vec<String>,
}

/// The codec of this name.
pub(crate) fn codec(name: &str) -> Result<Compression> {
    let found = CODECS.iter().find(|codec| codec.name() == name);
    found
        .copied()
        .with_context(|| format!("{name}: expected none, gzip, snappy, lz4 or zstd"))
}

/// A producer's settings, with Kafka's names.
pub(crate) fn producer_config(items: &[String]) -> Result<ProducerConfig> {
    let mut config = ProducerConfig::default();
    for (key, value) in pairs(items)? {
        let what = || format!("{key}={value}: not a value for it");
        match key.as_str() {
            "acks" if value == "all" => config.acks = -1,
            "acks" => config.acks = value.parse().with_context(what)?,
            "batch.size" => config.batch_bytes = value.parse().with_context(what)?,
            "compression.type" => config.compression = codec(&value)?,
            "delivery.timeout.ms" => {
                config.delivery_timeout = Duration::from_millis(value.parse().with_context(what)?);
            }
            "enable.idempotence" => config.idempotent = value.parse().with_context(what)?,
            _ => bail!(
                "{key}: expected acks, batch.size, compression.type, delivery.timeout.ms or enable.idempotence"
            ),
        }
    }
    Ok(config)
}

pub(crate) fn produce(options: &ProducerOptions) -> Result<()> {
    let properties = pairs(&options.property)?;
    let parse_key = properties
        .get("parse.key")
        .is_some_and(|value| value == "true");
    let separator = properties.get("key.separator").map_or("\t", String::as_str);
    let mut config = producer_config(&options.producer_property)?;
    if options.compression_codec != "none" {
        config.compression = codec(&options.compression_codec)?;
    }
    block_on(async {
        let client = options.bootstrap.connect().await?;
        let mut producer = Producer::new(client, &options.topic, config).await?;
        let separator = parse_key.then_some(separator);
        let (end, ended) = oneshot::channel();
        let sending = async {
            let sent = send_lines(&mut producer, &options.topic, separator, ended).await;
            // Also where a line is wrong: those before it are not.
            let is_ours = |error: &anyhow::Error| !error.is::<ClientError>();
            if sent.as_ref().err().is_none_or(is_ours) {
                producer.flush().await?;
            }
            sent
        };
        let closing = async {
            super::ended().await;
            // Where nobody listens any more, all is sent.
            let _ = end.send(());
            tokio::time::sleep(CLOSING).await;
        };
        tokio::select! {
            sent = sending => sent,
            () = closing => bail!("the last lines were not acknowledged: the broker does not answer"),
        }
    })
}

/// Sends the standard input's lines as they come, each with those that come soon after it, until it or the user ends them.
async fn send_lines(
    producer: &mut Producer,
    topic: &str,
    key_separator: Option<&str>,
    mut ended: oneshot::Receiver<()>,
) -> Result<()> {
    let mut lines = lines_of_stdin();
    let mut due: Option<Instant> = None;
    loop {
        let linger = async {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            line = lines.recv() => {
                let Some(line) = line.transpose()? else {
                    return Ok(());
                };
                let (key, value) = match key_separator {
                    None => (None, line.as_str()),
                    Some(separator) => {
                        let no_key =
                            || format!("{line:?} has no {separator:?} between a key and a value");
                        let (key, value) = line.split_once(separator).with_context(no_key)?;
                        (Some(key.as_bytes()), value)
                    }
                };
                let span = info_span!("send", otel.kind = "producer", topic);
                let send = producer.send(now_ms(), key, Some(value.as_bytes()), &[]);
                send.instrument(span).await?;
                due.get_or_insert_with(|| Instant::now() + LINGER);
            }
            () = linger => {
                producer.flush().await?;
                due = None;
            }
            // What has been read is sent, and no more is read.
            _ = &mut ended, if !lines.is_closed() => lines.close(),
        }
    }
}

/// The lines of the standard input. A thread reads them, for which nobody waits: the next line may never come.
fn lines_of_stdin() -> Receiver<io::Result<String>> {
    let (sender, lines) = mpsc::channel(READ_AHEAD);
    std::thread::spawn(move || {
        for line in stdin().lock().lines() {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// Which records are shown, and how.
#[derive(Debug, Args)]
pub(crate) struct ConsumerOptions {
    #[command(flatten)]
    bootstrap: Bootstrap,
    /// Where the records are
    #[arg(long)]
    topic: String,
    /// A partition, rather than all
    #[arg(long)]
    partition: Option<i32>,
    /// Where to begin in it: a number, earliest or latest
    #[arg(long, requires = "partition")]
    offset: Option<String>,
    /// Begin with the first record there is, where nothing else is known
    #[arg(long)]
    from_beginning: bool,
    /// Read as a member of this group
    #[arg(long)]
    group: Option<String>,
    /// End after so many records
    #[arg(long)]
    max_messages: Option<u64>,
    /// End when nothing came for so long
    #[arg(long)]
    timeout_ms: Option<u64>,
    /// print.key, print.timestamp, print.offset, print.partition, print.headers: true or false
    #[arg(long, value_name = "KEY=VALUE")]
    property: Vec<String>,
    /// group.instance.id, heartbeat.interval.ms, partition.assignment.strategy, session.timeout.ms
    #[arg(long, value_name = "KEY=VALUE")]
    consumer_property: Vec<String>,
}

pub(crate) fn consume(options: &ConsumerOptions) -> Result<()> {
    block_on(async {
        let mut consumer = consumer(options).await?;
        let properties = pairs(&options.property)?;
        let prints = |what: &str| properties.get(what).is_some_and(|value| value == "true");
        let mut left = options.max_messages.unwrap_or(u64::MAX);
        let patience = options.timeout_ms.map(Duration::from_millis);
        let mut last_came = Instant::now();
        let ended = super::ended();
        tokio::pin!(ended);
        while left > 0 {
            let polled = tokio::select! {
                polled = consumer.poll(Duration::from_millis(500)) => polled?,
                () = &mut ended => break,
            };
            if !polled.is_empty() {
                last_came = Instant::now();
            } else if patience.is_some_and(|patience| last_came.elapsed() >= patience) {
                break;
            }
            let shown = polled
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            left -= shown as u64;
            let mut out = stdout().lock();
            for record in &polled[..shown] {
                let _receiving = trace::of_record(record).entered();
                print(&mut out, record, &prints)?;
            }
            // What is not shown is not committed as read.
            for record in polled[shown..].iter().rev() {
                consumer.seek(&record.partition, record.offset);
            }
            out.flush()?;
        }
        Ok(consumer.close().await?)
    })
}

async fn consumer(options: &ConsumerOptions) -> Result<Consumer> {
    let mut client = options.bootstrap.connect().await?;
    let topic = &options.topic;
    let reset = if options.from_beginning {
        EARLIEST
    } else {
        LATEST
    };
    if let Some(group) = &options.group {
        let mut consumer = Consumer::new(client, reset);
        consumer
            .subscribe(group_config(group, topic, &options.consumer_property)?)
            .await?;
        return Ok(consumer);
    }
    let counts = client
        .partition_counts(std::slice::from_ref(topic), true)
        .await?;
    let count = counts.get(topic).copied().unwrap_or(0);
    let from = match options.offset.as_deref() {
        None => reset,
        Some("earliest") => EARLIEST,
        Some("latest") => LATEST,
        Some(number) => {
            let what = || format!("--offset {number}: expected a number, earliest or latest");
            number.parse().with_context(what)?
        }
    };
    let partitions: Vec<i32> = match options.partition {
        Some(partition) => vec![partition],
        None => (0..count).collect(),
    };
    let mut consumer = Consumer::new(client, reset);
    let partitions = partitions
        .into_iter()
        .map(|partition| ((topic.clone(), partition), from));
    consumer.assign(partitions).await?;
    Ok(consumer)
}

fn group_config(group: &str, topic: &str, properties: &[String]) -> Result<GroupConfig> {
    let mut config = GroupConfig {
        group_id: group.to_owned(),
        instance_id: None,
        topics: BTreeSet::from([topic.to_owned()]),
        assignor: Assignor::Range,
        session_timeout: Duration::from_secs(45),
        heartbeat_interval: Duration::from_secs(3),
        rebalance_timeout: Duration::from_secs(300),
        auto_commit: Some(Duration::from_secs(5)),
    };
    for (key, value) in pairs(properties)? {
        match key.as_str() {
            "group.instance.id" => config.instance_id = Some(value),
            "partition.assignment.strategy" => {
                let what =
                    || format!("{value}: expected range, roundrobin, sticky or cooperative-sticky");
                config.assignor = Assignor::by_name(&value).with_context(what)?;
            }
            "session.timeout.ms" | "heartbeat.interval.ms" => {
                let what = || format!("{key}={value}: expected milliseconds");
                let time = Duration::from_millis(value.parse().with_context(what)?);
                if key == "session.timeout.ms" {
                    config.session_timeout = time;
                } else {
                    config.heartbeat_interval = time;
                }
            }
            _ => bail!(
                "{key}: expected group.instance.id, heartbeat.interval.ms, partition.assignment.strategy or session.timeout.ms"
            ),
        }
    }
    Ok(config)
}

fn print(out: &mut impl Write, record: &Consumed, prints: &impl Fn(&str) -> bool) -> Result<()> {
    let show = |bytes: &Option<Vec<u8>>| match bytes {
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        None => "null".to_owned(),
    };
    let mut parts = Vec::new();
    if prints("print.timestamp") {
        parts.push(format!("CreateTime:{}", record.timestamp_ms));
    }
    if prints("print.partition") {
        parts.push(format!("Partition:{}", record.partition.1));
    }
    if prints("print.offset") {
        parts.push(format!("Offset:{}", record.offset));
    }
    if prints("print.headers") {
        let headers = record.headers.iter();
        let headers = headers.map(|(key, value)| format!("{key}:{}", show(value)));
        parts.push(headers.collect::<Vec<_>>().join(","));
    }
    if prints("print.key") {
        parts.push(show(&record.key));
    }
    parts.push(show(&record.value));
    writeln!(out, "{}", parts.join("\t"))?;
    Ok(())
}
