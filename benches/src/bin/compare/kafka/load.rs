//! The load: librdkafka's producer and consumer, with its own settings but for `acks=1`, the same for every broker.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures::executor::block_on;
use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// No broker takes longer for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a producer waits when its queue is full.
const FULL: Duration = Duration::from_micros(500);

pub(super) struct Client {
    address: String,
}

impl Client {
    pub(super) fn new(address: &str) -> Client {
        Client {
            address: address.to_owned(),
        }
    }

    fn config(&self, settings: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        for (name, value) in settings {
            config.set(*name, *value);
        }
        config
    }

    pub(super) fn create_topics(
        &self,
        topics: impl Iterator<Item = (&'static str, i32)>,
    ) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.config(&[]).create()?;
        let new = |(name, partitions)| NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let topics: Vec<NewTopic<'_>> = topics.map(new).collect();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        for created in block_on(admin.create_topics(&topics, &options))? {
            created.map_err(|(topic, code)| anyhow::anyhow!("topic {topic}: {code}"))?;
        }
        Ok(())
    }

    fn producer(
        &self,
        settings: &[(&str, &str)],
    ) -> Result<(ThreadedProducer<Acks>, Receiver<()>)> {
        let (acknowledged, receiver) = mpsc::channel();
        let acks = Acks {
            acknowledged,
            failed: AtomicU64::new(0),
        };
        let mut config = self.config(settings);
        let config = config.set("acks", "1");
        Ok((config.create_with_context(acks)?, receiver))
    }

    /// Sends records of `record_bytes` each, together at least `bytes`, to one partition; how many, and how long it took until all
    /// were acknowledged.
    pub(super) fn produce(
        &self,
        topic: &str,
        record_bytes: usize,
        bytes: u64,
    ) -> Result<(u64, Duration)> {
        let (producer, _) = self.producer(&[("delivery.report.only.error", "true")])?;
        let records = bytes.div_ceil(record_bytes as u64);
        let payload = vec![b'x'; record_bytes];
        let start = Instant::now();
        for _ in 0..records {
            send(&producer, topic, 0, &payload)?;
        }
        flush(&producer)?;
        Ok((records, start.elapsed()))
    }

    /// Writes `bytes` of records to each partition.
    pub(super) fn fill(
        &self,
        topic: &str,
        partitions: i32,
        record_bytes: usize,
        bytes: u64,
    ) -> Result<()> {
        let (producer, _) = self.producer(&[("delivery.report.only.error", "true")])?;
        let payload = vec![b'x'; record_bytes];
        for partition in 0..partitions {
            for _ in 0..bytes / record_bytes as u64 {
                send(&producer, topic, partition, &payload)?;
            }
        }
        flush(&producer)
    }

    /// Sends record after record, each once the one before is acknowledged; how long each took.
    pub(super) fn produce_one_by_one(
        &self,
        topic: &str,
        record_bytes: usize,
        records: u32,
    ) -> Result<Vec<Duration>> {
        let (producer, acknowledged) = self.producer(&[("linger.ms", "0")])?;
        let payload = vec![b'x'; record_bytes];
        let mut times = Vec::new();
        // The first ones connect.
        for n in 0..records + 100 {
            let start = Instant::now();
            send(&producer, topic, 0, &payload)?;
            let acknowledged = acknowledged.recv_timeout(PATIENCE);
            acknowledged.context("a record was not acknowledged")?;
            if n >= 100 {
                times.push(start.elapsed());
            }
        }
        flush(&producer)?;
        Ok(times)
    }

    /// Reads all `records` of each partition from the beginning, `passes` times.
    pub(super) fn consume(
        &self,
        topic: &str,
        partitions: i32,
        records: u64,
        passes: u64,
    ) -> Result<(u64, Duration)> {
        let consumer: BaseConsumer = self
            .config(&[
                ("group.id", "compare"),
                ("enable.auto.commit", "false"),
                // At the end of a pass a fetch still waits at the end of each partition.
                ("fetch.wait.max.ms", "10"),
            ])
            .create()?;
        let mut all = TopicPartitionList::new();
        for partition in 0..partitions {
            all.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        let expected = records * u64::from(partitions.unsigned_abs());
        let start = Instant::now();
        for _ in 0..passes {
            consumer.assign(&all)?;
            let (mut read, mut bytes) = (0, 0);
            while read < expected {
                let Some(record) = consumer.poll(PATIENCE) else {
                    bail!("{read} of {expected} records came");
                };
                bytes += record?.payload_len();
                read += 1;
            }
            ensure!(bytes > 0, "the records are empty");
        }
        Ok((expected * passes, start.elapsed()))
    }
}

/// Counts what is acknowledged, and what is not.
struct Acks {
    acknowledged: Sender<()>,
    failed: AtomicU64,
}

impl ClientContext for Acks {}

impl ProducerContext for Acks {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            // Where nobody waits for each, there is no receiver.
            Ok(_) => drop(self.acknowledged.send(())),
            Err((error, _)) => {
                if self.failed.fetch_add(1, Ordering::Relaxed) == 0 {
                    eprintln!("a record was not taken: {error}");
                }
            }
        }
    }
}

fn send(
    producer: &ThreadedProducer<Acks>,
    topic: &str,
    partition: i32,
    payload: &[u8],
) -> Result<()> {
    loop {
        let record = BaseRecord::<(), [u8]>::to(topic)
            .partition(partition)
            .payload(payload);
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                thread::sleep(FULL);
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}

fn flush(producer: &ThreadedProducer<Acks>) -> Result<()> {
    producer.flush(PATIENCE)?;
    let failed = producer.context().failed.load(Ordering::Relaxed);
    ensure!(failed == 0, "{failed} records were not taken");
    Ok(())
}
