//! What is measured, under etcd's names.

use std::collections::BTreeMap;
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::kv_server::KvServer;

/// Upper ends of the buckets of durations in seconds: from 1 ms, each twice the one before, as in etcd.
const BUCKETS_SECONDS: [f64; 14] = [
    0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096,
    8.192,
];

const CLIENT_RECEIVED: &str = "etcd_network_client_grpc_received_bytes_total";
const CLIENT_SENT: &str = "etcd_network_client_grpc_sent_bytes_total";

/// What is counted from 0.
const COUNTED: &[&str] = &[
    "etcd_debugging_lease_granted_total",
    "etcd_debugging_lease_renewed_total",
    "etcd_debugging_lease_revoked_total",
    "etcd_debugging_mvcc_events_total",
    "etcd_debugging_server_lease_expired_total",
    "etcd_mvcc_delete_total",
    "etcd_mvcc_put_total",
    "etcd_mvcc_range_total",
    "etcd_mvcc_txn_total",
    CLIENT_RECEIVED,
    CLIENT_SENT,
    "etcd_server_health_failures",
    "etcd_server_health_success",
    "etcd_server_leader_changes_seen_total",
    "etcd_server_proposals_failed_total",
    "etcd_server_read_indexes_failed_total",
];

/// Between two times at which what was recorded is summed up.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Begins to measure. To be called once.
///
/// # Errors
/// When it was called before.
pub(super) fn install() -> anyhow::Result<PrometheusHandle> {
    let durations = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(durations, &BUCKETS_SECONDS)?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    // What has not happened yet is there, too: an alert cannot tell a counter that is missing from one that is not asked for.
    for counted in COUNTED {
        counter!(*counted).absolute(0);
    }
    Ok(handle)
}

/// Sums up what was recorded, now and then, so that it does not take more and more memory where nobody asks for it.
pub(super) async fn keep_up(prometheus: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP_INTERVAL).await;
        prometheus.run_upkeep();
    }
}

/// Bytes came from a client, as they are on its connection; etcd counts them without HTTP's part.
pub(super) fn client_received(bytes: usize) {
    static RECEIVED: OnceLock<Counter> = OnceLock::new();
    let received = RECEIVED.get_or_init(|| counter!(CLIENT_RECEIVED));
    received.increment(bytes as u64);
}

/// Bytes went to a client.
pub(super) fn client_sent(bytes: usize) {
    static SENT: OnceLock<Counter> = OnceLock::new();
    SENT.get_or_init(|| counter!(CLIENT_SENT))
        .increment(bytes as u64);
}

/// What is counted of the messages to and from a member: looked up once, since there are many.
struct Peer {
    sent: Counter,
    received: Counter,
    round_trip: Histogram,
}

fn peer(id: u64, count: impl FnOnce(&Peer)) {
    static PEERS: RwLock<BTreeMap<u64, Peer>> = RwLock::new(BTreeMap::new());
    let peers = PEERS.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(peer) = peers.get(&id) {
        return count(peer);
    }
    drop(peers);
    let (from, to) = ([("From", format!("{id:x}"))], [("To", format!("{id:x}"))]);
    let peer = Peer {
        sent: counter!("etcd_network_peer_sent_bytes_total", &to),
        received: counter!("etcd_network_peer_received_bytes_total", &from),
        round_trip: histogram!("etcd_network_peer_round_trip_time_seconds", &to),
    };
    count(&peer);
    let mut peers = PEERS.write().unwrap_or_else(PoisonError::into_inner);
    peers.insert(id, peer);
}

/// A message went to a member.
pub(super) fn peer_sent(to: u64, bytes: usize) {
    peer(to, |peer| peer.sent.increment(bytes as u64));
}

/// A message came from a member.
pub(super) fn peer_received(from: u64, bytes: usize) {
    peer(from, |peer| peer.received.increment(bytes as u64));
}

/// A member has answered a short message; for one that changes something, after it was on the disk there.
pub(super) fn peer_answered(to: u64, took: Duration) {
    peer(to, |peer| peer.round_trip.record(took));
}

