//! A member's settings, with etcd's flags, environment variables (`ETCD_NAME` for `--name`) and defaults.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::urls::{BadUrl, Url};

/// The longest election timeout, as etcd has it: what takes longer to be noticed is no cluster.
const ELECTION_TIMEOUT_MS_MAX: u64 = 50_000;
/// How many heartbeats an election timeout must have room for at least.
const HEARTBEATS_MIN: u64 = 5;
/// Bytes that the store may have unless `--quota-backend-bytes` says otherwise.
const QUOTA_BYTES_DEFAULT: u64 = 2 << 30;

/// Whether the cluster is made by its members' first start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ClusterState {
    /// All of `--initial-cluster` begin together.
    New,
    /// This member was added to a cluster that runs.
    Existing,
}

/// What `--auto-compaction-retention` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CompactionMode {
    /// Time: hours, or a duration like 30m.
    Periodic,
    /// Revisions.
    Revision,
}

/// What `raft-kv serve` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// This member's name
    #[arg(
        long,
        env = "ETCD_NAME",
        value_name = "NAME",
        default_value = "default"
    )]
    pub name: String,
    /// Where this member keeps everything [default: NAME.raft-kv]
    #[arg(long, env = "ETCD_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where clients are listened to; port 0 lets the system choose
    #[arg(
        long,
        env = "ETCD_LISTEN_CLIENT_URLS",
        value_name = "URLS",
        default_value = "http://localhost:2379"
    )]
    pub listen_client_urls: String,
    /// Where clients are told to connect [default: where they are listened to]
    #[arg(long, env = "ETCD_ADVERTISE_CLIENT_URLS", value_name = "URLS")]
    pub advertise_client_urls: Option<String>,
    /// Where the other members are listened to
    #[arg(
        long,
        env = "ETCD_LISTEN_PEER_URLS",
        value_name = "URLS",
        default_value = "http://localhost:2380"
    )]
    pub listen_peer_urls: String,
    /// Where the other members are told to connect [default: where they are listened to]
    #[arg(long, env = "ETCD_INITIAL_ADVERTISE_PEER_URLS", value_name = "URLS")]
    pub initial_advertise_peer_urls: Option<String>,
    /// All members of a new cluster, or of the one to join [default: this member alone]
    #[arg(long, env = "ETCD_INITIAL_CLUSTER", value_name = "NAME=URL,…")]
    pub initial_cluster: Option<String>,
    /// Whether the cluster is new or exists
    #[arg(
        long,
        env = "ETCD_INITIAL_CLUSTER_STATE",
        value_name = "STATE",
        default_value = "new"
    )]
    pub initial_cluster_state: ClusterState,
    /// What tells clusters with the same addresses apart
    #[arg(
        long,
        env = "ETCD_INITIAL_CLUSTER_TOKEN",
        value_name = "TOKEN",
        default_value = "etcd-cluster"
    )]
    pub initial_cluster_token: String,
    /// Milliseconds between two heartbeats of the leader
    #[arg(
        long,
        env = "ETCD_HEARTBEAT_INTERVAL",
        value_name = "MS",
        default_value_t = 100
    )]
    pub heartbeat_interval: u64,
    /// Milliseconds without a leader after which a member campaigns at the earliest
    #[arg(
        long,
        env = "ETCD_ELECTION_TIMEOUT",
        value_name = "MS",
        default_value_t = 1000
    )]
    pub election_timeout: u64,
    /// Entries between two snapshots
    #[arg(
        long,
        env = "ETCD_SNAPSHOT_COUNT",
        value_name = "N",
        default_value_t = 100_000
    )]
    pub snapshot_count: u64,
    /// Entries before a snapshot that are kept for members that are a little behind
    #[arg(
        long,
        env = "ETCD_SNAPSHOT_CATCHUP_ENTRIES",
        value_name = "N",
        default_value_t = 5000
    )]
    pub snapshot_catchup_entries: u64,
    /// Bytes that the store may have before it takes nothing new; 0: 2 GiB; less: no limit
    #[arg(
        long,
        env = "ETCD_QUOTA_BACKEND_BYTES",
        value_name = "BYTES",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub quota_backend_bytes: i64,
    /// What --auto-compaction-retention counts
    #[arg(
        long,
        env = "ETCD_AUTO_COMPACTION_MODE",
        value_name = "MODE",
        default_value = "periodic"
    )]
    pub auto_compaction_mode: CompactionMode,
    /// History that is kept: hours or a duration like 30m, or revisions; 0: all
    #[arg(
        long,
        env = "ETCD_AUTO_COMPACTION_RETENTION",
        value_name = "RETENTION",
        default_value = "0"
    )]
    pub auto_compaction_retention: String,
    /// The longest request that is taken, in bytes
    #[arg(
        long,
        env = "ETCD_MAX_REQUEST_BYTES",
        value_name = "BYTES",
        default_value_t = 1_572_864
    )]
    pub max_request_bytes: usize,
    /// The most operations in a transaction
    #[arg(
        long,
        env = "ETCD_MAX_TXN_OPS",
        value_name = "N",
        default_value_t = 128
    )]
    pub max_txn_ops: usize,
    /// The most requests and streams at once on a connection
    #[arg(
        long,
        env = "ETCD_MAX_CONCURRENT_STREAMS",
        value_name = "N",
        default_value_t = 100_000
    )]
    pub max_concurrent_streams: u32,
    /// Seconds between two signs of progress to a watcher that asked for them
    #[arg(
        long,
        env = "ETCD_EXPERIMENTAL_WATCH_PROGRESS_NOTIFY_INTERVAL",
        value_name = "DURATION",
        default_value = "10m"
    )]
    pub experimental_watch_progress_notify_interval: String,
    /// Where /metrics and /health are served, too
    #[arg(long, env = "ETCD_LISTEN_METRICS_URLS", value_name = "URLS")]
    pub listen_metrics_urls: Option<String>,
    /// Serve linearizable reads by the leader's lease, without asking a majority: right only as long as no member's clock runs
    /// faster than the leader's by more than a tenth (a suspended machine's stands still)
    #[arg(long)]
    pub lease_reads: bool,
    /// Reach other members through this SOCKS5 listener
    #[arg(long, value_name = "HOST:PORT")]
    pub socks5: Option<std::net::SocketAddr>,
    /// An address of this machine alone where orders are taken to break the disk of the log and the snapshots, as from
    /// curl -X PUT http://HOST:PORT/chaos -d 'full=0'
    #[arg(long, value_name = "HOST:PORT")]
    pub chaos: Option<String>,
    /// End when the standard input does
    #[arg(long)]
    pub exit_with_stdin: bool,
}

