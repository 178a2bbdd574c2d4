//! Fetches, in each version, and what is new in the later ones.

use kafka_protocol::messages as m;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use uuid::Uuid;

use super::versions::ask;
use super::*;

/// Of partition 0 of a topic, named as the version has it.
fn request(version: i16, name: &str, id: Uuid, partition: FetchPartition) -> m::FetchRequest {
    let topic =
        FetchTopic::default().with_partitions(vec![partition.with_partition_max_bytes(1000)]);
    let topic = if version < 13 {
        topic.with_topic(TopicName(text(name)))
    } else {
        topic.with_topic_id(id)
    };
    m::FetchRequest::default()
        .with_max_wait_ms(0)
        .with_max_bytes(1000)
        .with_topics(vec![topic])
}

async fn fetch(server: &Server, version: i16, request: &m::FetchRequest) -> PartitionData {
    let mut answer = ask(server, version, request).await;
    assert_eq!(answer.error_code, 0, "version {version}");
    answer.responses.remove(0).partitions.remove(0)
}

#[tokio::test]
async fn what_was_produced_is_fetched_in_each_version() {
    let server = Server::start();
    server.create("t", &[]);
    assert_eq!(server.produce("c", "t").await, 0);
    let id = server.broker.topic("t").unwrap().id;
    let stored = server.broker.partition("t", 0).unwrap();
    let stored = stored.read_bytes(0, 1000).unwrap().unwrap();
    let api = Api::find(ApiKey::Fetch as i16).unwrap();
    for version in api.min..=api.max {
        let asked = request(version, "t", id, FetchPartition::default());
        let mut answer = ask(&server, version, &asked).await;
        let mut topic = answer.responses.remove(0);
        if version < 13 {
            assert_eq!(&**topic.topic, "t");
        } else {
            assert_eq!(topic.topic_id, id);
        }
        let found = topic.partitions.remove(0);
        assert_eq!(
            (found.error_code, found.high_watermark),
            (0, 1),
            "version {version}"
        );
        assert_eq!(
            found.records.as_deref(),
            Some(&stored[..]),
            "version {version}"
        );
        let nothing = FetchPartition::default().with_fetch_offset(1);
        let nothing = fetch(&server, version, &request(version, "t", id, nothing)).await;
        assert_eq!(
            nothing.records.unwrap_or_default().len(),
            0,
            "version {version}"
        );
    }
}

#[tokio::test]
async fn a_fetch_by_id_is_not_answered_by_another_topic_of_the_name() {
    let server = Server::start();
    server.create("t", &[]);
    let old = server.broker.topic("t").unwrap().id;
    let asked = |id| request(13, "", id, FetchPartition::default());
    let begin = |id| asked(id).with_session_epoch(0);
    let begun = ask(&server, 13, &begin(old)).await;
    assert_eq!(begun.responses[0].partitions[0].error_code, 0);
    server.broker.delete_topic("t", Some(old)).unwrap();
    server.create("t", &[]);
    let gone = ErrorCode::UnknownTopicId.code();
    assert_eq!(fetch(&server, 13, &asked(old)).await.error_code, gone);
    // Its session knows it too.
    let next = m::FetchRequest::default()
        .with_session_id(begun.session_id)
        .with_session_epoch(1)
        .with_max_wait_ms(0);
    let next = ask(&server, 15, &next).await.responses.remove(0);
    assert_eq!((next.topic_id, next.partitions[0].error_code), (old, gone));
    let new = server.broker.topic("t").unwrap().id;
    assert_eq!(fetch(&server, 13, &asked(new)).await.error_code, 0);
    let other_way = m::FetchRequest::default()
        .with_session_id(begun.session_id)
        .with_session_epoch(2);
    let refused = ask(&server, 12, &other_way).await;
    assert_eq!(
        refused.error_code,
        ErrorCode::FetchSessionTopicIdError.code()
    );
}

