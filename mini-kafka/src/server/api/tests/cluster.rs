//! What a cluster of one, without an authorizer, says to administrators.

use kafka_protocol::messages as m;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;

use super::versions::ask;
use super::*;

#[tokio::test]
async fn acls_are_refused_for_want_of_an_authorizer() {
    let server = Server::start();
    let disabled = ErrorCode::SecurityDisabled.code();
    let described = ask(&server, 1, &m::DescribeAclsRequest::default()).await;
    let why = described.error_message.unwrap();
    assert_eq!(described.error_code, disabled);
    assert_eq!(&*why, "No Authorizer is configured on the broker");
    let create = m::CreateAclsRequest::default().with_creations(vec![AclCreation::default(); 2]);
    let created = ask(&server, 3, &create).await.results.into_iter();
    let created = created.map(|result| (result.error_code, result.error_message));
    let refused = (disabled, Some(text("No Authorizer is configured.")));
    assert_eq!(
        created.collect::<Vec<_>>(),
        [refused.clone(), refused.clone()]
    );
    let filters = vec![DeleteAclsFilter::default()];
    let delete = m::DeleteAclsRequest::default().with_filters(filters);
    let deleted = ask(&server, 2, &delete).await.filter_results.remove(0);
    assert_eq!((deleted.error_code, deleted.error_message), refused);
    assert!(deleted.matching_acls.is_empty());
}

#[tokio::test]
async fn no_partition_needs_an_election() {
    let server = Server::start();
    server.create("t", &[]);
    let topic = |name: &str, partitions| {
        TopicPartitions::default()
            .with_topic(TopicName(text(name)))
            .with_partitions(partitions)
    };
    let topics = vec![topic("t", vec![1, 2]), topic("nobody", vec![0])];
    let elect = |kind, topics| {
        m::ElectLeadersRequest::default()
            .with_election_type(kind)
            .with_topic_partitions(topics)
    };
    let (needless, unknown, invalid) = (
        ErrorCode::ElectionNotNeeded.code(),
        ErrorCode::UnknownTopicOrPartition.code(),
        ErrorCode::InvalidRequest.code(),
    );
    for (version, kind, top, codes) in [
        (0, 0, 0, [needless, unknown, unknown]),
        (2, 1, 0, [needless, unknown, unknown]),
        (2, 2, invalid, [invalid; 3]),
    ] {
        let answer = ask(&server, version, &elect(kind, Some(topics.clone()))).await;
        assert_eq!(answer.error_code, top);
        let results = answer.replica_election_results.iter();
        let results = results.flat_map(|topic| &topic.partition_result);
        let came: Vec<i16> = results.map(|result| result.error_code).collect();
        assert_eq!(came, codes, "version {version}, type {kind}");
    }
    // Of all partitions only those are told that needed one.
    let all = ask(&server, 2, &elect(0, None))
        .await
        .replica_election_results;
    assert_eq!((&**all[0].topic, all[0].partition_result.len()), ("t", 0));
}

#[tokio::test]
async fn the_cluster_is_one_broker() {
    let server = Server::start();
    let asked =
        m::DescribeClusterRequest::default().with_include_cluster_authorized_operations(true);
    let cluster = ask(&server, 0, &asked).await;
    assert_eq!(*cluster.cluster_id, *server.broker.cluster_id());
    assert_eq!((cluster.controller_id.0, cluster.brokers.len()), (1, 1));
    let broker = &cluster.brokers[0];
    assert_eq!(
        (broker.broker_id.0, &*broker.host, broker.port),
        (1, "localhost", 9092)
    );
    assert_eq!(broker.rack, None);
    assert_eq!(cluster.cluster_authorized_operations.count_ones(), 7);
    let asked = |kind| m::DescribeClusterRequest::default().with_endpoint_type(kind);
    let untold = ask(&server, 1, &asked(1)).await;
    assert_eq!(
        (untold.error_code, untold.cluster_authorized_operations),
        (0, i32::MIN)
    );
    for (kind, code) in [
        (2, ErrorCode::MismatchedEndpointType),
        (9, ErrorCode::UnsupportedEndpointType),
    ] {
        let refused = ask(&server, 1, &asked(kind)).await;
        assert_eq!(
            (refused.error_code, refused.brokers.len()),
            (code.code(), 0)
        );
    }
}

