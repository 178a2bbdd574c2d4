//! What the broker says of itself, asked by Kafka's own requests, from outside: no fault of the lab's network hides it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{
    BrokerId, DescribeGroupsRequest, GroupId, ListGroupsRequest, ListOffsetsRequest,
    OffsetFetchRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use mini_kafka::server::client::consumer::{
    Consumed, Consumer, EARLIEST, LATEST, decode_assignment,
};
use mini_kafka::server::client::{Client, ClientError};

use super::TopicPartition;

/// So many fetches are made at one look.
const FETCHES_MAX: usize = 20;
/// Topics that begin so are the broker's own.
const INTERNAL: &str = "__";

/// A group, as its coordinator sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    /// Kafka's word: `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty`, `Dead`.
    pub(crate) state: String,
    /// What each member reads, by its client id and member id.
    pub(crate) members: BTreeMap<(String, String), Vec<TopicPartition>>,
    pub(crate) committed: BTreeMap<TopicPartition, i64>,
}

/// What was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    /// Log start and high watermark.
    pub(crate) offsets: BTreeMap<TopicPartition, (i64, i64)>,
    pub(crate) groups: BTreeMap<String, Group>,
}

/// Asks, and reads along.
#[derive(Debug)]
pub(crate) struct Observer {
    client: Client,
    reader: Consumer,
}

impl Observer {
    /// One that will read every partition from its beginning.
    pub(crate) async fn connect(address: &str) -> Result<Observer, ClientError> {
        let reader = Client::connect(address, "lab").await?;
        Ok(Observer {
            client: Client::connect(address, "lab").await?,
            reader: Consumer::new(reader, EARLIEST),
        })
    }

    /// What there is.
    pub(crate) async fn ask(&mut self) -> Result<Answers> {
        let metadata = self.client.metadata(None, false).await?;
        let topics = metadata.topics.into_iter().filter_map(|topic| {
            let name = topic.name?.0.to_string();
            let count = i32::try_from(topic.partitions.len()).ok()?;
            (!name.starts_with(INTERNAL)).then_some((name, count))
        });
        let partitions =
            topics.flat_map(|(name, count)| (0..count).map(move |n| (name.clone(), n)));
        let partitions: Vec<TopicPartition> = partitions.collect();
        let starts = self.offsets(&partitions, EARLIEST).await?;
        let mut ends = self.offsets(&partitions, LATEST).await?;
        let offsets = starts.into_iter().filter_map(|(partition, start)| {
            let end = ends.remove(&partition)?;
            Some((partition, (start, end)))
        });
        Ok(Answers {
            offsets: offsets.collect(),
            groups: self.groups().await?,
        })
    }

    async fn offsets(
        &mut self,
        partitions: &[TopicPartition],
        at: i64,
    ) -> Result<BTreeMap<TopicPartition, i64>, ClientError> {
        let topics = partitions.chunk_by(|a, b| a.0 == b.0).map(|of_topic| {
            let partitions = of_topic.iter().map(|(_, number)| {
                ListOffsetsPartition::default()
                    .with_partition_index(*number)
                    .with_timestamp(at)
            });
            ListOffsetsTopic::default()
                .with_name(topic_name(&of_topic[0].0))
                .with_partitions(partitions.collect())
        });
        let request = ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_topics(topics.collect());
        let answer = self.client.call(5, &request).await?;
        let found = answer.topics.into_iter().flat_map(|topic| {
            let name = topic.name.0.to_string();
            let good = topic
                .partitions
                .into_iter()
                .filter(|part| part.error_code == 0);
            good.map(move |part| ((name.clone(), part.partition_index), part.offset))
        });
        Ok(found.collect())
    }

    async fn groups(&mut self) -> Result<BTreeMap<String, Group>> {
        let listed = self.client.call(2, &ListGroupsRequest::default()).await?;
        let ids: Vec<GroupId> = listed
            .groups
            .into_iter()
            .map(|group| group.group_id)
            .collect();
        let mut groups = BTreeMap::new();
        let request = DescribeGroupsRequest::default().with_groups(ids);
        for described in self.client.call(4, &request).await?.groups {
            let mut group = Group {
                state: described.group_state.to_string(),
                ..Group::default()
            };
            for member in described.members {
                let share = decode_assignment(member.member_assignment)?;
                let name = (member.client_id.to_string(), member.member_id.to_string());
                group.members.insert(name, share.into_iter().collect());
            }
            let request = OffsetFetchRequest::default()
                .with_group_id(described.group_id.clone())
                .with_topics(None);
            for topic in self.client.call(5, &request).await?.topics {
                for part in topic.partitions {
                    let partition = (topic.name.0.to_string(), part.partition_index);
                    group.committed.insert(partition, part.committed_offset);
                }
            }
            groups.insert(described.group_id.0.to_string(), group);
        }
        Ok(groups)
    }

    /// What has come to `partitions` since the last time.
    pub(crate) async fn read(
        &mut self,
        partitions: impl Iterator<Item = &TopicPartition>,
    ) -> Result<Vec<Consumed>, ClientError> {
        let known = self.reader.positions();
        let new = partitions.filter(|partition| !known.contains_key(*partition));
        let new: Vec<_> = new.map(|partition| (partition.clone(), EARLIEST)).collect();
        self.reader.assign(new).await?;
        let mut read = Vec::new();
        for _ in 0..FETCHES_MAX {
            let some = self.reader.poll(Duration::ZERO).await?;
            if some.is_empty() {
                break;
            }
            read.extend(some);
        }
        Ok(read)
    }

    /// How far each partition has been read.
    pub(crate) fn read_to(&self, partition: &TopicPartition) -> i64 {
        self.reader.positions().get(partition).copied().unwrap_or(0)
    }
}

/// A topic's name, as the protocol has it.
pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}
