//! Settings as HDFS's users know them: `-D dfs.heartbeat.interval=1s`, with the keys of `hdfs-default.xml`. One table for
//! all servers and the client, so that one set of settings can be handed to each of them, and a misspelt key is refused.

mod keys;

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

use super::volumes::VolumeSettings;
use super::xceiver::DataSettings;
use crate::client::replace_datanode::Policy;
use crate::datanode::actor::Intervals;
use crate::datanode::disk_stats::DiskConfig;
use crate::datanode::outliers::OutlierConfig;
use crate::datanode::peer_stats::PeerConfig;
use crate::datanode::scanner::ScanConfig;
use crate::datanode::volume_choice::ChoosingPolicy;
use crate::namenode::Config;
use keys::{CHOOSING_POLICIES, KEYS, Kind, POSITIVE, bad_value, nearest, parse_value};

/// Why a setting was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingError {
    /// Not of the form `key=value`.
    #[error("-D {0}: expected KEY=VALUE")]
    NoValue(String),
    /// No such key.
    #[error("-D {key}: no such setting; did you mean {nearest}?")]
    UnknownKey {
        /// As given.
        key: String,
        /// The key that is most like it.
        nearest: &'static str,
    },
    /// The value does not fit the key.
    #[error("-D {key}={value}: expected {expected}")]
    BadValue {
        /// Which key.
        key: String,
        /// As given.
        value: String,
        /// What would do.
        expected: &'static str,
    },
}

/// Settings that were given; all others have their defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Counts, bytes, thousandths, or milliseconds.
    values: BTreeMap<&'static str, u64>,
    texts: BTreeMap<&'static str, String>,
}

impl Settings {
    /// Reads `KEY=VALUE` items. Of a key given twice, the last counts.
    ///
    /// # Errors
    /// At the first item that is not understood.
    pub fn parse<S: AsRef<str>>(items: &[S]) -> Result<Settings, SettingError> {
        let (mut values, mut texts) = (BTreeMap::new(), BTreeMap::new());
        for item in items.iter().map(AsRef::as_ref) {
            let no_value = || SettingError::NoValue(item.to_owned());
            let (key, value) = item.split_once('=').ok_or_else(no_value)?;
            let (key, value) = (key.trim(), value.trim());
            let Some(&(known, kind)) = KEYS.iter().find(|(known, _)| *known == key) else {
                return Err(SettingError::UnknownKey {
                    key: key.to_owned(),
                    nearest: nearest(key),
                });
            };
            if kind == Kind::Text {
                texts.insert(known, value.to_owned());
                continue;
            }
            let number = parse_value(kind, value).ok_or_else(|| bad_value(kind, key, value))?;
            if number == 0 && POSITIVE.contains(&known) {
                return Err(SettingError::BadValue {
                    key: key.to_owned(),
                    value: value.to_owned(),
                    expected: "more than 0",
                });
            }
            values.insert(known, number);
        }
        Ok(Settings { values, texts })
    }

    /// The number, bytes or thousandths given for `key`, or `default`.
    ///
    /// # Errors
    /// When the value does not fit into the type of `default`.
    pub fn number<T: TryFrom<u64>>(&self, key: &str, default: T) -> Result<T, SettingError> {
        let Some(&value) = self.values.get(key) else {
            return Ok(default);
        };
        T::try_from(value).map_err(|_| SettingError::BadValue {
            key: key.to_owned(),
            value: value.to_string(),
            expected: "a smaller number",
        })
    }

    /// The text given for `key`, if any was.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    /// The time given for `key`, or `default`.
    pub fn duration(&self, key: &str, default: Duration) -> Duration {
        let given = self.values.get(key).copied();
        given.map_or(default, Duration::from_millis)
    }

    /// When a writer replaces a failed node; none where that is not given.
    pub fn replace_policy(&self) -> Option<Policy> {
        let key = |name| format!("dfs.client.block.write.replace-datanode-on-failure.{name}");
        let given = |name| self.values.get(key(name).as_str()).copied();
        match (given("enable"), given("policy")) {
            (Some(0), _) | (_, Some(0)) => Some(Policy::Never),
            (_, Some(1)) => Some(Policy::Default),
            (_, Some(_)) => Some(Policy::Always),
            (_, None) => None,
        }
    }

