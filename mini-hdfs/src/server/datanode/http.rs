//! What a DataNode shows over HTTP: its volumes and what it does with them, for scripts and for Prometheus, and a sign of
//! life. The NameNode's page has a row for each DataNode; this is for whoever looks into one of them.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::block::DatanodeInfo;
use crate::protocol::SlowPeer;
use crate::server::volumes::VolumeStatus;
use crate::server::xceiver::{DataServer, DataStatus, ScanStatus};

/// A DataNode whose disks cannot be measured for this long is not healthy.
const HEALTHY: Duration = Duration::from_secs(5);

/// What the handlers need.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) info: DatanodeInfo,
    pub(super) server: Arc<DataServer>,
}

pub(super) fn router(shown: Shown) -> Router {
    Router::new()
        .route("/status.json", get(status_json))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .with_state(shown)
}

/// Measuring a disk in trouble may take its time, so a thread waits for it that nobody else needs.
async fn status(shown: &Shown) -> Result<DataStatus, StatusCode> {
    let server = shown.server.clone();
    let asked = tokio::task::spawn_blocking(move || server.status());
    match tokio::time::timeout(HEALTHY, asked).await {
        Ok(Ok(status)) => Ok(status),
        Ok(Err(_)) | Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn healthz(State(shown): State<Shown>) -> Result<&'static str, StatusCode> {
    status(&shown).await.map(|_| "ok\n")
}

async fn status_json(State(shown): State<Shown>) -> Result<Json<Value>, StatusCode> {
    let status = status(&shown).await?;
    let scan = |volume: &VolumeStatus| {
        let mut scans = status.scans.iter();
        let scan = scans.find(|(id, _)| *id == volume.id);
        scan.map(|(_, scan)| scan)
    };
    let volumes = status.volumes.iter();
    let volumes: Vec<Value> = volumes.map(|v| volume_json(v, scan(v), &status)).collect();
    let peers = |peers: &[SlowPeer]| -> Vec<Value> { peers.iter().map(peer_json).collect() };
    Ok(Json(json!({
        "id": shown.info.id.to_string(),
        "hostname": shown.info.hostname,
        "address": shown.info.address,
        "rack": shown.info.rack,
        "volumes": volumes,
        "xceivers": status.transfers,
        "bytes_written": status.bytes_written,
        "bytes_read": status.bytes_read,
        "peers": peers(&status.peers),
        "slow_peers": peers(&status.slow_peers),
    })))
}

fn volume_json(status: &VolumeStatus, scan: Option<&ScanStatus>, all: &DataStatus) -> Value {
    json!({
        "dir": status.volume.dir,
        "storage": status.volume.storage.map(|storage| storage.to_string()),
        "failed": status.volume.failed,
        "capacity": status.figures.capacity,
        "dfs_used": status.figures.used,
        "remaining": status.figures.remaining,
        "reserved_for_replicas": status.usage.reserved,
        "replicas": status.usage.replicas,
        "latency_us": all.disks.get(&status.id),
        "slow": all.slow_disks.contains_key(&status.id),
        "scan": scan.map(scan_json),
    })
}

fn scan_json(scan: &ScanStatus) -> Value {
    json!({
        "replicas": scan.replicas,
        "bytes": scan.bytes,
        "damaged": scan.damaged,
        "pass_began_ms": scan.cursor.began.as_millis(),
        "pass_is_at": scan.cursor.after.map(|id| id.to_string()),
        "pass_at_end": scan.cursor.at_end,
    })
}

/// The id is text: JSON's readers often keep numbers in 53 bits.
fn peer_json(peer: &SlowPeer) -> Value {
    json!({ "node": peer.node.to_string(), "latency_us": peer.latency_us })
}

async fn metrics(State(shown): State<Shown>) -> Result<impl IntoResponse, StatusCode> {
    let text = render(&status(&shown).await?);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}

type Family<'a> = (&'a str, &'a str, &'a str, Vec<(String, u64)>);

