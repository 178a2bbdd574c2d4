//! What is answered where clients' own test suites found that Kafka answers otherwise.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::DescribeConfigsResourceResult;
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    DeleteRecordsRequest, DeleteRecordsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    DescribeLogDirsRequest, DescribeLogDirsResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse, ListGroupsRequest, ListGroupsResponse, MetadataRequest,
    MetadataResponse, ProduceRequest, ProduceResponse, TopicName,
};
use node::FileDisk;
use tempfile::TempDir;

mod cluster;
mod fetch;
mod groups;
mod hostile;
mod ids;
mod topics;
mod versions;

use super::*;
use crate::group::{JoinRequest, Protocol};
use crate::record::builder::BatchBuilder;
use crate::record::compression::Compression;
use crate::server::broker::OFFSETS_TOPIC;
use crate::server::response::Piece;
use crate::server::settings::Settings;

struct Server {
    broker: Arc<Broker>,
    root: TempDir,
}

impl Server {
    fn start() -> Server {
        Server::open(tempfile::tempdir().unwrap())
    }

    /// After a restart.
    fn again(self) -> Server {
        drop(self.broker);
        Server::open(self.root)
    }

    fn open(root: TempDir) -> Server {
        Server::open_with(root, &[])
    }

    fn open_with(root: TempDir, overrides: &[&str]) -> Server {
        let settings = [&["num.partitions=2"], overrides].concat();
        let settings = Settings::parse(&settings).unwrap();
        let disk = FileDisk::open(root.path()).unwrap();
        let broker = Broker::open(settings, disk, "localhost".to_owned(), 9092).unwrap();
        let broker = Arc::new(broker);
        Server { broker, root }
    }

    fn create(&self, topic: &str, configs: &[(&str, &str)]) {
        let configs = configs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let configs: BTreeMap<_, _> = configs.collect();
        self.broker.create_topic(topic, 2, configs, false).unwrap();
    }

    /// Asks as the client `who`. Requests of flexible versions, and their answers, have no tagged fields in their headers.
    async fn ask<Q: Encodable, A: Decodable + HeaderVersion>(
        &self,
        who: &str,
        key: ApiKey,
        version: i16,
        q: Q,
    ) -> A {
        let mut frame = BytesMut::new();
        frame.put_i16(key as i16);
        frame.put_i16(version);
        frame.put_i32(7);
        frame.put_i16(i16::try_from(who.len()).unwrap());
        frame.put(who.as_bytes());
        if key.request_header_version(version) >= 2 {
            frame.put_u8(0);
        }
        q.encode(&mut frame, version).unwrap();
        let (_, answer) = serve(&self.broker, frame.freeze(), "/127.0.0.1").unwrap();
        let response = answer.await.unwrap();
        let [Piece::Bytes(bytes)] = &response.pieces[..] else {
            panic!("{response:?}");
        };
        // Behind its length, the correlation id and those tagged fields.
        let behind = if A::header_version(version) >= 1 {
            9
        } else {
            8
        };
        A::decode(&mut bytes.slice(behind..), version).unwrap()
    }

    async fn produce(&self, who: &str, topic: &str) -> i16 {
        let mut batch = BatchBuilder::new(Compression::None);
        batch.push(1, Some(b"k"), Some(b"v"), &[]);
        let records = Some(Bytes::from(batch.build().unwrap()));
        let data = PartitionProduceData::default().with_records(records);
        let data = TopicProduceData::default()
            .with_name(TopicName(text(topic)))
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_acks(1)
            .with_topic_data(vec![data]);
        let answer: ProduceResponse = self.ask(who, ApiKey::Produce, 7, request).await;
        answer.responses[0].partition_responses[0].error_code
    }

    async fn delete_records(&self, topic: &str) -> i16 {
        let partition = DeleteRecordsPartition::default().with_offset(-1);
        let topic = DeleteRecordsTopic::default()
            .with_name(TopicName(text(topic)))
            .with_partitions(vec![partition]);
        let request = DeleteRecordsRequest::default().with_topics(vec![topic]);
        let answer: DeleteRecordsResponse = self.ask("c", ApiKey::DeleteRecords, 1, request).await;
        answer.topics[0].partitions[0].error_code
    }