/// What is wrong with the settings.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// A URL.
    #[error("--{flag}: {why}")]
    Url {
        /// Whose.
        flag: &'static str,
        /// What is wrong with it.
        why: BadUrl,
    },
    /// `--initial-cluster` has another form.
    #[error("--initial-cluster: {0:?}: expected NAME=http://HOST:PORT")]
    InitialCluster(String),
    /// This member is none of the cluster's.
    #[error("--initial-cluster does not name this member: {name}={urls} is missing")]
    NotNamed {
        /// The member.
        name: String,
        /// Its peer URLs.
        urls: String,
    },
    /// Two timeouts do not fit.
    #[error(
        "--election-timeout {election} must be at least {HEARTBEATS_MIN} times --heartbeat-interval {heartbeat}, and at most \
         {ELECTION_TIMEOUT_MS_MAX}"
    )]
    Timeouts {
        /// The heartbeat interval, ms.
        heartbeat: u64,
        /// The election timeout, ms.
        election: u64,
    },
    /// Neither a number nor a duration.
    #[error("--{flag} {value}: expected {expected}")]
    Duration {
        /// Whose.
        flag: &'static str,
        /// What was given.
        value: String,
        /// What could have been.
        expected: &'static str,
    },
    /// What may not be 0.
    #[error("--{0} must not be 0")]
    Zero(&'static str),
}

/// How much history is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compaction {
    /// All of it.
    Off,
    /// What is younger.
    Periodic(Duration),
    /// So many revisions.
    Revision(i64),
}

/// Settings, read and found to fit each other.
#[derive(Clone, Debug)]
pub struct Settings {
    /// As they were given.
    pub options: Options,
    /// Where this member keeps everything.
    pub data_dir: PathBuf,
    /// Where clients are listened to.
    pub listen_client: Vec<Url>,
    /// Where clients are told to connect; none: where they are listened to.
    pub advertise_client: Option<Vec<Url>>,
    /// Where other members are listened to.
    pub listen_peer: Vec<Url>,
    /// Where other members are told to connect.
    pub advertise_peer: Vec<Url>,
    /// Where metrics are served, too.
    pub listen_metrics: Vec<Url>,
    /// The members of `--initial-cluster`.
    pub initial_cluster: BTreeMap<String, Vec<Url>>,
    /// History that is kept.
    pub compaction: Compaction,
    /// Between two signs of progress.
    pub watch_progress_interval: Duration,
    /// Bytes that the store may have.
    pub quota_bytes: u64,
}

