//! `mini-kafka delete-records`: like `kafka-delete-records.sh`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::{DeleteRecordsRequest, TopicName};
use mini_kafka::server::client::ClientError;
use serde::Deserialize;

use super::{Bootstrap, block_on, text};

/// Which records.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    bootstrap: Bootstrap,
    /// {"partitions": [{"topic": "t", "partition": 0, "offset": 3}], "version": 1} deletes what is before offset 3; -1 is behind the last record
    #[arg(long, value_name = "FILE")]
    offset_json_file: PathBuf,
}

#[derive(Deserialize)]
struct Deletions {
    partitions: Vec<Deletion>,
    #[serde(default = "version_1")]
    version: u32,
}

#[derive(Deserialize)]
struct Deletion {
    topic: String,
    partition: i32,
    offset: i64,
}

fn version_1() -> u32 {
    1
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let file = options.offset_json_file.display();
    let json = fs::read(&options.offset_json_file);
    let json = json.with_context(|| format!("cannot read {file}"))?;
    let what = || format!("{file}: not what --help shows");
    let deletions: Deletions = serde_json::from_slice(&json).with_context(what)?;
    if deletions.version != 1 {
        bail!("{file}: version {}, but only 1 is known", deletions.version);
    }
    let mut topics: BTreeMap<String, BTreeMap<i32, i64>> = BTreeMap::new();
    for Deletion {
        topic,
        partition,
        offset,
    } in deletions.partitions
    {
        let partitions = topics.entry(topic.clone()).or_default();
        if partitions.insert(partition, offset).is_some() {
            bail!("{file}: partition {topic}-{partition} stands there twice");
        }
    }
    block_on(delete(options, topics))
}

async fn delete(options: &Options, topics: BTreeMap<String, BTreeMap<i32, i64>>) -> Result<()> {
    let topics = topics.into_iter().map(|(topic, partitions)| {
        let partitions = partitions.into_iter().map(|(partition, offset)| {
            DeleteRecordsPartition::default()
                .with_partition_index(partition)
                .with_offset(offset)
        });
        DeleteRecordsTopic::default()
            .with_name(TopicName(text(topic)))
            .with_partitions(partitions.collect())
    });
    let request = DeleteRecordsRequest::default()
        .with_topics(topics.collect())
        .with_timeout_ms(30_000);
    let mut client = options.bootstrap.connect().await?;
    say!("Executing records delete operation");
    let answer = client.call(1, &request).await?;
    say!("Records delete operation completed:");
    let mut failed = 0;
    for topic in answer.topics {
        for partition in topic.partitions {
            let name = format!("{}-{}", topic.name.0.as_str(), partition.partition_index);
            match ClientError::check("error", partition.error_code) {
                Ok(()) => say!(
                    "partition: {name}\tlow_watermark: {}",
                    partition.low_watermark
                ),
                Err(error) => {
                    say!("partition: {name}\t{error}");
                    failed += 1;
                }
            }
        }
    }
    if failed > 0 {
        bail!("nothing is deleted of {failed} partitions");
    }
    Ok(())
}
