//! `mini-kafka consumer-groups`: like `kafka-consumer-groups.sh`.

mod describe;
mod reset;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use clap::{ArgGroup, Args};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_delete_response::OffsetDeleteResponsePartition;
use kafka_protocol::messages::{
    DeleteGroupsRequest, GroupId, ListGroupsRequest, OffsetDeleteRequest, OffsetFetchRequest,
    TopicName,
};
use mini_kafka::assignor::TopicPartition;
use mini_kafka::server::client::{Client, ClientError};

use super::{Bootstrap, block_on, print_table, text};

/// What is to be done with groups.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("action").required(true).args(["list", "describe", "delete", "reset_offsets", "delete_offsets"]))]
#[command(group = ArgGroup::new("scope").args(["topic", "all_topics"]))]
#[allow(clippy::struct_excessive_bools)] // Kafka's flags.
pub(crate) struct Options {
    #[command(flatten)]
    bootstrap: Bootstrap,
    /// Name all groups
    #[arg(long)]
    list: bool,
    /// Show how far groups are, and who reads what
    #[arg(long)]
    describe: bool,
    /// Delete groups that nobody is in
    #[arg(long)]
    delete: bool,
    /// Move what a group has committed; nobody may be in it
    #[arg(long, requires = "target", requires = "scope")]
    reset_offsets: bool,
    /// Forget what a group has committed of topics that nobody in it reads
    #[arg(long, requires = "topic")]
    delete_offsets: bool,
    /// Which groups
    #[arg(long)]
    group: Vec<String>,
    /// All groups
    #[arg(long, conflicts_with = "group")]
    all_groups: bool,
    /// With --describe: their members, rather than their offsets
    #[arg(long)]
    members: bool,
    /// With --describe: their states, rather than their offsets; with --list: states too, or only groups that are in one of these
    #[arg(long, num_args = 0..=1, value_delimiter = ',', ignore_case = true, conflicts_with = "members",
        value_parser = ["Stable", "PreparingRebalance", "CompletingRebalance", "Empty", "Dead"])]
    state: Option<Vec<String>>,
    /// Of this topic, or of these partitions of it
    #[arg(long, value_name = "TOPIC[:PARTITION,...]")]
    topic: Vec<String>,
    /// With --reset-offsets: of all topics of which the group has committed something
    #[arg(long)]
    all_topics: bool,
    #[command(flatten)]
    target: reset::Target,
    /// Show what would be done, which is what happens without --execute
    #[arg(long, conflicts_with = "execute")]
    dry_run: bool,
    /// Do it
    #[arg(long)]
    execute: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    block_on(async {
        let mut client = options.bootstrap.connect().await?;
        if options.list {
            return list(&mut client, options.state.as_deref()).await;
        }
        let groups = if options.all_groups {
            let groups = listed(&mut client, &[]).await?.into_iter();
            groups.map(|(group, _)| group).collect()
        } else {
            options.group.clone()
        };
        if groups.is_empty() && !options.all_groups {
            bail!("which group? Say --group NAME or --all-groups");
        }
        let mut failed = 0;
        for group in &groups {
            match act(&mut client, group, options).await {
                Err(error) if groups.len() > 1 => {
                    eprintln!("mini-kafka: {error:#}");
                    failed += 1;
                }
                done => done?,
            }
        }
        if failed > 0 {
            bail!("{failed} of {} groups failed", groups.len());
        }
        Ok(())
    })
}

async fn act(client: &mut Client, group: &str, options: &Options) -> Result<()> {
    let mut coordinator = client.coordinator(group).await?;
    if options.delete {
        delete(&mut coordinator, group).await
    } else if options.delete_offsets {
        let partitions = named_partitions(client, &options.topic).await?;
        delete_offsets(&mut coordinator, group, &partitions).await
    } else if options.reset_offsets {
        reset::reset(client, &mut coordinator, group, options).await
    } else {
        describe::show(client, &mut coordinator, group, options).await
    }
}

