//! Where things are: in a cluster of one, here.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    BrokerId, DescribeClusterRequest, DescribeClusterResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, MetadataRequest, MetadataResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::{Header, allowed, text};
use crate::error::ErrorCode;
use crate::server::broker::{Broker, OFFSETS_TOPIC, check_topic_name};
use crate::server::topics::Topic;

/// What may be done with a topic, and with the cluster, as codes of Kafka's `AclOperation`.
pub(super) const ON_TOPICS: [u8; 8] = [3, 4, 5, 6, 7, 8, 10, 11];
const ON_CLUSTER: [u8; 7] = [5, 7, 8, 9, 10, 11, 12];

/// Whom FindCoordinator looks for the coordinator of.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// What DescribeCluster is asked about.
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

/// What is asked for: a topic by its name, or, since the twelfth version, by its id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Name(String),
    Id(Uuid),
}

pub(super) fn metadata(
    broker: &Arc<Broker>,
    header: &Header,
    request: MetadataRequest,
) -> MetadataResponse {
    let all = || broker.topic_names().into_iter().map(Asked::Name).collect();
    let mut asked: Vec<Asked> = match &request.topics {
        None => all(),
        // The first version had no null.
        Some(topics) if topics.is_empty() && header.version == 0 => all(),
        Some(topics) => topics.iter().map(asked).collect(),
    };
    // Each is described once, however often it is asked for.
    let mut seen = BTreeSet::new();
    asked.retain(|asked| seen.insert(asked.clone()));
    // Ids stand in requests since the tenth version, and mean something since the twelfth.
    let has_ids = asked.iter().any(|asked| matches!(asked, Asked::Id(_)));
    let refused = has_ids && header.version < 12;
    // Clients could not say before the fourth version.
    let may_create = header.version < 4 || request.allow_auto_topic_creation;
    let topics = asked.into_iter().map(|asked| match asked {
        Asked::Name(name) if refused => failed(Some(name), Uuid::nil(), ErrorCode::InvalidRequest),
        Asked::Id(id) if refused => failed(Some(String::new()), id, ErrorCode::InvalidRequest),
        Asked::Name(name) => topic(broker, name, may_create),
        Asked::Id(id) => match broker.topic_by_id(id) {
            Some((name, found)) => described(broker, name, &found),
            None => failed(None, id, ErrorCode::UnknownTopicId),
        },
    });
    let on_topics = allowed(request.include_topic_authorized_operations, &ON_TOPICS);
    let topics = topics.map(|topic| topic.with_topic_authorized_operations(on_topics));
    let on_cluster = allowed(request.include_cluster_authorized_operations, &ON_CLUSTER);
    let me = MetadataResponseBroker::default()
        .with_node_id(BrokerId(broker.settings.node_id()))
        .with_host(text(broker.host.clone()))
        .with_port(broker.port.into())
        .with_rack(rack(broker));
    MetadataResponse::default()
        .with_brokers(vec![me])
        .with_cluster_id(Some(text(broker.cluster_id())))
        .with_controller_id(BrokerId(broker.settings.node_id()))
        .with_topics(topics.collect())
        .with_cluster_authorized_operations(on_cluster)
}

/// One without a name has its id in any case: a nil one is nobody's.
fn asked(topic: &MetadataRequestTopic) -> Asked {
    match &topic.name {
        Some(name) if topic.topic_id.is_nil() => Asked::Name(name.0.to_string()),
        _ => Asked::Id(topic.topic_id),
    }
}

pub(super) fn rack(broker: &Broker) -> Option<StrBytes> {
    let rack = broker.settings.text("broker.rack");
    (!rack.is_empty()).then(|| text(rack))
}

fn topic(broker: &Broker, name: String, may_create: bool) -> MetadataResponseTopic {
    let found = match broker.topic(&name) {
        None if may_create => create(broker, &name),
        None => Err(missing(&name)),
        Some(topic) => Ok(topic),
    };
    match found {
        Ok(topic) => described(broker, name, &topic),
        Err(code) => failed(Some(name), Uuid::nil(), code),
    }
}

