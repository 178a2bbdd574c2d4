//! Producing: batches are appended in the order in which they come, and acknowledged when they are as safe as the
//! topic's settings ask for.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse, TopicName};
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::{Answer, BadRequest, Header, answer, body, partition_of, text};
use crate::error::ErrorCode;
use crate::fetch::session::TopicKey;
use crate::log::LogError;
use crate::record::batch::BatchHeader;
use crate::record::compression::Compression;
use crate::server::broker::{Broker, OFFSETS_TOPIC};
use crate::server::metrics;
use crate::server::partition::Served;
use crate::server::response::Response;
use crate::server::trace;

/// From this version on, a producer knows zstd (KIP-110).
const KNOWS_ZSTD: i16 = 7;
/// From this version on, topics are named by their ids (KIP-516).
const NAMES_BY_ID: i16 = 13;

/// The `client.id` of which Kafka takes records for `__consumer_offsets`: those of anyone else could break every group.
const MAY_WRITE_OFFSETS: &str = "__admin_client";

/// What was appended and is not yet safe enough.
struct Owed {
    partition: Arc<Served>,
    end: i64,
    /// Where its answer stands.
    at: (usize, usize),
    /// Ends with it.
    span: Span,
}

pub(super) fn produce(
    broker: &Arc<Broker>,
    header: Header,
    bytes: Bytes,
) -> Result<Answer, BadRequest> {
    let request: ProduceRequest = body(&header, bytes)?;
    let acks = request.acks;
    let refusal = match acks {
        _ if request.transactional_id.is_some() => Some(ErrorCode::InvalidTxnState),
        -1..=1 => None,
        _ => Some(ErrorCode::InvalidRequiredAcks),
    };
    // Nothing but the batches is left in the frame's memory: one that is alone there is stamped in place.
    let by_id = header.version >= NAMES_BY_ID;
    let topics: Vec<(TopicKey, Vec<_>)> = (request.topic_data.into_iter())
        .map(|topic| match by_id {
            true => (TopicKey::Id(topic.topic_id.as_u128()), topic.partition_data),
            false => (
                TopicKey::Name(topic.name.0.to_string()),
                topic.partition_data,
            ),
        })
        .collect();
    let (mut responses, mut owed) = (Vec::new(), Vec::new());
    for (t, (topic, data)) in topics.into_iter().enumerate() {
        let mut partitions = Vec::new();
        for (p, data) in data.into_iter().enumerate() {
            let records = data.records.unwrap_or_default();
            let served = match refusal {
                Some(code) => Err(code),
                None => partition_of(broker, &topic, data.index),
            };
            let appended = served.and_then(|served| {
                let span = trace::of_batch(&served.key.0, data.index, &records);
                let append = || append(broker, &header, served.clone(), records);
                let appended = span.in_scope(append).map(|appended| (appended, span));
                appended.inspect_err(|code| metrics::refused(broker, &served, *code))
            });
            let result = PartitionProduceResponse::default().with_index(data.index);
            partitions.push(match appended {
                Ok(((partition, end, result), span)) => {
                    if let Some(partition) = partition {
                        owed.push(Owed {
                            partition,
                            end,
                            at: (t, p),
                            span,
                        });
                    }
                    result.with_index(data.index)
                }
                Err(code) if acks == 0 => return Err(BadRequest::Unanswerable(code)),
                Err(code) => result.with_error_code(code.code()).with_base_offset(-1),
            });
        }
        let response = TopicProduceResponse::default().with_partition_responses(partitions);
        responses.push(match topic {
            TopicKey::Name(name) => response.with_name(TopicName(text(name))),
            TopicKey::Id(id) => response.with_topic_id(Uuid::from_u128(id)),
        });
    }
    let mut response = ProduceResponse::default().with_responses(responses);
    let broker = broker.clone();
    Ok(async move {
        for owed in owed {
            let (partition, at) = (owed.partition, owed.at);
            let synced = partition.synced(owed.end).instrument(owed.span).await;
            broker.fetches.wake(&partition.key);
            if let Err(code) = synced {
                let failed = &mut response.responses[at.0].partition_responses[at.1];
                failed.error_code = code.code();
                failed.base_offset = -1;
            }
        }
        if acks == 0 {
            return Ok(Response::default());
        }
        answer(&header, &response)
    }
    .boxed())
}

type Appended = (Option<Arc<Served>>, i64, PartitionProduceResponse);

/// Appends a batch; with the partition, where it has yet to be synced.
fn append(
    broker: &Broker,
    header: &Header,
    served: Arc<Served>,
    records: Bytes,
) -> Result<Appended, ErrorCode> {
    let topic = &served.key.0;
    if topic == OFFSETS_TOPIC && header.client_id != MAY_WRITE_OFFSETS {
        return Err(ErrorCode::InvalidTopic);
    }
    let batch = BatchHeader::read(&records).map_err(|error| LogError::Batch(error).code())?;
    if header.version < KNOWS_ZSTD && matches!(batch.compression(), Ok(Compression::Zstd)) {
        return Err(ErrorCode::UnsupportedCompressionType);
    }
    let len = records.len();
    // A copy where another batch is still in the same frame.
    let records = records.try_into_mut();
    let mut records = records.unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    let appended = served.append(&mut records, broker.now())?;
    metrics::produced(broker, &served, len, batch.record_count);
    let end = appended.last_offset + 1;
    let owes = !served.acknowledges_at_once();
    if !owes {
        broker.fetches.wake(&served.key);
    }
    let result = PartitionProduceResponse::default()
        .with_base_offset(appended.base_offset)
        .with_log_append_time_ms(appended.log_append_time.unwrap_or(-1));
    let result = if header.version >= 5 {
        result.with_log_start_offset(appended.log_start_offset)
    } else {
        result
    };
    Ok((owes.then_some(served), end, result))
}