    async fn describe(
        &self,
        kind: i8,
        name: &str,
    ) -> BTreeMap<String, DescribeConfigsResourceResult> {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configuration_keys(None);
        let request = DescribeConfigsRequest::default()
            .with_resources(vec![resource])
            .with_include_synonyms(true);
        let mut answer: DescribeConfigsResponse =
            self.ask("c", ApiKey::DescribeConfigs, 3, request).await;
        let result = answer.results.remove(0);
        assert_eq!(result.error_code, 0, "{result:?}");
        let configs = result.configs.into_iter();
        configs
            .map(|config| (config.name.to_string(), config))
            .collect()
    }

    async fn increment(
        &self,
        changes: &[(&str, i8, Option<&str>)],
    ) -> AlterConfigsResourceResponse {
        let changes = changes.iter().map(|(name, operation, value)| {
            AlterableConfig::default()
                .with_name(text(*name))
                .with_config_operation(*operation)
                .with_value(value.map(text))
        });
        let resource = AlterConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text("t"))
            .with_configs(changes.collect());
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        let answer: IncrementalAlterConfigsResponse = self
            .ask("c", ApiKey::IncrementalAlterConfigs, 0, request)
            .await;
        let one = &answer.responses[0];
        AlterConfigsResourceResponse::default()
            .with_error_code(one.error_code)
            .with_error_message(one.error_message.clone())
    }
}

#[tokio::test]
async fn the_topic_of_offsets_is_written_by_the_coordinator_and_an_administrator() {
    let server = Server::start();
    server.broker.offsets_partitions().unwrap();
    let invalid = ErrorCode::InvalidTopic.code();
    assert_eq!(server.produce("anyone", OFFSETS_TOPIC).await, invalid);
    assert_eq!(server.produce("__admin_client", OFFSETS_TOPIC).await, 0);
    assert_eq!(server.delete_records(OFFSETS_TOPIC).await, invalid);
}

#[tokio::test]
async fn records_are_deleted_where_the_policy_is_to_delete() {
    let server = Server::start();
    for (topic, policy, code) in [
        ("deleted", "delete", ErrorCode::None),
        ("both", "compact,delete", ErrorCode::None),
        ("compacted", "compact", ErrorCode::PolicyViolation),
    ] {
        server.create(topic, &[("cleanup.policy", policy)]);
        assert_eq!(server.produce("c", topic).await, 0);
        assert_eq!(server.delete_records(topic).await, code.code(), "{topic}");
    }
}

#[tokio::test]
async fn a_name_that_no_topic_can_have_is_told_from_one_that_none_has() {
    let server = Server::start();
    for (name, code) in [
        ("nobody", ErrorCode::UnknownTopicOrPartition),
        ("no body", ErrorCode::InvalidTopic),
    ] {
        let topic = MetadataRequestTopic::default().with_name(Some(TopicName(text(name))));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![topic]))
            .with_allow_auto_topic_creation(false);
        let answer: MetadataResponse = server.ask("c", ApiKey::Metadata, 8, request).await;
        assert_eq!(answer.topics[0].error_code, code.code(), "{name}");
    }
}

#[tokio::test]
async fn settings_are_described_with_their_types() {
    let server = Server::start();
    server.create("t", &[("retention.ms", "5")]);
    let topic = server.describe(2, "t").await;
    let told = |name: &str| (topic[name].config_type, topic[name].config_source);
    assert_eq!(told("retention.ms"), (5, 1));
    assert_eq!(told("cleanup.policy"), (7, 5));
    assert_eq!(told("preallocate"), (1, 5));
    let broker = server.describe(4, "1").await;
    let told = |name: &str| (broker[name].config_type, broker[name].value.as_deref());
    assert_eq!(told("log.retention.hours"), (3, Some("168")));
    assert_eq!(told("log.retention.ms"), (5, None));
    assert_eq!(told("connections.max.idle.ms"), (5, Some("600000")));
    assert_eq!(told("auto.create.topics.enable"), (1, Some("true")));
    assert!(broker["log.retention.ms"].synonyms.is_empty());
    // Nothing was altered for all brokers.
    assert!(server.describe(4, "").await.is_empty());
}

