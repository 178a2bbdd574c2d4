//! Topics by their ids (KIP-516), which tell them from others of their name.

use kafka_protocol::messages as m;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use uuid::Uuid;

use super::versions::ask;
use super::*;

fn by_id(id: Uuid) -> MetadataRequest {
    let topic = MetadataRequestTopic::default()
        .with_name(None)
        .with_topic_id(id);
    MetadataRequest::default().with_topics(Some(vec![topic]))
}

#[tokio::test]
async fn a_topic_is_found_by_its_id() {
    let server = Server::start();
    server.create("t", &[]);
    let id = server.broker.topic("t").unwrap().id;
    let found = ask(&server, 12, &by_id(id)).await.topics.remove(0);
    assert_eq!((found.error_code, found.topic_id), (0, id));
    assert_eq!(
        (found.name, found.partitions.len()),
        (Some(TopicName(text("t"))), 2)
    );
    let nobodys = Uuid::from_u128(7);
    let missing = ask(&server, 12, &by_id(nobodys)).await.topics.remove(0);
    assert_eq!(missing.error_code, ErrorCode::UnknownTopicId.code());
    assert_eq!((missing.name, missing.topic_id), (None, nobodys));
    // There was a place for it before it had a meaning.
    let refused = ask(&server, 11, &by_id(id)).await.topics.remove(0);
    assert_eq!(refused.error_code, ErrorCode::InvalidRequest.code());
    assert_eq!(
        (refused.name, refused.topic_id),
        (Some(TopicName(text(""))), id)
    );
}

#[tokio::test]
async fn a_topic_is_deleted_by_its_id_and_its_successor_stays() {
    let server = Server::start();
    server.create("t", &[]);
    let id = server.broker.topic("t").unwrap().id;
    let delete = |name: Option<&str>, id| {
        let topic = DeleteTopicState::default()
            .with_name(name.map(|name| TopicName(text(name))))
            .with_topic_id(id);
        m::DeleteTopicsRequest::default().with_topics(vec![topic])
    };
    let both = ask(&server, 6, &delete(Some("t"), id))
        .await
        .responses
        .remove(0);
    assert_eq!(both.error_code, ErrorCode::InvalidRequest.code());
    let deleted = ask(&server, 6, &delete(None, id)).await.responses.remove(0);
    assert_eq!((deleted.error_code, deleted.topic_id), (0, id));
    assert_eq!(deleted.name, Some(TopicName(text("t"))));
    server.create("t", &[]);
    let again = ask(&server, 6, &delete(None, id)).await.responses.remove(0);
    assert_eq!(again.error_code, ErrorCode::UnknownTopicId.code());
    assert_eq!((again.name, again.topic_id), (None, id));
    let refused = server.broker.delete_topic("t", Some(id));
    assert_eq!(refused, Err(ErrorCode::UnknownTopicId));
    let id = server.broker.topic("t").unwrap().id;
    let by_name = delete(Some("t"), Uuid::nil());
    let deleted = ask(&server, 6, &by_name).await.responses.remove(0);
    assert_eq!((deleted.error_code, deleted.topic_id), (0, id));
    let missing = ask(&server, 6, &by_name).await.responses.remove(0);
    assert_eq!(
        missing.error_code,
        ErrorCode::UnknownTopicOrPartition.code()
    );
    assert!(missing.topic_id.is_nil());
}

#[tokio::test]
async fn a_batch_for_a_topic_by_its_id_is_not_taken_by_its_successor() {
    let server = Server::start();
    server.create("t", &[]);
    let produce = |id, partition| {
        let mut batch = BatchBuilder::new(Compression::None);
        batch.push(1, None, Some(b"v"), &[]);
        let data = PartitionProduceData::default()
            .with_index(partition)
            .with_records(Some(Bytes::from(batch.build().unwrap())));
        let topic = TopicProduceData::default()
            .with_topic_id(id)
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_acks(1)
            .with_topic_data(vec![topic]);
        let server = &server;
        async move {
            let answer = ask(server, 13, &request).await.responses.remove(0);
            assert_eq!(answer.topic_id, id);
            let answer = &answer.partition_responses[0];
            (answer.index, answer.error_code, answer.base_offset)
        }
    };
    let old = server.broker.topic("t").unwrap().id;
    let missing = ErrorCode::UnknownTopicOrPartition.code();
    assert_eq!(produce(old, 1).await, (1, 0, 0));
    assert_eq!(produce(old, 1).await, (1, 0, 1));
    assert_eq!(produce(old, 2).await, (2, missing, -1));
    server.broker.delete_topic("t", None).unwrap();
    server.create("t", &[]);
    let gone = ErrorCode::UnknownTopicId.code();
    assert_eq!(produce(old, 1).await, (1, gone, -1));
    let new = server.broker.topic("t").unwrap().id;
    assert_eq!(produce(new, 1).await, (1, 0, 0));
    // Under its id too, it is written by its coordinator alone.
    server.broker.offsets_partitions().unwrap();
    let offsets = server.broker.topic(OFFSETS_TOPIC).unwrap().id;
    let invalid = ErrorCode::InvalidTopic.code();
    assert_eq!(produce(offsets, 0).await, (0, invalid, -1));
}
