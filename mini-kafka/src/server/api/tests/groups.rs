//! What of groups is new in the later versions: several at once, and more precise errors.

use kafka_protocol::messages as m;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};

use super::versions::ask;
use super::*;
use crate::server::metrics;

fn id(group: &str) -> m::GroupId {
    m::GroupId(text(group))
}

/// Of `t-0`; in generation -1 of whoever assigns to himself.
fn commit(group: &str, generation: i32, offset: i64) -> m::OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default()
        .with_name(TopicName(text("t")))
        .with_partitions(vec![partition]);
    m::OffsetCommitRequest::default()
        .with_group_id(id(group))
        .with_generation_id_or_member_epoch(generation)
        .with_topics(vec![topic])
}

#[tokio::test]
async fn coordinators_are_found_several_at_once() {
    let server = Server::start();
    let find = |kind| {
        m::FindCoordinatorRequest::default()
            .with_key_type(kind)
            .with_coordinator_keys(["a", "b"].map(text).to_vec())
    };
    for (kind, code, node, port) in [
        (0, ErrorCode::None, 1, 9092),
        (1, ErrorCode::TransactionalIdAuthorizationFailed, -1, -1),
        (2, ErrorCode::InvalidRequest, -1, -1),
    ] {
        let found = ask(&server, 6, &find(kind)).await.coordinators.into_iter();
        let found = found.map(|one| (one.key, one.error_code, one.node_id.0, one.port));
        let expected = ["a", "b"].map(|key| (text(key), code.code(), node, port));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}

/// A task tells the coordinator what is stored; here nobody is but the test.
async fn storing<T>(server: &Server, asked: impl Future<Output = T>) -> T {
    tokio::select! {
        () = server.broker.groups.run_storing(&server.broker) => panic!("it runs for ever"),
        answer = asked => answer,
    }
}

#[tokio::test]
async fn offsets_of_several_groups_are_fetched_at_once() {
    let server = Server::start();
    server.create("t", &[]);
    let asked = async {
        for (group, offset) in [("a", 3), ("b", 4)] {
            let answer = ask(&server, 9, &commit(group, -1, offset)).await;
            assert_eq!(answer.topics[0].partitions[0].error_code, 0);
        }
    };
    storing(&server, asked).await;
    let named = OffsetFetchRequestTopics::default()
        .with_name(TopicName(text("t")))
        .with_partition_indexes(vec![1, 0]);
    let group = |name, topics| {
        OffsetFetchRequestGroup::default()
            .with_group_id(id(name))
            .with_topics(topics)
    };
    let groups = vec![
        group("a", None),
        group("b", Some(vec![named.clone()])),
        group("nobody's", Some(vec![named])),
        group("nobody's", None),
    ];
    let request = m::OffsetFetchRequest::default().with_groups(groups);
    for version in [8, 9] {
        let answer = ask(&server, version, &request).await;
        let groups = answer.groups.iter().map(|group| {
            let partitions = group.topics.iter().flat_map(|topic| &topic.partitions);
            let found = partitions.map(|found| (found.partition_index, found.committed_offset));
            (group.error_code, found.collect::<Vec<_>>())
        });
        let expected = [
            (0, vec![(0, 3)]),
            (0, vec![(1, -1), (0, 4)]),
            (0, vec![(1, -1), (0, -1)]),
            (0, vec![]),
        ];
        assert_eq!(groups.collect::<Vec<_>>(), expected, "version {version}");
    }
}

#[tokio::test]
async fn who_is_in_a_group_that_is_not_there_hears_so() {
    let server = Server::start();
    server.create("t", &[]);
    for (version, code) in [
        (8, ErrorCode::IllegalGeneration),
        (9, ErrorCode::GroupIdNotFound),
    ] {
        let answer = ask(&server, version, &commit("g", 5, 1)).await;
        let came = answer.topics[0].partitions[0].error_code;
        assert_eq!(came, code.code(), "version {version}");
    }
    let describe = m::DescribeGroupsRequest::default().with_groups(vec![id("g")]);
    for (version, code) in [(5, ErrorCode::None), (6, ErrorCode::GroupIdNotFound)] {
        let group = ask(&server, version, &describe).await.groups.remove(0);
        assert_eq!(group.error_code, code.code(), "version {version}");
        assert_eq!(&*group.group_state, "Dead");
        assert_eq!(group.error_message.is_some(), version >= 6);
    }
}

#[tokio::test]
async fn a_sync_is_answered_with_the_protocol() {
    let root = tempfile::tempdir().unwrap();
    let server = Server::open_with(root, &["group.initial.rebalance.delay.ms=0"]);
    let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
    let join = |member| {
        m::JoinGroupRequest::default()
            .with_group_id(id("g"))
            .with_member_id(member)
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(10_000)
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol.clone()])
    };
    let member = ask(&server, 9, &join(text(""))).await.member_id;
    let joined = ask(&server, 9, &join(member.clone())).await;
    assert_eq!((joined.error_code, joined.skip_assignment), (0, false));
    let sync = |name: &str| {
        m::SyncGroupRequest::default()
            .with_group_id(id("g"))
            .with_member_id(member.clone())
            .with_generation_id(joined.generation_id)
            .with_protocol_type(Some(text("consumer")))
            .with_protocol_name(Some(text(name)))
    };
    let wrong = ask(&server, 5, &sync("roundrobin")).await;
    assert_eq!(
        wrong.error_code,
        ErrorCode::InconsistentGroupProtocol.code()
    );
    assert_eq!((wrong.protocol_type, wrong.protocol_name), (None, None));
    let synced = storing(&server, ask(&server, 5, &sync("range"))).await;
    assert_eq!(synced.error_code, 0);
    assert_eq!(synced.protocol_type, Some(text("consumer")));
    assert_eq!(synced.protocol_name, Some(text("range")));
    for (types, count) in [(vec![], 1), (vec!["Classic"], 1), (vec!["consumer"], 0)] {
        let types = types.into_iter().map(text).collect();
        let list = m::ListGroupsRequest::default().with_types_filter(types);
        let groups = ask(&server, 5, &list).await.groups;
        assert_eq!(groups.len(), count);
        assert!(groups.iter().all(|group| &*group.group_type == "classic"));
    }
}

#[tokio::test]
async fn nothing_is_measured_of_groups_and_topics_that_are_gone() {
    let server = Server::start();
    server.create("t", &[]);
    let request = m::DeleteGroupsRequest::default().with_groups_names(vec![id("g")]);
    let asked = async {
        ask(&server, 9, &commit("g", -1, 0)).await;
        let measured = metrics::look(&server.broker);
        (measured, ask(&server, 2, &request).await)
    };
    let (measured, deleted) = storing(&server, asked).await;
    assert_eq!(deleted.results[0].error_code, 0);
    for line in [
        r#"kafka_consumergroup_lag{consumergroup="g",topic="t",partition="0"} 0"#,
        r#"kafka_consumergroup_current_offset{consumergroup="g",topic="t",partition="0"} 0"#,
        r#"kafka_consumergroup_members{consumergroup="g"} 0"#,
        r#"kafka_log_log_size{topic="t",partition="0"} 0"#,
        r#"kafka_topic_partition_current_offset{topic="t",partition="1"} 0"#,
    ] {
        assert!(measured.contains(line), "{line}\n{measured}");
    }
    server.broker.delete_topic("t", None).unwrap();
    let measured = metrics::look(&server.broker);
    for label in [r#"="g""#, r#"="t""#] {
        assert!(!measured.contains(label), "{measured}");
    }
    assert!(measured.contains("kafka_brokers 1"));
}
