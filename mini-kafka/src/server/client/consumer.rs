//! Reading records: alone, from partitions that are named; or as a member of a group, from those that its leader hands
//! out. The member's duties (joining, heartbeats, commits) are done between two fetches.

mod membership;

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, FetchRequest, ListOffsetsRequest, TopicName};

pub use membership::{Assignor, GroupConfig, decode_assignment};

use super::{Client, ClientError, RETRY_BACKOFF, text};
use crate::assignor::TopicPartition;
use crate::record::RecordError;
use crate::record::batch::RecordBatch;
use membership::Membership;

const FETCH_VERSION: i16 = 11;
/// `fetch.max.bytes` and `max.partition.fetch.bytes`.
const FETCH_BYTES: i32 = 50 << 20;
const PARTITION_BYTES: i32 = 1 << 20;
/// "Where the log begins", "where it ends".
pub const EARLIEST: i64 = -2;
/// The same.
pub const LATEST: i64 = -1;
/// The broker's codes that a reader has an answer to.
const OFFSET_OUT_OF_RANGE: i16 = 1;

/// A record, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// From where.
    pub partition: TopicPartition,
    /// Its offset.
    pub offset: i64,
    /// In milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; none for a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Reads records.
#[derive(Debug)]
pub struct Consumer {
    client: Client,
    /// Where to begin in partitions of which nothing is known: [`EARLIEST`] or [`LATEST`] (`auto.offset.reset`).
    reset: i64,
    /// The next offset to read, by partition.
    positions: BTreeMap<TopicPartition, i64>,
    membership: Option<Membership>,
    trouble: Option<ClientError>,
    /// What a fetch met behind records that it brought: for the next poll.
    met: Option<ClientError>,
}

impl Consumer {
    /// A reader of nothing yet.
    pub fn new(client: Client, reset: i64) -> Consumer {
        Consumer {
            client,
            reset,
            positions: BTreeMap::new(),
            membership: None,
            trouble: None,
            met: None,
        }
    }

    /// Reads these partitions, from these offsets; [`EARLIEST`] and [`LATEST`] are understood.
    ///
    /// # Errors
    /// When the broker does not know them.
    pub async fn assign(
        &mut self,
        partitions: impl IntoIterator<Item = (TopicPartition, i64)>,
    ) -> Result<(), ClientError> {
        for (partition, mut offset) in partitions {
            if offset < 0 {
                offset = self.client.list_offset(&partition, offset).await?;
            }
            self.positions.insert(partition, offset);
        }
        Ok(())
    }

    /// Joins a group, and reads what it is given.
    ///
    /// # Errors
    /// When there is no coordinator.
    pub async fn subscribe(&mut self, config: GroupConfig) -> Result<(), ClientError> {
        let coordinator = self.client.coordinator(&config.group_id).await?;
        self.membership = Some(Membership::new(coordinator, config));
        Ok(())
    }

    /// Reads a partition from another offset on.
    pub fn seek(&mut self, partition: &TopicPartition, offset: i64) {
        if let Some(position) = self.positions.get_mut(partition) {
            *position = offset;
        }
    }

    /// The next offset to read, by partition.
    pub fn positions(&self) -> &BTreeMap<TopicPartition, i64> {
        &self.positions
    }

    /// The generation of its group that it is a member of; none while it has to join, or reads alone.
    pub fn generation(&self) -> Option<i32> {
        self.membership.as_ref()?.generation()
    }

    /// Why nothing comes at the moment: what is tried again with each poll.
    pub fn trouble(&self) -> Option<&ClientError> {
        self.trouble.as_ref()
    }

    /// What has come; nothing where nothing came within `wait`, or the broker is away.
    ///
    /// # Errors
    /// When the broker refuses for good.
    pub async fn poll(&mut self, wait: Duration) -> Result<Vec<Consumed>, ClientError> {
        let why = match self.poll_once(wait).await {
            Err(why) if why.is_retriable() => why,
            polled => {
                self.trouble = None;
                return polled;
            }
        };
        if self.trouble.is_none() {
            tracing::warn!("{why}; trying again");
        }
        self.trouble = Some(why);
        tokio::time::sleep(wait.min(RETRY_BACKOFF)).await;
        if let Some(membership) = &mut self.membership {
            membership.find_coordinator(&mut self.client).await;
        }
        Ok(Vec::new())
    }

    async fn poll_once(&mut self, wait: Duration) -> Result<Vec<Consumed>, ClientError> {
        if let Some(met) = self.met.take() {
            return Err(met);
        }
        if let Some(membership) = &mut self.membership {
            membership
                .keep(&mut self.client, &mut self.positions, self.reset)
                .await?;
        }
        if self.positions.is_empty() {
            // Nothing to read: only the duties of a member are left.
            tokio::time::sleep(wait.min(Duration::from_millis(100))).await;
            return Ok(Vec::new());
        }
        self.fetch(wait).await
    }