#[tokio::test]
async fn producers_are_described_by_their_last_batches() {
    let server = Server::start();
    server.create("t", &[]);
    let served = server.broker.partition("t", 0).unwrap();
    for sequence in [0, 1] {
        let mut batch = BatchBuilder::new(Compression::None).producer(7, 3, sequence);
        batch.push(100 + i64::from(sequence), None, Some(b"v"), &[]);
        let mut batch = batch.build().unwrap();
        served.append(&mut batch, server.broker.now()).unwrap();
    }
    let topic = |name: &str| {
        TopicRequest::default()
            .with_name(TopicName(text(name)))
            .with_partition_indexes(vec![0, 1, 2])
    };
    let asked = m::DescribeProducersRequest::default().with_topics(vec![topic("t"), topic("a b")]);
    let answer = ask(&server, 0, &asked).await;
    let partitions = &answer.topics[0].partitions;
    let producer = &partitions[0].active_producers[0];
    assert_eq!((producer.producer_id.0, producer.producer_epoch), (7, 3));
    assert_eq!((producer.last_sequence, producer.last_timestamp), (1, 101));
    assert_eq!(
        (
            producer.coordinator_epoch,
            producer.current_txn_start_offset
        ),
        (-1, -1)
    );
    assert_eq!(
        (
            partitions[1].error_code,
            partitions[1].active_producers.len()
        ),
        (0, 0)
    );
    assert_eq!(
        partitions[2].error_code,
        ErrorCode::UnknownTopicOrPartition.code()
    );
    let invalid = &answer.topics[1].partitions[0];
    assert_eq!(invalid.error_code, ErrorCode::InvalidTopic.code());
}

#[tokio::test]
async fn there_are_no_transactions_and_no_reassignments() {
    let server = Server::start();
    let states = ["Ongoing", "Pondering"].map(text).to_vec();
    let asked = m::ListTransactionsRequest::default().with_state_filters(states);
    let listed = ask(&server, 1, &asked).await;
    assert_eq!((listed.error_code, listed.transaction_states.len()), (0, 0));
    assert_eq!(listed.unknown_state_filters, [text("Pondering")]);
    let ids = ["x", ""].map(|id| m::TransactionalId(text(id))).to_vec();
    let asked = m::DescribeTransactionsRequest::default().with_transactional_ids(ids);
    let states = ask(&server, 0, &asked).await.transaction_states;
    let codes: Vec<i16> = states.iter().map(|state| state.error_code).collect();
    let expected = [
        ErrorCode::TransactionalIdNotFound,
        ErrorCode::InvalidRequest,
    ];
    assert_eq!(codes, expected.map(ErrorCode::code));
    let asked = m::ListPartitionReassignmentsRequest::default().with_topics(None);
    let moved = ask(&server, 0, &asked).await;
    assert_eq!((moved.error_code, moved.topics.len()), (0, 0));
}

#[tokio::test]
async fn what_has_settings_is_listed_by_its_kind() {
    let server = Server::start();
    server.create("t", &[]);
    for (version, kinds, expected) in [
        // Clients' metrics alone.
        (0, &[][..], Ok(&[][..])),
        (1, &[], Ok(&[("t", 2), ("1", 4)])),
        (1, &[4], Ok(&[("1", 4)])),
        (1, &[2, 4, 2, 2], Ok(&[("t", 2), ("1", 4)])),
        (1, &[8, 16, 32], Ok(&[])),
        (1, &[2, 3], Err(ErrorCode::UnsupportedVersion)),
    ] {
        let request = m::ListConfigResourcesRequest::default().with_resource_types(kinds.to_vec());
        let answer = ask(&server, version, &request).await;
        let found = answer.config_resources.iter();
        let found = found.map(|found| (&*found.resource_name, found.resource_type));
        let found: Vec<_> = found.collect();
        let code = expected.err().unwrap_or(ErrorCode::None).code();
        assert_eq!(answer.error_code, code, "{kinds:?}");
        assert_eq!(found, expected.unwrap_or_default(), "{kinds:?}");
    }
}