    /// A DataNode's settings for its data half, and for when it calls the NameNode.
    ///
    /// # Errors
    /// When a number is out of its range.
    pub fn datanode(&self) -> Result<(DataSettings, Intervals), SettingError> {
        let (data, calls) = (DataSettings::default(), Intervals::default());
        let time = |key, default| self.duration(key, default);
        let data = DataSettings {
            socket_timeout: time("dfs.client.socket-timeout", data.socket_timeout),
            sync_on_close: self.number("dfs.datanode.synconclose", u8::from(data.sync_on_close))?
                != 0,
            transfers_max: self.number("dfs.datanode.max.transfer.threads", data.transfers_max)?,
            choosing: self.choosing_policy()?,
            scan: self.scan()?,
            cursor_save_interval: time(
                "dfs.block.scanner.cursor.save.interval.ms",
                data.cursor_save_interval,
            ),
            directory_scan_interval: time(
                "dfs.datanode.directoryscan.interval",
                data.directory_scan_interval,
            ),
            peers: self.peers()?,
            disks: self.disks()?,
            balance_bandwidth: self.number(
                "dfs.datanode.balance.bandwidthPerSec",
                data.balance_bandwidth,
            )?,
            balance_moves_max: self.number(
                "dfs.datanode.balance.max.concurrent.moves",
                data.balance_moves_max,
            )?,
        };
        let calls = Intervals {
            heartbeat: time("dfs.heartbeat.interval", calls.heartbeat),
            block_report: time("dfs.blockreport.intervalMsec", calls.block_report),
            ..calls
        };
        Ok((data, calls))
    }

    /// A DataNode's settings for its volumes.
    ///
    /// # Errors
    /// When a number is out of its range.
    pub fn volumes(&self) -> Result<VolumeSettings, SettingError> {
        Ok(VolumeSettings {
            failures_tolerated: self.number("dfs.datanode.failed.volumes.tolerated", 0)?,
            du_reserved: self.number("dfs.datanode.du.reserved", 0)?,
            capacity: None,
        })
    }

    fn choosing_policy(&self) -> Result<ChoosingPolicy, SettingError> {
        let prefix = "dfs.datanode.available-space-volume-choosing-policy.balanced-space";
        let policy = self.number("dfs.datanode.fsdataset.volume.choosing.policy", 0)?;
        let (threshold, preference_permille) = (
            self.number(&format!("{prefix}-threshold"), 10 << 30)?,
            self.number(&format!("{prefix}-preference-fraction"), 750)?,
        );
        Ok(match CHOOSING_POLICIES.get(policy) {
            Some(&"AvailableSpace") => ChoosingPolicy::AvailableSpace {
                threshold,
                preference_permille,
            },
            _ => ChoosingPolicy::RoundRobin,
        })
    }

    fn scan(&self) -> Result<ScanConfig, SettingError> {
        let d = ScanConfig::default();
        Ok(ScanConfig {
            bytes_per_second: self.number(
                "dfs.block.scanner.volume.bytes.per.second",
                d.bytes_per_second,
            )?,
            period: self.duration("dfs.datanode.scan.period.hours", d.period),
        })
    }

    fn peers(&self) -> Result<PeerConfig, SettingError> {
        let d = PeerConfig::default();
        let fast = Duration::from_micros(d.outliers.low_threshold_us);
        let fast = self.duration("dfs.datanode.slowpeer.low.threshold.ms", fast);
        Ok(PeerConfig {
            enabled: self.number("dfs.datanode.peer.stats.enabled", u8::from(d.enabled))? != 0,
            samples_min: self.number(
                "dfs.datanode.peer.metrics.min.outlier.detection.samples",
                d.samples_min,
            )?,
            report_interval: self
                .duration("dfs.datanode.outliers.report.interval", d.report_interval),
            outliers: OutlierConfig {
                nodes_min: self.number(
                    "dfs.datanode.min.outlier.detection.nodes",
                    d.outliers.nodes_min,
                )?,
                low_threshold_us: u64::try_from(fast.as_micros()).unwrap_or(u64::MAX),
            },
            ..d
        })
    }