impl Settings {
    /// Reads what was given.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn new(options: Options) -> Result<Settings, SettingsError> {
        let urls =
            |flag, text: &str| Url::list(text).map_err(|why| SettingsError::Url { flag, why });
        let listen_client = urls("listen-client-urls", &options.listen_client_urls)?;
        let advertise_client = options.advertise_client_urls.as_deref();
        let advertise_client = advertise_client
            .map(|text| urls("advertise-client-urls", text))
            .transpose()?;
        let listen_metrics = match options.listen_metrics_urls.as_deref() {
            None | Some("") => Vec::new(),
            Some(text) => urls("listen-metrics-urls", text)?,
        };
        let listen_peer = urls("listen-peer-urls", &options.listen_peer_urls)?;
        let advertise_peer = match &options.initial_advertise_peer_urls {
            Some(text) => urls("initial-advertise-peer-urls", text)?,
            None => listen_peer.clone(),
        };
        let initial_cluster = match &options.initial_cluster {
            Some(text) => initial_cluster(text)?,
            None => BTreeMap::from([(options.name.clone(), advertise_peer.clone())]),
        };
        check_named(&options.name, &advertise_peer, &initial_cluster)?;
        check_numbers(&options)?;
        let progress = &options.experimental_watch_progress_notify_interval;
        let watch_progress_interval =
            duration(progress).ok_or_else(|| SettingsError::Duration {
                flag: "experimental-watch-progress-notify-interval",
                value: progress.clone(),
                expected: "a duration like 10m",
            })?;
        let data_dir = options.data_dir.clone();
        let quota_bytes = match options.quota_backend_bytes {
            0 => QUOTA_BYTES_DEFAULT,
            bytes => u64::try_from(bytes).unwrap_or(u64::MAX),
        };
        Ok(Settings {
            data_dir: data_dir
                .unwrap_or_else(|| PathBuf::from(format!("{}.raft-kv", options.name))),
            listen_client,
            advertise_client,
            listen_peer,
            advertise_peer,
            listen_metrics,
            initial_cluster,
            compaction: compaction(
                options.auto_compaction_mode,
                &options.auto_compaction_retention,
            )?,
            watch_progress_interval,
            quota_bytes,
            options,
        })
    }

    /// Between two heartbeats.
    pub fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.options.heartbeat_interval)
    }

    /// Without a leader for so long, a member may campaign.
    pub fn election_timeout(&self) -> Duration {
        Duration::from_millis(self.options.election_timeout)
    }

    /// How long a proposal may take, as in etcd: what five elections in a row would, and 5 s.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(5) + 2 * self.election_timeout()
    }
}

fn check_numbers(options: &Options) -> Result<(), SettingsError> {
    let (heartbeat, election) = (options.heartbeat_interval, options.election_timeout);
    let room = heartbeat.saturating_mul(HEARTBEATS_MIN);
    if heartbeat == 0 || election < room || election > ELECTION_TIMEOUT_MS_MAX {
        return Err(SettingsError::Timeouts {
            heartbeat,
            election,
        });
    }
    let zero = [
        ("snapshot-count", options.snapshot_count == 0),
        ("max-request-bytes", options.max_request_bytes == 0),
        ("max-txn-ops", options.max_txn_ops == 0),
        (
            "max-concurrent-streams",
            options.max_concurrent_streams == 0,
        ),
    ];
    match zero.into_iter().find(|(_, zero)| *zero) {
        Some((flag, _)) => Err(SettingsError::Zero(flag)),
        None => Ok(()),
    }
}

/// A member with several URLs is there several times.
fn initial_cluster(text: &str) -> Result<BTreeMap<String, Vec<Url>>, SettingsError> {
    let mut members: BTreeMap<String, Vec<Url>> = BTreeMap::new();
    for item in text.split(',') {
        let bad = || SettingsError::InitialCluster(item.to_owned());
        let (name, url) = item.trim().split_once('=').ok_or_else(bad)?;
        if name.is_empty() {
            return Err(bad());
        }
        let flag = "initial-cluster";
        let url = url
            .parse()
            .map_err(|why| SettingsError::Url { flag, why })?;
        members.entry(name.to_owned()).or_default().push(url);
    }
    Ok(members)
}

fn check_named(
    name: &str,
    advertised: &[Url],
    cluster: &BTreeMap<String, Vec<Url>>,
) -> Result<(), SettingsError> {
    let sorted = |urls: &[Url]| {
        let mut urls = urls.to_vec();
        urls.sort();
        urls
    };
    let named = cluster
        .get(name)
        .is_some_and(|urls| sorted(urls) == sorted(advertised));
    if named {
        return Ok(());
    }
    let urls: Vec<String> = advertised.iter().map(Url::to_string).collect();
    Err(SettingsError::NotNamed {
        name: name.to_owned(),
        urls: urls.join(","),
    })
}

