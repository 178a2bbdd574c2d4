//! Where things are: in a cluster of one, here.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    BrokerId, FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest, MetadataResponse,
    TopicName,
};

use super::{Header, allowed, text};
use crate::error::ErrorCode;
use crate::server::broker::{Broker, OFFSETS_TOPIC, Topic, check_topic_name};

/// What may be done with a topic, and with the cluster, as codes of Kafka's `AclOperation`.
const ON_TOPICS: [u8; 8] = [3, 4, 5, 6, 7, 8, 10, 11];
const ON_CLUSTER: [u8; 7] = [5, 7, 8, 9, 10, 11, 12];

/// What FindCoordinator calls a group; others are coordinators of transactions.
const GROUP: i8 = 0;

pub(super) fn metadata(
    broker: &Arc<Broker>,
    header: &Header,
    request: MetadataRequest,
) -> MetadataResponse {
    let names = match request.topics {
        None => broker.topic_names(),
        // The first version had no null.
        Some(topics) if topics.is_empty() && header.version == 0 => broker.topic_names(),
        Some(topics) => {
            let names = topics.into_iter().filter_map(|topic| topic.name);
            names.map(|name| name.0.to_string()).collect()
        }
    };
    // Clients could not say before the fourth version.
    let may_create = header.version < 4 || request.allow_auto_topic_creation;
    let topics = names.into_iter().map(|name| {
        let asked = request.include_topic_authorized_operations;
        topic(broker, name, may_create).with_topic_authorized_operations(allowed(asked, &ON_TOPICS))
    });
    let on_cluster = allowed(request.include_cluster_authorized_operations, &ON_CLUSTER);
    let me = MetadataResponseBroker::default()
        .with_node_id(BrokerId(broker.settings.node_id()))
        .with_host(text(broker.host.clone()))
        .with_port(broker.port.into())
        .with_rack(
            Some(broker.settings.text("broker.rack").to_owned())
                .filter(|r| !r.is_empty())
                .map(text),
        );
    MetadataResponse::default()
        .with_brokers(vec![me])
        .with_cluster_id(Some(text(broker.cluster_id())))
        .with_controller_id(BrokerId(broker.settings.node_id()))
        .with_topics(topics.collect())
        .with_cluster_authorized_operations(on_cluster)
}

fn topic(broker: &Broker, name: String, may_create: bool) -> MetadataResponseTopic {
    let found = match broker.topic(&name) {
        None if may_create => create(broker, &name),
        None => Err(missing(&name)),
        Some(topic) => Ok(topic),
    };
    let answer = MetadataResponseTopic::default().with_is_internal(name == OFFSETS_TOPIC);
    let answer = answer.with_name(Some(TopicName(text(name))));
    match found {
        Err(code) => answer.with_error_code(code.code()),
        Ok(topic) => {
            let me = BrokerId(broker.settings.node_id());
            let partitions = (0..).zip(&topic.partitions).map(|(index, partition)| {
                MetadataResponsePartition::default()
                    .with_partition_index(index)
                    .with_leader_id(me)
                    .with_leader_epoch(partition.offsets().leader_epoch)
                    .with_replica_nodes(vec![me])
                    .with_isr_nodes(vec![me])
            });
            answer
                .with_topic_id(topic.id)
                .with_partitions(partitions.collect())
        }
    }
}

/// Why a topic is not there: for want of a name that one can have, or only so.
fn missing(name: &str) -> ErrorCode {
    match check_topic_name(name) {
        Err(refusal) => refusal.code,
        Ok(()) => ErrorCode::UnknownTopicOrPartition,
    }
}

fn create(broker: &Broker, name: &str) -> Result<Topic, ErrorCode> {
    if name == OFFSETS_TOPIC {
        broker.offsets_partitions()?;
    } else {
        if !broker.settings.flag("auto.create.topics.enable") {
            return Err(missing(name));
        }
        let partitions = u32::try_from(broker.settings.number("num.partitions")).unwrap_or(1);
        match broker.create_topic(name, partitions, BTreeMap::new(), false) {
            // Another client was quicker.
            Err(refusal) if refusal.code != ErrorCode::TopicAlreadyExists => {
                return Err(refusal.code);
            }
            _ => {}
        }
    }
    broker.topic(name).ok_or(ErrorCode::UnknownTopicOrPartition)
}

pub(super) fn find_coordinator(
    broker: &Arc<Broker>,
    header: &Header,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let found = if request.key_type == GROUP {
        broker.offsets_partitions().map(|_| ())
    } else {
        Err(ErrorCode::TransactionalIdAuthorizationFailed)
    };
    let answer = FindCoordinatorResponse::default();
    match found {
        Ok(()) => answer
            .with_node_id(BrokerId(broker.settings.node_id()))
            .with_host(text(broker.host.clone()))
            .with_port(broker.port.into()),
        Err(code) => answer
            .with_error_code(code.code())
            .with_error_message((header.version >= 1).then(|| text(code.to_string())))
            .with_node_id(BrokerId(-1))
            .with_port(-1),
    }
}
