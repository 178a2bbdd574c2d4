//! Producers: their ids, and what is known of them. Of transactions there are none.

use std::sync::Arc;

use kafka_protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use kafka_protocol::messages::describe_transactions_response::TransactionState;
use kafka_protocol::messages::{
    DescribeProducersRequest, DescribeProducersResponse, DescribeTransactionsRequest,
    DescribeTransactionsResponse, InitProducerIdRequest, InitProducerIdResponse,
    ListTransactionsRequest, ListTransactionsResponse, ProducerId,
};

use super::Header;
use super::metadata::missing;
use crate::error::ErrorCode;
use crate::log::producer_state::ProducerEntry;
use crate::server::broker::Broker;

/// The states of a transaction.
const TRANSACTION_STATES: [&str; 8] = [
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "Dead",
    "PrepareEpochFence",
];

pub(super) fn init_producer_id(
    broker: &Arc<Broker>,
    _: &Header,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    let (had, epoch) = (request.producer_id.0, request.producer_epoch);
    let id = match request.transactional_id {
        _ if (had == -1) != (epoch == -1) => Err(ErrorCode::InvalidRequest),
        // There is no coordinator of transactions.
        Some(_) => Err(ErrorCode::TransactionalIdAuthorizationFailed),
        // Also one that has an id gets a new one: what it had can go on only within transactions (KIP-360).
        None => broker.new_producer_id(),
    };
    let answer = InitProducerIdResponse::default();
    match id {
        Ok(id) => answer
            .with_producer_id(ProducerId(id))
            .with_producer_epoch(0),
        Err(code) => answer
            .with_error_code(code.code())
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1),
    }
}

pub(super) fn describe_producers(
    broker: &Arc<Broker>,
    _: &Header,
    request: DescribeProducersRequest,
) -> DescribeProducersResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partition_indexes.iter().map(|index| {
            let found = broker.partition(&topic.name.0, *index);
            let found = found.and_then(|served| served.producers());
            let answer = PartitionResponse::default().with_partition_index(*index);
            match found {
                Ok(producers) => {
                    let producers = producers.iter().map(|(id, entry)| active(*id, entry));
                    answer.with_active_producers(producers.collect())
                }
                Err(ErrorCode::UnknownTopicOrPartition) => {
                    answer.with_error_code(missing(&topic.name.0).code())
                }
                Err(code) => answer.with_error_code(code.code()),
            }
        });
        let partitions = partitions.collect();
        TopicResponse::default()
            .with_name(topic.name)
            .with_partitions(partitions)
    });
    DescribeProducersResponse::default().with_topics(topics.collect())
}

fn active(id: i64, entry: &ProducerEntry) -> ProducerState {
    let last = entry.batches.back();
    ProducerState::default()
        .with_producer_id(ProducerId(id))
        .with_producer_epoch(entry.epoch.into())
        .with_last_sequence(last.map_or(-1, |batch| batch.last_sequence))
        .with_last_timestamp(last.map_or(-1, |batch| batch.timestamp))
        .with_coordinator_epoch(-1)
        .with_current_txn_start_offset(-1)
}

pub(super) fn list_transactions(
    _: &Arc<Broker>,
    _: &Header,
    request: ListTransactionsRequest,
) -> ListTransactionsResponse {
    let mut unknown = request.state_filters;
    unknown.retain(|state| !TRANSACTION_STATES.contains(&&**state));
    ListTransactionsResponse::default().with_unknown_state_filters(unknown)
}

pub(super) fn describe_transactions(
    _: &Arc<Broker>,
    _: &Header,
    request: DescribeTransactionsRequest,
) -> DescribeTransactionsResponse {
    let states = request.transactional_ids.into_iter().map(|id| {
        let code = if id.0.is_empty() {
            ErrorCode::InvalidRequest
        } else {
            ErrorCode::TransactionalIdNotFound
        };
        TransactionState::default()
            .with_error_code(code.code())
            .with_transactional_id(id)
    });
    DescribeTransactionsResponse::default().with_transaction_states(states.collect())
}
