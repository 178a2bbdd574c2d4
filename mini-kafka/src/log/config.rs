//! The settings of a topic (`LogConfig`, `TopicConfig`), with Kafka's names and defaults.

use std::collections::BTreeMap;

use crate::record::compression::{CODECS, Compression};

/// What becomes of old records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// Old segments are deleted (`delete`).
    pub delete: bool,
    /// Of each key the last record is kept (`compact`).
    pub compact: bool,
}

/// What a setting's value is, with the number that DescribeConfigs has for it (`ConfigDef.Type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// `true` or `false`.
    Boolean = 1,
    /// Text.
    String = 2,
    /// A whole number of 32 bits.
    Int = 3,
    /// A whole number of 64 bits.
    Long = 5,
    /// A number.
    Double = 6,
    /// Words with commas between.
    List = 7,
}

/// Settings of a topic. Times are in milliseconds, sizes in bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct LogConfig {
    /// `cleanup.policy`.
    pub cleanup_policy: CleanupPolicy,
    /// `compression.type`: what batches are compressed with on the broker; none is `producer`, as they come.
    pub compression_type: Option<Compression>,
    /// `delete.retention.ms`: how long a tombstone stays after compaction first met it, so that consumers see it.
    pub delete_retention_ms: i64,
    /// `flush.messages`: after so many records the log is synced, and with 1 nothing is acknowledged or shown before.
    pub flush_messages: i64,
    /// `flush.ms`: a record is synced after this long at the latest.
    pub flush_ms: i64,
    /// `index.interval.bytes`: an index has an entry for about so many bytes of log.
    pub index_interval_bytes: i64,
    /// `max.compaction.lag.ms`: after this long a record is compacted, however little else is dirty.
    pub max_compaction_lag_ms: i64,
    /// `max.message.bytes`: of a batch, as the broker stores it.
    pub max_message_bytes: i64,
    /// `message.timestamp.after.max.ms`: how far in the future a record may say that it was made.
    pub timestamp_after_max_ms: i64,
    /// `message.timestamp.before.max.ms`: how far in the past.
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.type` is `LogAppendTime`: records bear the time of appending.
    pub log_append_time: bool,
    /// `min.cleanable.dirty.ratio`: compaction begins when this part of the log was not compacted yet.
    pub min_cleanable_dirty_ratio: f64,
    /// `min.compaction.lag.ms`: for this long a record is not compacted away.
    pub min_compaction_lag_ms: i64,
    /// `min.insync.replicas`: with `acks=all`, fewer refuse a record. There is one broker here.
    pub min_insync_replicas: i64,
    /// `retention.bytes`: the oldest segments go when there is more than this; −1 for no limit.
    pub retention_bytes: i64,
    /// `retention.ms`: a segment goes when its last record is older; −1 for no limit.
    pub retention_ms: i64,
    /// `segment.bytes`: a new segment is begun rather than let one grow beyond this.
    pub segment_bytes: i64,
    /// `segment.ms`: or when its first record is older than this.
    pub segment_ms: i64,
    /// Those that were set of the settings that have nothing to do here.
    pub idle: BTreeMap<&'static str, String>,
}

const DAY_MS: i64 = 24 * 3600 * 1000;

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig {
            cleanup_policy: CleanupPolicy {
                delete: true,
                compact: false,
            },
            compression_type: None,
            delete_retention_ms: DAY_MS,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            index_interval_bytes: 4096,
            max_compaction_lag_ms: i64::MAX,
            max_message_bytes: 1_048_588,
            timestamp_after_max_ms: i64::MAX,
            timestamp_before_max_ms: i64::MAX,
            log_append_time: false,
            min_cleanable_dirty_ratio: 0.5,
            min_compaction_lag_ms: 0,
            min_insync_replicas: 1,
            retention_bytes: -1,
            retention_ms: 7 * DAY_MS,
            segment_bytes: 1 << 30,
            segment_ms: 7 * DAY_MS,
            idle: BTreeMap::new(),
        }
    }
}

/// A setting's name or value is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is no such setting.
    #[error("there is no topic setting {name:?}{hint}")]
    Unknown {
        /// As it was given.
        name: String,
        /// The nearest one as a question, or nothing.
        hint: String,
    },
    /// The value is not one of those that it takes.
    #[error("{name}={value:?}: it takes {takes}")]
    BadValue {
        /// The setting.
        name: &'static str,
        /// As it was given.
        value: String,
        /// What it takes.
        takes: String,
    },
}

/// A setting: its name, and how it is read and written.
struct Setting {
    name: &'static str,
    value_type: ValueType,
    get: fn(&LogConfig) -> String,
    /// The error says what the setting takes.
    set: fn(&mut LogConfig, &str) -> Result<(), String>,
}

/// A whole number of at least `min`, and at most what fits into an `i32` if `i32` says so.
macro_rules! number {
    ($name:literal, $field:ident, $min:literal) => {
        number!($name, $field, $min, i64, Long)
    };
    ($name:literal, $field:ident, $min:literal, i32) => {
        number!($name, $field, $min, i32, Int)
    };
    ($name:literal, $field:ident, $min:literal, $type:ident, $value_type:ident) => {
        Setting {
            name: $name,
            value_type: ValueType::$value_type,
            get: |config| config.$field.to_string(),
            set: |config, value| {
                let number = value.parse::<$type>().ok().filter(|number| *number >= $min);
                config.$field = number
                    .ok_or_else(|| format!("a whole number from {} to {}", $min, $type::MAX))?
                    .into();
                Ok(())
            },
        }
    };
}

/// In the order of their names.
const SETTINGS: [Setting; 18] = [
    Setting {
        name: "cleanup.policy",
        value_type: ValueType::List,
        get: |config| config.cleanup_policy.to_string(),
        set: |config, value| {
            config.cleanup_policy = CleanupPolicy::parse(value)
                .ok_or_else(|| "delete, compact, or both with a comma between".to_owned())?;
            Ok(())
        },
    },
    Setting {
        name: "compression.type",
        value_type: ValueType::String,
        get: |config| match config.compression_type {
            None => "producer".to_owned(),
            Some(Compression::None) => "uncompressed".to_owned(),
            Some(codec) => codec.name().to_owned(),
        },
        set: |config, value| {
            config.compression_type = match value {
                "producer" => None,
                "uncompressed" => Some(Compression::None),
                _ => Some(
                    *(CODECS[1..].iter())
                        .find(|codec| codec.name() == value)
                        .ok_or_else(|| {
                            "producer, uncompressed, gzip, snappy, lz4 or zstd".to_owned()
                        })?,
                ),
            };
            Ok(())
        },
    },
    number!("delete.retention.ms", delete_retention_ms, 0),
    number!("flush.messages", flush_messages, 1),
    number!("flush.ms", flush_ms, 0),
    number!("index.interval.bytes", index_interval_bytes, 0, i32),
    number!("max.compaction.lag.ms", max_compaction_lag_ms, 1),
    number!("max.message.bytes", max_message_bytes, 0, i32),
    number!("message.timestamp.after.max.ms", timestamp_after_max_ms, 0),
    number!(
        "message.timestamp.before.max.ms",
        timestamp_before_max_ms,
        0
    ),
    Setting {
        name: "message.timestamp.type",
        value_type: ValueType::String,
        get: |config| {
            let append = config.log_append_time;
            (if append {
                "LogAppendTime"
            } else {
                "CreateTime"
            })
            .to_owned()
        },
        set: |config, value| {
            config.log_append_time = match value {
                "CreateTime" => false,
                "LogAppendTime" => true,
                _ => return Err("CreateTime or LogAppendTime".to_owned()),
            };
            Ok(())
        },
    },
    Setting {
        name: "min.cleanable.dirty.ratio",
        value_type: ValueType::Double,
        get: |config| config.min_cleanable_dirty_ratio.to_string(),
        set: |config, value| {
            let ratio = value
                .parse()
                .ok()
                .filter(|ratio| (0.0..=1.0).contains(ratio));
            config.min_cleanable_dirty_ratio =
                ratio.ok_or_else(|| "a number from 0 to 1".to_owned())?;
            Ok(())
        },
    },
    number!("min.compaction.lag.ms", min_compaction_lag_ms, 0),
    number!("min.insync.replicas", min_insync_replicas, 1, i32),
    number!("retention.bytes", retention_bytes, -1),
    number!("retention.ms", retention_ms, -1),
    number!("segment.bytes", segment_bytes, 14, i32),
    number!("segment.ms", segment_ms, 1),
];

/// Settings of Kafka's that have nothing to do here, with one replica of each partition, and files that are gone at once and grow
/// as they are written: their names, defaults, and what they take. Tools set them, so they are taken, checked, and shown.
const IDLE: [(&str, &str, ValueType); 7] = [
    ("file.delete.delay.ms", "60000", ValueType::Long),
    (
        "follower.replication.throttled.replicas",
        "",
        ValueType::List,
    ),
    ("leader.replication.throttled.replicas", "", ValueType::List),
    ("preallocate", "false", ValueType::Boolean),
    ("segment.index.bytes", "10485760", ValueType::Int),
    ("segment.jitter.ms", "0", ValueType::Long),
    (
        "unclean.leader.election.enable",
        "false",
        ValueType::Boolean,
    ),
];

impl ValueType {
    /// The error says what would fit.
    fn check(self, value: &str) -> Result<(), &'static str> {
        let is_natural = |max: i64| value.parse().is_ok_and(|n| (0..=max).contains(&n));
        match self {
            ValueType::Boolean if !matches!(value, "true" | "false") => Err("true or false"),
            ValueType::Int if !is_natural(i32::MAX.into()) => {
                Err("a whole number from 0 to 2147483647")
            }
            ValueType::Long if !is_natural(i64::MAX) => {
                Err("a whole number from 0 to 9223372036854775807")
            }
            _ => Ok(()),
        }
    }
}

impl LogConfig {
    /// What the values of a setting are; of one that is not known, text.
    pub fn value_type(name: &str) -> ValueType {
        let served = (SETTINGS.iter()).map(|setting| (setting.name, setting.value_type));
        let idle = IDLE
            .iter()
            .map(|(name, _, value_type)| (*name, *value_type));
        let known = served.chain(idle).find(|(known, _)| *known == name);
        known.map_or(ValueType::String, |(_, value_type)| value_type)
    }

    /// Changes a setting by its name.
    ///
    /// # Errors
    /// [`ConfigError`], with the nearest name or what the setting takes.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        if let Some((name, _, value_type)) = IDLE.iter().find(|(known, ..)| *known == name) {
            return self.set_idle(name, value.trim(), *value_type);
        }
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
            let nearest = (SETTINGS.iter()).min_by_key(|setting| distance(setting.name, name));
            let hint = nearest
                .filter(|setting| distance(setting.name, name) <= name.len() / 3)
                .map_or(String::new(), |setting| {
                    format!("; did you mean {}?", setting.name)
                });
            let name = name.to_owned();
            return Err(ConfigError::Unknown { name, hint });
        };
        (setting.set)(self, value.trim()).map_err(|takes| ConfigError::BadValue {
            name: setting.name,
            value: value.to_owned(),
            takes,
        })
    }

    fn set_idle(
        &mut self,
        name: &'static str,
        value: &str,
        value_type: ValueType,
    ) -> Result<(), ConfigError> {
        (value_type.check(value)).map_err(|takes| ConfigError::BadValue {
            name,
            value: value.to_owned(),
            takes: takes.to_owned(),
        })?;
        self.idle.insert(name, value.to_owned());
        Ok(())
    }

    /// How old a segment gets before a new one is begun; compaction never touches the last.
    pub fn segment_age_ms_max(&self) -> i64 {
        if self.cleanup_policy.compact {
            self.segment_ms.min(self.max_compaction_lag_ms)
        } else {
            self.segment_ms
        }
    }

    /// Whether nothing is acknowledged or shown before it is synced.
    pub fn syncs_always(&self) -> bool {
        self.flush_messages == 1
    }

    /// All settings with their values, in the order of their names, each as [`LogConfig::set`] takes it.
    pub fn entries(&self) -> Vec<(&'static str, String)> {
        let served = (SETTINGS.iter()).map(|setting| (setting.name, (setting.get)(self)));
        let idle = IDLE.iter().map(|(name, default, _)| {
            let value = self.idle.get(name).map_or(*default, String::as_str);
            (*name, value.to_owned())
        });
        let mut entries: Vec<_> = served.chain(idle).collect();
        entries.sort_unstable();
        entries
    }
}

impl CleanupPolicy {
    fn parse(value: &str) -> Option<CleanupPolicy> {
        let mut policy = CleanupPolicy {
            delete: false,
            compact: false,
        };
        for word in value.split(',') {
            match word.trim() {
                "delete" => policy.delete = true,
                "compact" => policy.compact = true,
                _ => return None,
            }
        }
        Some(policy)
    }
}

impl std::fmt::Display for CleanupPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match (self.compact, self.delete) {
            (true, true) => "compact,delete",
            (true, false) => "compact",
            (false, _) => "delete",
        })
    }
}

/// How many letters have to be changed, added or left out to make one of the other (Levenshtein).
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_are_written() {
        let mut config = LogConfig::default();
        for (name, value) in config.entries() {
            config.set(name, &value).unwrap();
        }
        assert_eq!(config.entries(), LogConfig::default().entries());
        config.set("cleanup.policy", "compact, delete").unwrap();
        config.set("compression.type", "zstd").unwrap();
        config.set("retention.ms", "-1").unwrap();
        assert!(config.cleanup_policy.compact && config.cleanup_policy.delete);
        assert_eq!(config.compression_type, Some(Compression::Zstd));
        assert_eq!(config.retention_ms, -1);
        assert!(config.entries().is_sorted());
    }

    #[test]
    fn settings_without_an_effect_are_taken_checked_and_shown() {
        let mut config = LogConfig::default();
        let shown = |config: &LogConfig, name| {
            let entries: BTreeMap<_, _> = config.entries().into_iter().collect();
            entries[name].clone()
        };
        assert_eq!(shown(&config, "preallocate"), "false");
        config.set("preallocate", "true").unwrap();
        config.set("segment.jitter.ms", "5").unwrap();
        assert_eq!(shown(&config, "preallocate"), "true");
        assert_eq!(shown(&config, "segment.jitter.ms"), "5");
        let mut error = |name, value| config.set(name, value).unwrap_err().to_string();
        assert_eq!(
            error("preallocate", "yes"),
            "preallocate=\"yes\": it takes true or false"
        );
        assert_eq!(
            error("segment.index.bytes", "-1"),
            "segment.index.bytes=\"-1\": it takes a whole number from 0 to 2147483647"
        );
    }

    #[test]
    fn the_types_of_values_are_kafkas() {
        let types = [
            ("cleanup.policy", ValueType::List),
            ("max.message.bytes", ValueType::Int),
            ("min.cleanable.dirty.ratio", ValueType::Double),
            ("preallocate", ValueType::Boolean),
            ("retention.ms", ValueType::Long),
        ];
        for (name, value_type) in types {
            assert_eq!(LogConfig::value_type(name), value_type, "{name}");
        }
    }

    #[test]
    fn errors_say_what_would_be_right() {
        let mut config = LogConfig::default();
        let mut error = |name, value| config.set(name, value).unwrap_err().to_string();
        assert_eq!(
            error("retension.ms", "5"),
            "there is no topic setting \"retension.ms\"; did you mean retention.ms?"
        );
        assert_eq!(
            error("colour", "red"),
            "there is no topic setting \"colour\""
        );
        assert_eq!(
            error("segment.bytes", "3000000000"),
            "segment.bytes=\"3000000000\": it takes a whole number from 14 to 2147483647"
        );
        assert_eq!(
            error("cleanup.policy", "shred"),
            "cleanup.policy=\"shred\": it takes delete, compact, or both with a comma between"
        );
    }
}
