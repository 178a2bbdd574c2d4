//! What administrators of a cluster ask of one that has a single broker, and no authorizer: there is nothing to elect, to move or to allow.

use std::sync::Arc;

use kafka_protocol::messages::create_acls_response::AclCreationResult;
use kafka_protocol::messages::delete_acls_response::DeleteAclsFilterResult;
use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_protocol::messages::{
    CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse,
    DescribeAclsRequest, DescribeAclsResponse, ElectLeadersRequest, ElectLeadersResponse,
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, TopicName,
};

use super::{Header, text};
use crate::error::ErrorCode;
use crate::server::broker::Broker;

/// As Kafka says it: tools look for it.
const NO_AUTHORIZER: &str = "No Authorizer is configured.";

/// Kinds of elections: of the preferred replica, and of any that lives.
const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

pub(super) fn describe_acls(
    _: &Arc<Broker>,
    _: &Header,
    _: DescribeAclsRequest,
) -> DescribeAclsResponse {
    DescribeAclsResponse::default()
        .with_error_code(ErrorCode::SecurityDisabled.code())
        .with_error_message(Some(text("No Authorizer is configured on the broker")))
}

pub(super) fn create_acls(
    _: &Arc<Broker>,
    _: &Header,
    request: CreateAclsRequest,
) -> CreateAclsResponse {
    let refused = AclCreationResult::default()
        .with_error_code(ErrorCode::SecurityDisabled.code())
        .with_error_message(Some(text(NO_AUTHORIZER)));
    CreateAclsResponse::default().with_results(vec![refused; request.creations.len()])
}

pub(super) fn delete_acls(
    _: &Arc<Broker>,
    _: &Header,
    request: DeleteAclsRequest,
) -> DeleteAclsResponse {
    let refused = DeleteAclsFilterResult::default()
        .with_error_code(ErrorCode::SecurityDisabled.code())
        .with_error_message(Some(text(NO_AUTHORIZER)));
    DeleteAclsResponse::default().with_filter_results(vec![refused; request.filters.len()])
}

pub(super) fn elect_leaders(
    broker: &Arc<Broker>,
    _: &Header,
    request: ElectLeadersRequest,
) -> ElectLeadersResponse {
    let valid = matches!(request.election_type, PREFERRED | UNCLEAN);
    let elect = |topic: &TopicName, partition| {
        let code = match broker.partition(&topic.0, partition) {
            _ if !valid => ErrorCode::InvalidRequest,
            Ok(_) => ErrorCode::ElectionNotNeeded,
            Err(code) => code,
        };
        PartitionResult::default()
            .with_partition_id(partition)
            .with_error_code(code.code())
            .with_error_message(Some(text(code.to_string())))
    };
    let results = match request.topic_partitions {
        Some(topics) => topics
            .into_iter()
            .map(|topic| {
                let partitions = topic.partitions.iter();
                let results = partitions.map(|partition| elect(&topic.topic, *partition));
                (topic.topic.clone(), results.collect())
            })
            .collect(),
        // All, of which only those are told that needed an election.
        None => broker
            .topic_names()
            .into_iter()
            .map(|name| (TopicName(text(name)), Vec::new()))
            .collect::<Vec<_>>(),
    };
    let results = results.into_iter().map(|(topic, results)| {
        ReplicaElectionResult::default()
            .with_topic(topic)
            .with_partition_result(results)
    });
    let code = if valid {
        ErrorCode::None
    } else {
        ErrorCode::InvalidRequest
    };
    ElectLeadersResponse::default()
        .with_error_code(code.code())
        .with_replica_election_results(results.collect())
}

pub(super) fn list_partition_reassignments(
    _: &Arc<Broker>,
    _: &Header,
    _: ListPartitionReassignmentsRequest,
) -> ListPartitionReassignmentsResponse {
    ListPartitionReassignmentsResponse::default().with_error_message(None)
}
