//! Requests: read, handed to whoever serves them, answered.
//!
//! Each handler does at once what has to happen in the order of the requests (an append, a step of a fetch session), and
//! returns what is still to come as a future: so a connection's requests overlap, and its answers keep their order.

// Handlers have one form, whether they take their request apart or only look at it.
#![allow(clippy::needless_pass_by_value)]

mod cluster;
mod committed;
mod configs;
mod describe_topics;
mod fetch;
mod group_admin;
mod groups;
mod log_dirs;
mod metadata;
mod offsets;
mod produce;
mod producers;
mod topics;

use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures::FutureExt;
use futures::future::BoxFuture;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, api_versions_response::ApiVersion,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use thiserror::Error;
use uuid::Uuid;

use super::apis::layout::behind_tagged_fields;
use super::apis::{APIS, Api};
use super::broker::Broker;
use super::partition::Served;
use super::response::Response;
use crate::error::ErrorCode;
use crate::fetch::session::TopicKey;

/// Why a connection is closed instead of answered. The client sends what no client sends, or asks for what is not offered.
#[derive(Debug, Error)]
pub enum BadRequest {
    /// The frame ends within the header.
    #[error("a request of {0} bytes ends within its header")]
    Header(usize),
    /// A `client.id` that is no text.
    #[error("the client id in a request's header is not UTF-8")]
    ClientId,
    /// A request that is not served.
    #[error("request {key} version {version} is not served")]
    NotServed {
        /// The number of its kind.
        key: i16,
        /// The version.
        version: i16,
    },
    /// A body that is laid out otherwise.
    #[error("the body of a {api:?} request, version {version}, is not laid out as one")]
    Body {
        /// Which kind.
        api: ApiKey,
        /// The version.
        version: i16,
    },
    /// Produce with `acks=0` has no answer that could tell an error.
    #[error("a batch that wants no answer was refused: {0}")]
    Unanswerable(ErrorCode),
    /// A mistake of ours.
    #[error("the answer to a {api:?} request, version {version}, cannot be encoded: {why:#}")]
    Answer {
        /// Which kind.
        api: ApiKey,
        /// The version.
        version: i16,
        /// What the encoder says.
        why: anyhow::Error,
    },
}

/// What becomes of a request.
pub type Answer = BoxFuture<'static, Result<Response, BadRequest>>;

/// What stands before a request's body, and who sent it.
#[derive(Clone, Debug)]
pub struct Header {
    /// The kind.
    pub api: &'static Api,
    /// The version of the request, and of its answer.
    pub version: i16,
    /// Comes back with the answer.
    pub correlation_id: i32,
    /// `client.id`.
    pub client_id: String,
    /// The address, as Kafka shows it: `/127.0.0.1`.
    pub client_host: String,
}

/// A request's body, of a layout that was checked.
pub(super) fn body<T: Decodable>(header: &Header, mut bytes: Bytes) -> Result<T, BadRequest> {
    T::decode(&mut bytes, header.version).map_err(|_| BadRequest::Body {
        api: header.api.key,
        version: header.version,
    })
}

/// An answer in the version of its request.
pub(super) fn answer<T: Encodable + HeaderVersion>(
    header: &Header,
    body: &T,
) -> Result<Response, BadRequest> {
    let encoded = Response::encode(header.correlation_id, header.version, body);
    encoded.map_err(|why| BadRequest::Answer {
        api: header.api.key,
        version: header.version,
        why,
    })
}

/// A string of the protocol's.
pub(super) fn text(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}

/// A partition of a topic as the client names it.
pub(super) fn partition_of(
    broker: &Broker,
    topic: &TopicKey,
    partition: i32,
) -> Result<Arc<Served>, ErrorCode> {
    match topic {
        TopicKey::Name(name) => broker.partition(name, partition),
        TopicKey::Id(id) => broker.partition_by_id(Uuid::from_u128(*id), partition),
    }
}

/// Which operations a client may do, for who asks: without ACLs all that there are. One bit for each code of `AclOperation`.
pub(super) fn allowed(is_asked: bool, operations: &[u8]) -> i32 {
    /// "It was not asked."
    const NOT_TOLD: i32 = i32::MIN;
    let bits = operations.iter().fold(0, |bits, code| bits | 1 << code);
    if is_asked { bits } else { NOT_TOLD }
}

/// Takes the header off a frame. Of what is not served, only an ApiVersions of the future is answered.
pub fn read_header(frame: &mut Bytes, client_host: &str) -> Result<Header, BadRequest> {
    let len = frame.len();
    if len < 10 {
        return Err(BadRequest::Header(len));
    }
    let (key, version) = (frame.get_i16(), frame.get_i16());
    let correlation_id = frame.get_i32();
    let client_id = match frame.get_i16() {
        -1 => Bytes::new(),
        length => {
            let length = usize::try_from(length).map_err(|_| BadRequest::Header(len))?;
            if frame.len() < length {
                return Err(BadRequest::Header(len));
            }
            frame.split_to(length)
        }
    };
    let client_id = std::str::from_utf8(&client_id).map_err(|_| BadRequest::ClientId)?;
    let api = Api::find(key).ok_or(BadRequest::NotServed { key, version })?;
    // That of a flexible version has tagged fields too, which are for others.
    if api.serves(version) && api.key.request_header_version(version) >= 2 {
        let behind = behind_tagged_fields(frame).ok_or(BadRequest::Header(len))?;
        frame.advance(frame.len() - behind.len());
    }
    Ok(Header {
        api,
        version,
        correlation_id,
        client_id: client_id.to_owned(),
        client_host: client_host.to_owned(),
    })
}

