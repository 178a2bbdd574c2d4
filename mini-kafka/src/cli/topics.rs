//! `mini-kafka topics`: like `kafka-topics.sh`.

use anyhow::{Context, Result, bail};
use clap::{ArgGroup, Args};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, TopicName,
};
use mini_kafka::error::ErrorCode;
use mini_kafka::server::client::{Client, ClientError};
use regex::Regex;

use super::{Bootstrap, block_on, configs, pairs, text};

/// What is to be done with topics.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("action").required(true).args(["create", "list", "describe", "delete", "alter"]))]
#[allow(clippy::struct_excessive_bools)] // Kafka's flags.
pub(crate) struct Options {
    #[command(flatten)]
    bootstrap: Bootstrap,
    /// Make a topic
    #[arg(long)]
    create: bool,
    /// Name all topics
    #[arg(long)]
    list: bool,
    /// Show topics and their partitions
    #[arg(long)]
    describe: bool,
    /// Delete a topic
    #[arg(long)]
    delete: bool,
    /// Give a topic more partitions
    #[arg(long)]
    alter: bool,
    /// Which topic; with --list and --describe a regular expression
    #[arg(long)]
    topic: Option<String>,
    /// With --list and --describe: not the topics that the broker keeps for itself
    #[arg(long)]
    exclude_internal: bool,
    /// How many partitions
    #[arg(long)]
    partitions: Option<i32>,
    /// How many replicas: there is one broker
    #[arg(long)]
    replication_factor: Option<i16>,
    /// A setting of the topic's own
    #[arg(long, value_name = "KEY=VALUE")]
    config: Vec<String>,
    /// A topic that is there already is no error
    #[arg(long)]
    if_not_exists: bool,
    /// A topic that is not there is no error
    #[arg(long)]
    if_exists: bool,
}

impl Options {
    fn topic(&self) -> Result<String> {
        match &self.topic {
            Some(topic) => Ok(topic.clone()),
            None => bail!("which topic? Say --topic NAME"),
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    block_on(async {
        let mut client = options.bootstrap.connect().await?;
        if options.create {
            create(&mut client, options).await
        } else if options.delete {
            delete(&mut client, options).await
        } else if options.alter {
            alter(&mut client, options).await
        } else {
            show(&mut client, options).await
        }
    })
}

/// Some errors are none, if the user says so.
fn unless(excused: bool, code: ErrorCode, result: Result<(), ClientError>) -> Result<()> {
    match result {
        Err(error) if excused && error.code() == Some(code.code()) => Ok(()),
        other => Ok(other?),
    }
}

fn check(what: String, code: i16, message: Option<&str>) -> Result<(), ClientError> {
    let checked = ClientError::check(what, code);
    checked.map_err(|error| match (error, message) {
        (ClientError::Refused { what, code, .. }, Some(message)) => ClientError::Refused {
            what,
            code,
            message: message.to_owned(),
        },
        (error, _) => error,
    })
}

async fn create(client: &mut Client, options: &Options) -> Result<()> {
    let name = options.topic()?;
    let configs = pairs(&options.config)?.into_iter().map(|(key, value)| {
        CreatableTopicConfig::default()
            .with_name(text(key))
            .with_value(Some(text(value)))
    });
    let topic = CreatableTopic::default()
        .with_name(TopicName(text(name.clone())))
        .with_num_partitions(options.partitions.unwrap_or(-1))
        .with_replication_factor(options.replication_factor.unwrap_or(-1))
        .with_configs(configs.collect());
    let request = CreateTopicsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(30_000);
    for result in client.call(4, &request).await?.topics {
        let created = check(
            format!("topic {name}"),
            result.error_code,
            result.error_message.as_deref(),
        );
        let is_new = created.is_ok();
        unless(
            options.if_not_exists,
            ErrorCode::TopicAlreadyExists,
            created,
        )?;
        if is_new {
            say!("Created topic {name}.");
        }
    }
    Ok(())
}

async fn delete(client: &mut Client, options: &Options) -> Result<()> {
    let name = options.topic()?;
    let request = DeleteTopicsRequest::default()
        .with_topic_names(vec![TopicName(text(name.clone()))])
        .with_timeout_ms(30_000);
    for result in client.call(3, &request).await?.responses {
        let deleted = ClientError::check(format!("topic {name}"), result.error_code);
        unless(
            options.if_exists,
            ErrorCode::UnknownTopicOrPartition,
            deleted,
        )?;
    }
    Ok(())
}

async fn alter(client: &mut Client, options: &Options) -> Result<()> {
    let name = options.topic()?;
    let Some(count) = options.partitions else {
        bail!("how many partitions is topic {name} to have? Say --partitions N");
    };
    let topic = CreatePartitionsTopic::default()
        .with_name(TopicName(text(name.clone())))
        .with_count(count)
        .with_assignments(None);
    let request = CreatePartitionsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(30_000);
    for result in client.call(1, &request).await?.results {
        check(
            format!("topic {name}"),
            result.error_code,
            result.error_message.as_deref(),
        )?;
    }
    Ok(())
}

async fn show(client: &mut Client, options: &Options) -> Result<()> {
    let wanted = options.topic.as_deref().map(pattern).transpose()?;
    let mut shown = 0;
    for topic in client.metadata(None, false).await?.topics {
        let name = topic
            .name
            .map(|name| name.0.to_string())
            .unwrap_or_default();
        let is_wanted = wanted.as_ref().is_none_or(|wanted| wanted.is_match(&name));
        if !is_wanted || (topic.is_internal && options.exclude_internal) {
            continue;
        }
        shown += 1;
        ClientError::check(format!("topic {name}"), topic.error_code)?;
        if options.list {
            say!("{name}");
            continue;
        }
        let own = configs::own_of_topic(client, &name).await?;
        let own: Vec<String> = own
            .into_iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        say!(
            "Topic: {name}\tPartitionCount: {}\tReplicationFactor: 1\tConfigs: {}",
            topic.partitions.len(),
            own.join(",")
        );
        let mut partitions = topic.partitions;
        partitions.sort_by_key(|partition| partition.partition_index);
        for partition in partitions {
            let ids = |ids: &[kafka_protocol::messages::BrokerId]| {
                ids.iter()
                    .map(|id| id.0.to_string())
                    .collect::<Vec<_>>()
                    .join(",")
            };
            say!(
                "\tTopic: {name}\tPartition: {}\tLeader: {}\tReplicas: {}\tIsr: {}",
                partition.partition_index,
                partition.leader_id.0,
                ids(&partition.replica_nodes),
                ids(&partition.isr_nodes)
            );
        }
    }
    match &options.topic {
        Some(topic) if shown == 0 && options.describe && !options.if_exists => {
            bail!("topic {topic}: there is no such topic")
        }
        _ => Ok(()),
    }
}

/// Names that match as a whole; several expressions are separated by commas.
fn pattern(topic: &str) -> Result<Regex> {
    let pattern = format!("^(?:{})$", topic.replace(',', "|"));
    Regex::new(&pattern).with_context(|| format!("--topic {topic}: not a regular expression"))
}
