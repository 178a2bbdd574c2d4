//! What members of groups ask of their coordinator, translated.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, HeartbeatRequest,
    HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse,
    OffsetCommitRequest, OffsetCommitResponse, SyncGroupRequest, SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;
use tokio::sync::oneshot;

use super::{Answer, BadRequest, Header, answer, body, text};
use crate::error::ErrorCode;
use crate::group::{
    Action, CommitRequest, Coordinator, JoinAnswer, JoinRequest, LeavingMember, MemberRef,
    OffsetCommit, Protocol, SyncAnswer, SyncRequest,
};
use crate::server::broker::Broker;

fn millis(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

fn optional(text: Option<&StrBytes>) -> Option<String> {
    text.map(|text| text.to_string())
}

pub(super) fn join(
    broker: &Arc<Broker>,
    header: Header,
    bytes: Bytes,
) -> Result<Answer, BadRequest> {
    let request: JoinGroupRequest = body(&header, bytes)?;
    // Before the first version there was one timeout for both.
    let rebalance_ms = match header.version {
        0 => request.session_timeout_ms,
        _ => request.rebalance_timeout_ms,
    };
    let protocols = request.protocols.iter().map(|protocol| Protocol {
        name: protocol.name.to_string(),
        metadata: protocol.metadata.to_vec(),
    });
    let request = JoinRequest {
        group_id: request.group_id.0.to_string(),
        member_id: request.member_id.to_string(),
        instance_id: optional(request.group_instance_id.as_ref()),
        client_id: header.client_id.clone(),
        client_host: header.client_host.clone(),
        protocol_type: request.protocol_type.to_string(),
        protocols: protocols.collect(),
        session_timeout: millis(request.session_timeout_ms),
        rebalance_timeout: millis(rebalance_ms),
        knows_member_id_required: header.version >= 4,
        knows_skip_assignment: header.version >= 9,
    };
    let (now, member_id) = (broker.now(), request.member_id.clone());
    let protocol_type = request.protocol_type.clone();
    let asked = broker.groups.ask(broker, |coordinator, ticket| {
        coordinator.join(ticket, request, now)
    });
    Ok(async move {
        let joined = match asked.await {
            Ok(Action::Joined(_, joined)) => joined,
            _ => JoinAnswer::refused(&member_id, ErrorCode::CoordinatorNotAvailable),
        };
        answer(&header, &join_response(&header, joined, protocol_type))
    }
    .boxed())
}

fn join_response(header: &Header, joined: JoinAnswer, protocol_type: String) -> JoinGroupResponse {
    // Since the seventh version a refused member hears of no protocol, and another one of what it joined with (KIP-559).
    let tells_type = header.version >= 7;
    let has_joined = joined.error == ErrorCode::None;
    let protocol = Some(joined.protocol).filter(|_| has_joined || !tells_type);
    let members = joined.members.into_iter().map(|member| {
        let answer = JoinGroupResponseMember::default()
            .with_member_id(text(member.member_id))
            .with_metadata(member.metadata.into());
        // Not known before the fifth version.
        let instance = member.instance_id.filter(|_| header.version >= 5);
        answer.with_group_instance_id(instance.map(text))
    });
    JoinGroupResponse::default()
        .with_error_code(joined.error.code())
        .with_generation_id(joined.generation)
        .with_protocol_type((has_joined && tells_type).then(|| text(protocol_type)))
        .with_protocol_name(protocol.map(text))
        .with_leader(text(joined.leader))
        .with_skip_assignment(joined.skip_assignment)
        .with_member_id(text(joined.member_id))
        .with_members(members.collect())
}

pub(super) fn sync(
    broker: &Arc<Broker>,
    header: Header,
    bytes: Bytes,
) -> Result<Answer, BadRequest> {
    let request: SyncGroupRequest = body(&header, bytes)?;
    let assignments = request.assignments.iter();
    let request = SyncRequest {
        assignments: assignments
            .map(|one| (one.member_id.to_string(), one.assignment.to_vec()))
            .collect(),
        protocol_type: optional(request.protocol_type.as_ref()),
        protocol: optional(request.protocol_name.as_ref()),
        member: MemberRef {
            group_id: request.group_id.0.to_string(),
            generation: request.generation_id,
            member_id: request.member_id.to_string(),
            instance_id: optional(request.group_instance_id.as_ref()),
        },
    };
    let now = broker.now();
    let (mut protocol_type, mut protocol) = (None, None);
    let asked = broker.groups.ask(broker, |coordinator, ticket| {
        // Those of the generation that the member asks in, if it is answered at all.
        if let Some(group) = coordinator.group(&request.member.group_id) {
            protocol_type.clone_from(&group.protocol_type);
            protocol.clone_from(&group.protocol);
        }
        coordinator.sync(ticket, &request, now)
    });
    Ok(async move {
        let synced = match asked.await {
            Ok(Action::Synced(_, synced)) => synced,
            _ => SyncAnswer::refused(ErrorCode::CoordinatorNotAvailable),
        };
        let tells = |name: Option<String>| name.filter(|_| synced.error == ErrorCode::None);
        let response = SyncGroupResponse::default()
            .with_error_code(synced.error.code())
            .with_protocol_type(tells(protocol_type).map(text))
            .with_protocol_name(tells(protocol).map(text))
            .with_assignment(synced.assignment.into());
        answer(&header, &response)
    }
    .boxed())
}

pub(super) fn heartbeat(
    broker: &Arc<Broker>,
    _: &Header,
    request: HeartbeatRequest,
) -> HeartbeatResponse {
    let member = MemberRef {
        group_id: request.group_id.0.to_string(),
        generation: request.generation_id,
        member_id: request.member_id.to_string(),
        instance_id: optional(request.group_instance_id.as_ref()),
    };
    let now = broker.now();
    let beat = |coordinator: &mut Coordinator| coordinator.heartbeat(&member, now);
    let code = broker.groups.with(beat).err();
    HeartbeatResponse::default().with_error_code(code.unwrap_or(ErrorCode::None).code())
}

/// What a member of a group by KIP-848 begins with. It is offered and refused, as Kafka does where its feature `group.version` is
/// off: then a client says what is wrong, where librdkafka waits for ever for a broker that does not offer it.
pub(super) fn consumer_group_heartbeat(
    _: &Arc<Broker>,
    _: &Header,
    _: ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    let why = "this broker has no groups by KIP-848; set group.protocol=classic";
    ConsumerGroupHeartbeatResponse::default()
        .with_error_code(ErrorCode::UnsupportedVersion.code())
        .with_error_message(Some(text(why)))
}

pub(super) fn leave(
    broker: &Arc<Broker>,
    header: &Header,
    request: LeaveGroupRequest,
) -> LeaveGroupResponse {
    // Before the third version one left at a time.
    let leaving: Vec<LeavingMember> = if header.version < 3 {
        vec![LeavingMember {
            member_id: request.member_id.to_string(),
            instance_id: None,
        }]
    } else {
        let members = request.members.iter();
        members
            .map(|member| LeavingMember {
                member_id: member.member_id.to_string(),
                instance_id: optional(member.group_instance_id.as_ref()),
            })
            .collect()
    };
    let mut codes = Vec::new();
    broker.groups.act(broker, |coordinator| {
        let (each, actions) = coordinator.leave(&request.group_id.0, &leaving, broker.now());
        codes = each;
        actions
    });
    let response = LeaveGroupResponse::default();
    if header.version < 3 {
        let code = codes.first().copied().unwrap_or(ErrorCode::None);
        return response.with_error_code(code.code());
    }
    let members = leaving.into_iter().zip(codes).map(|(member, code)| {
        MemberResponse::default()
            .with_member_id(text(member.member_id))
            .with_group_instance_id(member.instance_id.map(text))
            .with_error_code(code.code())
    });
    response.with_members(members.collect())
}

pub(super) fn commit(
    broker: &Arc<Broker>,
    header: Header,
    bytes: Bytes,
) -> Result<Answer, BadRequest> {
    let request: OffsetCommitRequest = body(&header, bytes)?;
    let retention_ms = u64::try_from(request.retention_time_ms).ok();
    let mut offsets = Vec::new();
    let mut response = OffsetCommitResponse::default();
    // Where the answers of those stand that the coordinator is asked about.
    let mut places = Vec::new();
    for topic in &request.topics {
        let mut partitions = Vec::new();
        for partition in &topic.partitions {
            let index = partition.partition_index;
            let known = broker.partition(&topic.name.0, index);
            let mut result = OffsetCommitResponsePartition::default().with_partition_index(index);
            match known {
                Err(code) => result.error_code = code.code(),
                Ok(_) => {
                    places.push((response.topics.len(), partitions.len()));
                    let metadata = partition.committed_metadata.clone();
                    offsets.push(OffsetCommit {
                        topic: topic.name.0.to_string(),
                        partition: index,
                        offset: partition.committed_offset,
                        leader_epoch: partition.committed_leader_epoch,
                        metadata: metadata.unwrap_or_default().to_string(),
                    });
                }
            }
            partitions.push(result);
        }
        let topic = OffsetCommitResponseTopic::default().with_name(topic.name.clone());
        response.topics.push(topic.with_partitions(partitions));
    }
    let request = CommitRequest {
        member: MemberRef {
            group_id: request.group_id.0.to_string(),
            generation: request.generation_id_or_member_epoch,
            member_id: request.member_id.to_string(),
            instance_id: optional(request.group_instance_id.as_ref()),
        },
        retention: retention_ms.map(Duration::from_millis),
        offsets,
    };
    let now = broker.now();
    // Since the ninth version a member hears that its group is not there (KIP-848).
    let mut missing = header.version >= 9 && request.member.generation >= 0;
    let asked: oneshot::Receiver<Action> = broker.groups.ask(broker, |coordinator, ticket| {
        missing &= coordinator.group(&request.member.group_id).is_none();
        coordinator.commit(ticket, &request, now)
    });
    Ok(async move {
        let codes = match asked.await {
            _ if missing => vec![ErrorCode::GroupIdNotFound; places.len()],
            Ok(Action::Committed(_, codes)) => codes,
            _ => vec![ErrorCode::CoordinatorNotAvailable; places.len()],
        };
        for ((t, p), code) in places.into_iter().zip(codes) {
            response.topics[t].partitions[p].error_code = code.code();
        }
        answer(&header, &response)
    }
    .boxed())
}
