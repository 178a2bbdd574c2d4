//! etcd's services as JSON over HTTP/1, for `curl` and for clients without gRPC (etcd's gRPC gateway, grpc-gateway's mapping of JSON).
//!
//! A request's JSON becomes the method's message, goes through the same services as gRPC's own requests, and its answer comes back as
//! JSON: bytes in Base64, numbers of 64 bits as strings, nothing that is zero or empty. What is a stream in gRPC is here one line for
//! each message, with `result` or `error` in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures::{StreamExt, stream};
use prost::Message;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, MethodDescriptor,
    SerializeOptions,
};
use serde_json::json;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};

use super::wire::DESCRIPTORS;

/// Paths behind `/v3/`, and the methods, as etcd 3.4's protocol files map them.
const METHODS: &[(&str, &str)] = &[
    ("kv/range", "etcdserverpb.KV.Range"),
    ("kv/put", "etcdserverpb.KV.Put"),
    ("kv/deleterange", "etcdserverpb.KV.DeleteRange"),
    ("kv/txn", "etcdserverpb.KV.Txn"),
    ("kv/compaction", "etcdserverpb.KV.Compact"),
    ("watch", "etcdserverpb.Watch.Watch"),
    ("lease/grant", "etcdserverpb.Lease.LeaseGrant"),
    ("lease/revoke", "etcdserverpb.Lease.LeaseRevoke"),
    ("lease/keepalive", "etcdserverpb.Lease.LeaseKeepAlive"),
    ("lease/timetolive", "etcdserverpb.Lease.LeaseTimeToLive"),
    ("lease/leases", "etcdserverpb.Lease.LeaseLeases"),
    // Older names of the same.
    ("kv/lease/revoke", "etcdserverpb.Lease.LeaseRevoke"),
    ("kv/lease/timetolive", "etcdserverpb.Lease.LeaseTimeToLive"),
    ("kv/lease/leases", "etcdserverpb.Lease.LeaseLeases"),
    ("cluster/member/add", "etcdserverpb.Cluster.MemberAdd"),
    ("cluster/member/remove", "etcdserverpb.Cluster.MemberRemove"),
    ("cluster/member/update", "etcdserverpb.Cluster.MemberUpdate"),
    ("cluster/member/list", "etcdserverpb.Cluster.MemberList"),
    (
        "cluster/member/promote",
        "etcdserverpb.Cluster.MemberPromote",
    ),
    ("maintenance/alarm", "etcdserverpb.Maintenance.Alarm"),
    ("maintenance/status", "etcdserverpb.Maintenance.Status"),
    (
        "maintenance/defragment",
        "etcdserverpb.Maintenance.Defragment",
    ),
    ("maintenance/hash", "etcdserverpb.Maintenance.Hash"),
    ("maintenance/snapshot", "etcdserverpb.Maintenance.Snapshot"),
    (
        "maintenance/transfer-leadership",
        "etcdserverpb.Maintenance.MoveLeader",
    ),
    ("auth/enable", "etcdserverpb.Auth.AuthEnable"),
    ("auth/disable", "etcdserverpb.Auth.AuthDisable"),
    ("auth/authenticate", "etcdserverpb.Auth.Authenticate"),
    ("auth/user/add", "etcdserverpb.Auth.UserAdd"),
    ("auth/user/get", "etcdserverpb.Auth.UserGet"),
    ("auth/user/list", "etcdserverpb.Auth.UserList"),
    ("auth/user/delete", "etcdserverpb.Auth.UserDelete"),
    ("auth/user/changepw", "etcdserverpb.Auth.UserChangePassword"),
    ("auth/user/grant", "etcdserverpb.Auth.UserGrantRole"),
    ("auth/user/revoke", "etcdserverpb.Auth.UserRevokeRole"),
    ("auth/role/add", "etcdserverpb.Auth.RoleAdd"),
    ("auth/role/get", "etcdserverpb.Auth.RoleGet"),
    ("auth/role/list", "etcdserverpb.Auth.RoleList"),
    ("auth/role/delete", "etcdserverpb.Auth.RoleDelete"),
    ("auth/role/grant", "etcdserverpb.Auth.RoleGrantPermission"),
    ("auth/role/revoke", "etcdserverpb.Auth.RoleRevokePermission"),
    ("lock/lock", "v3lockpb.Lock.Lock"),
    ("lock/unlock", "v3lockpb.Lock.Unlock"),
    ("election/campaign", "v3electionpb.Election.Campaign"),
    ("election/proclaim", "v3electionpb.Election.Proclaim"),
    ("election/leader", "v3electionpb.Election.Leader"),
    ("election/observe", "v3electionpb.Election.Observe"),
    ("election/resign", "v3electionpb.Election.Resign"),
];

#[derive(Clone)]
struct Gateway {
    grpc: Router,
    methods: Arc<BTreeMap<&'static str, MethodDescriptor>>,
    body_max: usize,
}

/// The paths under `/v3/` (and `/v3beta/`, as etcd 3.3 had it), answered by `grpc`, which takes messages of up to `request_max` bytes.
///
/// # Errors
/// When the services are not described.
pub(super) fn router(grpc: Router, request_max: usize) -> anyhow::Result<Router> {
    let pool = DescriptorPool::decode(DESCRIPTORS)?;
    let described: BTreeMap<String, MethodDescriptor> = pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .map(|method| (method.full_name().to_owned(), method))
        .collect();
    let mut methods = BTreeMap::new();
    for (path, name) in METHODS {
        let method = described.get(*name).cloned();
        methods.insert(
            *path,
            method.with_context(|| format!("there is no {name}"))?,
        );
    }
    let gateway = Gateway {
        grpc,
        methods: Arc::new(methods),
        // Base64 takes four bytes for three.
        body_max: 2 * request_max,
    };
    Ok(Router::new()
        .route("/v3/{*path}", any(answer))
        .route("/v3beta/{*path}", any(answer))
        .with_state(gateway))
}