    fn disks(&self) -> Result<DiskConfig, SettingError> {
        let d = DiskConfig::default();
        let fast = Duration::from_micros(d.outliers.low_threshold_us);
        let fast = self.duration("dfs.datanode.slowdisk.low.threshold.ms", fast);
        Ok(DiskConfig {
            sampling_percent: self.number(
                "dfs.datanode.fileio.profiling.sampling.percentage",
                d.sampling_percent,
            )?,
            window: self.duration("dfs.datanode.outliers.report.interval", d.window),
            outliers: OutlierConfig {
                nodes_min: self.number(
                    "dfs.datanode.min.outlier.detection.disks",
                    d.outliers.nodes_min,
                )?,
                low_threshold_us: u64::try_from(fast.as_micros()).unwrap_or(u64::MAX),
            },
        })
    }

    /// A NameNode's settings.
    ///
    /// # Errors
    /// When a number is out of its range.
    pub fn namenode(&self) -> Result<Config, SettingError> {
        let d = Config::default();
        let time = |key, default| self.duration(key, default);
        Ok(Config {
            replication: self.number("dfs.replication", d.replication)?,
            replication_max: self.number("dfs.replication.max", d.replication_max)?,
            replication_min: self.number("dfs.namenode.replication.min", d.replication_min)?,
            block_size: self.number("dfs.blocksize", d.block_size)?,
            block_size_min: self
                .number("dfs.namenode.fs-limits.min-block-size", d.block_size_min)?,
            heartbeat_interval: time("dfs.heartbeat.interval", d.heartbeat_interval),
            stale_interval: time("dfs.namenode.stale.datanode.interval", d.stale_interval),
            heartbeat_recheck_interval: time(
                "dfs.namenode.heartbeat.recheck-interval",
                d.heartbeat_recheck_interval,
            ),
            replication_interval: time(
                "dfs.namenode.redundancy.interval.seconds",
                d.replication_interval,
            ),
            replication_pending_timeout: time(
                "dfs.namenode.reconstruction.pending.timeout-sec",
                d.replication_pending_timeout,
            ),
            replication_work_multiplier: self.number(
                "dfs.namenode.replication.work.multiplier.per.iteration",
                d.replication_work_multiplier,
            )?,
            replication_streams_max: self.number(
                "dfs.namenode.replication.max-streams",
                d.replication_streams_max,
            )?,
            replication_streams_hard_limit: self.number(
                "dfs.namenode.replication.max-streams-hard-limit",
                d.replication_streams_hard_limit,
            )?,
            invalidate_limit: self.number("dfs.block.invalidate.limit", d.invalidate_limit)?,
            safemode_threshold_permille: self.number(
                "dfs.namenode.safemode.threshold-pct",
                d.safemode_threshold_permille,
            )?,
            safemode_datanodes_min: self.number(
                "dfs.namenode.safemode.min.datanodes",
                d.safemode_datanodes_min,
            )?,
            safemode_extension: time("dfs.namenode.safemode.extension", d.safemode_extension),
            exclude_slow_nodes: self.number(
                "dfs.namenode.block-placement-policy.exclude-slow-nodes.enabled",
                u8::from(d.exclude_slow_nodes),
            )? != 0,
            avoid_slow_reads: self.number(
                "dfs.namenode.avoid.read.slow.datanode",
                u8::from(d.avoid_slow_reads),
            )? != 0,
            outliers_report_interval: time(
                "dfs.datanode.outliers.report.interval",
                d.outliers_report_interval,
            ),
            slow_nodes_max: self
                .number("dfs.namenode.max.slowpeer.collect.nodes", d.slow_nodes_max)?,
            report_leases_max: self.number(
                "dfs.namenode.max.full.block.report.leases",
                d.report_leases_max,
            )?,
            report_lease_length: time(
                "dfs.namenode.full.block.report.lease.length.ms",
                d.report_lease_length,
            ),
            decommission_interval: time(
                "dfs.namenode.decommission.interval",
                d.decommission_interval,
            ),
            maintenance_replication_min: self.number(
                "dfs.namenode.maintenance.replication.min",
                d.maintenance_replication_min,
            )?,
            checkpoints_retained: self.number(
                "dfs.namenode.num.checkpoints.retained",
                d.checkpoints_retained,
            )?,
            checkpoint_txns: self.number("dfs.namenode.checkpoint.txns", d.checkpoint_txns)?,
            checkpoint_period: time("dfs.namenode.checkpoint.period", d.checkpoint_period),
            checkpoint_check_period: time(
                "dfs.namenode.checkpoint.check.period",
                d.checkpoint_check_period,
            ),
            list_limit: self.number("dfs.ls.limit", d.list_limit)?,
            lease_soft_limit: time("dfs.namenode.lease-soft-limit-sec", d.lease_soft_limit),
            lease_hard_limit: time("dfs.namenode.lease-hard-limit-sec", d.lease_hard_limit),
            lease_recheck_interval: time(
                "dfs.namenode.lease-recheck-interval-ms",
                d.lease_recheck_interval,
            ),
        })
    }
}