    async fn fetch(&mut self, wait: Duration) -> Result<Vec<Consumed>, ClientError> {
        let mut topics: Vec<FetchTopic> = Vec::new();
        for ((topic, partition), offset) in &self.positions {
            if topics.last().is_none_or(|last| *last.topic.0 != **topic) {
                let named = FetchTopic::default().with_topic(TopicName(text(topic.clone())));
                topics.push(named);
            }
            let wanted = FetchPartition::default()
                .with_partition(*partition)
                .with_fetch_offset(*offset)
                .with_partition_max_bytes(PARTITION_BYTES);
            if let Some(last) = topics.last_mut() {
                last.partitions.push(wanted);
            }
        }
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(i32::try_from(wait.as_millis()).unwrap_or(i32::MAX))
            .with_min_bytes(1)
            .with_max_bytes(FETCH_BYTES)
            // No session: each request names everything.
            .with_session_epoch(-1)
            .with_topics(topics);
        let answer = self
            .client
            .call_waiting(FETCH_VERSION, &request, wait)
            .await?;
        ClientError::check("a fetch", answer.error_code)?;
        let parts = answer.responses.into_iter().flat_map(|topic| {
            let of_topic = topic.partitions.into_iter();
            of_topic.map(move |part| ((topic.topic.0.to_string(), part.partition_index), part))
        });
        let parts: Vec<_> = parts.collect();
        let (mut consumed, mut met) = (Vec::new(), Ok(()));
        // First what has to be waited for: whoever stops waiting has not yet read anything.
        for (partition, part) in &parts {
            if part.error_code == OFFSET_OUT_OF_RANGE {
                met = met.and(self.reset(partition).await);
            } else if part.error_code != 0 {
                let what = format!("{}-{}", partition.0, partition.1);
                met = met.and(ClientError::check(what, part.error_code));
            }
        }
        for (partition, part) in parts {
            let records = part.records.filter(|_| part.error_code == 0);
            if let Some(records) = records
                && let Some(position) = self.positions.get_mut(&partition)
            {
                met = met.and(read_batches(&records, &partition, position, &mut consumed));
            }
        }
        // What has come is not lost for what did not.
        match met {
            Err(met) if consumed.is_empty() => return Err(met),
            met => self.met = met.err(),
        }
        Ok(consumed)
    }

    /// Goes on with the first record or the last, where what it would read next is not there.
    async fn reset(&mut self, partition: &TopicPartition) -> Result<(), ClientError> {
        let offset = self.client.list_offset(partition, self.reset).await?;
        self.positions.insert(partition.clone(), offset);
        Ok(())
    }

    /// Commits how far it has read.
    ///
    /// # Errors
    /// When the group has gone on without it.
    pub async fn commit(&mut self) -> Result<(), ClientError> {
        match &mut self.membership {
            Some(membership) => membership.commit(&self.positions).await,
            None => Ok(()),
        }
    }

    /// Commits, and leaves its group, so that the others need not wait for it.
    ///
    /// # Errors
    /// When the coordinator is gone.
    pub async fn close(mut self) -> Result<(), ClientError> {
        match &mut self.membership {
            Some(membership) => membership.close(&mut self.positions).await,
            None => Ok(()),
        }
    }
}

/// Takes the records from `position` on out of whole batches; what is there of another one at the end comes again with the
/// next fetch.
fn read_batches(
    mut bytes: &[u8],
    partition: &TopicPartition,
    position: &mut i64,
    consumed: &mut Vec<Consumed>,
) -> Result<(), ClientError> {
    loop {
        let batch = match RecordBatch::parse(bytes) {
            Err(RecordError::Truncated(_)) => return Ok(()),
            batch => batch?,
        };
        batch.check_crc()?;
        bytes = &bytes[batch.bytes().len()..];
        let payload = batch.payload()?;
        let records: Result<Vec<_>, _> = payload.records().collect();
        for record in records? {
            let offset = batch.header.offset_of(&record);
            // A batch of control records is for brokers.
            if offset < *position || batch.header.is_control() {
                continue;
            }
            let headers = record.headers.iter();
            consumed.push(Consumed {
                partition: partition.clone(),
                offset,
                timestamp_ms: batch.header.timestamp_of(&record),
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                headers: headers
                    .map(|h| (h.key.to_owned(), h.value.map(<[u8]>::to_vec)))
                    .collect(),
            });
        }
        *position = (*position).max(batch.header.last_offset() + 1);
    }
}

impl Client {
    /// An offset by a time, [`EARLIEST`] or [`LATEST`]: the first record not before it; the end where there is none.
    ///
    /// # Errors
    /// When the broker does not know the partition.
    pub async fn list_offset(
        &mut self,
        partition: &TopicPartition,
        at: i64,
    ) -> Result<i64, ClientError> {
        let asked = ListOffsetsPartition::default()
            .with_partition_index(partition.1)
            .with_timestamp(at);
        let topic = ListOffsetsTopic::default()
            .with_name(TopicName(text(partition.0.clone())))
            .with_partitions(vec![asked]);
        let request = ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_topics(vec![topic]);
        let answer = self.call(5, &request).await?;
        let found = answer
            .topics
            .iter()
            .flat_map(|topic| &topic.partitions)
            .next();
        let Some(found) = found else {
            return Ok(-1);
        };
        let what = format!("offsets of {}-{}", partition.0, partition.1);
        ClientError::check(what, found.error_code)?;
        if found.offset < 0 && at >= 0 {
            return Box::pin(self.list_offset(partition, LATEST)).await;
        }
        Ok(found.offset)
    }
}
