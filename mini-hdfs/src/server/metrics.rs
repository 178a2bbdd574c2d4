//! What a NameNode counts and measures, in Prometheus's text format.
//!
//! Counters and histograms are fed as things happen; gauges are set from the core when somebody asks.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use crate::protocol::FsStatus;

const RPC_DURATION: &str = "hdfs_namenode_rpc_duration_seconds";
const RPC_REFUSED: &str = "hdfs_namenode_rpc_refused_total";
const LOCK_WAIT: &str = "hdfs_namenode_lock_wait_seconds";
const SYNC_DURATION: &str = "hdfs_namenode_edits_sync_duration_seconds";
const BATCH_TRANSACTIONS: &str = "hdfs_namenode_edits_batch_transactions";
const OUT_OF_SERVICE: &str = "hdfs_namenode_datanodes_out_of_service";
const CHECKPOINT_DURATION: &str = "hdfs_namenode_checkpoint_duration_seconds";

/// From a tenth of a millisecond, an answer from memory, to ten seconds, a disk in trouble.
const SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    10.0,
];
/// Transactions that share one sync.
const TRANSACTIONS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0];

/// One NameNode's figures. They are its own rather than the process's, so that a test can run two.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    pub(crate) fn new() -> anyhow::Result<Metrics> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
            .set_buckets_for_metric(Matcher::Suffix("_transactions".to_owned()), TRANSACTIONS)?
            .build_recorder();
        let handle = recorder.handle();
        let metrics = Metrics { recorder, handle };
        metrics.record(describe);
        Ok(metrics)
    }

    fn record(&self, record: impl FnOnce()) {
        metrics::with_local_recorder(&self.recorder, record);
    }

    /// A call was answered.
    pub(crate) fn rpc(&self, method: &'static str, duration: Duration, refused: bool) {
        self.record(|| {
            histogram!(RPC_DURATION, "method" => method).record(duration);
            if refused {
                counter!(RPC_REFUSED, "method" => method).increment(1);
            }
        });
    }

    /// A call got the core's lock.
    pub(crate) fn lock_wait(&self, duration: Duration) {
        self.record(|| histogram!(LOCK_WAIT).record(duration));
    }

    /// Some edits are on the disk.
    #[allow(clippy::cast_precision_loss)] // Off by one in 2^53.
    pub(crate) fn sync(&self, duration: Duration, transactions: u64) {
        self.record(|| {
            histogram!(SYNC_DURATION).record(duration);
            histogram!(BATCH_TRANSACTIONS).record(transactions as f64);
        });
    }

    /// An fsimage is on the disk.
    pub(crate) fn checkpoint(&self, duration: Duration) {
        self.record(|| histogram!(CHECKPOINT_DURATION).record(duration));
    }

    /// Everything, in the text format, with gauges as `status` says.
    #[allow(clippy::cast_precision_loss)] // As before.
    pub(crate) fn render(&self, status: &FsStatus) -> String {
        self.record(|| {
            for (name, value, _, _) in gauges(status) {
                gauge!(name).set(value as f64);
            }
            let live = status.live_datanodes - status.stale_datanodes;
            for (state, nodes) in [
                ("live", live),
                ("stale", status.stale_datanodes),
                ("dead", status.dead_datanodes),
            ] {
                gauge!("hdfs_namenode_datanodes", "state" => state).set(nodes as f64);
            }
            for (admin, nodes) in [
                ("decommissioning", status.decommissioning_datanodes),
                ("decommissioned", status.decommissioned_datanodes),
                (
                    "entering_maintenance",
                    status.entering_maintenance_datanodes,
                ),
                ("in_maintenance", status.in_maintenance_datanodes),
            ] {
                gauge!(OUT_OF_SERVICE, "state" => admin).set(nodes as f64);
            }
        });
        self.handle.render()
    }

    /// Moves what was measured into its buckets, so that it does not pile up where nobody asks.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

type Gauge = (&'static str, u64, Option<Unit>, &'static str);

