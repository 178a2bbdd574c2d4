//! Making, enlarging and deleting topics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest,
    CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse, TopicName,
};

use super::configs::topic_configs;
use super::{Header, text};
use crate::error::ErrorCode;
use crate::log::LogConfig;
use crate::server::broker::{Broker, Refusal};

pub(super) fn create_topics(
    broker: &Arc<Broker>,
    _: &Header,
    request: CreateTopicsRequest,
) -> CreateTopicsResponse {
    let mut seen = BTreeSet::new();
    let topics = request.topics.iter();
    let twice = topics.filter(|topic| !seen.insert(topic.name.clone()));
    let twice: BTreeSet<_> = twice.map(|topic| topic.name.clone()).collect();
    let results = request.topics.iter().map(|topic| {
        let made = if twice.contains(&topic.name) {
            let message = "the request names the topic twice";
            Err(Refusal::new(ErrorCode::InvalidRequest, message))
        } else {
            create_topic(broker, topic, request.validate_only)
        };
        let result = CreatableTopicResult::default().with_name(topic.name.clone());
        match made {
            Ok(made) => told(broker, result.with_error_message(None), &made),
            Err(refusal) => result
                .with_error_code(refusal.code.code())
                .with_error_message(Some(text(refusal.message))),
        }
    });
    CreateTopicsResponse::default().with_topics(results.collect())
}

/// What was made, or would be.
struct Made {
    partitions: u32,
    config: LogConfig,
    own: BTreeMap<String, String>,
}

/// What versions since the fifth tell of a new topic (KIP-525), and the seventh of its id.
fn told(broker: &Broker, result: CreatableTopicResult, made: &Made) -> CreatableTopicResult {
    let configs = topic_configs(broker, &made.config, &made.own).into_iter();
    let configs = configs.map(|config| {
        CreatableTopicConfigs::default()
            .with_name(config.name)
            .with_value(config.value)
            .with_config_source(config.config_source)
    });
    let topic = broker.topic(&result.name.0);
    result
        .with_topic_id(topic.map(|topic| topic.id).unwrap_or_default())
        .with_num_partitions(i32::try_from(made.partitions).unwrap_or(i32::MAX))
        .with_replication_factor(1)
        .with_configs(Some(configs.collect()))
}

fn create_topic(
    broker: &Broker,
    topic: &CreatableTopic,
    validate_only: bool,
) -> Result<Made, Refusal> {
    let partitions = if topic.assignments.is_empty() {
        // -1: what the broker has as its default (KIP-464).
        if !matches!(topic.replication_factor, -1 | 1) {
            let asked = topic.replication_factor;
            let message = format!("replication factor {asked}: there is one broker");
            return Err(Refusal::new(ErrorCode::InvalidReplicationFactor, message));
        }
        match topic.num_partitions {
            -1 => broker.settings.number("num.partitions"),
            asked => i64::from(asked),
        }
    } else {
        let me = BrokerId(broker.settings.node_id());
        let mut indexes: Vec<i32> = topic
            .assignments
            .iter()
            .map(|a| a.partition_index)
            .collect();
        indexes.sort_unstable();
        let consecutive = indexes.iter().zip(0..).all(|(index, n)| *index == n);
        let mine = topic.assignments.iter().all(|a| a.broker_ids == [me]);
        if !consecutive || !mine {
            return Err(ErrorCode::InvalidReplicaAssignment.into());
        }
        i64::try_from(indexes.len()).unwrap_or(i64::MAX)
    };
    let configs = topic.configs.iter().map(|config| {
        let value = config.value.clone().unwrap_or_default();
        (config.name.to_string(), value.to_string())
    });
    let configs: BTreeMap<String, String> = configs.collect();
    let partitions = u32::try_from(partitions).unwrap_or(0);
    broker.create_topic(&topic.name.0, partitions, configs.clone(), validate_only)?;
    Ok(Made {
        partitions,
        config: broker.config_of(&topic.name.0, &configs)?,
        own: configs,
    })
}

pub(super) fn delete_topics(
    broker: &Arc<Broker>,
    header: &Header,
    request: DeleteTopicsRequest,
) -> DeleteTopicsResponse {
    let mut asked = request.topics;
    // All that there was before the sixth version.
    let names = request.topic_names.into_iter();
    asked.extend(names.map(|name| DeleteTopicState::default().with_name(Some(name))));
    let results = asked.into_iter().map(|mut topic| {
        let refused = delete_topic(broker, &mut topic).err();
        let refused = refused.map(|code| match code {
            ErrorCode::TopicDeletionDisabled if header.version < 3 => ErrorCode::InvalidRequest,
            code => code,
        });
        // Not known before the fifth version.
        let why = refused.filter(|_| header.version >= 5);
        DeletableTopicResult::default()
            .with_name(topic.name)
            .with_topic_id(topic.topic_id)
            .with_error_code(refused.unwrap_or(ErrorCode::None).code())
            .with_error_message(why.map(|code| text(code.to_string())))
    });
    DeleteTopicsResponse::default().with_responses(results.collect())
}

/// Deletes a topic that has a name or an id, and notes what it has of both.
fn delete_topic(broker: &Broker, topic: &mut DeleteTopicState) -> Result<(), ErrorCode> {
    match &topic.name {
        Some(_) if !topic.topic_id.is_nil() => Err(ErrorCode::InvalidRequest),
        Some(name) => {
            let found = broker.topic(&name.0);
            broker.delete_topic(&name.0, None)?;
            topic.topic_id = found.map(|found| found.id).unwrap_or_default();
            Ok(())
        }
        None => {
            let found = broker.topic_by_id(topic.topic_id);
            let (name, _) = found.ok_or(ErrorCode::UnknownTopicId)?;
            broker.delete_topic(&name, Some(topic.topic_id))?;
            topic.name = Some(TopicName(text(name)));
            Ok(())
        }
    }
}

pub(super) fn create_partitions(
    broker: &Arc<Broker>,
    _: &Header,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let results = request.topics.into_iter().map(|topic| {
        let made = add_partitions(broker, &topic, request.validate_only);
        let result = CreatePartitionsTopicResult::default().with_name(topic.name);
        match made {
            Ok(()) => result.with_error_message(None),
            Err(refusal) => result
                .with_error_code(refusal.code.code())
                .with_error_message(Some(text(refusal.message))),
        }
    });
    CreatePartitionsResponse::default().with_results(results.collect())
}

fn add_partitions(
    broker: &Broker,
    topic: &CreatePartitionsTopic,
    validate_only: bool,
) -> Result<(), Refusal> {
    let me = BrokerId(broker.settings.node_id());
    let assigned = topic.assignments.iter().flatten();
    if assigned.into_iter().any(|a| a.broker_ids != [me]) {
        return Err(ErrorCode::InvalidReplicaAssignment.into());
    }
    broker.create_partitions(&topic.name.0, topic.count, validate_only)
}