/// Prometheus's text format.
fn render(status: &DataStatus) -> String {
    let total = |value| vec![(String::new(), value)];
    let by_volume = |value: &dyn Fn(&VolumeStatus) -> u64| -> Vec<(String, u64)> {
        let volumes = status.volumes.iter();
        volumes
            .map(|volume| (label("volume", &volume.volume.dir), value(volume)))
            .collect()
    };
    let scanned = |value: &dyn Fn(&ScanStatus) -> u64| {
        let scan = |volume: &VolumeStatus| {
            let mut scans = status.scans.iter();
            let scan = scans.find(|(id, _)| *id == volume.id);
            scan.map_or(0, |(_, scan)| value(scan))
        };
        by_volume(&scan)
    };
    let peers = |peers: &[SlowPeer]| -> Vec<(String, u64)> {
        let sample = |p: &SlowPeer| (label("peer", &p.node.to_string()), p.latency_us);
        peers.iter().map(sample).collect()
    };
    let failed = status.volumes.iter().filter(|v| v.volume.failed.is_some());
    let families: [Family<'_>; 14] = [
        (
            "capacity_bytes",
            "gauge",
            "Bytes that replicas may use.",
            by_volume(&|v| v.figures.capacity),
        ),
        (
            "used_bytes",
            "gauge",
            "Bytes that replicas use.",
            by_volume(&|v| v.figures.used),
        ),
        (
            "remaining_bytes",
            "gauge",
            "Bytes free for new replicas.",
            by_volume(&|v| v.figures.remaining),
        ),
        (
            "reserved_bytes",
            "gauge",
            "Bytes set aside for replicas being written.",
            by_volume(&|v| v.usage.reserved),
        ),
        (
            "replicas",
            "gauge",
            "Replicas.",
            by_volume(&|v| v.usage.replicas as u64),
        ),
        (
            "failed_volumes",
            "gauge",
            "Volumes that have failed.",
            total(failed.count() as u64),
        ),
        (
            "transfers",
            "gauge",
            "Ops under way.",
            total(status.transfers.into()),
        ),
        (
            "written_bytes_total",
            "counter",
            "Bytes of replicas received.",
            total(status.bytes_written),
        ),
        (
            "read_bytes_total",
            "counter",
            "Bytes of replicas sent to readers.",
            total(status.bytes_read),
        ),
        (
            "scanned_replicas_total",
            "counter",
            "Replicas read by the background scan.",
            scanned(&|s| s.replicas),
        ),
        (
            "scanned_bytes_total",
            "counter",
            "Bytes read by the background scan.",
            scanned(&|s| s.bytes),
        ),
        (
            "scan_damaged_total",
            "counter",
            "Damaged replicas that the background scan found.",
            scanned(&|s| s.damaged),
        ),
        (
            "slow_disk_latency_microseconds",
            "gauge",
            "Average time of an operation on disks that are slow, 0 on others.",
            by_volume(&|v| status.slow_disks.get(&v.id).copied().unwrap_or(0)),
        ),
        (
            "slow_peer_latency_microseconds",
            "gauge",
            "Average time for a packet of peers that are slow.",
            peers(&status.slow_peers),
        ),
    ];
    let mut text = String::new();
    for (name, kind, help, samples) in families {
        let name = format!("hdfs_datanode_{name}");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
    text
}

fn label(name: &str, value: &str) -> String {
    let escaped = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("{{{name}=\"{escaped}\"}}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::DatanodeId;
    use crate::datanode::volumes::{Figures, Volume, VolumeId, VolumeUsage};

    #[test]
    fn metrics_name_each_volume() {
        let volume = |id, dir: &str, failed: Option<&str>| VolumeStatus {
            id: VolumeId(id),
            volume: Volume {
                storage: None,
                dir: dir.into(),
                size: None,
                du_reserved: 0,
                failed: failed.map(Into::into),
            },
            usage: VolumeUsage::default(),
            figures: Figures {
                capacity: 100,
                used: 30,
                remaining: 70,
            },
        };
        let scan = ScanStatus {
            damaged: 2,
            ..ScanStatus::default()
        };
        let text = render(&DataStatus {
            volumes: vec![volume(0, "/a\"b", None), volume(1, "/c", Some("gone"))],
            scans: vec![(VolumeId(0), scan)],
            bytes_written: 5,
            bytes_read: 6,
            transfers: 1,
            peers: Vec::new(),
            disks: Default::default(),
            slow_disks: [(VolumeId(0), 70_000)].into(),
            slow_peers: vec![SlowPeer {
                node: DatanodeId(7),
                latency_us: 9000,
            }],
        });
        for line in [
            "# TYPE hdfs_datanode_used_bytes gauge",
            "hdfs_datanode_used_bytes{volume=\"/a\\\"b\"} 30",
            "hdfs_datanode_failed_volumes 1",
            "hdfs_datanode_scan_damaged_total{volume=\"/a\\\"b\"} 2",
            "hdfs_datanode_scan_damaged_total{volume=\"/c\"} 0",
            "hdfs_datanode_slow_disk_latency_microseconds{volume=\"/a\\\"b\"} 70000",
            "hdfs_datanode_slow_peer_latency_microseconds{peer=\"0000000000000007\"} 9000",
        ] {
            assert!(
                text.lines().any(|there| there == line),
                "no {line:?} in\n{text}"
            );
        }
    }
}