/// Reads a time such as `90s`, `30m` or `6h`; a plain number is in seconds.
pub fn parse_time(value: &str) -> Option<Duration> {
    parse_value(Kind::Seconds, value).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_hdfs_units() {
        let settings = Settings::parse(&[
            "dfs.heartbeat.interval=2",
            "dfs.namenode.stale.datanode.interval=1500",
            "dfs.namenode.heartbeat.recheck-interval=2m",
            "dfs.blocksize=64M",
            "dfs.namenode.safemode.threshold-pct=0.5",
        ]);
        let scan = Settings::parse(&["dfs.datanode.scan.period.hours=2"]);
        let (data, _) = scan.unwrap().datanode().unwrap();
        assert_eq!(data.scan.period, Duration::from_secs(2 * 60 * 60));
        for name in [
            "AvailableSpace",
            "org.apache.hadoop.hdfs.server.datanode.fsdataset.AvailableSpaceVolumeChoosingPolicy",
        ] {
            let key = "dfs.datanode.fsdataset.volume.choosing.policy";
            let settings = Settings::parse(&[format!("{key}={name}")]).unwrap();
            let (data, _) = settings.datanode().unwrap();
            let policy = ChoosingPolicy::AvailableSpace {
                threshold: 10 << 30,
                preference_permille: 750,
            };
            assert_eq!(data.choosing, policy);
        }
        let config = settings.unwrap().namenode().unwrap();
        assert_eq!(config.heartbeat_interval, Duration::from_secs(2));
        assert_eq!(config.stale_interval, Duration::from_millis(1500));
        assert_eq!(config.heartbeat_recheck_interval, Duration::from_secs(120));
        assert_eq!(config.block_size, 64 << 20);
        assert_eq!(config.safemode_threshold_permille, 500);
        assert_eq!(config.replication, Config::default().replication);
    }

    #[test]
    fn the_readme_tells_of_every_key() {
        let readme = include_str!("../../README.md");
        for (key, _) in KEYS {
            assert!(
                readme.contains(&format!("| `{key}` |")),
                "README.md lacks {key}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let refused = |item: &str| Settings::parse(&[item]).unwrap_err().to_string();
        assert!(refused("dfs.heartbeat.intervall=1").contains("mean dfs.heartbeat.interval?"));
        assert!(refused("dfs.blocksize").contains("KEY=VALUE"));
        assert!(refused("dfs.blocksize=1x").contains("bytes"));
        assert!(refused("dfs.blocksize=99999999999t").contains("bytes"));
        assert!(refused("dfs.namenode.safemode.threshold-pct=1.5").contains("0 to 1"));
        for key in POSITIVE {
            assert!(refused(&format!("{key}=0")).contains("expected more than 0"));
        }
        assert!(refused("dfs.heartbeat.interval=0ms").contains("expected more than 0"));
        assert!(Settings::parse(&["dfs.datanode.du.reserved=0"]).is_ok());
        let policy = "dfs.client.block.write.replace-datanode-on-failure.policy";
        assert!(refused(&format!("{policy}=SOMETIMES")).contains("NEVER, DEFAULT or ALWAYS"));
        let always = Settings::parse(&[format!("{policy}=always")]).unwrap();
        assert_eq!(always.replace_policy(), Some(Policy::Always));
        let wide = Settings::parse(&["dfs.replication=70000"]).unwrap();
        assert!(wide.namenode().is_err());
    }
}