fn gauges(status: &FsStatus) -> [Gauge; 16] {
    let bytes = Some(Unit::Bytes);
    let safe_mode = u64::from(status.safe_mode.is_some());
    [
        (
            "hdfs_namenode_capacity_bytes",
            status.capacity,
            bytes,
            "Bytes that the volumes of live DataNodes hold.",
        ),
        (
            "hdfs_namenode_used_bytes",
            status.dfs_used,
            bytes,
            "Bytes that replicas use on live DataNodes.",
        ),
        (
            "hdfs_namenode_remaining_bytes",
            status.remaining,
            bytes,
            "Bytes free for new replicas on live DataNodes.",
        ),
        (
            "hdfs_namenode_inodes",
            status.inodes,
            None,
            "Files and directories.",
        ),
        (
            "hdfs_namenode_files_under_construction",
            status.under_construction,
            None,
            "Files being written.",
        ),
        (
            "hdfs_namenode_blocks",
            status.blocks,
            None,
            "Blocks, whatever their state.",
        ),
        (
            "hdfs_namenode_blocks_under_replicated",
            status.under_replicated,
            None,
            "Blocks with some but too few good replicas.",
        ),
        (
            "hdfs_namenode_blocks_pending_replication",
            status.pending_replication,
            None,
            "Blocks being copied now.",
        ),
        (
            "hdfs_namenode_blocks_corrupt",
            status.corrupt,
            None,
            "Blocks with a corrupt replica.",
        ),
        (
            "hdfs_namenode_blocks_missing",
            status.missing,
            None,
            "Complete blocks without a good replica.",
        ),
        (
            "hdfs_namenode_replicas_pending_deletion",
            status.pending_deletion,
            None,
            "Replicas waiting to be deleted.",
        ),
        (
            "hdfs_namenode_volume_failures",
            status.volume_failures,
            None,
            "Volumes that have failed on live DataNodes.",
        ),
        (
            "hdfs_namenode_slow_datanodes",
            status.slow_datanodes,
            None,
            "Live DataNodes that their peers report as slow.",
        ),
        (
            "hdfs_namenode_safe_mode",
            safe_mode,
            None,
            "1 in safe mode, else 0.",
        ),
        (
            "hdfs_namenode_last_transaction_id",
            status.last_txid,
            None,
            "The last transaction of the edit log.",
        ),
        (
            "hdfs_namenode_checkpoint_transaction_id",
            status.checkpoint_txid,
            None,
            "The transaction that the newest fsimage reaches.",
        ),
    ]
}

fn describe() {
    let seconds = Unit::Seconds;
    describe_histogram!(
        RPC_DURATION,
        seconds,
        "From a call's arrival to its answer, sync included."
    );
    describe_counter!(RPC_REFUSED, "Calls that were answered with an error.");
    describe_histogram!(
        LOCK_WAIT,
        seconds,
        "How long a call waited for the namespace's lock."
    );
    describe_histogram!(
        SYNC_DURATION,
        seconds,
        "Writing and syncing a batch of the edit log."
    );
    describe_histogram!(
        BATCH_TRANSACTIONS,
        "Transactions that shared one sync of the edit log."
    );
    describe_histogram!(CHECKPOINT_DURATION, seconds, "Making an fsimage.");
    describe_gauge!("hdfs_namenode_datanodes", "DataNodes by state.");
    describe_gauge!(
        OUT_OF_SERVICE,
        "DataNodes that leave or have left the service, dead or alive."
    );
    for (name, _, unit, help) in gauges(&FsStatus::default()) {
        match unit {
            Some(unit) => describe_gauge!(name, unit, help),
            None => describe_gauge!(name, help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_shown_with_its_help() {
        let metrics = Metrics::new().unwrap();
        metrics.rpc("mkdirs", Duration::from_millis(3), true);
        metrics.sync(Duration::from_millis(2), 7);
        let status = FsStatus {
            live_datanodes: 3,
            stale_datanodes: 1,
            safe_mode: Some("why".to_owned()),
            ..FsStatus::default()
        };
        let text = metrics.render(&status);
        for line in [
            "# HELP hdfs_namenode_rpc_duration_seconds From a call's arrival",
            "hdfs_namenode_rpc_duration_seconds_bucket{method=\"mkdirs\",le=\"0.005\"} 1",
            "hdfs_namenode_rpc_refused_total{method=\"mkdirs\"} 1",
            "hdfs_namenode_edits_batch_transactions_bucket{le=\"8\"} 1",
            "hdfs_namenode_datanodes{state=\"live\"} 2",
            "hdfs_namenode_safe_mode 1",
            "# TYPE hdfs_namenode_blocks_missing gauge",
        ] {
            assert!(text.contains(line), "no {line:?} in\n{text}");
        }
    }
}