/// Groups that are in one of these states, or all, with their states.
async fn listed(client: &mut Client, states: &[String]) -> Result<Vec<(String, String)>> {
    let states = states.iter().map(text).collect();
    let request = ListGroupsRequest::default().with_states_filter(states);
    let answer = client.call(4, &request).await?;
    ClientError::check("the groups", answer.error_code)?;
    let groups = answer.groups.into_iter();
    Ok(groups
        .map(|group| (group.group_id.0.to_string(), group.group_state.to_string()))
        .collect())
}

async fn list(client: &mut Client, states: Option<&[String]>) -> Result<()> {
    let groups = listed(client, states.unwrap_or_default()).await?;
    if states.is_some() {
        let rows = groups.into_iter().map(|(group, state)| vec![group, state]);
        print_table(&["GROUP", "STATE"], &rows.collect::<Vec<_>>());
    } else {
        groups.iter().for_each(|(group, _)| say!("{group}"));
    }
    Ok(())
}

async fn delete(coordinator: &mut Client, group: &str) -> Result<()> {
    let request = DeleteGroupsRequest::default().with_groups_names(vec![GroupId(text(group))]);
    for result in coordinator.call(1, &request).await?.results {
        ClientError::check(format!("group {group}"), result.error_code)?;
    }
    say!("Deletion of requested consumer groups ('{group}') was successful.");
    Ok(())
}

async fn delete_offsets(
    coordinator: &mut Client,
    group: &str,
    partitions: &[TopicPartition],
) -> Result<()> {
    let topics = partitions.iter().map(|(topic, partition)| {
        let partition = OffsetDeleteRequestPartition::default().with_partition_index(*partition);
        OffsetDeleteRequestTopic::default()
            .with_name(TopicName(text(topic)))
            .with_partitions(vec![partition])
    });
    let request = OffsetDeleteRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_topics(topics.collect());
    let answer = coordinator.call(0, &request).await?;
    ClientError::check(format!("group {group}"), answer.error_code)?;
    let rows = answer.topics.iter().flat_map(|topic| {
        let row = |partition: &OffsetDeleteResponsePartition| {
            let status = match ClientError::check("Error", partition.error_code) {
                Ok(()) => "Successful".to_owned(),
                Err(error) => error.to_string(),
            };
            let index = partition.partition_index.to_string();
            vec![topic.name.0.to_string(), index, status]
        };
        topic.partitions.iter().map(row)
    });
    let rows: Vec<_> = rows.collect();
    let failed = rows.iter().filter(|row| row[2] != "Successful").count();
    if failed == 0 {
        say!("Request succeeded for deleting offsets from group {group}.");
    }
    say!("");
    print_table(&["TOPIC", "PARTITION", "STATUS"], &rows);
    if failed > 0 {
        bail!(
            "group {group}: {failed} of {} offsets are not deleted",
            rows.len()
        );
    }
    Ok(())
}

/// The partitions that `TOPIC` and `TOPIC:PARTITION,...` mean, in order.
async fn named_partitions(client: &mut Client, args: &[String]) -> Result<Vec<TopicPartition>> {
    let mut partitions = Vec::new();
    for arg in args {
        if let Some((topic, numbers)) = arg.split_once(':') {
            for number in numbers.split(',') {
                let what = || format!("--topic {arg}: expected TOPIC or TOPIC:PARTITION,...");
                partitions.push((topic.to_owned(), number.parse().with_context(what)?));
            }
        } else {
            let counts = client
                .partition_counts(std::slice::from_ref(arg), false)
                .await?;
            let count = counts.get(arg).copied().unwrap_or(0);
            partitions.extend((0..count).map(|partition| (arg.clone(), partition)));
        }
    }
    partitions.sort_unstable();
    partitions.dedup();
    Ok(partitions)
}

/// What a group has committed.
async fn committed(coordinator: &mut Client, group: &str) -> Result<BTreeMap<TopicPartition, i64>> {
    let request = OffsetFetchRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_topics(None);
    let answer = coordinator.call(5, &request).await?;
    ClientError::check(format!("the offsets of group {group}"), answer.error_code)?;
    let topics = answer.topics.into_iter().flat_map(|topic| {
        let name = topic.name.0.to_string();
        let partitions = topic.partitions.into_iter();
        partitions.map(move |p| ((name.clone(), p.partition_index), p.committed_offset))
    });
    Ok(topics.collect())
}
