//! `mini-kafka configs`: like `kafka-configs.sh`.

use anyhow::{Result, bail};
use clap::{ArgGroup, Args, ValueEnum};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::DescribeConfigsResourceResult;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{DescribeConfigsRequest, IncrementalAlterConfigsRequest};
use mini_kafka::server::client::{Client, ClientError};

use super::{Bootstrap, block_on, pairs, text};

/// Where a topic's value is its own.
const TOPIC_CONFIG: i8 = 1;

/// Whose settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EntityType {
    /// A topic's
    Topics,
    /// The broker's
    Brokers,
}

impl EntityType {
    fn code(self) -> i8 {
        match self {
            EntityType::Topics => 2,
            EntityType::Brokers => 4,
        }
    }
}

/// What is to be done with settings.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("action").required(true).args(["describe", "alter"]))]
pub(crate) struct Options {
    #[command(flatten)]
    bootstrap: Bootstrap,
    /// Show settings
    #[arg(long)]
    describe: bool,
    /// Change settings
    #[arg(long)]
    alter: bool,
    /// Whose settings
    #[arg(long)]
    entity_type: EntityType,
    /// The topic's name, or the broker's number
    #[arg(long)]
    entity_name: String,
    /// With --describe: defaults too
    #[arg(long)]
    all: bool,
    /// With --alter: settings to set
    #[arg(long, value_name = "KEY=VALUE[,KEY=VALUE...]", value_delimiter = ',')]
    add_config: Vec<String>,
    /// With --alter: settings that are to have their defaults again
    #[arg(long, value_name = "KEY[,KEY...]", value_delimiter = ',')]
    delete_config: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    block_on(async {
        let mut client = options.bootstrap.connect().await?;
        if options.alter {
            return alter(&mut client, options).await;
        }
        let (kind, name) = (options.entity_type, &options.entity_name);
        for config in describe(&mut client, kind, name).await? {
            // 5 is Kafka's number for a default.
            if options.all || config.config_source != 5 {
                let value = config.value.unwrap_or_default();
                say!("{}={}", config.name.as_str(), value.as_str());
            }
        }
        Ok(())
    })
}

async fn describe(
    client: &mut Client,
    kind: EntityType,
    name: &str,
) -> Result<Vec<DescribeConfigsResourceResult>> {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind.code())
        .with_resource_name(text(name))
        .with_configuration_keys(None);
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    let mut configs = Vec::new();
    for result in client.call(3, &request).await?.results {
        ClientError::check(format!("the settings of {name}"), result.error_code)?;
        configs.extend(result.configs);
    }
    Ok(configs)
}

/// What a topic has as settings of its own.
pub(crate) async fn own_of_topic(client: &mut Client, name: &str) -> Result<Vec<(String, String)>> {
    let configs = describe(client, EntityType::Topics, name)
        .await?
        .into_iter();
    let own = configs.filter(|config| config.config_source == TOPIC_CONFIG);
    let own = own.map(|config| {
        let value = config.value.unwrap_or_default();
        (config.name.to_string(), value.to_string())
    });
    Ok(own.collect())
}

async fn alter(client: &mut Client, options: &Options) -> Result<()> {
    let set = pairs(&options.add_config)?.into_iter().map(|(key, value)| {
        AlterableConfig::default()
            .with_name(text(key))
            .with_config_operation(0)
            .with_value(Some(text(value)))
    });
    let delete = options.delete_config.iter().map(|key| {
        AlterableConfig::default()
            .with_name(text(key.clone()))
            .with_config_operation(1)
            .with_value(None)
    });
    let changes: Vec<AlterableConfig> = set.chain(delete).collect();
    if changes.is_empty() {
        bail!("what is to change? Say --add-config KEY=VALUE or --delete-config KEY");
    }
    let name = &options.entity_name;
    let resource = AlterConfigsResource::default()
        .with_resource_type(options.entity_type.code())
        .with_resource_name(text(name.clone()))
        .with_configs(changes);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    for result in client.call(0, &request).await?.responses {
        if result.error_code != 0 {
            let message = result.error_message.unwrap_or_default();
            bail!(
                "the settings of {name}: {} (error {})",
                message.as_str(),
                result.error_code
            );
        }
    }
    say!("Completed updating config for {name}.");
    Ok(())
}
