//! What the NameNode shows over HTTP: a status page for people, the same as JSON for scripts, metrics for
//! Prometheus, and a sign of life for whoever supervises it.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use serde_json::{Value, json};
use tonic::Status;

use super::namenode::Shared;
use crate::protocol::{AdminState, DatanodeReport, DatanodeState, FsStatus, StorageReport};

/// A NameNode that answers nothing for this long is not healthy.
const HEALTHY: Duration = Duration::from_secs(5);

const STYLE: &str = include_str!("http/status.css");
const SCRIPT: &str = include_str!("http/status.js");

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/status.json", get(status_json))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .with_state(shared)
}

/// What the page and its JSON twin show, at one moment.
struct Snapshot {
    status: FsStatus,
    datanodes: Vec<DatanodeReport>,
    now_ms: u64,
}

/// The NameNode is ending, or its disk has failed.
struct Unavailable(Status);

impl From<Status> for Unavailable {
    fn from(status: Status) -> Unavailable {
        Unavailable(status)
    }
}

impl IntoResponse for Unavailable {
    fn into_response(self) -> axum::response::Response {
        let body = format!("{}\n", self.0.message());
        (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
    }
}

async fn snapshot(shared: &Shared) -> Result<Snapshot, Status> {
    shared
        .durably(|namenode, now, _| Snapshot {
            status: namenode.status(now),
            datanodes: namenode.datanode_report(now),
            now_ms: now.as_millis(),
        })
        .await
}

async fn healthz(State(shared): State<Arc<Shared>>) -> Result<&'static str, Unavailable> {
    // Through the lock and, where edits are pending, the disk: what callers wait for too.
    let alive = shared.durably(|_, _, _| ());
    match tokio::time::timeout(HEALTHY, alive).await {
        Ok(alive) => Ok(alive.map(|()| "ok\n")?),
        Err(_) => Err(Status::unavailable("no answer from the core or its disk").into()),
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Result<impl IntoResponse, Unavailable> {
    let status = shared
        .durably(|namenode, now, _| namenode.status(now))
        .await?;
    let text = shared.metrics.render(&status);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}

async fn status_json(State(shared): State<Arc<Shared>>) -> Result<Json<Value>, Unavailable> {
    let Snapshot {
        status,
        datanodes,
        now_ms,
    } = snapshot(&shared).await?;
    let datanodes: Vec<Value> = datanodes.iter().map(datanode_json).collect();
    Ok(Json(json!({
        "time_ms": now_ms,
        "safe_mode": status.safe_mode,
        "status": status,
        "datanodes": datanodes,
    })))
}

/// The id is text: JSON's readers often keep numbers in 53 bits.
fn datanode_json(node: &DatanodeReport) -> Value {
    json!({
        "id": node.info.id.to_string(),
        "hostname": node.info.hostname,
        "address": node.info.address,
        "rack": node.info.rack,
        "state": state_name(node.state),
        "admin": admin_name(node.admin),
        "leaving": node.leaving,
        "capacity": node.heartbeat.capacity,
        "dfs_used": node.heartbeat.dfs_used,
        "remaining": node.heartbeat.remaining,
        "xceivers": node.heartbeat.xceivers,
        "blocks": node.blocks,
        "volumes": node.details.storages.len(),
        "failed_volumes": node.details.failed_volumes,
        "slow_disks": slow_disks(node).collect::<Vec<String>>(),
        "slow_reports": node.slow_reports,
        "last_contact_ms": node.last_contact_ms,
    })
}

fn state_name(state: DatanodeState) -> &'static str {
    match state {
        DatanodeState::Live => "live",
        DatanodeState::Stale => "stale",
        DatanodeState::Dead => "dead",
    }
}

fn admin_name(admin: AdminState) -> &'static str {
    match admin {
        AdminState::Normal => "in service",
        AdminState::DecommissionInProgress => "decommission in progress",
        AdminState::Decommissioned => "decommissioned",
        AdminState::EnteringMaintenance => "entering maintenance",
        AdminState::InMaintenance => "in maintenance",
    }
}

/// Whether a node is in service, and what it waits for if it is about to leave.
fn service(node: &DatanodeReport) -> String {
    let name = admin_name(node.admin);
    match (node.admin, node.leaving.under_replicated) {
        (AdminState::DecommissionInProgress | AdminState::EnteringMaintenance, 1..) => {
            let (blocks, only) = (node.leaving.under_replicated, node.leaving.only_here);
            format!("{name}: {blocks} blocks to be copied, {only} of them only here")
        }
        _ => name.to_owned(),
    }
}

async fn page(State(shared): State<Arc<Shared>>) -> Result<Html<String>, Unavailable> {
    Ok(Html(render(&snapshot(&shared).await?)))
}

fn render(snapshot: &Snapshot) -> String {
    let (figures, nodes) = (figures(&snapshot.status), datanodes(snapshot));
    let banner = match &snapshot.status.safe_mode {
        Some(why) => format!("<p class=\"warning\" role=\"status\">{}</p>", escape(why)),
        None => "<p role=\"status\">Safe mode is off.</p>".to_owned(),
    };
    format!(
        "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>NameNode</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>NameNode</h1>
<nav><a href=\"/status.json\">JSON</a> <a href=\"/metrics\">Metrics</a></nav>
<label><input type=\"checkbox\" id=\"refresh\" checked> Keep up to date</label>
</header>
<main>
{banner}
<h2>File system</h2>
<table>{figures}</table>
<h2>DataNodes</h2>
{nodes}
</main>
<script>{SCRIPT}</script>
</body>
</html>
"
    )
}

