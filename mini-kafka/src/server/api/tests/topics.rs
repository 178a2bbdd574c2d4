//! Topics described a page at a time (KIP-966).

use kafka_protocol::messages as m;
use kafka_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use kafka_protocol::messages::describe_topic_partitions_response as answered;

use super::versions::ask;
use super::*;

fn request(topics: &[&str], from: Option<(&str, i32)>) -> m::DescribeTopicPartitionsRequest {
    let topics = topics
        .iter()
        .map(|name| TopicRequest::default().with_name(TopicName(text(*name))));
    let cursor = from.map(|(name, partition)| {
        Cursor::default()
            .with_topic_name(TopicName(text(name)))
            .with_partition_index(partition)
    });
    m::DescribeTopicPartitionsRequest::default()
        .with_topics(topics.collect())
        .with_cursor(cursor)
}

/// Topics with their partitions, and where the next page begins.
fn told(answer: &m::DescribeTopicPartitionsResponse) -> String {
    let topic = |topic: &answered::DescribeTopicPartitionsResponseTopic| {
        let name = topic.name.as_ref().map_or("?", |name| &*name.0);
        let partitions = topic.partitions.iter().map(|p| p.partition_index);
        let partitions: Vec<i32> = partitions.collect();
        match topic.error_code {
            0 => format!("{name} {partitions:?}"),
            code => format!("{name} error {code}"),
        }
    };
    let topics: Vec<String> = answer.topics.iter().map(topic).collect();
    let next = answer.next_cursor.as_ref().map_or(String::new(), |next| {
        format!(" then {} {}", &*next.topic_name.0, next.partition_index)
    });
    topics.join(", ") + &next
}

#[tokio::test]
async fn partitions_are_told_so_many_at_a_time() {
    let server = Server::start();
    for topic in ["a", "b", "c"] {
        server.create(topic, &[]);
    }
    for (topics, from, limit, expected) in [
        (&[][..], None, 2000, "a [0, 1], b [0, 1], c [0, 1]"),
        (&[], None, 3, "a [0, 1], b [0] then b 1"),
        (&[], Some(("b", 1)), 3, "b [1], c [0, 1]"),
        (&[], Some(("b", 1)), 1, "b [1] then c 0"),
        (&[], Some(("c", 0)), 2, "c [0, 1]"),
        // It was deleted since.
        (&[], Some(("bb", 1)), 2000, "c [0, 1]"),
        (&[], Some(("c", 9)), 2000, "c []"),
        (&[], None, 0, "a [0] then a 1"),
        (
            &["c", "no", "a"],
            None,
            2000,
            "a [0, 1], c [0, 1], no error 3",
        ),
        (&["c", "n o"], Some(("c", 1)), 2000, "c [1], n o error 17"),
        (&["a", "c"], Some(("b", 0)), 2000, "a error 42, c error 42"),
        (&["a"], Some(("a", -1)), 2000, "a error 42"),
    ] {
        let request = request(topics, from).with_response_partition_limit(limit);
        let answer = ask(&server, 0, &request).await;
        assert_eq!(told(&answer), expected, "{topics:?} from {from:?}");
    }
}

#[tokio::test]
async fn no_answer_is_longer_than_the_broker_allows() {
    let root = tempfile::tempdir().unwrap();
    let server = Server::open_with(root, &["max.request.partition.size.limit=3"]);
    server.create("a", &[]);
    server.create("b", &[]);
    let answer = ask(&server, 0, &request(&[], None)).await;
    assert_eq!(told(&answer), "a [0, 1], b [0] then b 1");
}

#[tokio::test]
async fn a_partition_is_described_as_in_metadata() {
    let server = Server::start();
    server.broker.offsets_partitions().unwrap();
    server.create("t", &[]);
    let names = [OFFSETS_TOPIC, "t"];
    let topics =
        names.map(|name| MetadataRequestTopic::default().with_name(Some(TopicName(text(name)))));
    let twice = topics.iter().chain(&topics).cloned().collect();
    let metadata = MetadataRequest::default()
        .with_topics(Some(twice))
        .with_include_topic_authorized_operations(true);
    let metadata = ask(&server, 12, &metadata).await;
    assert_eq!(metadata.topics.len(), 2, "each is described once");
    let described = ask(&server, 0, &request(&names, None)).await;
    for (a, b) in metadata.topics.iter().zip(&described.topics) {
        assert_eq!((&a.name, a.topic_id), (&b.name, b.topic_id));
        assert_eq!(a.is_internal, b.is_internal);
        assert_eq!(a.topic_authorized_operations, b.topic_authorized_operations);
        assert_eq!(a.partitions.len(), b.partitions.len());
        for (a, b) in a.partitions.iter().zip(&b.partitions) {
            assert_eq!((a.leader_id, a.leader_epoch), (b.leader_id, b.leader_epoch));
            assert_eq!(a.replica_nodes, b.replica_nodes);
            assert_eq!(a.isr_nodes, b.isr_nodes);
            assert_eq!(b.eligible_leader_replicas.as_deref(), Some(&[][..]));
        }
    }
}
