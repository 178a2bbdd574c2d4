//! Settings, described and altered. Those of topics change while the broker runs; its own stand in its file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse as Altered;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::incremental_alter_configs_request::AlterableConfig;
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse as Incremented;
use kafka_protocol::messages::list_config_resources_response::ConfigResource;
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, ListConfigResourcesRequest,
    ListConfigResourcesResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::{Header, text};
use crate::error::ErrorCode;
use crate::log::LogConfig;
use crate::log::config::ValueType;
use crate::server::broker::{Broker, Refusal};

/// Kinds of resources.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
/// Those that have no settings here.
const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

/// Where a value comes from.
const TOPIC_CONFIG: i8 = 1;
const STATIC_BROKER_CONFIG: i8 = 4;
const DEFAULT_CONFIG: i8 = 5;

/// What is done to a setting.
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

type Configs = Vec<DescribeConfigsResourceResult>;

pub(super) fn describe_configs(
    broker: &Arc<Broker>,
    header: &Header,
    request: DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    let results = request.resources.iter().map(|resource| {
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        match describe(broker, resource) {
            Ok(mut configs) => {
                configs.retain(|config| asked_for(resource, &config.name));
                for config in &mut configs {
                    if !request.include_synonyms {
                        config.synonyms.clear();
                    }
                    if header.version < 3 {
                        config.config_type = 0;
                    }
                }
                result.with_error_message(None).with_configs(configs)
            }
            Err(refusal) => result
                .with_error_code(refusal.code.code())
                .with_error_message(Some(text(refusal.message))),
        }
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

/// What there is of which settings may be described (KIP-1142). The first version knew one kind alone.
pub(super) fn list_config_resources(
    broker: &Arc<Broker>,
    header: &Header,
    request: ListConfigResourcesRequest,
) -> ListConfigResourcesResponse {
    let answer = ListConfigResourcesResponse::default();
    let kinds = match &request.resource_types[..] {
        _ if header.version < 1 => &[CLIENT_METRICS][..],
        [] => &[TOPIC, BROKER],
        asked => asked,
    };
    // Each once, however often it is asked for.
    let kinds: BTreeSet<i8> = kinds.iter().copied().collect();
    let mut found = Vec::new();
    for kind in kinds {
        let names = match kind {
            TOPIC => broker.topic_names(),
            BROKER => vec![broker.settings.node_id().to_string()],
            BROKER_LOGGER | CLIENT_METRICS | GROUP => Vec::new(),
            _ => return answer.with_error_code(ErrorCode::UnsupportedVersion.code()),
        };
        found.extend(names.into_iter().map(|name| {
            ConfigResource::default()
                .with_resource_name(text(name))
                .with_resource_type(kind)
        }));
    }
    answer.with_config_resources(found)
}

fn asked_for(resource: &DescribeConfigsResource, name: &StrBytes) -> bool {
    let keys = resource.configuration_keys.as_ref();
    keys.is_none_or(|keys| keys.contains(name))
}

fn describe(broker: &Broker, resource: &DescribeConfigsResource) -> Result<Configs, Refusal> {
    match resource.resource_type {
        TOPIC => {
            let name = &*resource.resource_name;
            let topic = broker.topic(name);
            let topic = topic.ok_or(ErrorCode::UnknownTopicOrPartition)?;
            let config = broker.config_of(name, &topic.configs)?;
            Ok(topic_configs(broker, &config, &topic.configs))
        }
        // What all brokers have as a default that was altered while they ran: here nothing was.
        BROKER if resource.resource_name.is_empty() => Ok(Vec::new()),
        BROKER => {
            check_broker(broker, &resource.resource_name)?;
            let entries = broker.settings.entries().into_iter();
            let described = entries.map(|entry| {
                let source = if entry.given {
                    STATIC_BROKER_CONFIG
                } else {
                    DEFAULT_CONFIG
                };
                let described = described(entry.name, entry.value, source, entry.value_type);
                described.with_read_only(true)
            });
            Ok(described.collect())
        }
        _ => Err(not_a_resource()),
    }
}

/// With a value that is null where nothing is set, of which there is no synonym either.
fn described(
    name: &'static str,
    value: Option<String>,
    source: i8,
    value_type: ValueType,
) -> DescribeConfigsResourceResult {
    let value = value.map(text);
    let synonym = DescribeConfigsSynonym::default()
        .with_name(StrBytes::from_static_str(name))
        .with_value(value.clone())
        .with_source(source);
    DescribeConfigsResourceResult::default()
        .with_name(StrBytes::from_static_str(name))
        .with_config_source(source)
        .with_config_type(value_type as i8)
        .with_synonyms(value.iter().map(|_| synonym.clone()).collect())
        .with_value(value)
}

pub(super) fn topic_configs(
    broker: &Broker,
    config: &LogConfig,
    own: &BTreeMap<String, String>,
) -> Configs {
    let defaults: BTreeMap<_, _> = broker.settings.topic().entries().into_iter().collect();
    let entries = config.entries().into_iter();
    let described = entries.map(|(name, value)| {
        let of_broker = broker.settings.default_of(name);
        let below = match of_broker {
            Some((_, true)) => STATIC_BROKER_CONFIG,
            _ => DEFAULT_CONFIG,
        };
        let source = if own.contains_key(name) {
            TOPIC_CONFIG
        } else {
            below
        };
        let value_type = LogConfig::value_type(name);
        let mut described = described(name, Some(value), source, value_type);
        if let Some((broker_name, _)) = of_broker {
            let synonym = DescribeConfigsSynonym::default()
                .with_name(StrBytes::from_static_str(broker_name))
                .with_value(defaults.get(name).cloned().map(text))
                .with_source(below);
            if source != TOPIC_CONFIG {
                described.synonyms.clear();
            }
            described.synonyms.push(synonym);
        }
        described
    });
    described.collect()
}

fn check_broker(broker: &Broker, name: &str) -> Result<(), Refusal> {
    let me = broker.settings.node_id();
    if name.parse() == Ok(me) {
        return Ok(());
    }
    let message = format!("broker {name} is not here: this is broker {me}");
    Err(Refusal::new(ErrorCode::InvalidRequest, message))
}

fn not_a_resource() -> Refusal {
    let message = "only topics (2) and brokers (4) have settings here";
    Refusal::new(ErrorCode::InvalidRequest, message)
}

/// Alters what can be altered.
fn alter(
    broker: &Broker,
    kind: i8,
    name: &str,
    validate_only: bool,
    change: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    match kind {
        TOPIC => broker.alter_topic(name, change, validate_only),
        BROKER => {
            let message = "a broker's settings are read at its start, from its file";
            Err(Refusal::new(ErrorCode::InvalidRequest, message))
        }
        _ => Err(not_a_resource()),
    }
}

/// Replaces all settings of a topic's own.
pub(super) fn alter_configs(
    broker: &Arc<Broker>,
    _: &Header,
    request: AlterConfigsRequest,
) -> AlterConfigsResponse {
    let responses = request.resources.into_iter().map(|resource| {
        let kind = resource.resource_type;
        let replace = |configs: &mut BTreeMap<String, String>| {
            let given = resource.configs.iter().filter_map(|config| {
                Some((config.name.to_string(), config.value.as_ref()?.to_string()))
            });
            *configs = given.collect();
            Ok(())
        };
        let done = alter(
            broker,
            kind,
            &resource.resource_name,
            request.validate_only,
            replace,
        );
        let response = Altered::default()
            .with_resource_type(kind)
            .with_resource_name(resource.resource_name);
        match done {
            Ok(()) => response.with_error_message(None),
            Err(refusal) => response
                .with_error_code(refusal.code.code())
                .with_error_message(Some(text(refusal.message))),
        }
    });
    AlterConfigsResponse::default().with_responses(responses.collect())
}

/// Changes some of them (KIP-339).
pub(super) fn incremental_alter_configs(
    broker: &Arc<Broker>,
    _: &Header,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let responses = request.resources.into_iter().map(|resource| {
        let kind = resource.resource_type;
        let current = broker.topic(&resource.resource_name);
        let current = current.and_then(|topic| {
            let config = broker.config_of(&resource.resource_name, &topic.configs);
            Some(
                config
                    .ok()?
                    .entries()
                    .into_iter()
                    .collect::<BTreeMap<_, _>>(),
            )
        });
        let current = current.unwrap_or_default();
        let change = |configs: &mut BTreeMap<String, String>| {
            check_changes(&resource.configs)?;
            let mut each = resource.configs.iter();
            each.try_for_each(|one| increment(configs, &current, one))
        };
        let done = alter(
            broker,
            kind,
            &resource.resource_name,
            request.validate_only,
            change,
        );
        let response = Incremented::default()
            .with_resource_type(kind)
            .with_resource_name(resource.resource_name);
        match done {
            Ok(()) => response.with_error_message(None),
            Err(refusal) => response
                .with_error_code(refusal.code.code())
                .with_error_message(Some(text(refusal.message))),
        }
    });
    IncrementalAlterConfigsResponse::default().with_responses(responses.collect())
}

/// Each setting may be changed once, and what is set has a value.
fn check_changes(changes: &[AlterableConfig]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for change in changes {
        let name = &change.name;
        let message = if !seen.insert(name) {
            format!("the request changes {name} twice")
        } else if change.value.is_none() && change.config_operation != DELETE {
            format!("{name}: there is no value")
        } else {
            continue;
        };
        return Err(Refusal::new(ErrorCode::InvalidRequest, message));
    }
    Ok(())
}

/// Sets, deletes, or adds to or takes from a list.
fn increment(
    configs: &mut BTreeMap<String, String>,
    current: &BTreeMap<&'static str, String>,
    change: &AlterableConfig,
) -> Result<(), Refusal> {
    let name = change.name.to_string();
    let value = change.value.clone().unwrap_or_default().to_string();
    let is_list = LogConfig::value_type(&name) == ValueType::List;
    match change.config_operation {
        SET => {
            configs.insert(name, value);
        }
        DELETE => {
            configs.remove(&name);
        }
        APPEND | SUBTRACT if is_list => {
            let list = current.get(&*name).cloned().unwrap_or_default();
            let mut list: Vec<&str> = list.split(',').filter(|word| !word.is_empty()).collect();
            for word in value.split(',') {
                list.retain(|other| *other != word);
                if change.config_operation == APPEND {
                    list.push(word);
                }
            }
            configs.insert(name, list.join(","));
        }
        _ => {
            let message = format!("{name}: it can be set and deleted; it is no list");
            return Err(Refusal::new(ErrorCode::InvalidConfig, message));
        }
    }
    Ok(())
}
