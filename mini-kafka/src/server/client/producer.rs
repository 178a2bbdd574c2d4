//! Sending records: gathered into a batch for each partition, several batches on their way at a time, each numbered, so
//! that one that is sent again is written once. What is not acknowledged is sent again, until `delivery.timeout.ms` is over.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, TopicName};

use super::{Client, ClientError, RETRY_BACKOFF, text};
use crate::record::builder::BatchBuilder;
use crate::record::compression::Compression;
use crate::record::framing::Header;
use crate::server::trace::TRACEPARENT;

/// As many requests may be on their way: as many as the broker remembers of an idempotent producer.
const IN_FLIGHT_MAX: usize = 5;
const PRODUCE_VERSION: i16 = 7;

/// How records are sent.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    /// `acks`: 0, 1 or -1 (all).
    pub acks: i16,
    /// `compression.type`.
    pub compression: Compression,
    /// `batch.size`, in bytes before compression.
    pub batch_bytes: usize,
    /// `enable.idempotence`; needs `acks` of -1.
    pub idempotent: bool,
    /// `delivery.timeout.ms`: a batch that is not acknowledged is sent again for so long.
    pub delivery_timeout: Duration,
}

impl Default for ProducerConfig {
    fn default() -> ProducerConfig {
        ProducerConfig {
            acks: -1,
            compression: Compression::None,
            batch_bytes: 16 << 10,
            idempotent: true,
            delivery_timeout: Duration::from_secs(120),
        }
    }
}

/// A batch that is not acknowledged.
#[derive(Debug)]
struct InFlight {
    since: Instant,
    partition: i32,
    batch: Bytes,
    records: i32,
    /// Of the request that it was sent with last.
    correlation_id: i32,
}

/// Sends the records of one topic.
#[derive(Debug)]
pub struct Producer {
    client: Client,
    config: ProducerConfig,
    topic: String,
    partitions: i32,
    /// Of an idempotent producer.
    producer_id: Option<i64>,
    /// The next sequence number, by partition.
    sequences: BTreeMap<i32, i32>,
    filling: BTreeMap<i32, BatchBuilder>,
    in_flight: VecDeque<InFlight>,
    /// Where records without a key go until their batch is full (KIP-480).
    sticky: i32,
    acknowledged: u64,
}

impl Producer {
    /// A producer for a topic, which is made if the broker makes topics by itself.
    ///
    /// # Errors
    /// When the broker cannot be reached, or has no such topic.
    pub async fn new(
        mut client: Client,
        topic: &str,
        config: ProducerConfig,
    ) -> Result<Producer, ClientError> {
        let counts = client.partition_counts(&[topic.to_owned()], true).await?;
        let config = ProducerConfig {
            idempotent: config.idempotent && config.acks == -1,
            ..config
        };
        let mut producer = Producer {
            client,
            config,
            topic: topic.to_owned(),
            partitions: counts.get(topic).copied().unwrap_or(1).max(1),
            producer_id: None,
            sequences: BTreeMap::new(),
            filling: BTreeMap::new(),
            in_flight: VecDeque::new(),
            sticky: 0,
            acknowledged: 0,
        };
        producer.identify().await?;
        Ok(producer)
    }

    /// Gets an id, if it is to have one and has none.
    async fn identify(&mut self) -> Result<(), ClientError> {
        if self.config.idempotent && self.producer_id.is_none() {
            let request = InitProducerIdRequest::default()
                .with_transactional_id(None)
                .with_transaction_timeout_ms(60_000);
            let answer = self.client.call(1, &request).await?;
            ClientError::check("a producer id", answer.error_code)?;
            self.producer_id = Some(answer.producer_id.0);
        }
        Ok(())
    }

    /// Adds a record; sends what is full. With a key, its partition is the one that every client chooses for that key.
    ///
    /// # Errors
    /// When an earlier batch was refused.
    pub async fn send(
        &mut self,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) -> Result<(), ClientError> {
        // It belongs to the trace of whoever sends it, unless that says otherwise.
        let traceparent = traces::traceparent();
        let is_told = headers.iter().any(|header| header.key == TRACEPARENT);
        let traceparent = traceparent.as_ref().filter(|_| !is_told);
        let traceparent = traceparent.map(|value| Header {
            key: TRACEPARENT,
            value: Some(value.as_bytes()),
        });
        let headers: Vec<Header<'_>> = headers.iter().cloned().chain(traceparent).collect();
        let partition = match key {
            Some(key) => partition_for_key(key, self.partitions),
            None => self.sticky,
        };
        let config = &self.config;
        let filling = self.filling.entry(partition);
        let filling = filling.or_insert_with(|| BatchBuilder::new(config.compression));
        filling.push(timestamp_ms, key, value, &headers);
        if filling.len() >= config.batch_bytes {
            self.send_batch(partition).await?;
            self.sticky = (self.sticky + 1) % self.partitions;
        }
        Ok(())
    }

