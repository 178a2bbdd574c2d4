//! What administrators ask of the coordinator of groups, translated.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
    GroupId, ListGroupsRequest, ListGroupsResponse, OffsetDeleteRequest, OffsetDeleteResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::{Answer, BadRequest, Header, allowed, answer, body, text};
use crate::error::ErrorCode;
use crate::group::{Action, State};
use crate::server::broker::Broker;

/// What may be done with a group (to read, delete and describe it), as codes of Kafka's `AclOperation`.
const ON_GROUPS: [u8; 3] = [3, 6, 8];

/// The type of groups whose members assign, as all do here.
const CLASSIC: &str = "classic";

pub(super) fn describe_groups(
    broker: &Arc<Broker>,
    header: &Header,
    request: DescribeGroupsRequest,
) -> DescribeGroupsResponse {
    let asks = request.include_authorized_operations;
    let groups = request.groups.into_iter().map(|id| {
        let group = broker
            .groups
            .with(|coordinator| coordinator.describe(&id.0));
        let members = group.members.into_iter().map(|member| {
            // Not known before the fourth version.
            let instance = member.instance_id.filter(|_| header.version >= 4);
            DescribedGroupMember::default()
                .with_member_id(text(member.member_id))
                .with_group_instance_id(instance.map(text))
                .with_client_id(text(member.client_id))
                .with_client_host(text(member.client_host))
                .with_member_metadata(member.metadata.into())
                .with_member_assignment(member.assignment.into())
        });
        // Before the sixth version a group that is not there was only dead (KIP-1043).
        let missing = header.version >= 6 && group.state == State::Dead;
        let code = if missing {
            ErrorCode::GroupIdNotFound
        } else {
            ErrorCode::None
        };
        DescribedGroup::default()
            .with_error_code(code.code())
            .with_error_message(missing.then(|| text(code.to_string())))
            .with_group_id(id)
            .with_group_state(text(group.state.name()))
            .with_protocol_type(text(group.protocol_type))
            .with_protocol_data(text(group.protocol))
            .with_members(members.collect())
            .with_authorized_operations(allowed(asks && !missing, &ON_GROUPS))
    });
    DescribeGroupsResponse::default().with_groups(groups.collect())
}

pub(super) fn list_groups(
    broker: &Arc<Broker>,
    header: &Header,
    request: ListGroupsRequest,
) -> ListGroupsResponse {
    let mut groups = broker.groups.with(|coordinator| coordinator.list());
    // Who names no states, or no types, wants groups of any. Case does not matter to Kafka.
    let wants = |filter: &[StrBytes], is: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(is))
    };
    groups.retain(|group| {
        wants(&request.states_filter, group.state.name()) && wants(&request.types_filter, CLASSIC)
    });
    let groups = groups.into_iter().map(|group| {
        // Not known before the fourth version.
        let state = Some(group.state.name()).filter(|_| header.version >= 4);
        ListedGroup::default()
            .with_group_id(GroupId(text(group.group_id)))
            .with_protocol_type(text(group.protocol_type))
            .with_group_state(text(state.unwrap_or_default()))
            .with_group_type(StrBytes::from_static_str(CLASSIC))
    });
    ListGroupsResponse::default().with_groups(groups.collect())
}

pub(super) fn delete_groups(
    broker: &Arc<Broker>,
    header: Header,
    bytes: Bytes,
) -> Result<Answer, BadRequest> {
    let request: DeleteGroupsRequest = body(&header, bytes)?;
    let asked = request.groups_names.into_iter().map(|id| {
        let now = broker.now();
        let asked = broker.groups.ask(broker, |coordinator, ticket| {
            coordinator.delete_group(ticket, &id.0, now)
        });
        (id, asked)
    });
    let asked: Vec<_> = asked.collect();
    Ok(async move {
        let mut results = Vec::new();
        for (id, asked) in asked {
            let code = match asked.await {
                Ok(Action::Done(_, code)) => code,
                _ => ErrorCode::CoordinatorNotAvailable,
            };
            let result = DeletableGroupResult::default().with_group_id(id);
            results.push(result.with_error_code(code.code()));
        }
        answer(
            &header,
            &DeleteGroupsResponse::default().with_results(results),
        )
    }
    .boxed())
}

pub(super) fn offset_delete(
    broker: &Arc<Broker>,
    header: Header,
    bytes: Bytes,
) -> Result<Answer, BadRequest> {
    let request: OffsetDeleteRequest = body(&header, bytes)?;
    let partitions = request.topics.iter().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|partition| (topic.name.0.to_string(), partition.partition_index))
    });
    let partitions: Vec<(String, i32)> = partitions.collect();
    let mut outcome = Err(ErrorCode::CoordinatorNotAvailable);
    let now = broker.now();
    let asked = broker.groups.ask(broker, |coordinator, ticket| {
        match coordinator.delete_offsets(ticket, &request.group_id.0, &partitions, now) {
            Ok((codes, actions)) => {
                outcome = Ok(codes);
                actions
            }
            Err(error) => {
                outcome = Err(error);
                vec![Action::Done(ticket, error)]
            }
        }
    });
    Ok(async move {
        let stored = match asked.await {
            Ok(Action::Done(_, code)) => code,
            _ => ErrorCode::CoordinatorNotAvailable,
        };
        let response = OffsetDeleteResponse::default();
        let mut codes = match outcome {
            Ok(codes) => codes.into_iter(),
            Err(error) => return answer(&header, &response.with_error_code(error.code())),
        };
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                let code = match codes.next() {
                    Some(ErrorCode::None) | None => stored,
                    Some(refused) => refused,
                };
                OffsetDeleteResponsePartition::default()
                    .with_partition_index(partition.partition_index)
                    .with_error_code(code.code())
            });
            let partitions = partitions.collect();
            OffsetDeleteResponseTopic::default()
                .with_name(topic.name)
                .with_partitions(partitions)
        });
        answer(&header, &response.with_topics(topics.collect()))
    }
    .boxed())
}