fn failed(name: Option<String>, id: Uuid, code: ErrorCode) -> MetadataResponseTopic {
    let is_internal = name.as_deref() == Some(OFFSETS_TOPIC);
    MetadataResponseTopic::default()
        .with_error_code(code.code())
        .with_name(name.map(|name| TopicName(text(name))))
        .with_topic_id(id)
        .with_is_internal(is_internal)
}

fn described(broker: &Broker, name: String, topic: &Topic) -> MetadataResponseTopic {
    let me = BrokerId(broker.settings.node_id());
    let partitions = (0..).zip(&topic.partitions).map(|(index, partition)| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(me)
            .with_leader_epoch(partition.offsets().leader_epoch)
            .with_replica_nodes(vec![me])
            .with_isr_nodes(vec![me])
    });
    MetadataResponseTopic::default()
        .with_is_internal(name == OFFSETS_TOPIC)
        .with_name(Some(TopicName(text(name))))
        .with_topic_id(topic.id)
        .with_partitions(partitions.collect())
}

/// Why a topic is not there: for want of a name that one can have, or only so.
pub(super) fn missing(name: &str) -> ErrorCode {
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

/// Of one group, or, since the fourth version, of several (KIP-699).
pub(super) fn find_coordinator(
    broker: &Arc<Broker>,
    header: &Header,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let code = match request.key_type {
        GROUP => broker.offsets_partitions().err(),
        TRANSACTION => Some(ErrorCode::TransactionalIdAuthorizationFailed),
        _ => Some(ErrorCode::InvalidRequest),
    };
    let (node, host, port) = match code {
        None => (
            broker.settings.node_id(),
            broker.host.clone(),
            broker.port.into(),
        ),
        Some(_) => (-1, String::new(), -1),
    };
    let message = code.filter(|_| header.version >= 1);
    let message = message.map(|code| text(code.to_string()));
    let code = code.unwrap_or(ErrorCode::None).code();
    let answer = FindCoordinatorResponse::default();
    if header.version < 4 {
        return answer
            .with_error_code(code)
            .with_error_message(message)
            .with_node_id(BrokerId(node))
            .with_host(text(host))
            .with_port(port);
    }
    let coordinators = request.coordinator_keys.into_iter().map(|key| {
        Coordinator::default()
            .with_key(key)
            .with_error_code(code)
            .with_error_message(message.clone())
            .with_node_id(BrokerId(node))
            .with_host(text(host.clone()))
            .with_port(port)
    });
    answer.with_coordinators(coordinators.collect())
}

pub(super) fn describe_cluster(
    broker: &Arc<Broker>,
    _: &Header,
    request: DescribeClusterRequest,
) -> DescribeClusterResponse {
    let answer = DescribeClusterResponse::default().with_error_message(None);
    let refused = match request.endpoint_type {
        BROKERS => None,
        CONTROLLERS => Some(ErrorCode::MismatchedEndpointType),
        _ => Some(ErrorCode::UnsupportedEndpointType),
    };
    if let Some(code) = refused {
        return answer
            .with_error_code(code.code())
            .with_error_message(Some(text(code.to_string())));
    }
    let me = BrokerId(broker.settings.node_id());
    let broker_of_one = DescribeClusterBroker::default()
        .with_broker_id(me)
        .with_host(text(broker.host.clone()))
        .with_port(broker.port.into())
        .with_rack(rack(broker));
    let may_do = allowed(request.include_cluster_authorized_operations, &ON_CLUSTER);
    answer
        .with_cluster_id(text(broker.cluster_id()))
        .with_controller_id(me)
        .with_brokers(vec![broker_of_one])
        .with_cluster_authorized_operations(may_do)
}
