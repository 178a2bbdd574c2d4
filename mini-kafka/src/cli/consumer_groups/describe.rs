//! How far groups are, who is in them, and how they are.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::{DescribeGroupsRequest, FindCoordinatorRequest, GroupId};
use mini_kafka::assignor::TopicPartition;
use mini_kafka::error::ErrorCode;
use mini_kafka::server::client::consumer::{LATEST, decode_assignment};
use mini_kafka::server::client::{Client, ClientError};

use super::{Options, committed, print_table, text};

/// Shows of a group what is asked for.
pub(super) async fn show(
    client: &mut Client,
    coordinator: &mut Client,
    group: &str,
    options: &Options,
) -> Result<()> {
    let described = describe(coordinator, group).await?;
    match described.group_state.as_str() {
        "Dead" => bail!("group {group}: there is no such group"),
        "Empty" => eprintln!("\nConsumer group '{group}' has no active members."),
        "Stable" => {}
        _ => eprintln!("\nWarning: Consumer group '{group}' is rebalancing."),
    }
    let (header, rows): (&[&str], _) = if options.members {
        (&MEMBERS, members(&described)?)
    } else if options.state.is_some() {
        (&STATE, vec![state(client, &described).await?])
    } else {
        (&OFFSETS, offsets(client, coordinator, &described).await?)
    };
    if !rows.is_empty() {
        say!("");
        print_table(header, &rows);
    }
    Ok(())
}

/// What the coordinator knows of a group.
pub(super) async fn describe(coordinator: &mut Client, group: &str) -> Result<DescribedGroup> {
    let request = DescribeGroupsRequest::default().with_groups(vec![GroupId(text(group))]);
    let mut groups = coordinator.call(4, &request).await?.groups.into_iter();
    let described = groups
        .next()
        .with_context(|| format!("group {group}: not described"))?;
    ClientError::check(format!("group {group}"), described.error_code)?;
    Ok(described)
}

const STATE: [&str; 5] = [
    "GROUP",
    "COORDINATOR (ID)",
    "ASSIGNMENT-STRATEGY",
    "STATE",
    "#MEMBERS",
];

async fn state(client: &mut Client, described: &DescribedGroup) -> Result<Vec<String>> {
    let group = &described.group_id.0;
    let request = FindCoordinatorRequest::default().with_key(group.clone());
    let at = client.call(2, &request).await?;
    ClientError::check(
        format!("the coordinator of group {}", group.as_str()),
        at.error_code,
    )?;
    Ok(vec![
        group.to_string(),
        format!("{}:{}  ({})", at.host.as_str(), at.port, at.node_id.0),
        or_dash(Some(described.protocol_data.as_str()).filter(|strategy| !strategy.is_empty())),
        described.group_state.to_string(),
        described.members.len().to_string(),
    ])
}

const MEMBERS: [&str; 7] = [
    "GROUP",
    "CONSUMER-ID",
    "GROUP-INSTANCE-ID",
    "HOST",
    "CLIENT-ID",
    "#PARTITIONS",
    "ASSIGNMENT",
];

fn members(described: &DescribedGroup) -> Result<Vec<Vec<String>>> {
    let rows = described.members.iter().map(|member| {
        let assigned = decode_assignment(member.member_assignment.clone())?;
        let assigned: Vec<String> = assigned.iter().map(|(t, p)| format!("{t}-{p}")).collect();
        Ok(vec![
            described.group_id.0.to_string(),
            member.member_id.to_string(),
            or_dash(member.group_instance_id.as_deref()),
            member.client_host.to_string(),
            member.client_id.to_string(),
            assigned.len().to_string(),
            or_dash(Some(assigned.join(",")).filter(|assigned| !assigned.is_empty())),
        ])
    });
    rows.collect()
}

const OFFSETS: [&str; 9] = [
    "GROUP",
    "TOPIC",
    "PARTITION",
    "CURRENT-OFFSET",
    "LOG-END-OFFSET",
    "LAG",
    "CONSUMER-ID",
    "HOST",
    "CLIENT-ID",
];

async fn offsets(
    client: &mut Client,
    coordinator: &mut Client,
    described: &DescribedGroup,
) -> Result<Vec<Vec<String>>> {
    let group = described.group_id.0.as_str();
    let mut owners: BTreeMap<TopicPartition, &DescribedGroupMember> = BTreeMap::new();
    for member in &described.members {
        for partition in decode_assignment(member.member_assignment.clone())? {
            owners.insert(partition, member);
        }
    }
    let committed = committed(coordinator, group).await?;
    let mut partitions: Vec<&TopicPartition> = committed.keys().chain(owners.keys()).collect();
    partitions.sort_unstable();
    partitions.dedup();
    let mut rows = Vec::new();
    for partition in partitions {
        let end = match client.list_offset(partition, LATEST).await {
            // What was committed stays for a while when the topic is gone.
            Err(e) if e.code() == Some(ErrorCode::UnknownTopicOrPartition.code()) => None,
            end => Some(end?),
        };
        let current = committed.get(partition).copied();
        let lag = current
            .zip(end)
            .map(|(current, end)| end.saturating_sub(current).max(0));
        let owner = owners.get(partition);
        rows.push(vec![
            group.to_owned(),
            partition.0.clone(),
            partition.1.to_string(),
            or_dash(current),
            or_dash(end),
            or_dash(lag),
            or_dash(owner.map(|member| member.member_id.as_str())),
            or_dash(owner.map(|member| member.client_host.as_str())),
            or_dash(owner.map(|member| member.client_id.as_str())),
        ]);
    }
    Ok(rows)
}

fn or_dash(cell: Option<impl ToString>) -> String {
    cell.map_or_else(|| "-".to_owned(), |cell| cell.to_string())
}