fn figures(status: &FsStatus) -> String {
    let mut rows = String::new();
    for (name, value) in [
        ("Capacity", bytes(status.capacity)),
        ("Used by blocks", bytes(status.dfs_used)),
        ("Free", bytes(status.remaining)),
        ("Files and directories", status.inodes.to_string()),
        ("Files being written", status.under_construction.to_string()),
        ("Blocks", status.blocks.to_string()),
        (
            "Under-replicated blocks",
            status.under_replicated.to_string(),
        ),
        (
            "Blocks being copied",
            status.pending_replication.to_string(),
        ),
        ("Blocks with a corrupt replica", status.corrupt.to_string()),
        ("Missing blocks", status.missing.to_string()),
        ("Failed volumes", status.volume_failures.to_string()),
        (
            "Replicas to be deleted",
            status.pending_deletion.to_string(),
        ),
        ("Last transaction", status.last_txid.to_string()),
        (
            "Last checkpoint at transaction",
            status.checkpoint_txid.to_string(),
        ),
    ] {
        row(
            &mut rows,
            &format!("<th scope=\"row\">{name}</th><td>{value}</td>"),
        );
    }
    rows
}

fn datanodes(snapshot: &Snapshot) -> String {
    if snapshot.datanodes.is_empty() {
        return "<p>None has registered yet.</p>".to_owned();
    }
    let mut rows = String::new();
    for node in &snapshot.datanodes {
        let state = state_name(node.state);
        let silent_ms = snapshot.now_ms.saturating_sub(node.last_contact_ms);
        let cells = [
            escape(&node.info.address),
            escape(&node.info.hostname),
            escape(&node.info.rack),
            format!("<span class=\"{state}\">{state}</span>"),
            service(node),
            format!("{} s ago", silent_ms / 1000),
            node.blocks.to_string(),
            bytes(node.heartbeat.dfs_used),
            bytes(node.heartbeat.remaining),
            node.heartbeat.xceivers.to_string(),
            troubles(node),
            node.info.id.to_string(),
        ];
        row(
            &mut rows,
            &cells.map(|cell| format!("<td>{cell}</td>")).concat(),
        );
    }
    let heads = [
        "Address",
        "Host",
        "Rack",
        "State",
        "Service",
        "Last heard",
        "Blocks",
        "Used",
        "Free",
        "Transfers",
        "Trouble",
        "Id",
    ];
    let heads = heads
        .map(|head| format!("<th scope=\"col\">{head}</th>"))
        .concat();
    format!("<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>")
}

/// What an operator should look at.
fn troubles(node: &DatanodeReport) -> String {
    let failed = &node.details.failed_volumes;
    let mut troubles: Vec<String> = failed
        .iter()
        .map(|volume| escape(&format!("{}: {}", volume.dir, volume.reason)))
        .collect();
    troubles.extend(slow_disks(node));
    if node.slow_reports > 0 {
        troubles.push(format!("slow, say {} of its peers", node.slow_reports));
    }
    troubles.join("; ")
}

fn slow_disks(node: &DatanodeReport) -> impl Iterator<Item = String> {
    let slow = |volume: &StorageReport| {
        let ms = volume.slow_us? / 1000;
        Some(format!("{} is slow: {ms} ms an operation", volume.storage))
    };
    node.details.storages.iter().filter_map(slow)
}

fn row(rows: &mut String, cells: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(rows, "<tr>{cells}</tr>");
}

/// `1.5 GiB`; whole numbers below 1 KiB.
fn bytes(count: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut tenths = u128::from(count) * 10;
    let mut unit = "B";
    for larger in units {
        if tenths < 10 * 1024 {
            break;
        }
        (tenths, unit) = (tenths / 1024, larger);
    }
    match (unit, tenths % 10) {
        ("B", _) | (_, 0) => format!("{} {unit}", tenths / 10),
        (_, tenth) => format!("{}.{tenth} {unit}", tenths / 10),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::DatanodeInfo;
    use crate::protocol::{Heartbeat, HeartbeatDetails};

    #[test]
    fn bytes_are_readable() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1 << 20), "1 MiB");
        assert_eq!(bytes(3 << 29), "1.5 GiB");
        assert_eq!(bytes(u64::MAX), "15.9 EiB");
    }

    #[test]
    fn names_cannot_bring_markup_along() {
        let node = DatanodeReport {
            info: DatanodeInfo {
                id: crate::block::DatanodeId(7),
                hostname: "<script>".to_owned(),
                address: "127.0.0.1:1".to_owned(),
                rack: "/a&b".to_owned(),
            },
            state: DatanodeState::Dead,
            admin: AdminState::Normal,
            leaving: crate::protocol::LeavingStatus::default(),
            heartbeat: Heartbeat::default(),
            details: HeartbeatDetails::default(),
            slow_reports: 0,
            last_contact_ms: 1000,
            blocks: 5,
        };
        let page = render(&Snapshot {
            status: FsStatus::default(),
            datanodes: vec![node],
            now_ms: 63_000,
        });
        assert!(
            page.contains("<td>&lt;script&gt;</td><td>/a&amp;b</td>"),
            "{page}"
        );
        assert!(page.contains("<td>62 s ago</td>"), "{page}");
    }
}
