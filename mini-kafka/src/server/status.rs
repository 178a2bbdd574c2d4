//! A page that shows how the broker is, and what Prometheus reads.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;

use super::broker::Broker;
use super::metrics;

/// How far a group is behind in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The group.
    pub group: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// What it has committed.
    pub committed: i64,
    /// Records up to the high watermark; none where the partition is gone.
    pub lag: Option<i64>,
}

/// How far all groups are behind.
pub fn lags(broker: &Broker) -> Vec<Lag> {
    let mut lags = broker.groups.with(|coordinator| {
        let groups = coordinator.groups();
        let lags = groups.flat_map(|group| {
            let offsets = group.offsets.iter();
            offsets.map(|((topic, partition), committed)| Lag {
                group: group.id.clone(),
                topic: topic.clone(),
                partition: *partition,
                committed: committed.offset,
                lag: None,
            })
        });
        lags.collect::<Vec<_>>()
    });
    for lag in &mut lags {
        let partition = broker.partition(&lag.topic, lag.partition).ok();
        let end = partition.map(|partition| partition.offsets().high_watermark);
        lag.lag = end.map(|end| end.saturating_sub(lag.committed).max(0));
    }
    lags
}

#[derive(Clone)]
struct Page {
    broker: Arc<Broker>,
    prometheus: PrometheusHandle,
}

/// `/` for people, `/metrics` for Prometheus.
pub fn router(broker: Arc<Broker>, prometheus: PrometheusHandle) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/metrics", get(exposition))
        .with_state(Page { broker, prometheus })
}

async fn exposition(State(page): State<Page>) -> String {
    page.prometheus.run_upkeep();
    page.prometheus.render() + &metrics::look(&page.broker)
}

async fn page(State(page): State<Page>) -> Html<String> {
    Html(render(&page.broker))
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('"', "&quot;")
}

fn table(out: &mut String, title: &str, columns: &[&str], rows: Vec<Vec<String>>) {
    // Writing to a string does not fail.
    let _ = write!(out, "<h2>{title}</h2>");
    if rows.is_empty() {
        out.push_str("<p>None.</p>");
        return;
    }
    let cells = |cells: &mut dyn Iterator<Item = String>, tag: &str| {
        let cells = cells.map(|cell| format!("<{tag}>{}</{tag}>", escape(&cell)));
        format!("<tr>{}</tr>", cells.collect::<String>())
    };
    out.push_str("<table>");
    out.push_str(&cells(&mut columns.iter().map(|c| (*c).to_owned()), "th"));
    for row in rows {
        out.push_str(&cells(&mut row.into_iter(), "td"));
    }
    out.push_str("</table>");
}

fn render(broker: &Broker) -> String {
    let mut out = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><title>mini-kafka</title>\
         <style>body{font:15px system-ui;margin:2em;max-width:70em}table{border-collapse:collapse}\
         th,td{padding:.2em .8em;text-align:left;border-bottom:1px solid #ddd}td{font-variant-numeric:tabular-nums}\
         </style><h1>mini-kafka</h1>",
    );
    let state = if broker.dir.is_offline() {
        "The log directory is OFFLINE: restart the broker once its disk is well."
    } else {
        "The log directory is online."
    };
    let (id, dir) = (
        broker.settings.node_id(),
        broker.dir.disk.root().display().to_string(),
    );
    let _ = write!(
        out,
        "<p>Broker {id} of cluster {}, at {}:{}, in {}. {state}</p>",
        escape(&broker.cluster_id()),
        escape(&broker.host),
        broker.port,
        escape(&dir)
    );
    let partitions = broker.partitions().into_iter().map(|partition| {
        let offsets = partition.offsets();
        vec![
            partition.key.0.clone(),
            partition.key.1.to_string(),
            offsets.log_start.to_string(),
            offsets.high_watermark.to_string(),
            offsets.log_end.to_string(),
            partition.size_bytes().to_string(),
        ]
    });
    let columns = [
        "Topic",
        "Partition",
        "Log start",
        "High watermark",
        "Log end",
        "Bytes",
    ];
    let used = partitions.filter(|row| row[0] != super::broker::OFFSETS_TOPIC || row[4] != "0");
    table(&mut out, "Partitions", &columns, used.collect());
    let groups = broker.groups.with(|coordinator| {
        let groups = coordinator.groups();
        let rows = groups.map(|group| {
            vec![
                group.id.clone(),
                group.state.name().to_owned(),
                group.generation.to_string(),
                group.protocol.clone().unwrap_or_default(),
                group.members.len().to_string(),
            ]
        });
        rows.collect()
    });
    table(
        &mut out,
        "Groups",
        &["Group", "State", "Generation", "Protocol", "Members"],
        groups,
    );
    let lags = lags(broker).into_iter().map(|lag| {
        let behind = lag.lag.map_or("gone".to_owned(), |lag| lag.to_string());
        vec![
            lag.group,
            lag.topic,
            lag.partition.to_string(),
            lag.committed.to_string(),
            behind,
        ]
    });
    let columns = ["Group", "Topic", "Partition", "Committed", "Lag"];
    table(&mut out, "Lag", &columns, lags.collect());
    out
}