    async fn send_batch(&mut self, partition: i32) -> Result<(), ClientError> {
        while self.in_flight.len() >= IN_FLIGHT_MAX {
            self.receive_one().await?;
        }
        self.identify().await?;
        let Some(mut builder) = self.filling.remove(&partition) else {
            return Ok(());
        };
        let records = builder.record_count();
        if let Some(producer_id) = self.producer_id {
            let sequence = self.sequences.entry(partition).or_default();
            builder = builder.producer(producer_id, 0, *sequence);
            *sequence = following(*sequence, records);
        }
        let batch = builder.build().map_err(crate::record::RecordError::from)?;
        self.in_flight.push_back(InFlight {
            since: Instant::now(),
            partition,
            batch: batch.into(),
            records,
            correlation_id: 0,
        });
        // Where the connection of earlier batches is gone, so are they: with whoever stopped waiting for them.
        let sent = if self.in_flight.len() == 1 || self.client.is_connected() {
            self.transmit(self.in_flight.len() - 1).await
        } else {
            Err(ClientError::Silent(self.topic.clone()))
        };
        if let Err(why) = sent {
            self.send_again(why).await?;
        }
        if self.config.acks == 0 {
            self.in_flight.clear();
            self.acknowledged += u64::from(records.unsigned_abs());
        }
        Ok(())
    }

    /// Sends a batch of those that are not acknowledged.
    async fn transmit(&mut self, index: usize) -> Result<(), ClientError> {
        let sent = &mut self.in_flight[index];
        let data = PartitionProduceData::default()
            .with_index(sent.partition)
            .with_records(Some(sent.batch.clone()));
        let topic = TopicProduceData::default()
            .with_name(TopicName(text(self.topic.clone())))
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_transactional_id(None)
            .with_acks(self.config.acks)
            .with_timeout_ms(30_000)
            .with_topic_data(vec![topic]);
        sent.correlation_id = self.client.send(PRODUCE_VERSION, &request).await?;
        Ok(())
    }

    /// Sends everything that is not acknowledged again, in its order, over a new connection: on the old one there may be answers to
    /// what followed the batch that failed.
    async fn send_again(&mut self, mut why: ClientError) -> Result<(), ClientError> {
        let oldest = self.in_flight.front().map(|sent| sent.since);
        let give_up = oldest.map(|since| since + self.config.delivery_timeout);
        tracing::warn!("{why}; sending again");
        'attempts: loop {
            self.client.disconnect();
            if !why.is_retriable() || give_up.is_none_or(|at| Instant::now() >= at) {
                // The numbers of what is given up are missing: a new line of them begins, with a new id.
                self.in_flight.clear();
                self.sequences.clear();
                self.producer_id = None;
                return Err(why);
            }
            tokio::time::sleep(RETRY_BACKOFF).await;
            for index in 0..self.in_flight.len() {
                if let Err(again) = self.transmit(index).await {
                    why = again;
                    continue 'attempts;
                }
            }
            return Ok(());
        }
    }

    /// Waits until the first batch that is not acknowledged is.
    async fn receive_one(&mut self) -> Result<(), ClientError> {
        while let Some(first) = self.in_flight.front() {
            let records = first.records;
            match self.receive_answer(first.correlation_id).await {
                Ok(()) => {
                    self.in_flight.pop_front();
                    self.acknowledged += u64::from(records.unsigned_abs());
                    break;
                }
                Err(why) => self.send_again(why).await?,
            }
        }
        Ok(())
    }

    async fn receive_answer(&mut self, correlation_id: i32) -> Result<(), ClientError> {
        let client = &mut self.client;
        let answer =
            client.receive::<ProduceRequest>(PRODUCE_VERSION, correlation_id, Duration::ZERO);
        for topic in answer.await?.responses {
            for partition in topic.partition_responses {
                let what = format!("{}-{}", topic.name.0.as_str(), partition.index);
                ClientError::check(what, partition.error_code)?;
            }
        }
        Ok(())
    }

    /// Sends what is left, and waits until all is acknowledged. Records acknowledged so far.
    ///
    /// # Errors
    /// When a batch was refused.
    pub async fn flush(&mut self) -> Result<u64, ClientError> {
        let partitions: Vec<i32> = self.filling.keys().copied().collect();
        for partition in partitions {
            self.send_batch(partition).await?;
        }
        while !self.in_flight.is_empty() {
            self.receive_one().await?;
        }
        Ok(self.acknowledged)
    }
}

/// The sequence number behind a batch of so many records: behind `i32::MAX` comes 0.
fn following(sequence: i32, records: i32) -> i32 {
    sequence.wrapping_add(records) & i32::MAX
}

/// The partition of a key: its murmur2 hash without the sign, modulo their number, as in Kafka's Java client.
pub fn partition_for_key(key: &[u8], partitions: i32) -> i32 {
    let hash = murmur2(key) & 0x7fff_ffff;
    let partition = hash % partitions.max(1).unsigned_abs();
    i32::try_from(partition).unwrap_or(0)
}

/// Murmur2 (Appleby), 32 bits, with the seed that Kafka uses.
fn murmur2(bytes: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    const SEED: u32 = 0x9747_b28c;
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut hash = SEED ^ len;
    let (words, tail) = bytes.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        let mut word = [0; 4];
        word[..tail.len()].copy_from_slice(tail);
        hash = (hash ^ u32::from_le_bytes(word)).wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_go_on_with_zero_also_within_a_batch() {
        for (records, expected) in [(2, i32::MAX), (3, 0), (5, 2)] {
            assert_eq!(following(i32::MAX - 2, records), expected);
        }
    }

    #[test]
    fn keys_go_where_other_clients_put_them() {
        // Values of Kafka's own tests of its hash.
        let hash = |key: &str| murmur2(key.as_bytes()).cast_signed();
        assert_eq!(hash("21"), -973_932_308);
        assert_eq!(hash("foobar"), -790_332_482);
        assert_eq!(hash("a-little-bit-long-string"), -985_981_536);
        assert_eq!(hash("a-little-bit-longer-string"), -1_486_304_829);
        assert_eq!(hash("abc"), 479_470_107);
    }
}
