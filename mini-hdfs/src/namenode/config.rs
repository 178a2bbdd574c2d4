//! The NameNode's settings, each with HDFS's key and default.

use std::time::Duration;

/// Settings of a NameNode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Replicas of a block where the writer does not say (`dfs.replication`).
    pub replication: u16,
    /// The most a caller may ask for (`dfs.replication.max`).
    pub replication_max: u16,
    /// Finalised replicas that make a committed block complete (`dfs.namenode.replication.min`).
    pub replication_min: u16,
    /// Bytes in a block where the writer does not say (`dfs.blocksize`).
    pub block_size: u64,
    /// The smallest block size that a caller may ask for (`dfs.namenode.fs-limits.min-block-size`).
    pub block_size_min: u64,
    /// How often DataNodes send heartbeats (`dfs.heartbeat.interval`).
    pub heartbeat_interval: Duration,
    /// A DataNode not heard for this long is stale (`dfs.namenode.stale.datanode.interval`).
    pub stale_interval: Duration,
    /// How often dead DataNodes are looked for (`dfs.namenode.heartbeat.recheck-interval`). One is dead when not
    /// heard for twice this and ten heartbeats.
    pub heartbeat_recheck_interval: Duration,
    /// How often replication work is handed out (`dfs.namenode.redundancy.interval.seconds`).
    pub replication_interval: Duration,
    /// A copy that has not been reported after this long is tried again
    /// (`dfs.namenode.reconstruction.pending.timeout-sec`).
    pub replication_pending_timeout: Duration,
    /// Blocks given out for copying in one round, for each live DataNode
    /// (`dfs.namenode.replication.work.multiplier.per.iteration`).
    pub replication_work_multiplier: usize,
    /// Copies that one DataNode sends at a time (`dfs.namenode.replication.max-streams`).
    pub replication_streams_max: usize,
    /// As before, for blocks of the highest priority (`dfs.namenode.replication.max-streams-hard-limit`).
    pub replication_streams_hard_limit: usize,
    /// Deletions in one answer to a heartbeat (`dfs.block.invalidate.limit`).
    pub invalidate_limit: usize,
    /// The part of complete blocks that must be reported to leave safe mode, in thousandths
    /// (`dfs.namenode.safemode.threshold-pct` is 0.999).
    pub safemode_threshold_permille: u64,
    /// Live DataNodes that must be there too (`dfs.namenode.safemode.min.datanodes`).
    pub safemode_datanodes_min: usize,
    /// How long to stay in safe mode once the threshold is reached (`dfs.namenode.safemode.extension`).
    pub safemode_extension: Duration,
    /// A DataNode that its peers report as slow gets new replicas only where no other is left
    /// (`dfs.namenode.block-placement-policy.exclude-slow-nodes.enabled`).
    pub exclude_slow_nodes: bool,
    /// … and is read from last (`dfs.namenode.avoid.read.slow.datanode`).
    pub avoid_slow_reads: bool,
    /// How often DataNodes report slow peers (`dfs.datanode.outliers.report.interval`).
    pub outliers_report_interval: Duration,
    /// So many DataNodes at most are called slow (`dfs.namenode.max.slowpeer.collect.nodes`).
    pub slow_nodes_max: usize,
    /// DataNodes that may send a full block report at a time (`dfs.namenode.max.full.block.report.leases`).
    pub report_leases_max: usize,
    /// How long each may take (`dfs.namenode.full.block.report.lease.length.ms`).
    pub report_lease_length: Duration,
    /// How often it is looked whether DataNodes that shall leave the service may go (`dfs.namenode.decommission.interval`).
    pub decommission_interval: Duration,
    /// Replicas that a block must have in service while others are in maintenance
    /// (`dfs.namenode.maintenance.replication.min`).
    pub maintenance_replication_min: u16,
    /// fsimages kept (`dfs.namenode.num.checkpoints.retained`).
    pub checkpoints_retained: usize,
    /// A checkpoint is due after this many transactions (`dfs.namenode.checkpoint.txns`).
    pub checkpoint_txns: u64,
    /// … or after this long, if there was any transaction (`dfs.namenode.checkpoint.period`).
    pub checkpoint_period: Duration,
    /// How soon a failed checkpoint is tried again (`dfs.namenode.checkpoint.check.period`).
    pub checkpoint_check_period: Duration,
    /// Entries in one answer to a listing (`dfs.ls.limit`).
    pub list_limit: usize,
    /// A writer that has not renewed his lease for this long may lose a file to another client
    /// (`HdfsConstants.LEASE_SOFTLIMIT_PERIOD`; HDFS has no key for it).
    pub lease_soft_limit: Duration,
    /// … and for this long, has his files closed (`dfs.namenode.lease-hard-limit-sec`).
    pub lease_hard_limit: Duration,
    /// How often such files are looked for (`dfs.namenode.lease-recheck-interval-ms`).
    pub lease_recheck_interval: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            replication: 3,
            replication_max: 512,
            replication_min: 1,
            block_size: 128 << 20,
            block_size_min: 1 << 20,
            heartbeat_interval: Duration::from_secs(3),
            stale_interval: Duration::from_secs(30),
            heartbeat_recheck_interval: Duration::from_secs(5 * 60),
            replication_interval: Duration::from_secs(3),
            replication_pending_timeout: Duration::from_secs(5 * 60),
            replication_work_multiplier: 2,
            replication_streams_max: 2,
            replication_streams_hard_limit: 4,
            invalidate_limit: 1000,
            safemode_threshold_permille: 999,
            safemode_datanodes_min: 0,
            safemode_extension: Duration::from_secs(30),
            exclude_slow_nodes: false,
            avoid_slow_reads: false,
            outliers_report_interval: Duration::from_secs(30 * 60),
            slow_nodes_max: 5,
            report_leases_max: 6,
            report_lease_length: Duration::from_secs(5 * 60),
            decommission_interval: Duration::from_secs(30),
            maintenance_replication_min: 1,
            checkpoints_retained: 2,
            checkpoint_txns: 1_000_000,
            checkpoint_period: Duration::from_secs(60 * 60),
            checkpoint_check_period: Duration::from_secs(60),
            list_limit: 1000,
            lease_soft_limit: Duration::from_secs(60),
            lease_hard_limit: Duration::from_secs(20 * 60),
            lease_recheck_interval: Duration::from_secs(2),
        }
    }
}

impl Config {
    /// A DataNode not heard for this long is dead: 2 × recheck interval + 10 × heartbeat interval.
    pub fn dead_interval(&self) -> Duration {
        2 * self.heartbeat_recheck_interval + 10 * self.heartbeat_interval
    }

    /// A recovery of a block that has not ended after this long is begun anew
    /// (`BLOCK_RECOVERY_TIMEOUT_MULTIPLIER`: 30 heartbeat intervals).
    pub fn block_recovery_timeout(&self) -> Duration {
        30 * self.heartbeat_interval
    }
}