async fn answer(
    State(gateway): State<Gateway>,
    Path(path): Path<String>,
    request: Request,
) -> Response {
    let Some(method) = gateway.methods.get(path.as_str()) else {
        return (StatusCode::NOT_FOUND, "Not Found\n").into_response();
    };
    match *request.method() {
        Method::POST => {}
        Method::OPTIONS => return StatusCode::OK.into_response(),
        _ => return (StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n").into_response(),
    }
    let answered = gateway.call(method, request).await;
    answered.unwrap_or_else(|status| {
        let text = status.message();
        let error = json!({ "error": text, "message": text, "code": status.code() as i32 });
        in_json(http_code(status.code()), error.to_string())
    })
}

fn in_json(code: StatusCode, body: impl Into<Body>) -> Response {
    (
        code,
        [(header::CONTENT_TYPE, "application/json")],
        body.into(),
    )
        .into_response()
}

impl Gateway {
    async fn call(&self, method: &MethodDescriptor, request: Request) -> Result<Response, Status> {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, self.body_max).await;
        let body = body.map_err(|e| {
            Status::resource_exhausted(format!("a body of up to {} bytes: {e}", self.body_max))
        })?;
        let mut answers = self.ask(method, &head, &body).await?;
        if !method.is_server_streaming() {
            let answer = answers.message().await?;
            let answer = answer.ok_or_else(|| Status::internal("there was no answer"))?;
            return Ok(in_json(StatusCode::OK, to_json(&answer)?));
        }
        let lines = answers.map(|answer| {
            Ok::<_, Status>(match answer.and_then(|answer| to_json(&answer)) {
                Ok(json) => format!("{{\"result\":{json}}}\n"),
                Err(status) => format!("{}\n", broken_off(&status)),
            })
        });
        Ok(in_json(StatusCode::OK, Body::from_stream(lines)))
    }

    async fn ask(
        &self,
        method: &MethodDescriptor,
        head: &Parts,
        body: &[u8],
    ) -> Result<tonic::Streaming<DynamicMessage>, Status> {
        let requests = requests(method, body)?;
        let mut request = tonic::Request::new(stream::iter(requests));
        for name in ["authorization", "grpc-timeout"] {
            if let Some(value) = head.headers.get(name) {
                let value = value.to_str().ok().and_then(|value| value.parse().ok());
                let value =
                    value.ok_or_else(|| Status::invalid_argument(format!("{name} is no text")))?;
                request.metadata_mut().insert(name, value);
            }
        }
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let path = PathAndQuery::try_from(path).map_err(|e| Status::internal(e.to_string()))?;
        let mut grpc = Grpc::new(self.grpc.clone());
        let ready = grpc.ready().await;
        ready.map_err(|e| Status::internal(format!("the services are not ready: {e}")))?;
        let codec = Described(method.output());
        Ok(grpc.streaming(request, path, codec).await?.into_inner())
    }
}

/// The messages in a body: one after the other for a stream, or else one, of which nothing need be said.
fn requests(method: &MethodDescriptor, body: &[u8]) -> Result<Vec<DynamicMessage>, Status> {
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut requests = Vec::new();
    while json.end().is_err() && (requests.is_empty() || method.is_client_streaming()) {
        let request = DynamicMessage::deserialize_with_options(method.input(), &mut json, &options);
        requests.push(request.map_err(|e| Status::invalid_argument(e.to_string()))?);
    }
    if requests.is_empty() && !method.is_client_streaming() {
        requests.push(DynamicMessage::new(method.input()));
    }
    Ok(requests)
}

fn to_json(message: &DynamicMessage) -> Result<String, Status> {
    let options = SerializeOptions::new().use_proto_field_name(true);
    let mut json = Vec::new();
    let written =
        message.serialize_with_options(&mut serde_json::Serializer::new(&mut json), &options);
    written.map_err(|e| Status::internal(e.to_string()))?;
    String::from_utf8(json).map_err(|e| Status::internal(e.to_string()))
}

/// The last line of a stream that failed.
fn broken_off(status: &Status) -> String {
    let http = http_code(status.code());
    let error = json!({
        "grpc_code": status.code() as i32,
        "http_code": http.as_u16(),
        "message": status.message(),
        "http_status": http.canonical_reason(),
    });
    json!({ "error": error }).to_string()
}

/// The code of HTTP that says most of what gRPC's says (`runtime.HTTPStatusFromCode` of etcd 3.4's grpc-gateway).
fn http_code(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::Cancelled => StatusCode::REQUEST_TIMEOUT,
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::FailedPrecondition => StatusCode::PRECONDITION_FAILED,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Encodes and decodes messages of which only the description is known; it is that of the answers.
#[derive(Clone)]
struct Described(MessageDescriptor);

impl Codec for Described {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Described;
    type Decoder = Described;

    fn encoder(&mut self) -> Described {
        self.clone()
    }

    fn decoder(&mut self) -> Described {
        self.clone()
    }
}

impl Encoder for Described {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let encoded = message.encode(to);
        encoded.map_err(|e| Status::internal(e.to_string()))
    }
}

impl Decoder for Described {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let decoded = DynamicMessage::decode(self.0.clone(), from);
        decoded
            .map(Some)
            .map_err(|e| Status::internal(e.to_string()))
    }
}
