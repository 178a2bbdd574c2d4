//! `mini-kafka consumer-groups`: like `kafka-consumer-groups.sh`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use clap::{ArgGroup, Args};
use kafka_protocol::messages::describe_groups_response::DescribedGroup;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, GroupId, ListGroupsRequest, OffsetCommitRequest,
    OffsetFetchRequest, TopicName,
};
use mini_kafka::assignor::TopicPartition;
use mini_kafka::server::client::consumer::{EARLIEST, LATEST, decode_assignment};
use mini_kafka::server::client::{Client, ClientError};

use super::{Bootstrap, block_on, print_table, text};

/// What is to be done with groups.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("action").required(true).args(["list", "describe", "delete", "reset_offsets"]))]
#[command(group = ArgGroup::new("target").args(["to_earliest", "to_latest", "to_offset"]))]
#[allow(clippy::struct_excessive_bools)] // Kafka's flags.
pub(crate) struct Options {
    #[command(flatten)]
    bootstrap: Bootstrap,
    /// Name all groups
    #[arg(long)]
    list: bool,
    /// Show how far a group is, and who reads what
    #[arg(long)]
    describe: bool,
    /// Delete a group that nobody is in
    #[arg(long)]
    delete: bool,
    /// Move what a group has committed of a topic; nobody may be in it
    #[arg(long, requires = "target", requires = "topic")]
    reset_offsets: bool,
    /// Which group
    #[arg(long)]
    group: Option<String>,
    /// With --describe: its members, rather than its offsets
    #[arg(long)]
    members: bool,
    /// With --reset-offsets: of this topic
    #[arg(long)]
    topic: Option<String>,
    /// To the first record
    #[arg(long)]
    to_earliest: bool,
    /// Behind the last record
    #[arg(long)]
    to_latest: bool,
    /// To this offset
    #[arg(long)]
    to_offset: Option<i64>,
    /// Do it, rather than show what would be done
    #[arg(long)]
    execute: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    block_on(async {
        let mut client = options.bootstrap.connect().await?;
        if options.list {
            let answer = client.call(2, &ListGroupsRequest::default()).await?;
            ClientError::check("the groups", answer.error_code)?;
            answer
                .groups
                .iter()
                .for_each(|group| say!("{}", group.group_id.0.as_str()));
            return Ok(());
        }
        let Some(group) = &options.group else {
            bail!("which group? Say --group NAME");
        };
        let mut coordinator = client.coordinator(group).await?;
        if options.delete {
            return delete(&mut coordinator, group).await;
        }
        if options.reset_offsets {
            return reset(&mut client, &mut coordinator, group, options).await;
        }
        let described = describe(&mut coordinator, group).await?;
        if described.group_state.as_str() == "Dead" {
            bail!("group {group}: there is no such group");
        }
        if options.members {
            members(&described)
        } else {
            offsets(&mut client, &mut coordinator, &described).await
        }
    })
}

async fn delete(coordinator: &mut Client, group: &str) -> Result<()> {
    let request = DeleteGroupsRequest::default().with_groups_names(vec![GroupId(text(group))]);
    for result in coordinator.call(1, &request).await?.results {
        ClientError::check(format!("group {group}"), result.error_code)?;
    }
    say!("Deletion of group {group} was successful.");
    Ok(())
}

async fn describe(coordinator: &mut Client, group: &str) -> Result<DescribedGroup> {
    let request = DescribeGroupsRequest::default().with_groups(vec![GroupId(text(group))]);
    let mut groups = coordinator.call(4, &request).await?.groups.into_iter();
    let described = groups
        .next()
        .with_context(|| format!("group {group}: not described"))?;
    ClientError::check(format!("group {group}"), described.error_code)?;
    Ok(described)
}

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