/// A message to a member was not answered.
pub(super) fn peer_failed(to: u64) {
    counter!("etcd_network_peer_sent_failures_total", "To" => format!("{to:x}")).increment(1);
}

/// What is counted of one method's requests that went well: looked up once, since there are many.
#[derive(Clone)]
struct Method {
    started: Counter,
    handling: Histogram,
    handled: Counter,
}

impl Method {
    fn count(&self, took: f64) {
        self.started.increment(1);
        self.handling.record(took);
        self.handled.increment(1);
    }
}

/// A request was answered; `path` is `/package.Service/Method`, `code` gRPC's.
pub(super) fn grpc(path: &str, code: i32, took: Duration) {
    static METHODS: RwLock<BTreeMap<String, Method>> = RwLock::new(BTreeMap::new());
    let code = tonic::Code::from_i32(code);
    if code == tonic::Code::Unimplemented {
        // Its name is whatever the client made up.
        return counter!("grpc_server_unimplemented_total").increment(1);
    }
    let took = took.as_secs_f64();
    if code == tonic::Code::Ok {
        let methods = METHODS.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(method) = methods.get(path) {
            return method.count(took);
        }
    }
    let method = labelled(path, code);
    method.count(took);
    if code == tonic::Code::Ok {
        let mut methods = METHODS.write().unwrap_or_else(PoisonError::into_inner);
        methods.insert(path.to_owned(), method);
    }
}

/// With the labels that dashboards and alerts for etcd select by, in the order in which etcd writes them.
fn labelled(path: &str, code: tonic::Code) -> Method {
    let (service, method) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or(("", path));
    let kind = match (service, method) {
        ("etcdserverpb.Watch", "Watch") | ("etcdserverpb.Lease", "LeaseKeepAlive") => "bidi_stream",
        (_, "ServerReflectionInfo") => "bidi_stream",
        ("grpc.health.v1.Health", "Watch") | (_, "Observe" | "Snapshot") => "server_stream",
        _ => "unary",
    };
    let code = match code {
        tonic::Code::Ok => "OK".to_owned(),
        tonic::Code::Cancelled => "Canceled".to_owned(),
        code => format!("{code:?}"),
    };
    let labels = [
        ("grpc_method", method.to_owned()),
        ("grpc_service", service.to_owned()),
        ("grpc_type", kind.to_owned()),
    ];
    let started = counter!("grpc_server_started_total", &labels);
    let handling = histogram!("grpc_server_handling_seconds", &labels);
    let [method, service, kind] = labels;
    let handled = counter!(
        "grpc_server_handled_total",
        &[("grpc_code", code), method, service, kind]
    );
    Method {
        started,
        handling,
        handled,
    }
}

/// Somebody asked for this member's health.
pub(super) fn health(healthy: bool) {
    let [success, failures] = ["etcd_server_health_success", "etcd_server_health_failures"];
    counter!(if healthy { success } else { failures }).increment(1);
}

/// A proposal failed, or was not decided in time.
pub(super) fn proposal_failed() {
    counter!("etcd_server_proposals_failed_total").increment(1);
}

/// A proposal waits, or one fewer does.
pub(super) fn proposals_pending(by: f64) {
    static PENDING: OnceLock<Gauge> = OnceLock::new();
    let pending = PENDING.get_or_init(|| gauge!("etcd_server_proposals_pending"));
    pending.increment(by);
}

/// A linearizable read could not be served.
pub(super) fn read_index_failed() {
    counter!("etcd_server_read_indexes_failed_total").increment(1);
}

/// Somebody else leads, or nobody.
pub(super) fn leader_changed() {
    counter!("etcd_server_leader_changes_seen_total").increment(1);
}

/// What is done in the store.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mvcc {
    Put,
    Delete,
    Range,
    Txn,
}

