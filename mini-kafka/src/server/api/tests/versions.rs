//! What is advertised is answered as the protocol has it: in each version, by the layouts of the crate `kafka-protocol`.

use std::collections::BTreeSet;
use std::os::unix::fs::FileExt;

use kafka_protocol::messages as m;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::protocol::Request;

use super::*;

/// A request whose header has a tagged field that nobody knows, where its version allows for one.
fn frame<R: Request>(version: i16, request: &R) -> BytesMut {
    let header = m::RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(7)
        .with_client_id(Some(text("c")));
    let header_version = R::header_version(version);
    let header = if header_version >= 2 {
        header.with_unknown_tagged_field(300, Bytes::from_static(b"of the future"))
    } else {
        header
    };
    let mut frame = BytesMut::new();
    header.encode(&mut frame, header_version).unwrap();
    request.encode(&mut frame, version).unwrap();
    frame
}

/// Asks, and sees that nothing is left of the answer's frame.
pub(super) async fn ask<R: Request>(server: &Server, version: i16, request: &R) -> R::Response {
    let what = format!("request {} version {version}", R::KEY);
    let frame = frame(version, request).freeze();
    let served = serve(&server.broker, frame, "/127.0.0.1");
    let (_, answer) = served.unwrap_or_else(|why| panic!("{what}: {why}"));
    let response = answer.await.unwrap_or_else(|why| panic!("{what}: {why}"));
    let mut bytes = BytesMut::new();
    for piece in response.pieces {
        match piece {
            Piece::Bytes(piece) => bytes.extend(piece),
            Piece::File(slice) => {
                let mut piece = vec![0; slice.len];
                slice
                    .file
                    .read_exact_at(&mut piece, slice.position)
                    .unwrap();
                bytes.extend(piece);
            }
        }
    }
    let mut bytes = bytes.freeze();
    assert_eq!(bytes.get_i32(), i32::try_from(bytes.len()).unwrap());
    let header_version = R::Response::header_version(version);
    let header = m::ResponseHeader::decode(&mut bytes, header_version).unwrap();
    assert_eq!(header.correlation_id, 7, "{what}");
    let answer = R::Response::decode(&mut bytes, version);
    let answer = answer.unwrap_or_else(|why| panic!("{what}: {why}"));
    assert!(bytes.is_empty(), "{what}: {bytes:?} is left");
    answer
}

#[tokio::test]
async fn each_version_that_is_advertised_is_answered() {
    let server = Server::start();
    server.create("t", &[("retention.ms", "5")]);
    let mut asked = BTreeSet::new();
    macro_rules! ask_in_each_version {
        ($($request:expr),* $(,)?) => {$({
            let request = $request;
            let api = Api::find(key_of(&request)).unwrap();
            for version in api.min..=api.max {
                ask(&server, version, &request).await;
            }
            asked.insert(api.key as i16);
        })*};
    }
    ask_in_each_version!(
        m::ProduceRequest::default().with_acks(1),
        m::FetchRequest::default(),
        m::ListOffsetsRequest::default(),
        m::MetadataRequest::default().with_topics(None),
        m::OffsetCommitRequest::default(),
        m::OffsetFetchRequest::default(),
        m::FindCoordinatorRequest::default(),
        m::JoinGroupRequest::default(),
        m::HeartbeatRequest::default(),
        m::LeaveGroupRequest::default(),
        m::SyncGroupRequest::default(),
        m::DescribeGroupsRequest::default().with_groups(vec![m::GroupId(text("g"))]),
        m::ListGroupsRequest::default(),
        m::ApiVersionsRequest::default(),
        m::CreateTopicsRequest::default(),
        m::DeleteTopicsRequest::default(),
        m::DeleteRecordsRequest::default(),
        m::InitProducerIdRequest::default(),
        m::OffsetForLeaderEpochRequest::default(),
        m::DescribeConfigsRequest::default(),
        m::AlterConfigsRequest::default(),
        m::DescribeLogDirsRequest::default(),
        m::CreatePartitionsRequest::default(),
        m::DeleteGroupsRequest::default(),
        m::IncrementalAlterConfigsRequest::default(),
        m::OffsetDeleteRequest::default(),
        m::ConsumerGroupHeartbeatRequest::default(),
        m::DescribeAclsRequest::default(),
        m::CreateAclsRequest::default().with_creations(vec![AclCreation::default()]),
        m::DeleteAclsRequest::default().with_filters(vec![DeleteAclsFilter::default()]),
        m::ElectLeadersRequest::default().with_topic_partitions(None),
        m::ListPartitionReassignmentsRequest::default().with_topics(None),
        m::DescribeClusterRequest::default(),
        m::DescribeProducersRequest::default(),
        m::ListConfigResourcesRequest::default(),
        m::DescribeTopicPartitionsRequest::default(),
        m::DescribeTransactionsRequest::default()
            .with_transactional_ids(vec![m::TransactionalId(text("x"))]),
        m::ListTransactionsRequest::default(),
    );
    let served = APIS.iter().map(|api| api.key as i16);
    assert_eq!(asked, served.collect());
}

