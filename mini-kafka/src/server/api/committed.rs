//! What groups have committed: of one, or, since the eighth version of the request, of several (KIP-709).

use std::sync::Arc;

use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse, TopicName};

use super::{Header, text};
use crate::group::{Committed, Coordinator};
use crate::server::broker::Broker;

/// Topics, each with some of its partitions and what is asked or found of them.
type Topics<T> = Vec<(TopicName, Vec<T>)>;

pub(super) fn offset_fetch(
    broker: &Arc<Broker>,
    header: &Header,
    request: OffsetFetchRequest,
) -> OffsetFetchResponse {
    let response = OffsetFetchResponse::default();
    if header.version < 8 {
        let topics = request.topics.map(|topics| {
            let topics = topics.into_iter();
            topics
                .map(|topic| (topic.name, topic.partition_indexes))
                .collect()
        });
        let group_id = &request.group_id.0;
        let found = broker
            .groups
            .with(|coordinator| find(coordinator, group_id, topics));
        let topics = found.into_iter().map(|(name, partitions)| {
            OffsetFetchResponseTopic::default()
                .with_name(name)
                .with_partitions(partitions.into_iter().map(one).collect())
        });
        return response.with_topics(topics.collect());
    }
    let groups = request.groups.into_iter().map(|group| {
        let topics = group.topics.map(|topics| {
            let topics = topics.into_iter();
            topics
                .map(|topic| (topic.name, topic.partition_indexes))
                .collect()
        });
        let found = broker
            .groups
            .with(|coordinator| find(coordinator, &group.group_id.0, topics));
        let topics = found.into_iter().map(|(name, partitions)| {
            OffsetFetchResponseTopics::default()
                .with_name(name)
                .with_partitions(partitions.into_iter().map(one_of_several).collect())
        });
        OffsetFetchResponseGroup::default()
            .with_topics(topics.collect())
            .with_group_id(group.group_id)
    });
    response.with_groups(groups.collect())
}

/// A partition, and what is committed there.
type Found = (i32, Option<Committed>);

/// What a group has committed in some partitions; in all where it has, if none are named.
fn find(coordinator: &Coordinator, group_id: &str, topics: Option<Topics<i32>>) -> Topics<Found> {
    let topics = topics.unwrap_or_else(|| all(coordinator, group_id));
    let topics = topics.into_iter().map(|(name, partitions)| {
        let find = |index| {
            let found = coordinator.committed(group_id, &name.0, index);
            (index, found.cloned())
        };
        let found = partitions.into_iter().map(find).collect();
        (name, found)
    });
    topics.collect()
}

fn all(coordinator: &Coordinator, group_id: &str) -> Topics<i32> {
    let mut all: Topics<i32> = Vec::new();
    let group = coordinator.group(group_id);
    for (topic, partition) in group.into_iter().flat_map(|group| group.offsets.keys()) {
        match all.last_mut() {
            Some((last, partitions)) if *last.0 == **topic => partitions.push(*partition),
            _ => all.push((TopicName(text(topic.clone())), vec![*partition])),
        }
    }
    all
}

fn one((index, committed): Found) -> OffsetFetchResponsePartition {
    let (offset, epoch, metadata) = told(committed);
    OffsetFetchResponsePartition::default()
        .with_partition_index(index)
        .with_committed_offset(offset)
        .with_committed_leader_epoch(epoch)
        .with_metadata(Some(text(metadata)))
}

fn one_of_several((index, committed): Found) -> OffsetFetchResponsePartitions {
    let (offset, epoch, metadata) = told(committed);
    OffsetFetchResponsePartitions::default()
        .with_partition_index(index)
        .with_committed_offset(offset)
        .with_committed_leader_epoch(epoch)
        .with_metadata(Some(text(metadata)))
}

/// Offset, leader epoch and metadata.
fn told(committed: Option<Committed>) -> (i64, i32, String) {
    match committed {
        Some(committed) => (committed.offset, committed.leader_epoch, committed.metadata),
        None => (-1, -1, String::new()),
    }
}
