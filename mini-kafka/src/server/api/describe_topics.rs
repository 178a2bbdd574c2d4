//! Of which partitions topics consist, so many at a time (KIP-966): Metadata tells all at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition as Partition,
    DescribeTopicPartitionsResponseTopic as DescribedTopic,
};
use kafka_protocol::messages::{
    BrokerId, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, TopicName,
};

use super::metadata::{ON_TOPICS, missing};
use super::{Header, allowed, text};
use crate::error::ErrorCode;
use crate::server::broker::{Broker, OFFSETS_TOPIC};
use crate::server::partition::Served;

pub(super) fn describe_topic_partitions(
    broker: &Arc<Broker>,
    _: &Header,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let wants_all = request.topics.is_empty();
    let mut names: BTreeSet<String> = if wants_all {
        broker.topic_names().into_iter().collect()
    } else {
        let names = request.topics.iter();
        names.map(|topic| topic.name.0.to_string()).collect()
    };
    let mut answer = DescribeTopicPartitionsResponse::default().with_next_cursor(None);
    // Where the last answer ended.
    let (first, first_partition) = match &request.cursor {
        Some(cursor) => (&*cursor.topic_name.0, cursor.partition_index),
        None => ("", 0),
    };
    let is_among = request.cursor.is_none() || wants_all || names.contains(first);
    let Some(first_partition) = usize::try_from(first_partition).ok().filter(|_| is_among) else {
        let refused = |topic| described(topic, ErrorCode::InvalidRequest);
        answer.topics = names.into_iter().map(refused).collect();
        return answer;
    };
    let most = broker.settings.number("max.request.partition.size.limit");
    let room = most.min(request.response_partition_limit.into()).max(1);
    let mut room = usize::try_from(room).unwrap_or(1);
    for name in names.split_off(first) {
        let next = |partition| {
            Cursor::default()
                .with_topic_name(TopicName(text(name.clone())))
                .with_partition_index(i32::try_from(partition).unwrap_or(i32::MAX))
        };
        if room == 0 {
            answer.next_cursor = Some(next(0));
            break;
        }
        let Some(topic) = broker.topic(&name) else {
            if !wants_all {
                let code = missing(&name);
                answer.topics.push(described(name, code));
            }
            continue;
        };
        let from = if name == first { first_partition } else { 0 };
        let partitions = (0..).zip(&topic.partitions).skip(from).take(room);
        let partitions = partitions.map(|(index, served)| partition(broker, index, served));
        let partitions: Vec<Partition> = partitions.collect();
        room -= partitions.len();
        let end = from + partitions.len();
        if end < topic.partitions.len() {
            answer.next_cursor = Some(next(end));
        }
        let described = described(name, ErrorCode::None)
            .with_topic_id(topic.id)
            .with_partitions(partitions);
        answer.topics.push(described);
        if answer.next_cursor.is_some() {
            break;
        }
    }
    answer
}

fn described(name: String, code: ErrorCode) -> DescribedTopic {
    DescribedTopic::default()
        .with_error_code(code.code())
        .with_is_internal(name == OFFSETS_TOPIC)
        .with_name(Some(TopicName(text(name))))
        .with_topic_authorized_operations(allowed(true, &ON_TOPICS))
}

fn partition(broker: &Broker, index: i32, served: &Served) -> Partition {
    let me = BrokerId(broker.settings.node_id());
    Partition::default()
        .with_partition_index(index)
        .with_leader_id(me)
        .with_leader_epoch(served.offsets().leader_epoch)
        .with_replica_nodes(vec![me])
        .with_isr_nodes(vec![me])
        // With one replica, which is in sync, nobody else could lead.
        .with_eligible_leader_replicas(Some(Vec::new()))
        .with_last_known_elr(Some(Vec::new()))
}
