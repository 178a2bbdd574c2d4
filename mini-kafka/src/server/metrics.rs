//! What is measured, under the names that Kafka's dashboards use: those of its JMX beans, as the JMX exporter writes
//! them, and those of kafka_exporter for groups.

use std::time::Duration;

use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::apis::Api;
use super::broker::Broker;

/// Begins to measure. To be called once.
///
/// # Errors
/// When it was called before.
pub fn install() -> anyhow::Result<PrometheusHandle> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    Ok(handle)
}

/// A batch was appended.
pub fn produced(topic: &str, bytes: usize, records: i32) {
    let topic = topic.to_owned();
    let records = u64::try_from(records).unwrap_or(0);
    counter!("kafka_server_brokertopicmetrics_messagesin_total", "topic" => topic.clone())
        .increment(records);
    counter!("kafka_server_brokertopicmetrics_bytesin_total", "topic" => topic)
        .increment(bytes as u64);
}

/// Records were fetched.
pub fn fetched(topic: &str, bytes: usize) {
    counter!("kafka_server_brokertopicmetrics_bytesout_total", "topic" => topic.to_owned())
        .increment(bytes as u64);
}

/// A request was answered, after so long.
pub fn request(api: &Api, took: Duration) {
    let name = format!("{:?}", api.key);
    counter!("kafka_network_requestmetrics_requests_total", "request" => name.clone()).increment(1);
    histogram!("kafka_network_requestmetrics_totaltimems", "request" => name)
        .record(took.as_secs_f64() * 1000.0);
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
    gauge!("kafka_brokers").set(1.0);
    gauge!("kafka_controller_kafkacontroller_activecontrollercount").set(1.0);
    let offline = if broker.dir.is_offline() {
        partitions.len()
    } else {
        0
    };
    gauge!("kafka_controller_kafkacontroller_offlinepartitionscount").set(count(offline));
    gauge!("kafka_server_replicamanager_partitioncount").set(count(partitions.len()));
    gauge!("kafka_server_replicamanager_leadercount").set(count(partitions.len()));
    gauge!("kafka_server_replicamanager_underreplicatedpartitions").set(0.0);
    gauge!("kafka_server_delayedoperationpurgatory_purgatorysize", "delayedOperation" => "Fetch")
        .set(count(broker.fetches.waiting()));
    for partition in partitions {
        let (topic, number) = &partition.key;
        let labels = [("topic", topic.clone()), ("partition", number.to_string())];
        let offsets = partition.offsets();
        let size = usize::try_from(partition.size_bytes()).unwrap_or(usize::MAX);
        gauge!("kafka_log_log_size", &labels).set(count(size));
        gauge!("kafka_log_log_logendoffset", &labels).set(offset(offsets.log_end));
        gauge!("kafka_log_log_logstartoffset", &labels).set(offset(offsets.log_start));
        gauge!("kafka_topic_partition_current_offset", &labels).set(offset(offsets.high_watermark));
        gauge!("kafka_topic_partition_oldest_offset", &labels).set(offset(offsets.log_start));
    }
    for lag in super::status::lags(broker) {
        let labels = [
            ("consumergroup", lag.group),
            ("topic", lag.topic),
            ("partition", lag.partition.to_string()),
        ];
        gauge!("kafka_consumergroup_current_offset", &labels).set(offset(lag.committed));
        gauge!("kafka_consumergroup_lag", &labels).set(offset(lag.lag.unwrap_or(0)));
    }
    broker.groups.with(|coordinator| {
        for group in coordinator.groups() {
            let labels = [("consumergroup", group.id.clone())];
            gauge!("kafka_consumergroup_members", &labels).set(count(group.members.len()));
        }
    });
}