/// Something was done in the store.
pub(super) fn mvcc(what: Mvcc) {
    static PUT: OnceLock<Counter> = OnceLock::new();
    static DELETE: OnceLock<Counter> = OnceLock::new();
    static RANGE: OnceLock<Counter> = OnceLock::new();
    static TXN: OnceLock<Counter> = OnceLock::new();
    let (counter, name) = match what {
        Mvcc::Put => (&PUT, "etcd_mvcc_put_total"),
        Mvcc::Delete => (&DELETE, "etcd_mvcc_delete_total"),
        Mvcc::Range => (&RANGE, "etcd_mvcc_range_total"),
        Mvcc::Txn => (&TXN, "etcd_mvcc_txn_total"),
    };
    counter.get_or_init(|| counter!(name)).increment(1);
}

/// What happened to a lease; `what` is etcd's word: `granted`, `revoked`, `renewed`.
pub(super) fn lease(what: &str) {
    let name = format!("etcd_debugging_lease_{what}_total");
    counter!(name).increment(1);
}

/// A lease expired.
pub(super) fn lease_expired() {
    counter!("etcd_debugging_server_lease_expired_total").increment(1);
}

/// There are more or fewer watch streams.
pub(super) fn watch_streams(by: f64) {
    gauge!("etcd_debugging_mvcc_watch_stream_total").increment(by);
}

/// Events were sent.
pub(super) fn events(count: usize) {
    counter!("etcd_debugging_mvcc_events_total").increment(count as u64);
}

#[allow(clippy::cast_precision_loss)]
fn number(n: u64) -> f64 {
    n as f64
}

#[allow(clippy::cast_precision_loss)]
fn revision(n: i64) -> f64 {
    n as f64
}

/// Looks at what does not count itself.
pub(super) fn look(server: &KvServer) {
    let status = server.status();
    let is = |what: bool| if what { 1.0 } else { 0.0 };
    gauge!("etcd_server_has_leader").set(is(status.leadership.leader.is_some()));
    gauge!("etcd_server_is_learner").set(is(server.is_learner()));
    gauge!("etcd_server_is_leader").set(is(status.leadership.leader == Some(status.id)));
    gauge!("etcd_server_proposals_committed_total").set(number(status.committed));
    gauge!("etcd_server_proposals_applied_total").set(number(status.applied));
    if server.settings.quota_bytes != u64::MAX {
        gauge!("etcd_server_quota_backend_bytes").set(number(server.settings.quota_bytes));
    }
    gauge!("etcd_server_id", "server_id" => format!("{:x}", status.id)).set(1.0);
    gauge!("etcd_server_version", "server_version" => super::VERSION).set(1.0);
    gauge!("etcd_cluster_version", "cluster_version" => super::CLUSTER_VERSION.trim_end_matches(".0")).set(1.0);
    server.read(|replica| {
        let store = &replica.store;
        for size in [
            "etcd_mvcc_db_total_size_in_bytes",
            "etcd_debugging_mvcc_db_total_size_in_bytes",
        ] {
            gauge!(size).set(number(store.bytes()));
        }
        gauge!("etcd_debugging_mvcc_keys_total").set(number(store.keys() as u64));
        gauge!("etcd_mvcc_db_total_size_in_use_in_bytes").set(number(store.bytes()));
        gauge!("etcd_debugging_mvcc_current_revision").set(revision(store.revision()));
        gauge!("etcd_debugging_mvcc_compact_revision").set(revision(store.compacted()));
    });
    let (watchers, behind) = server.watchers.count();
    gauge!("etcd_debugging_mvcc_watcher_total").set(number(watchers as u64));
    gauge!("etcd_debugging_mvcc_slow_watcher_total").set(number(behind as u64));
    process();
}

/// Of the process, as Prometheus' clients name it. `etcdctl check datascale` reads the memory.
fn process() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        number(kib.unwrap_or(0) * 1024)
    };
    gauge!("process_virtual_memory_bytes").set(bytes("VmSize:"));
    gauge!("process_resident_memory_bytes").set(bytes("VmRSS:"));
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds").set(number(open.count() as u64));
    }
}
