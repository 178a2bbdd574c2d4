//! Where a partition begins and ends, what an offset was at a time or in an epoch, and forgetting what is before one.

use std::sync::Arc;

use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::list_offsets_request::ListOffsetsPartition;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{
    DeleteRecordsRequest, DeleteRecordsResponse, ListOffsetsRequest, ListOffsetsResponse,
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};

use super::Header;
use crate::error::ErrorCode;
use crate::server::broker::{Broker, OFFSETS_TOPIC};
use crate::server::partition::Served;

/// "Where consumers' view ends".
const LATEST: i64 = -1;
/// "The first that is there".
const EARLIEST: i64 = -2;
/// "That of the record with the highest timestamp" (KIP-734).
const MAX_TIMESTAMP: i64 = -3;
/// "The first that is on a broker's own disk", as all are here (KIP-405).
const EARLIEST_LOCAL: i64 = -4;
/// "The last that is in another storage", as none is here (KIP-1005).
const LATEST_TIERED: i64 = -5;

/// A partition, if the client's idea of its leader epoch is right.
fn current(
    broker: &Broker,
    topic: &str,
    partition: i32,
    epoch: i32,
) -> Result<Arc<Served>, ErrorCode> {
    let served = broker.partition(topic, partition)?;
    let current = served.offsets().leader_epoch;
    match epoch {
        epoch if epoch >= 0 && epoch < current => Err(ErrorCode::FencedLeaderEpoch),
        epoch if epoch > current => Err(ErrorCode::UnknownLeaderEpoch),
        _ => Ok(served),
    }
}

pub(super) fn list_offsets(
    broker: &Arc<Broker>,
    header: &Header,
    request: ListOffsetsRequest,
) -> ListOffsetsResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let one = |asked| list_offset(broker, header.version, &topic.name.0, asked);
        let partitions = topic.partitions.iter().map(one).collect();
        ListOffsetsTopicResponse::default()
            .with_name(topic.name)
            .with_partitions(partitions)
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

fn list_offset(
    broker: &Broker,
    version: i16,
    topic: &str,
    asked: &ListOffsetsPartition,
) -> ListOffsetsPartitionResponse {
    let answer =
        ListOffsetsPartitionResponse::default().with_partition_index(asked.partition_index);
    let find = || {
        let epoch = asked.current_leader_epoch;
        let served = current(broker, topic, asked.partition_index, epoch)?;
        let offsets = served.offsets();
        let found = match asked.timestamp {
            LATEST => Some((offsets.high_watermark, -1)),
            EARLIEST => Some((offsets.log_start, -1)),
            MAX_TIMESTAMP if version >= 7 => served.max_timestamp()?,
            EARLIEST_LOCAL if version >= 8 => Some((offsets.log_start, -1)),
            LATEST_TIERED if version >= 9 => None,
            // They mean something in later versions.
            timestamp if timestamp < 0 => return Err(ErrorCode::UnsupportedVersion),
            timestamp => served.offset_for_timestamp(timestamp)?,
        };
        Ok((found, offsets.leader_epoch))
    };
    match find() {
        Ok((Some((offset, timestamp)), epoch)) => {
            let answer = answer.with_offset(offset).with_timestamp(timestamp);
            if version >= 4 {
                answer.with_leader_epoch(epoch)
            } else {
                answer
            }
        }
        Ok((None, _)) => answer.with_offset(-1).with_timestamp(-1),
        Err(code) => answer.with_error_code(code.code()),
    }
}

pub(super) fn offset_for_leader_epoch(
    broker: &Arc<Broker>,
    _: &Header,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let one = |asked| end_of_epoch(broker, &topic.topic.0, asked);
        let partitions = topic.partitions.iter().map(one).collect();
        OffsetForLeaderTopicResult::default()
            .with_topic(topic.topic)
            .with_partitions(partitions)
    });
    OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
}

fn end_of_epoch(broker: &Broker, topic: &str, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let answer = EpochEndOffset::default().with_partition(asked.partition);
    match current(broker, topic, asked.partition, asked.current_leader_epoch) {
        Ok(served) => match served.end_offset_for_epoch(asked.leader_epoch) {
            Some((epoch, end)) => answer.with_leader_epoch(epoch).with_end_offset(end),
            None => answer.with_leader_epoch(-1).with_end_offset(-1),
        },
        Err(code) => answer
            .with_error_code(code.code())
            .with_leader_epoch(-1)
            .with_end_offset(-1),
    }
}

pub(super) fn delete_records(
    broker: &Arc<Broker>,
    _: &Header,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let result =
                DeleteRecordsPartitionResult::default().with_partition_index(asked.partition_index);
            let deleted = if *topic.name.0 == *OFFSETS_TOPIC {
                Err(ErrorCode::InvalidTopic)
            } else {
                broker
                    .partition(&topic.name.0, asked.partition_index)
                    .and_then(|served| served.delete_records(asked.offset, broker.now()))
            };
            match deleted {
                Ok(low_watermark) => result.with_low_watermark(low_watermark),
                Err(code) => result.with_error_code(code.code()).with_low_watermark(-1),
            }
        });
        let partitions = partitions.collect();
        DeleteRecordsTopicResult::default()
            .with_name(topic.name)
            .with_partitions(partitions)
    });
    DeleteRecordsResponse::default().with_topics(topics.collect())
}
