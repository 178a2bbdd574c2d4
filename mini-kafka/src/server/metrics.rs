//! What is measured, under the names that Kafka's dashboards use: those of its JMX beans, as the JMX exporter writes
//! them, and those of kafka_exporter for groups.

use std::array::from_fn;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use kafka_protocol::messages::ApiKey;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::apis::Api;
use super::broker::Broker;
use super::partition::Served;
use crate::error::ErrorCode;

/// Those of which Kafka's beans tell.
const QUANTILES: [f64; 6] = [0.5, 0.75, 0.95, 0.98, 0.99, 0.999];

/// Begins to measure. To be called once.
///
/// # Errors
/// When it was called before.
pub fn install() -> anyhow::Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new().set_quantiles(&QUANTILES)?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    Ok(handle)
}

/// How often samples are put into summaries. Until then each takes memory of its own.
const UPKEEP: Duration = Duration::from_secs(5);

/// Does that for ever, whether or not anybody asks for metrics.
pub async fn keep_small(prometheus: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        prometheus.run_upkeep();
    }
}

/// What is counted of records, by the names of the beans.
const TRAFFIC: [&str; 7] = [
    "kafka_server_brokertopicmetrics_messagesin_total",
    "kafka_server_brokertopicmetrics_bytesin_total",
    "kafka_server_brokertopicmetrics_bytesout_total",
    "kafka_server_brokertopicmetrics_totalproducerequests_total",
    "kafka_server_brokertopicmetrics_failedproducerequests_total",
    "kafka_server_brokertopicmetrics_totalfetchrequests_total",
    "kafka_server_brokertopicmetrics_failedfetchrequests_total",
];

/// The counts, in that order: of a partition, with which they vanish, or of the whole broker, which keeps them.
#[derive(Debug, Default)]
pub struct Traffic([AtomicU64; TRAFFIC.len()]);

fn add(broker: &Broker, partition: &Served, counts: [u64; TRAFFIC.len()]) {
    for traffic in [&broker.traffic, &partition.traffic] {
        for (counter, count) in traffic.0.iter().zip(counts) {
            counter.fetch_add(count, Relaxed);
        }
    }
}

/// Kafka counts as failed what should not happen, and not what clients have to be ready for, nor what other metrics tell of disks.
fn failed(code: ErrorCode) -> u64 {
    use ErrorCode as E;
    let expected = matches!(
        code,
        E::None
            | E::UnknownTopicOrPartition
            | E::InvalidTopic
            | E::MessageTooLarge
            | E::RecordListTooLarge
            | E::CorruptMessage
            | E::OffsetOutOfRange
            | E::FencedLeaderEpoch
            | E::UnknownLeaderEpoch
            | E::UnsupportedCompressionType
            | E::KafkaStorageError
    );
    u64::from(!expected)
}

/// A batch of so many bytes and records was appended to a partition.
pub fn produced(broker: &Broker, partition: &Served, bytes: usize, records: i32) {
    let records = u64::try_from(records).unwrap_or(0);
    add(broker, partition, [records, bytes as u64, 0, 1, 0, 0, 0]);
}

/// A batch was refused.
pub fn refused(broker: &Broker, partition: &Served, code: ErrorCode) {
    add(broker, partition, [0, 0, 0, 1, failed(code), 0, 0]);
}

/// A fetch looked into a partition, and this is answered.
pub fn fetched(broker: &Broker, partition: &Served, bytes: usize, code: ErrorCode) {
    let counts = [0, 0, bytes as u64, 0, 0, 1, failed(code)];
    add(broker, partition, counts);
}

/// A request was answered, after so long. Those that fetch are counted as Kafka counts them: among all, and as consumers', which they
/// are here.
pub fn request(api: &Api, took: Duration) {
    let is_fetch = api.key == ApiKey::Fetch;
    let of_consumers = is_fetch.then(|| "FetchConsumer".to_owned());
    for name in [format!("{:?}", api.key)].into_iter().chain(of_consumers) {
        let labels = [("request", name)];
        counter!("kafka_network_requestmetrics_requests_total", &labels).increment(1);
        histogram!("kafka_network_requestmetrics_totaltimems", &labels).record(millis(took));
    }
}

/// What was written to a partition was synced, which took so long.
pub fn synced(took: Duration) {
    histogram!("kafka_log_logflushstats_logflushrateandtimems").record(millis(took));
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

/// Connections came or went.
pub fn connections(open: usize) {
    gauge!("kafka_server_socketservermetrics_connection_count").set(count(open));
}

#[allow(clippy::cast_precision_loss)]
fn count(n: usize) -> f64 {
    n as f64
}

#[allow(clippy::cast_precision_loss)]
fn offset(n: i64) -> f64 {
    n as f64
}

/// Looks at what does not count itself, in Prometheus's format. It is noted anew each time, so that nothing is told of what is gone.
pub fn look(broker: &Broker) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || note(broker));
    recorder.handle().render()
}

