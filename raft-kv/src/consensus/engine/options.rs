//! How a member takes part, and what `openraft` makes of that.

use std::time::Duration;

use openraft::{Config, SnapshotPolicy};

/// How a member takes part.
#[derive(Clone, Debug)]
pub struct Options {
    /// This member. An id is used for one data directory, and never again.
    pub id: u64,
    /// The cluster. Messages of another one are refused.
    pub cluster: u64,
    /// How often the leader says that it leads (`--heartbeat-interval`).
    pub heartbeat_interval: Duration,
    /// A follower that has heard nothing for so long campaigns, at the earliest (`--election-timeout`).
    pub election_timeout: Duration,
    /// After so many entries a snapshot is made (`--snapshot-count`).
    pub snapshot_entries: u64,
    /// So many entries before a snapshot are kept, for members that are a little behind.
    pub catch_up_entries: u64,
    /// How long a member may take over a part of a snapshot: the answer to the last one comes when it is installed.
    pub snapshot_timeout: Duration,
    /// A leader answers reads without asking the others while what a majority has answered was sent less than nine tenths of a lease (six tenths of `election_timeout`)
    /// ago. That is linearizable only as long as no member's clock runs faster than the leader's by more than a tenth.
    pub lease_reads: bool,
    /// What election timeouts are drawn from. Drawn itself, but in a simulation.
    pub seed: u64,
    /// The length of the log's segments, in bytes; none for the usual one.
    pub segment_bytes: Option<u64>,
}

impl Options {
    /// etcd's defaults.
    pub fn new(cluster: u64, id: u64, seed: u64) -> Options {
        Options {
            id,
            cluster,
            heartbeat_interval: Duration::from_millis(100),
            election_timeout: Duration::from_millis(1000),
            snapshot_entries: 100_000,
            catch_up_entries: 5000,
            snapshot_timeout: Duration::from_secs(30),
            lease_reads: false,
            seed,
            segment_bytes: None,
        }
    }

    /// How long a voter that has heard a leader votes for nobody else, by its own clock, unless that leader hands over.
    pub(super) fn lease(&self) -> Duration {
        self.election_timeout * 3 / 5
    }

    pub(super) fn config(&self) -> Config {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        // A follower campaigns when it has heard nothing for the second of these, which is the lease, and a time drawn from between the
        // two: for 1 to 1.2 election timeouts in all.
        let election_timeout_min = ms(self.election_timeout - self.lease()).max(1);
        let election_timeout_max = ms(self.lease()).max(2);
        Config {
            cluster_name: format!("{:x}", self.cluster),
            heartbeat_interval: ms(self.heartbeat_interval),
            election_timeout_min,
            election_timeout_max,
            enable_pre_vote: Some(true),
            // A leader that comes back must not go on in its old term: it knows of less that is committed than it did before, and would
            // answer reads from there.
            enable_leader_restore: Some(false),
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.snapshot_entries),
            max_in_snapshot_log_to_keep: self.catch_up_entries,
            purge_batch_size: (self.snapshot_entries / 10).max(1),
            max_payload_entries: 1000,
            ..Config::default()
        }
    }
}