fn compaction(mode: CompactionMode, retention: &str) -> Result<Compaction, SettingsError> {
    let bad = |expected| SettingsError::Duration {
        flag: "auto-compaction-retention",
        value: retention.to_owned(),
        expected,
    };
    let number = retention.parse::<u32>();
    Ok(match (mode, number) {
        (_, Ok(0)) => Compaction::Off,
        (CompactionMode::Revision, Ok(revisions)) => Compaction::Revision(i64::from(revisions)),
        (CompactionMode::Revision, Err(_)) => return Err(bad("a number of revisions")),
        (CompactionMode::Periodic, Ok(hours)) => {
            Compaction::Periodic(Duration::from_secs(3600) * hours)
        }
        (CompactionMode::Periodic, Err(_)) => Compaction::Periodic(
            duration(retention).ok_or_else(|| bad("hours, or a duration like 30m"))?,
        ),
    })
}

/// A duration as Go writes it: numbers with units, `1h30m`, `500ms`. More than none.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit = &rest[digits..];
        let letters = unit
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(unit.len());
        let seconds = match &unit[..letters] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        sum = sum.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = &unit[letters..];
    }
    (sum > Duration::ZERO).then_some(sum)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        options: Options,
    }

    fn read(flags: &[&str]) -> Result<Settings, SettingsError> {
        let words = ["raft-kv"].into_iter().chain(flags.iter().copied());
        Settings::new(Program::try_parse_from(words).unwrap().options)
    }

    fn error(flags: &[&str]) -> String {
        read(flags).unwrap_err().to_string()
    }

    #[test]
    fn one_member_needs_no_flags() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.initial_cluster["default"], settings.advertise_peer);
        assert_eq!(settings.data_dir, PathBuf::from("default.raft-kv"));
        assert_eq!(settings.compaction, Compaction::Off);
        assert_eq!(settings.quota_bytes, 2 << 30);
    }

    #[test]
    fn a_quota_below_zero_is_none() {
        let quota = |flag: &str| read(&["--quota-backend-bytes", flag]).unwrap().quota_bytes;
        assert_eq!((quota("5"), quota("-1")), (5, u64::MAX));
    }

    #[test]
    fn a_member_must_be_named_in_its_cluster() {
        let cluster = "--initial-cluster=a=http://h:1,b=http://h:2,b=http://h:3";
        let b = [
            "--name=b",
            "--initial-advertise-peer-urls=http://h:3,http://h:2",
            cluster,
        ];
        assert_eq!(read(&b).unwrap().initial_cluster["b"].len(), 2);
        assert_eq!(
            error(&["--name=a", "--listen-peer-urls=http://h:9", cluster]),
            "--initial-cluster does not name this member: a=http://h:9 is missing"
        );
        assert_eq!(
            error(&["--initial-cluster=http://h:1"]),
            "--initial-cluster: \"http://h:1\": expected NAME=http://HOST:PORT"
        );
    }

    #[test]
    fn timeouts_must_fit() {
        assert!(
            error(&["--heartbeat-interval=300"])
                .starts_with("--election-timeout 1000 must be at least 5 times")
        );
        assert!(read(&["--heartbeat-interval=10", "--election-timeout=50"]).is_ok());
        assert!(read(&["--heartbeat-interval=0"]).is_err());
        assert!(read(&["--election-timeout=60000"]).is_err());
    }

    #[test]
    fn retention_is_hours_or_a_duration_or_revisions() {
        let of = |mode: &str, retention: &str| {
            let flags = [
                format!("--auto-compaction-mode={mode}"),
                format!("--auto-compaction-retention={retention}"),
            ];
            read(&[&flags[0], &flags[1]]).map(|settings| settings.compaction)
        };
        assert_eq!(
            of("periodic", "2"),
            Ok(Compaction::Periodic(Duration::from_secs(7200)))
        );
        assert_eq!(
            of("periodic", "1h30m"),
            Ok(Compaction::Periodic(Duration::from_secs(5400)))
        );
        assert_eq!(of("revision", "1000"), Ok(Compaction::Revision(1000)));
        assert_eq!(
            of("revision", "1h").unwrap_err().to_string(),
            "--auto-compaction-retention 1h: expected a number of revisions"
        );
    }

    #[test]
    fn durations_are_gos() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Some(Duration::from_millis(1500)));
        for bad in [
            "",
            "5",
            "s",
            "-1s",
            "1d",
            "0s",
            "1e400s",
            "99999999999999999999999h",
        ] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
