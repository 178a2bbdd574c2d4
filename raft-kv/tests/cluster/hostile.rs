//! What no honest client sends, and what HTTP/1 is answered on the same port.

use std::io::{Read, Write};
use std::net::TcpStream;

use axum::http::uri::PathAndQuery;
use raft_kv::client::{ClientError, pb};
use raft_kv::server::wire::v3lockpb::LockRequest;
use raft_kv::server::wire::v3lockpb::lock_client::LockClient;
use tokio_stream::StreamExt;
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::{Cluster, wait};

fn http(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(super::SOON)).unwrap();
    let mut answer = Vec::new();
    // A member that has heard enough answers and closes before it has all. A connection that is reset has no more to say.
    let _ = stream.write_all(request.as_bytes());
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(address: &str, path: &str) -> String {
    http(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"),
    )
}

fn code(error: &ClientError) -> Code {
    match error {
        ClientError::Refused(status) => status.code(),
        other => panic!("not refused: {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_get_errors_and_do_no_harm() {
    let mut cluster = Cluster::start(1, &["--max-request-bytes=10000"]).await;
    let client = &cluster.client;
    let refused = |error: Result<i64, ClientError>| code(&error.unwrap_err());
    assert_eq!(refused(client.put("", "v", 0).await), Code::InvalidArgument);
    assert_eq!(
        refused(client.put("k", vec![0; 20_000], 0).await),
        Code::InvalidArgument
    );
    assert_eq!(
        refused(client.put("k", vec![0; 1_000_000], 0).await),
        Code::ResourceExhausted
    );
    // Even the library's own limit.
    let overlong = client.put("k", vec![0; 6_000_000], 0).await.unwrap_err();
    assert_eq!(code(&overlong), Code::ResourceExhausted);
    assert_eq!(
        overlong.to_string(),
        "grpc: received message larger than max (6000008 vs. 534288)"
    );
    assert_eq!(refused(client.put("k", "v", -5).await), Code::NotFound);
    let odd = pb::RangeRequest {
        key: b"k".to_vec(),
        sort_order: 77,
        ..Default::default()
    };
    assert_eq!(
        code(&client.range(odd).await.unwrap_err()),
        Code::InvalidArgument
    );
    let mut nested = pb::TxnRequest::default();
    for _ in 0..40 {
        let op = pb::RequestOp {
            request: Some(pb::request_op::Request::RequestTxn(nested)),
        };
        nested = pb::TxnRequest {
            success: vec![op],
            ..Default::default()
        };
    }
    let empty = pb::TxnRequest {
        success: vec![pb::RequestOp { request: None }],
        ..Default::default()
    };
    assert_eq!(
        code(&client.txn(empty).await.unwrap_err()),
        Code::InvalidArgument
    );
    client.txn(nested).await.unwrap();
    let address = cluster.local.endpoints().remove(0);
    let peer = cluster.local.members[0].address("peer").unwrap().to_owned();
    for garbage in [
        "\0\0\0",
        "GET",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\u{1}garbage",
        "POST /x HTTP/1.1\r\ncontent-length: 5\r\nconnection: close\r\n\r\nabcde",
    ] {
        for address in [&address, &peer] {
            let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
            stream.write_all(garbage.as_bytes()).unwrap();
        }
    }
    client.put("k", "v", 0).await.unwrap();
    cluster.local.stop();
}

/// What clients other than etcdctl have seen differ.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_refused_as_etcd_does() {
    let mut cluster = Cluster::start(1, &[]).await;
    let address = cluster.local.endpoints().remove(0);
    let channel = Endpoint::from_shared(address).unwrap();
    let channel = channel.connect().await.unwrap();
    let get = || Request::new(pb::RangeRequest::default());
    let mut kv = pb::kv_client::KvClient::new(channel.clone());
    for name in ["token", "authorization"] {
        let mut request = get();
        request
            .metadata_mut()
            .insert(name, "made-up".parse().unwrap());
        let refused = kv.range(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        assert_eq!(refused.message(), "etcdserver: invalid auth token");
    }
    for (path, text) in [
        ("/etcdserverpb.None/Do", "unknown service etcdserverpb.None"),
        (
            "/etcdserverpb.KV/Do",
            "unknown method Do for service etcdserverpb.KV",
        ),
    ] {
        let mut client = tonic::client::Grpc::new(channel.clone());
        client.ready().await.unwrap();
        let codec = ProstCodec::<pb::RangeRequest, pb::RangeResponse>::default();
        let refused = client.unary(get(), PathAndQuery::from_static(path), codec);
        let refused = refused.await.unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented);
        assert_eq!(refused.message(), text);
    }
    // Lock and Election are clients of the store: what it refuses them has no code any more.
    let mut lock = LockClient::new(channel.clone());
    let request = LockRequest {
        name: b"lock".to_vec(),
        lease: 4711,
    };
    let refused = lock.lock(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unknown);
    assert_eq!(refused.message(), "etcdserver: requested lease not found");
    let mut auth = pb::auth_client::AuthClient::new(channel.clone());
    let refused = auth.user_add(pb::AuthUserAddRequest::default()).await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    // Who it is comes before where it is.
    let refused = cluster.client.member_update(5, vec!["nonsense".to_owned()]);
    assert_eq!(code(&refused.await.unwrap_err()), Code::NotFound);
    let mut maintenance = pb::maintenance_client::MaintenanceClient::new(channel.clone());
    let alarms = maintenance.alarm(pb::AlarmRequest::default()).await;
    assert_eq!(alarms.unwrap().into_inner().header, None);

    // A watch that begins before the last compaction, or before everything.
    let revision = cluster.client.put("k", "v", 0).await.unwrap();
    cluster.client.compact(revision, true).await.unwrap();
    for start_revision in [1, -3] {
        let create = pb::WatchCreateRequest {
            key: b"k".to_vec(),
            start_revision,
            ..Default::default()
        };
        let request = pb::WatchRequest {
            request_union: Some(pb::watch_request::RequestUnion::CreateRequest(create)),
        };
        let mut client = pb::watch_client::WatchClient::new(channel.clone());
        let asked = tokio_stream::once(request).chain(tokio_stream::pending());
        let mut answers = client.watch(asked).await.unwrap().into_inner();
        assert!(answers.message().await.unwrap().unwrap().created);
        let ended = answers.message().await.unwrap().unwrap();
        assert!(ended.canceled && ended.events.is_empty(), "{ended:?}");
        assert_eq!(ended.compact_revision, revision);
        assert_eq!(
            (ended.header.unwrap().revision, &*ended.cancel_reason),
            (0, "")
        );
    }
    cluster.local.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_port_speaks_http_1_too() {
    let mut cluster = Cluster::start(
        1,
        &[
            "--listen-metrics-urls=http://127.0.0.1:0",
            "--logger=zap",
            "-pre-vote",
        ],
    )
    .await;
    cluster.client.put("k", "v", 0).await.unwrap();
    let address = cluster.local.endpoints().remove(0);
    assert!(get(&address, "/health").ends_with("{\"health\":\"true\"}"));
    assert!(get(&address, "/version").contains("\"etcdserver\":\"3.4.23\""));
    assert!(get(&address, "/nothing").starts_with("HTTP/1.1 404"));
    let page = get(&address, "/");
    assert!(
        page.contains("<h1>raft-kv m1</h1>") && page.contains("leads in term"),
        "{page}"
    );
    let metrics = get(&address, "/metrics");
    for name in [
        "etcd_server_has_leader 1",
        "etcd_server_is_leader 1",
        "etcd_mvcc_put_total 1",
        "etcd_debugging_mvcc_keys_total 1",
        "process_resident_memory_bytes ",
        "etcd_mvcc_delete_total 0",
        "etcd_server_health_success 1",
        "etcd_cluster_version{cluster_version=\"3.4\"} 1",
        "grpc_server_started_total{grpc_method=\"Put\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"} 1",
        "grpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"Put\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"} 1",
    ] {
        assert!(metrics.contains(name), "{name} is missing:\n{metrics}");
    }
    let observed = cluster.local.members[0].ready()["metrics"]
        .as_str()
        .unwrap();
    assert!(get(observed, "/health").ends_with("{\"health\":\"true\"}"));
    assert!(get(observed, "/metrics").contains("etcd_server_health_success 2"));
    assert!(get(observed, "/status").starts_with("HTTP/1.1 404"));
    cluster.local.stop();
}

/// What `grpcurl list` shows.
#[tokio::test(flavor = "multi_thread")]
async fn services_are_listed_that_are_served() {
    use tonic_reflection::pb::v1 as reflection;
    let mut cluster = Cluster::start(1, &[]).await;
    let channel = Endpoint::new(cluster.local.endpoints().remove(0)).unwrap();
    let mut client = reflection::server_reflection_client::ServerReflectionClient::new(
        channel.connect().await.unwrap(),
    );
    let list = reflection::server_reflection_request::MessageRequest::ListServices(String::new());
    let request = reflection::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(list),
    };
    let answers = client
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap();
    let answer = answers.into_inner().next().await.unwrap().unwrap();
    let Some(reflection::server_reflection_response::MessageResponse::ListServicesResponse(listed)) =
        answer.message_response
    else {
        panic!("no list: {answer:?}");
    };
    let mut names: Vec<_> = listed
        .service
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    names.sort_unstable();
    let expected = [
        "etcdserverpb.Auth",
        "etcdserverpb.Cluster",
        "etcdserverpb.KV",
        "etcdserverpb.Lease",
        "etcdserverpb.Maintenance",
        "etcdserverpb.Watch",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "v3electionpb.Election",
        "v3lockpb.Lock",
    ];
    assert_eq!(names, expected);
    cluster.local.stop();
}