/// Serves one request: what is in a frame, without its length.
///
/// # Errors
/// When the connection is to be closed.
pub fn serve(
    broker: &Arc<Broker>,
    mut frame: Bytes,
    client_host: &str,
) -> Result<(&'static Api, Answer), BadRequest> {
    let header = read_header(&mut frame, client_host)?;
    let (api, version) = (header.api, header.version);
    if !api.serves(version) {
        if api.key == ApiKey::ApiVersions {
            return Ok((api, ready(unknown_version(&header)?)));
        }
        return Err(BadRequest::NotServed {
            key: api.key as i16,
            version,
        });
    }
    if !api.fits(version, &frame) {
        return Err(BadRequest::Body {
            api: api.key,
            version,
        });
    }
    Ok((api, dispatch(broker, header, frame)?))
}

fn ready(response: Response) -> Answer {
    async move { Ok(response) }.boxed()
}

fn dispatch(broker: &Arc<Broker>, header: Header, bytes: Bytes) -> Result<Answer, BadRequest> {
    /// Decodes, calls what answers at once, encodes.
    macro_rules! at_once {
        ($serve:path) => {{
            let request = body(&header, bytes)?;
            ready(answer(&header, &$serve(broker, &header, request))?)
        }};
    }
    Ok(match header.api.key {
        ApiKey::Produce => produce::produce(broker, header, bytes)?,
        ApiKey::Fetch => fetch::fetch(broker, header, bytes)?,
        ApiKey::ListOffsets => at_once!(offsets::list_offsets),
        ApiKey::OffsetForLeaderEpoch => at_once!(offsets::offset_for_leader_epoch),
        ApiKey::DeleteRecords => at_once!(offsets::delete_records),
        ApiKey::InitProducerId => at_once!(producers::init_producer_id),
        ApiKey::DescribeProducers => at_once!(producers::describe_producers),
        ApiKey::ListTransactions => at_once!(producers::list_transactions),
        ApiKey::DescribeTransactions => at_once!(producers::describe_transactions),
        ApiKey::DescribeAcls => at_once!(cluster::describe_acls),
        ApiKey::CreateAcls => at_once!(cluster::create_acls),
        ApiKey::DeleteAcls => at_once!(cluster::delete_acls),
        ApiKey::ElectLeaders => at_once!(cluster::elect_leaders),
        ApiKey::ListPartitionReassignments => at_once!(cluster::list_partition_reassignments),
        ApiKey::DescribeTopicPartitions => {
            at_once!(describe_topics::describe_topic_partitions)
        }
        ApiKey::DescribeCluster => at_once!(metadata::describe_cluster),
        ApiKey::Metadata => at_once!(metadata::metadata),
        ApiKey::FindCoordinator => at_once!(metadata::find_coordinator),
        ApiKey::ApiVersions => at_once!(api_versions),
        ApiKey::CreateTopics => at_once!(topics::create_topics),
        ApiKey::DeleteTopics => at_once!(topics::delete_topics),
        ApiKey::CreatePartitions => at_once!(topics::create_partitions),
        ApiKey::DescribeConfigs => at_once!(configs::describe_configs),
        ApiKey::AlterConfigs => at_once!(configs::alter_configs),
        ApiKey::IncrementalAlterConfigs => at_once!(configs::incremental_alter_configs),
        ApiKey::ListConfigResources => at_once!(configs::list_config_resources),
        ApiKey::DescribeLogDirs => at_once!(log_dirs::describe_log_dirs),
        ApiKey::JoinGroup => groups::join(broker, header, bytes)?,
        ApiKey::SyncGroup => groups::sync(broker, header, bytes)?,
        ApiKey::Heartbeat => at_once!(groups::heartbeat),
        ApiKey::LeaveGroup => at_once!(groups::leave),
        ApiKey::ConsumerGroupHeartbeat => at_once!(groups::consumer_group_heartbeat),
        ApiKey::OffsetCommit => groups::commit(broker, header, bytes)?,
        ApiKey::OffsetFetch => at_once!(committed::offset_fetch),
        ApiKey::DescribeGroups => at_once!(group_admin::describe_groups),
        ApiKey::ListGroups => at_once!(group_admin::list_groups),
        ApiKey::DeleteGroups => group_admin::delete_groups(broker, header, bytes)?,
        ApiKey::OffsetDelete => group_admin::offset_delete(broker, header, bytes)?,
        other => {
            return Err(BadRequest::NotServed {
                key: other as i16,
                version: header.version,
            });
        }
    })
}

/// What a client asks first.
fn api_versions(_: &Arc<Broker>, _: &Header, _: ApiVersionsRequest) -> ApiVersionsResponse {
    let served = APIS.iter().map(served);
    ApiVersionsResponse::default().with_api_keys(served.collect())
}

fn served(api: &Api) -> ApiVersion {
    ApiVersion::default()
        .with_api_key(api.key as i16)
        .with_min_version(api.min)
        .with_max_version(api.max)
}

/// A client of the future asks in a version that is not known here. It is told so in version 0, which every client reads,
/// and in which version it may ask again (KIP-511).
fn unknown_version(header: &Header) -> Result<Response, BadRequest> {
    let body = ApiVersionsResponse::default()
        .with_error_code(ErrorCode::UnsupportedVersion.code())
        .with_api_keys(vec![served(header.api)]);
    let header = Header {
        version: 0,
        ..header.clone()
    };
    answer(&header, &body)
}

#[cfg(test)]
mod tests;