fn members(described: &DescribedGroup) -> Result<()> {
    let rows = described.members.iter().map(|member| {
        let assigned = decode_assignment(member.member_assignment.clone())?;
        let assigned: Vec<String> = assigned.iter().map(|(t, p)| format!("{t}-{p}")).collect();
        Ok(vec![
            described.group_id.0.to_string(),
            member.member_id.to_string(),
            member.client_host.to_string(),
            member.client_id.to_string(),
            member
                .group_instance_id
                .clone()
                .unwrap_or_default()
                .to_string(),
            assigned.len().to_string(),
            assigned.join(","),
        ])
    });
    let rows: Result<Vec<_>> = rows.collect();
    let header = [
        "GROUP",
        "CONSUMER-ID",
        "HOST",
        "CLIENT-ID",
        "INSTANCE-ID",
        "#PARTITIONS",
        "ASSIGNMENT",
    ];
    print_table(&header, &rows?);
    Ok(())
}

async fn offsets(
    client: &mut Client,
    coordinator: &mut Client,
    described: &DescribedGroup,
) -> Result<()> {
    let group = described.group_id.0.to_string();
    let mut owners: BTreeMap<TopicPartition, String> = BTreeMap::new();
    for member in &described.members {
        for partition in decode_assignment(member.member_assignment.clone())? {
            owners.insert(partition, member.member_id.to_string());
        }
    }
    let committed = committed(coordinator, &group).await?;
    let mut partitions: Vec<&TopicPartition> = committed.keys().chain(owners.keys()).collect();
    partitions.sort_unstable();
    partitions.dedup();
    let mut rows = Vec::new();
    for partition in partitions {
        let end = client.list_offset(partition, LATEST).await?;
        let current = committed.get(partition);
        let or_dash = |number: Option<i64>| number.map_or("-".to_owned(), |n| n.to_string());
        rows.push(vec![
            group.clone(),
            partition.0.clone(),
            partition.1.to_string(),
            or_dash(current.copied()),
            end.to_string(),
            or_dash(current.map(|current| end.saturating_sub(*current).max(0))),
            owners
                .get(partition)
                .cloned()
                .unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    say!("Group {group} is {}.", described.group_state.as_str());
    let header = [
        "GROUP",
        "TOPIC",
        "PARTITION",
        "CURRENT-OFFSET",
        "LOG-END-OFFSET",
        "LAG",
        "CONSUMER-ID",
    ];
    print_table(&header, &rows);
    Ok(())
}

async fn reset(
    client: &mut Client,
    coordinator: &mut Client,
    group: &str,
    options: &Options,
) -> Result<()> {
    let topic = options.topic.clone().unwrap_or_default();
    let counts = client
        .partition_counts(std::slice::from_ref(&topic), false)
        .await?;
    let (mut rows, mut partitions) = (Vec::new(), Vec::new());
    for partition in 0..counts.get(&topic).copied().unwrap_or(0) {
        let key = (topic.clone(), partition);
        let (first, end) = (
            client.list_offset(&key, EARLIEST).await?,
            client.list_offset(&key, LATEST).await?,
        );
        let offset = match options.to_offset {
            Some(offset) => offset.clamp(first, end),
            None if options.to_earliest => first,
            None => end,
        };
        rows.push(vec![
            group.to_owned(),
            topic.clone(),
            partition.to_string(),
            offset.to_string(),
        ]);
        let commit = OffsetCommitRequestPartition::default()
            .with_partition_index(partition)
            .with_committed_offset(offset)
            .with_committed_metadata(Some(text("")));
        partitions.push(commit);
    }
    if options.execute {
        let topic = OffsetCommitRequestTopic::default()
            .with_name(TopicName(text(topic)))
            .with_partitions(partitions);
        let request = OffsetCommitRequest::default()
            .with_group_id(GroupId(text(group)))
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic]);
        let answer = coordinator.call(7, &request).await?;
        for result in answer.topics.iter().flat_map(|topic| &topic.partitions) {
            ClientError::check(format!("group {group}"), result.error_code)?;
        }
    } else {
        say!("Nothing was changed: say --execute to do this.");
    }
    print_table(&["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"], &rows);
    Ok(())
}
