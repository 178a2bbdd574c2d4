//! Moving what a group has committed.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp};
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{GroupId, OffsetCommitRequest, TopicName};
use mini_kafka::server::client::consumer::{EARLIEST, LATEST};
use mini_kafka::server::client::{Client, ClientError};

use super::{Options, committed, describe, named_partitions, print_table, text};
use crate::cli::now_ms;

/// Where to; an offset that is not there becomes the nearest one that is.
#[derive(Debug, Args)]
#[group(id = "target", multiple = false)]
pub(super) struct Target {
    /// To the first record
    #[arg(long)]
    to_earliest: bool,
    /// Behind the last record
    #[arg(long)]
    to_latest: bool,
    /// To what is committed; where nothing is, behind the last record
    #[arg(long)]
    to_current: bool,
    /// To this offset
    #[arg(long)]
    to_offset: Option<i64>,
    /// By so many records from what is committed, forward or (below 0) back
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    shift_by: Option<i64>,
    /// To the first record from then on, in UTC where no offset of time is given
    #[arg(long, value_name = "YYYY-MM-DDTHH:mm:SS.sss", value_parser = time)]
    to_datetime: Option<i64>,
    /// To the first record of so long ago
    #[arg(long, value_name = "PnDTnHnMnS", value_parser = millis)]
    by_duration: Option<i64>,
}

/// Milliseconds since the epoch.
fn time(text: &str) -> Result<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_millisecond());
    }
    let time = text.parse::<DateTime>();
    let time = time.and_then(|time| TimeZone::UTC.to_timestamp(time));
    let time = time.context("expected a time such as 2026-02-03T04:05:06.000")?;
    Ok(time.as_millisecond())
}

fn millis(text: &str) -> Result<i64> {
    let days = SpanRelativeTo::days_are_24_hours();
    let duration = text.parse::<Span>().and_then(|span| span.to_duration(days));
    let duration = duration.context("expected days, hours, minutes or seconds, such as P1DT12H")?;
    Ok(i64::try_from(duration.as_millis())?)
}

/// Moves a group, or shows where it would be.
pub(super) async fn reset(
    client: &mut Client,
    coordinator: &mut Client,
    group: &str,
    options: &Options,
) -> Result<()> {
    let state = describe::describe(coordinator, group).await?.group_state;
    if !matches!(state.as_str(), "Empty" | "Dead") {
        bail!("group {group} is {}: end its members first", state.as_str());
    }
    let current = committed(coordinator, group).await?;
    let partitions = if options.all_topics {
        current.keys().cloned().collect()
    } else {
        named_partitions(client, &options.topic).await?
    };
    let target = &options.target;
    let ago = target.by_duration.map(|ago| now_ms().saturating_sub(ago));
    let time = target.to_datetime.or(ago);
    let (mut rows, mut topics) = (Vec::new(), BTreeMap::<_, Vec<_>>::new());
    for partition in partitions {
        let (topic, number) = &partition;
        let first = client.list_offset(&partition, EARLIEST).await?;
        let end = client.list_offset(&partition, LATEST).await?;
        let current = current.get(&partition).copied();
        let offset = if let Some(offset) = target.to_offset {
            offset
        } else if let Some(by) = target.shift_by {
            let none =
                || format!("group {group} has committed nothing of {topic}-{number} to shift from");
            current.with_context(none)?.saturating_add(by)
        } else if let Some(time) = time {
            client.list_offset(&partition, time.max(0)).await?
        } else if target.to_earliest {
            first
        } else {
            current.filter(|_| target.to_current).unwrap_or(end)
        };
        let offset = offset.clamp(first, end.max(first));
        rows.push(vec![
            group.to_owned(),
            topic.clone(),
            number.to_string(),
            offset.to_string(),
        ]);
        let commit = OffsetCommitRequestPartition::default()
            .with_partition_index(*number)
            .with_committed_offset(offset)
            .with_committed_metadata(Some(text("")));
        topics.entry(partition.0).or_default().push(commit);
    }
    if options.execute {
        commit(coordinator, group, topics).await?;
    } else if !options.dry_run {
        eprintln!("Nothing was changed: say --execute to do this.");
    }
    say!("");
    print_table(&["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"], &rows);
    Ok(())
}

async fn commit(
    coordinator: &mut Client,
    group: &str,
    topics: BTreeMap<String, Vec<OffsetCommitRequestPartition>>,
) -> Result<()> {
    let topics = topics.into_iter().map(|(topic, partitions)| {
        OffsetCommitRequestTopic::default()
            .with_name(TopicName(text(topic)))
            .with_partitions(partitions)
    });
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(topics.collect());
    let answer = coordinator.call(7, &request).await?;
    for result in answer.topics.iter().flat_map(|topic| &topic.partitions) {
        ClientError::check(format!("group {group}"), result.error_code)?;
    }
    Ok(())
}
