//! What the log directory holds, by partition.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse, TopicName};
use rustix::fs::{StatVfs, statvfs};

use super::{Header, text};
use crate::server::broker::Broker;
use crate::server::partition::Served;

pub(super) fn describe_log_dirs(
    broker: &Arc<Broker>,
    _: &Header,
    request: DescribeLogDirsRequest,
) -> DescribeLogDirsResponse {
    let dir = broker.dir.disk.root();
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let result = DescribeLogDirsResult::default().with_log_dir(text(dir.to_string_lossy()));
    let result = match broker.dir.check() {
        Err(code) => result.with_error_code(code.code()),
        Ok(()) => result.with_topics(topics(asked_for(broker, request))),
    };
    let volume = statvfs(&dir).ok();
    let bytes = |blocks: fn(&StatVfs) -> u64| {
        let bytes = volume
            .as_ref()
            .map(|at| blocks(at).saturating_mul(at.f_frsize));
        bytes.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
    };
    let result = result
        .with_total_bytes(bytes(|volume| volume.f_blocks))
        .with_usable_bytes(bytes(|volume| volume.f_bavail));
    DescribeLogDirsResponse::default().with_results(vec![result])
}

/// The partitions that are asked about, of those that are there; null asks for all.
fn asked_for(broker: &Broker, request: DescribeLogDirsRequest) -> Vec<Arc<Served>> {
    let Some(topics) = request.topics else {
        return broker.partitions();
    };
    let asked = topics.iter().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.filter_map(|partition| broker.partition(&topic.topic.0, *partition).ok())
    });
    asked.collect()
}

fn topics(partitions: Vec<Arc<Served>>) -> Vec<DescribeLogDirsTopic> {
    let mut topics: BTreeMap<String, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    for served in partitions {
        let (topic, index) = served.key.clone();
        let size = i64::try_from(served.size_bytes()).unwrap_or(i64::MAX);
        let partition = DescribeLogDirsPartition::default()
            .with_partition_index(index)
            .with_partition_size(size);
        topics.entry(topic).or_default().push(partition);
    }
    let topics = topics.into_iter().map(|(name, partitions)| {
        DescribeLogDirsTopic::default()
            .with_name(TopicName(text(name)))
            .with_partitions(partitions)
    });
    topics.collect()
}