/// A log of two records of the first epoch, and one of the next.
#[tokio::test]
async fn who_has_read_what_is_not_there_hears_where_it_ends() {
    let server = Server::start();
    server.create("t", &[]);
    for _ in 0..2 {
        assert_eq!(server.produce("c", "t").await, 0);
    }
    let served = server.broker.partition("t", 0).unwrap();
    let first = served.offsets().leader_epoch;
    drop(served);
    let server = server.again();
    assert_eq!(server.produce("c", "t").await, 0);
    let next = server
        .broker
        .partition("t", 0)
        .unwrap()
        .offsets()
        .leader_epoch;
    assert!(next > first);
    let out_of_range = ErrorCode::OffsetOutOfRange.code();
    for (offset, epoch, code, told) in [
        (2, first, 0, (-1, -1)),
        (3, next, 0, (-1, -1)),
        (3, first, 0, (first, 2)),
        (3, next + 1, out_of_range, (-1, -1)),
    ] {
        let partition = FetchPartition::default()
            .with_fetch_offset(offset)
            .with_last_fetched_epoch(epoch);
        let found = fetch(&server, 12, &request(12, "t", Uuid::nil(), partition)).await;
        let diverging = &found.diverging_epoch;
        assert_eq!(found.error_code, code, "offset {offset}, epoch {epoch}");
        assert_eq!(
            (diverging.epoch, diverging.end_offset),
            told,
            "offset {offset}, epoch {epoch}"
        );
        let has_records = found.records.is_some_and(|records| !records.is_empty());
        assert_eq!(has_records, offset == 2, "offset {offset}, epoch {epoch}");
    }
}

#[tokio::test]
async fn who_knows_an_old_leader_is_told_the_new_one() {
    let server = Server::start();
    server.create("t", &[]);
    let id = server.broker.topic("t").unwrap().id;
    // An epoch that no record has is used again.
    assert_eq!(server.produce("c", "t").await, 0);
    let old = server.broker.partition("t", 0).unwrap().offsets();
    drop(server.broker);
    let server = Server::open_with(server.root, &["broker.rack=r"]);
    let new = server.broker.partition("t", 0).unwrap().offsets();
    for (version, epoch, code, told) in [
        (15, old.leader_epoch, ErrorCode::FencedLeaderEpoch, false),
        (16, old.leader_epoch, ErrorCode::FencedLeaderEpoch, true),
        (18, old.leader_epoch, ErrorCode::FencedLeaderEpoch, true),
        (
            18,
            new.leader_epoch + 1,
            ErrorCode::UnknownLeaderEpoch,
            false,
        ),
        (18, new.leader_epoch, ErrorCode::None, false),
    ] {
        let partition = FetchPartition::default().with_current_leader_epoch(epoch);
        let mut answer = ask(&server, version, &request(version, "t", id, partition)).await;
        let found = answer.responses.remove(0).partitions.remove(0);
        assert_eq!(found.error_code, code.code(), "version {version}");
        let leader = found.current_leader;
        let leader = (leader.leader_id.0, leader.leader_epoch);
        let endpoints = answer.node_endpoints.iter();
        let endpoints = endpoints.map(|e| (e.node_id.0, &*e.host, e.port, e.rack.as_deref()));
        let endpoints: Vec<_> = endpoints.collect();
        if told {
            assert_eq!(leader, (1, new.leader_epoch), "version {version}");
            assert_eq!(endpoints, [(1, "localhost", 9092, Some("r"))]);
        } else {
            assert_eq!((leader, endpoints), ((-1, -1), vec![]), "version {version}");
        }
    }
}

#[tokio::test]
async fn offsets_are_listed_by_what_a_version_knows() {
    let server = Server::start();
    server.create("t", &[]);
    let served = server.broker.partition("t", 0).unwrap();
    let list = |version, timestamp| {
        let partition = ListOffsetsPartition::default().with_timestamp(timestamp);
        let topic = ListOffsetsTopic::default()
            .with_name(TopicName(text("t")))
            .with_partitions(vec![partition]);
        let request = m::ListOffsetsRequest::default().with_topics(vec![topic]);
        let server = &server;
        async move {
            let mut answer = ask(server, version, &request).await;
            let found = answer.topics.remove(0).partitions.remove(0);
            (found.error_code, found.offset, found.timestamp)
        }
    };
    assert_eq!(list(7, -3).await, (0, -1, -1), "of an empty log");
    for timestamp in [30, 50, 40, 50] {
        let mut batch = BatchBuilder::new(Compression::None);
        batch.push(timestamp, None, Some(b"v"), &[]);
        let mut batch = batch.build().unwrap();
        served.append(&mut batch, server.broker.now()).unwrap();
    }
    let unknown = (ErrorCode::UnsupportedVersion.code(), -1, -1);
    for (version, timestamp, expected) in [
        (1, -1, (0, 4, -1)),
        (1, -2, (0, 0, -1)),
        (6, -3, unknown),
        (7, -3, (0, 1, 50)),
        (7, -4, unknown),
        (8, -4, (0, 0, -1)),
        (8, -5, unknown),
        (9, -5, (0, -1, -1)),
        (10, -3, (0, 1, 50)),
        (10, 31, (0, 1, 50)),
        (10, -6, unknown),
    ] {
        let came = list(version, timestamp).await;
        assert_eq!(came, expected, "{timestamp} in version {version}");
    }
}