fn key_of<R: Request>(_: &R) -> i16 {
    R::KEY
}

#[tokio::test]
async fn tagged_fields_that_lie_about_their_length_are_refused() {
    let server = Server::start();
    let frame = frame(10, &MetadataRequest::default());
    let ends_at = frame.len();
    // The header's fields end where the request's begin: before them each cut is one within the header.
    for cut in 10..ends_at {
        let served = serve(
            &server.broker,
            frame.clone().freeze().slice(..cut),
            "/127.0.0.1",
        );
        let why = served
            .err()
            .unwrap_or_else(|| panic!("{cut} bytes were served"));
        assert!(
            matches!(why, BadRequest::Header(_) | BadRequest::Body { .. }),
            "{why}"
        );
    }
}

#[tokio::test]
async fn a_topic_keeps_its_id_and_its_successor_has_another() {
    let server = Server::start();
    let creatable = CreatableTopic::default()
        .with_name(TopicName(text("t")))
        .with_num_partitions(3)
        .with_replication_factor(-1);
    let create = m::CreateTopicsRequest::default().with_topics(vec![creatable]);
    let created = ask(&server, 7, &create).await.topics.remove(0);
    assert_eq!((created.num_partitions, created.replication_factor), (3, 1));
    let configs = created.configs.unwrap();
    let retention = configs
        .iter()
        .find(|config| &*config.name == "retention.ms");
    assert_eq!(retention.unwrap().value.as_deref(), Some("604800000"));
    let id = created.topic_id;
    assert!(!id.is_nil());
    let topic = MetadataRequestTopic::default().with_name(Some(TopicName(text("t"))));
    let metadata = MetadataRequest::default().with_topics(Some(vec![topic]));
    let found = ask(&server, 10, &metadata).await.topics.remove(0);
    assert_eq!(found.topic_id, id);
    let server = server.again();
    let found = ask(&server, 10, &metadata).await.topics.remove(0);
    assert_eq!(found.topic_id, id, "after a restart");
    server.broker.delete_topic("t", None).unwrap();
    let created = ask(&server, 7, &create).await.topics.remove(0);
    assert_eq!(created.error_code, 0);
    assert_ne!(created.topic_id, id);
}

#[tokio::test]
async fn topics_from_before_there_were_ids_get_some_that_stay() {
    let server = Server::start();
    server.create("t", &[]);
    let path = server.root.path().join("catalogue.json");
    let catalogue = std::fs::read_to_string(&path).unwrap();
    let without = catalogue.lines().filter(|line| !line.contains("\"id\""));
    let without = without.collect::<Vec<_>>().join("\n");
    assert_ne!(without, catalogue);
    std::fs::write(&path, without).unwrap();
    let server = server.again();
    let id = server.broker.topic("t").unwrap().id;
    assert!(!id.is_nil());
    assert_eq!(server.again().broker.topic("t").unwrap().id, id);
}

#[tokio::test]
async fn who_is_refused_hears_of_no_protocol() {
    let server = Server::start();
    let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
    let request = m::JoinGroupRequest::default()
        .with_group_id(m::GroupId(text("g")))
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(10_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol]);
    for (version, protocol) in [(6, Some(text(""))), (7, None)] {
        let refused = ask(&server, version, &request).await;
        assert_eq!(refused.error_code, ErrorCode::MemberIdRequired.code());
        assert_eq!(
            (refused.protocol_name, refused.protocol_type),
            (protocol, None)
        );
    }
}

#[tokio::test]
async fn a_producer_with_an_id_gets_another() {
    let server = Server::start();
    let request = || m::InitProducerIdRequest::default().with_transactional_id(None);
    let first = ask(&server, 4, &request()).await.producer_id;
    let again = request().with_producer_id(first).with_producer_epoch(0);
    let again = ask(&server, 4, &again).await;
    assert_eq!(again.error_code, 0);
    assert_ne!(again.producer_id, first);
    let half = ask(&server, 4, &request().with_producer_epoch(0)).await;
    assert_eq!(half.error_code, ErrorCode::InvalidRequest.code());
}
