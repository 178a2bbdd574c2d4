//! What Prometheus reads of a broker, by the names that dashboards ask for.

use std::collections::BTreeMap;

use crate::broker::Broker;

const README: &str = include_str!("../../README.md");

/// What is certain of the broker below.
const EXPECTED: &str = r#"
kafka_server_brokertopicmetrics_messagesin_total 10
kafka_server_brokertopicmetrics_messagesin_total{topic="t"} 10
kafka_server_brokertopicmetrics_messagesin_total{topic="c"} 0
kafka_server_brokertopicmetrics_totalproducerequests_total 2
kafka_server_brokertopicmetrics_totalproducerequests_total{topic="t"} 1
kafka_server_brokertopicmetrics_failedproducerequests_total 1
kafka_server_brokertopicmetrics_failedproducerequests_total{topic="t"} 0
kafka_server_brokertopicmetrics_failedproducerequests_total{topic="c"} 1
kafka_server_brokertopicmetrics_failedfetchrequests_total 0
kafka_server_replicamanager_partitioncount 6
kafka_server_replicamanager_leadercount 6
kafka_server_replicamanager_underreplicatedpartitions 0
kafka_server_replicamanager_offlinereplicacount 0
kafka_controller_kafkacontroller_offlinepartitionscount 0
kafka_controller_kafkacontroller_activecontrollercount 1
kafka_log_log_logendoffset{topic="t",partition="0"} 10
kafka_log_log_logstartoffset{topic="t",partition="0"} 0
kafka_brokers 1
kafka_topic_partitions{topic="t"} 2
kafka_topic_partition_current_offset{topic="t",partition="0"} 10
kafka_topic_partition_oldest_offset{topic="t",partition="0"} 0
kafka_topic_partition_leader{topic="t",partition="1"} 1
kafka_topic_partition_leader_is_preferred{topic="t",partition="1"} 1
kafka_topic_partition_replicas{topic="t",partition="1"} 1
kafka_topic_partition_in_sync_replica{topic="t",partition="1"} 1
kafka_topic_partition_under_replicated_partition{topic="t",partition="1"} 0
kafka_consumergroup_current_offset{consumergroup="g",topic="t",partition="0"} 4
kafka_consumergroup_current_offset_sum{consumergroup="g",topic="t"} 4
kafka_consumergroup_lag{consumergroup="g",topic="t",partition="0"} 6
kafka_consumergroup_lag_sum{consumergroup="g",topic="t"} 6
kafka_consumergroup_members{consumergroup="g"} 0
"#;

/// What was read, by name and labels.
fn series(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| line.starts_with("kafka_"));
    let series = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series, value.parse().unwrap())
    });
    series.collect()
}

#[test]
fn dashboards_find_what_they_ask_for() {
    let broker = Broker::start(&["log.flush.interval.messages=1"]);
    let create = ["topics", "--create", "--topic"];
    broker.tool(&[&create[..], &["t", "--partitions", "2"]].concat());
    broker.tool(&[&create[..], &["c", "--config", "cleanup.policy=compact"]].concat());
    let send = ["perf", "producer", "--num-records", "10", "--topic"];
    broker.tool(&[&send[..], &["t"]].concat());
    // Without a key, which a compacted topic needs.
    let refused = broker.command(&[&send[..], &["c"]].concat()).output();
    assert!(!refused.unwrap().status.success());
    let read = ["console-consumer", "--topic", "t", "--group", "g"];
    let some = ["--from-beginning", "--max-messages", "4"];
    broker.tool(&[&read[..], &some[..]].concat());

    let text = broker.metrics();
    for line in EXPECTED.lines().filter(|line| !line.is_empty()) {
        assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    }
    let series = series(&text);
    let of = |name: &str| match series.get(name) {
        Some(value) => *value,
        None => panic!("no {name} in\n{text}"),
    };
    for name in [
        r#"kafka_server_brokertopicmetrics_totalfetchrequests_total{topic="t"}"#,
        r#"kafka_network_requestmetrics_requests_total{request="Produce"}"#,
        r#"kafka_network_requestmetrics_requests_total{request="Fetch"}"#,
        r#"kafka_network_requestmetrics_requests_total{request="FetchConsumer"}"#,
        r#"kafka_network_requestmetrics_totaltimems{request="FetchConsumer",quantile="0.99"}"#,
        r#"kafka_network_requestmetrics_totaltimems_count{request="Produce"}"#,
        "kafka_log_logflushstats_logflushrateandtimems_count",
        r#"kafka_log_logflushstats_logflushrateandtimems{quantile="0.999"}"#,
    ] {
        assert!(of(name) > 0.0, "{name}");
    }
    let bytes = of(r#"kafka_log_log_size{topic="t",partition="0"}"#);
    for (name, again) in [("bytesin", false), ("bytesout", true)] {
        let name = format!("kafka_server_brokertopicmetrics_{name}_total");
        let (all, of_topic) = (of(&name), of(&format!(r#"{name}{{topic="t"}}"#)));
        assert!(
            all == of_topic && (all == bytes || again && all > bytes),
            "{name}: {all}"
        );
    }

    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for name in types.filter_map(|line| line.split(' ').next()) {
        assert!(
            README.contains(&format!("`{name}`")),
            "{name}: not in the README"
        );
    }
}

#[test]
fn what_is_counted_of_a_topic_vanishes_with_it() {
    let broker = Broker::start(&[]);
    broker.tool(&["perf", "producer", "--num-records", "10", "--topic", "t"]);
    broker.tool(&["topics", "--delete", "--topic", "t"]);
    let text = broker.metrics();
    assert!(!text.contains(r#"topic="t""#), "{text}");
    let all = series(&text)["kafka_server_brokertopicmetrics_messagesin_total"];
    assert_eq!(all, 10.0);
}

#[test]
fn a_failed_disk_is_told_of_every_partition() {
    let broker = Broker::start(&["log.flush.interval.messages=1"]);
    broker.tool(&["topics", "--create", "--topic", "t"]);
    broker.order("fail=syncs");
    let send = ["perf", "producer", "--num-records", "1", "--topic", "t"];
    let refused = broker.command(&send).output().unwrap();
    assert!(!refused.status.success());
    let text = broker.metrics();
    for line in [
        "kafka_server_replicamanager_offlinereplicacount 1",
        "kafka_controller_kafkacontroller_offlinepartitionscount 1",
        r#"kafka_topic_partition_in_sync_replica{topic="t",partition="0"} 0"#,
        r#"kafka_topic_partition_under_replicated_partition{topic="t",partition="0"} 1"#,
    ] {
        assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    }
}

#[test]
fn the_page_tells_of_topics_and_of_the_lag_of_groups() {
    let broker = Broker::start(&[]);
    let send = ["perf", "producer", "--num-records", "10", "--topic", "t"];
    broker.tool(&send);
    // A name that would be a tag.
    let read = ["console-consumer", "--topic", "t", "--group", "<b>"];
    let some = ["--from-beginning", "--max-messages", "4"];
    broker.tool(&[&read[..], &some[..]].concat());
    let page = broker.page();
    for row in [
        "<td>t</td><td>0</td><td>0</td><td>10</td><td>10</td>",
        "<td>&lt;b></td><td>Empty</td>",
        "<td>&lt;b></td><td>t</td><td>0</td><td>4</td><td>6</td>",
        "The log directory is online.",
    ] {
        assert!(page.contains(row), "{row}\n{page}");
    }
    assert!(!page.contains("<b>"), "{page}");
}