fn note(broker: &Broker) {
    let partitions = broker.partitions();
    let offline = broker.dir.is_offline();
    let count_offline = if offline { partitions.len() } else { 0 };
    gauge!("kafka_brokers").set(1.0);
    gauge!("kafka_controller_kafkacontroller_activecontrollercount").set(1.0);
    gauge!("kafka_controller_kafkacontroller_offlinepartitionscount").set(count(count_offline));
    gauge!("kafka_server_replicamanager_offlinereplicacount").set(count(count_offline));
    gauge!("kafka_server_replicamanager_partitioncount").set(count(partitions.len()));
    gauge!("kafka_server_replicamanager_leadercount").set(count(partitions.len()));
    gauge!("kafka_server_replicamanager_underreplicatedpartitions").set(0.0);
    gauge!("kafka_server_delayedoperationpurgatory_purgatorysize", "delayedOperation" => "Fetch")
        .set(count(broker.fetches.waiting()));
    let leader = offset(broker.settings.node_id().into());
    let in_sync = count(usize::from(!offline));
    for partition in &partitions {
        let (topic, number) = &partition.key;
        let labels = [("topic", topic.clone()), ("partition", number.to_string())];
        let offsets = partition.offsets();
        let size = usize::try_from(partition.size_bytes()).unwrap_or(usize::MAX);
        gauge!("kafka_log_log_size", &labels).set(count(size));
        gauge!("kafka_log_log_logendoffset", &labels).set(offset(offsets.log_end));
        gauge!("kafka_log_log_logstartoffset", &labels).set(offset(offsets.log_start));
        gauge!("kafka_topic_partition_current_offset", &labels).set(offset(offsets.high_watermark));
        gauge!("kafka_topic_partition_oldest_offset", &labels).set(offset(offsets.log_start));
        gauge!("kafka_topic_partition_leader", &labels).set(leader);
        gauge!("kafka_topic_partition_leader_is_preferred", &labels).set(1.0);
        gauge!("kafka_topic_partition_replicas", &labels).set(1.0);
        gauge!("kafka_topic_partition_in_sync_replica", &labels).set(in_sync);
        gauge!("kafka_topic_partition_under_replicated_partition", &labels).set(1.0 - in_sync);
    }
    note_traffic(broker, &partitions);
    note_groups(broker);
}

/// Once without a topic, of all, and once by topic, as there is a bean of each in Kafka: dashboards ask for `topic=""` or for `topic!=""`, and a
/// sum over both is twice as much with Kafka too.
fn note_traffic(broker: &Broker, partitions: &[Arc<Served>]) {
    let read =
        |traffic: &Traffic| from_fn::<u64, { TRAFFIC.len() }, _>(|at| traffic.0[at].load(Relaxed));
    for (name, total) in TRAFFIC.into_iter().zip(read(&broker.traffic)) {
        counter!(name).absolute(total);
    }
    for of_topic in partitions.chunk_by(|a, b| a.key.0 == b.key.0) {
        let topic = &of_topic[0].key.0;
        gauge!("kafka_topic_partitions", "topic" => topic.clone()).set(count(of_topic.len()));
        for partition in of_topic {
            for (name, total) in TRAFFIC.into_iter().zip(read(&partition.traffic)) {
                counter!(name, "topic" => topic.clone()).increment(total);
            }
        }
    }
}

fn note_groups(broker: &Broker) {
    for lag in super::status::lags(broker) {
        let of_topic = [("consumergroup", lag.group), ("topic", lag.topic)];
        let [group, topic] = of_topic.clone();
        let labels = [group, topic, ("partition", lag.partition.to_string())];
        let committed = offset(lag.committed);
        gauge!("kafka_consumergroup_current_offset", &labels).set(committed);
        gauge!("kafka_consumergroup_current_offset_sum", &of_topic).increment(committed);
        // Of a partition that is gone there is none, which is not to say that the group has caught up.
        if let Some(behind) = lag.lag.map(offset) {
            gauge!("kafka_consumergroup_lag", &labels).set(behind);
            gauge!("kafka_consumergroup_lag_sum", &of_topic).increment(behind);
        }
    }
    broker.groups.with(|coordinator| {
        for group in coordinator.groups() {
            let labels = [("consumergroup", group.id.clone())];
            gauge!("kafka_consumergroup_members", &labels).set(count(group.members.len()));
        }
    });
}