#[tokio::test]
async fn a_setting_is_changed_once_and_to_something() {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    let server = Server::start();
    server.create("t", &[]);
    let invalid = ErrorCode::InvalidRequest.code();
    let twice = [
        ("retention.ms", SET, Some("1")),
        ("retention.ms", DELETE, None),
    ];
    assert_eq!(server.increment(&twice).await.error_code, invalid);
    let nothing = [("retention.ms", SET, None)];
    assert_eq!(server.increment(&nothing).await.error_code, invalid);
    let both = [
        ("retention.ms", SET, Some("1")),
        ("segment.ms", DELETE, None),
    ];
    assert_eq!(server.increment(&both).await.error_code, 0);
}

#[tokio::test]
async fn the_log_directory_is_described_by_partition() {
    let server = Server::start();
    server.create("t", &[]);
    server.create("u", &[]);
    assert_eq!(server.produce("c", "t").await, 0);
    let asked = DescribableLogDirTopic::default()
        .with_topic(TopicName(text("t")))
        .with_partitions(vec![0, 9]);
    for (topics, expected) in [
        (Some(vec![asked]), vec![("t", vec![(0, true)])]),
        (
            None,
            vec![
                ("t", vec![(0, true), (1, false)]),
                ("u", vec![(0, false), (1, false)]),
            ],
        ),
    ] {
        let request = DescribeLogDirsRequest::default().with_topics(topics);
        let answer: DescribeLogDirsResponse =
            server.ask("c", ApiKey::DescribeLogDirs, 1, request).await;
        let dir = &answer.results[0];
        assert_eq!(*dir.log_dir, *server.root.path().to_string_lossy());
        let topics = dir.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter();
            let has_bytes = partitions.map(|p| (p.partition_index, p.partition_size > 0));
            (&**topic.name, has_bytes.collect::<Vec<_>>())
        });
        assert_eq!(topics.collect::<Vec<_>>(), expected);
    }
    server.broker.dir.fail(&"the disk broke");
    let request = DescribeLogDirsRequest::default().with_topics(None);
    let answer: DescribeLogDirsResponse =
        server.ask("c", ApiKey::DescribeLogDirs, 1, request).await;
    assert_eq!(
        answer.results[0].error_code,
        ErrorCode::KafkaStorageError.code()
    );
}

#[tokio::test]
async fn groups_are_listed_by_state() {
    let server = Server::start();
    let request = JoinRequest {
        group_id: "g".to_owned(),
        member_id: String::new(),
        instance_id: None,
        client_id: "c".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        protocol_type: "consumer".to_owned(),
        protocols: vec![Protocol {
            name: "range".to_owned(),
            metadata: Vec::new(),
        }],
        session_timeout: Duration::from_secs(10),
        rebalance_timeout: Duration::from_secs(10),
        knows_member_id_required: false,
        knows_skip_assignment: false,
    };
    let now = server.broker.now();
    // It has to wait for others, who may be about to join.
    let _joining = server
        .broker
        .groups
        .ask(&server.broker, |coordinator, ticket| {
            coordinator.join(ticket, request, now)
        });
    for (states, version, expected) in [
        (vec![], 2, vec![("g", "")]),
        (vec![], 4, vec![("g", "PreparingRebalance")]),
        (
            vec!["Empty", "preparingRebalance"],
            4,
            vec![("g", "PreparingRebalance")],
        ),
        (vec!["Empty", "Stable"], 4, vec![]),
    ] {
        let states = states.into_iter().map(text).collect();
        let request = ListGroupsRequest::default().with_states_filter(states);
        let answer: ListGroupsResponse =
            server.ask("c", ApiKey::ListGroups, version, request).await;
        let groups = answer.groups.iter();
        let groups = groups.map(|group| (&**group.group_id, &*group.group_state));
        assert_eq!(groups.collect::<Vec<_>>(), expected, "version {version}");
    }
}