/// As etcd's `WithRequireLeader` sends it.
fn needing_leader<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    metadata.insert("hasleader", "true".parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_majority_nothing_is_promised() {
    let mut cluster =
        Cluster::start(3, &["--heartbeat-interval=50", "--election-timeout=500"]).await;
    cluster.client.put("k", "v", 0).await.unwrap();
    let leader = cluster.leader().await;
    let address = cluster.local.endpoints().remove(leader);
    let channel = Endpoint::new(address.clone()).unwrap().connect_lazy();
    let mut watch = pb::watch_client::WatchClient::new(channel.clone());
    let watching = needing_leader(tokio_stream::pending());
    let mut events = watch.watch(watching).await.unwrap().into_inner();
    for (i, member) in cluster.local.members.iter_mut().enumerate() {
        if i != leader {
            member.kill();
        }
    }
    let alone = cluster
        .at(leader)
        .with_timeout(std::time::Duration::from_secs(2));
    assert!(alone.put("k", "w", 0).await.is_err());
    assert!(alone.get("k").await.is_err());
    let stale = pb::RangeRequest {
        key: b"k".to_vec(),
        serializable: true,
        ..Default::default()
    };
    assert_eq!(alone.range(stale.clone()).await.unwrap().count, 1);
    // Whoever would rather have a leader hears that there is none: at once, and on a stream that was there before.
    let no_leader = |status: Status| {
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(status.message(), "etcdserver: no leader");
    };
    no_leader(events.message().await.unwrap_err());
    let mut kv = pb::kv_client::KvClient::new(channel);
    no_leader(kv.range(needing_leader(stale)).await.unwrap_err());
    assert_eq!(alone.status().await.unwrap().leader, 0);
    wait("an unhealthy answer", async || {
        get(&address, "/health").contains("503 Service Unavailable")
    })
    .await;
    // A follower that is alone says so, too, though it remembers who led.
    cluster.local.members[leader].kill();
    let follower = (leader + 1) % 3;
    cluster.local.members[follower].start(super::SOON).unwrap();
    assert_eq!(cluster.at(follower).status().await.unwrap().leader, 0);
    cluster.local.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_is_too_long_or_none_gets_an_error_and_does_no_harm() {
    let mut cluster = Cluster::start(1, &[]).await;
    let address = cluster.local.members[0]
        .address("client")
        .unwrap()
        .to_owned();
    let post = |path: &str, body: &str| {
        let length = body.len();
        http(
            &address,
            &format!(
                "POST {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            ),
        )
    };
    let deep = "[".repeat(100_000);
    let long = format!(r#"{{"key":"{}"}}"#, "A".repeat(2 << 20));
    for (body, expected) in [
        ("\0", "HTTP/1.1 400"),
        (deep.as_str(), "HTTP/1.1 400"),
        (long.as_str(), "HTTP/1.1 400"),
        ("{}", "HTTP/1.1 400"),
    ] {
        let answer = post("/v3/kv/put", body);
        let begin: String = body.chars().take(20).collect();
        assert!(answer.starts_with(expected), "{begin}: {answer}");
        assert!(answer.contains(r#""code":3"#), "{begin}: {answer}");
    }
    let longest = "A".repeat(16 << 20);
    let answer = post("/v3/kv/put", &longest);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 429"),
        "{answer}"
    );
    assert!(post("/v3/kv/put", r#"{"key":"Zm9v"}"#).starts_with("HTTP/1.1 200"));
    cluster.local.stop();
}
