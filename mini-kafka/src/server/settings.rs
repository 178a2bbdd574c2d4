//! The broker's settings, with Kafka's names and defaults (`server.properties`): from a file, and from `--override`. What a
//! topic has as a setting of its own has its default here, mostly under another name: `log.retention.hours` and the
//! like. An unknown name is an error, which suggests the nearest: a misspelt setting that has no effect costs somebody a night.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

use crate::group;
use crate::log::LogConfig;
use crate::log::config::{ValueType, distance};

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A whole number within these bounds.
    Number(i64, i64),
    /// `true` or `false`.
    Flag,
    /// Any text.
    Text,
    /// The default of a topic's setting: the topic's name for it, and how many of its units make one of these.
    Topic(&'static str, i64),
}

impl Kind {
    fn value_type(self) -> ValueType {
        match self {
            Number(_, max) if max <= MAX => ValueType::Int,
            Number(..) => ValueType::Long,
            Flag => ValueType::Boolean,
            Text => ValueType::String,
            Topic(name, 1) => LogConfig::value_type(name),
            // Minutes and hours.
            Topic(..) => ValueType::Int,
        }
    }
}

use Kind::{Flag, Number, Text, Topic};

const MAX: i64 = i32::MAX as i64;

/// Every setting: its name, its default, what it may be. Of several names for one of a topic's, a later one wins.
const SETTINGS: &[(&str, &str, Kind)] = &[
    ("advertised.listeners", "", Text),
    ("auto.create.topics.enable", "true", Flag),
    ("broker.id", "1", Number(0, MAX)),
    ("broker.rack", "", Text),
    ("compression.type", "producer", Topic("compression.type", 1)),
    ("connections.max.idle.ms", "600000", Number(1, i64::MAX)),
    ("default.replication.factor", "1", Number(1, 1)),
    ("delete.topic.enable", "true", Flag),
    ("fetch.max.bytes", "57671680", Number(1024, MAX)),
    ("group.initial.rebalance.delay.ms", "3000", Number(0, MAX)),
    ("group.max.session.timeout.ms", "1800000", Number(1, MAX)),
    ("group.max.size", "2147483647", Number(1, MAX)),
    ("group.min.session.timeout.ms", "6000", Number(1, MAX)),
    ("listeners", "PLAINTEXT://127.0.0.1:9092", Text),
    ("log.cleaner.backoff.ms", "15000", Number(1, i64::MAX)),
    (
        "log.cleaner.delete.retention.ms",
        "86400000",
        Topic("delete.retention.ms", 1),
    ),
    ("log.cleaner.enable", "true", Flag),
    (
        "log.cleaner.max.compaction.lag.ms",
        "9223372036854775807",
        Topic("max.compaction.lag.ms", 1),
    ),
    (
        "log.cleaner.min.cleanable.ratio",
        "0.5",
        Topic("min.cleanable.dirty.ratio", 1),
    ),
    (
        "log.cleaner.min.compaction.lag.ms",
        "0",
        Topic("min.compaction.lag.ms", 1),
    ),
    ("log.cleanup.policy", "delete", Topic("cleanup.policy", 1)),
    ("log.dirs", "/tmp/kafka-logs", Text),
    (
        "log.flush.interval.messages",
        "9223372036854775807",
        Topic("flush.messages", 1),
    ),
    (
        "log.flush.interval.ms",
        "9223372036854775807",
        Topic("flush.ms", 1),
    ),
    (
        "log.flush.offset.checkpoint.interval.ms",
        "60000",
        Number(1, i64::MAX),
    ),
    (
        "log.flush.scheduler.interval.ms",
        "1000",
        Number(1, i64::MAX),
    ),
    (
        "log.index.interval.bytes",
        "4096",
        Topic("index.interval.bytes", 1),
    ),
    (
        "log.message.timestamp.type",
        "CreateTime",
        Topic("message.timestamp.type", 1),
    ),
    (
        "log.message.timestamp.after.max.ms",
        "9223372036854775807",
        Topic("message.timestamp.after.max.ms", 1),
    ),
    (
        "log.message.timestamp.before.max.ms",
        "9223372036854775807",
        Topic("message.timestamp.before.max.ms", 1),
    ),
    ("log.retention.bytes", "-1", Topic("retention.bytes", 1)),
    (
        "log.retention.check.interval.ms",
        "300000",
        Number(1, i64::MAX),
    ),
    (
        "log.retention.hours",
        "168",
        Topic("retention.ms", 3_600_000),
    ),
    ("log.retention.minutes", "", Topic("retention.ms", 60_000)),
    ("log.retention.ms", "", Topic("retention.ms", 1)),
    ("log.roll.hours", "168", Topic("segment.ms", 3_600_000)),
    ("log.roll.ms", "", Topic("segment.ms", 1)),
    ("log.segment.bytes", "1073741824", Topic("segment.bytes", 1)),
    ("max.connections", "2147483647", Number(0, MAX)),
    ("max.connections.per.ip", "2147483647", Number(0, MAX)),
    (
        "max.incremental.fetch.session.cache.slots",
        "1000",
        Number(0, MAX),
    ),
    ("max.request.partition.size.limit", "2000", Number(1, MAX)),
    (
        "message.max.bytes",
        "1048588",
        Topic("max.message.bytes", 1),
    ),
    ("min.insync.replicas", "1", Topic("min.insync.replicas", 1)),
    ("node.id", "1", Number(0, MAX)),
    ("num.partitions", "1", Number(1, 100_000)),
    ("offset.metadata.max.bytes", "4096", Number(0, MAX)),
    (
        "offsets.retention.check.interval.ms",
        "600000",
        Number(1, i64::MAX),
    ),
    ("offsets.retention.minutes", "10080", Number(1, MAX)),
    ("offsets.topic.num.partitions", "50", Number(1, 1000)),
    ("offsets.topic.replication.factor", "1", Number(1, 1)),
    (
        "offsets.topic.segment.bytes",
        "104857600",
        Number(1024, MAX),
    ),
    ("socket.request.max.bytes", "104857600", Number(1024, MAX)),
];

/// Why a setting was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingError {
    /// Not of the form `key=value`.
    #[error("{0}: expected KEY=VALUE")]
    NoValue(String),
    /// No such setting.
    #[error("{key}: no such setting; did you mean {nearest}?")]
    Unknown {
        /// As given.
        key: String,
        /// The name that is most like it.
        nearest: &'static str,
    },
    /// The value does not fit.
    #[error("{key}={value}: expected {expected}")]
    BadValue {
        /// Which.
        key: String,
        /// As given.
        value: String,
        /// What would do.
        expected: String,
    },
}

/// The settings of a broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    values: BTreeMap<&'static str, String>,
    /// What topics have where they have nothing of their own.
    topic: LogConfig,
}

/// A setting as DescribeConfigs tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingEntry {
    /// Its name.
    pub name: &'static str,
    /// Its value, if it has one.
    pub value: Option<String>,
    /// What that is.
    pub value_type: ValueType,
    /// Whether it was given.
    pub given: bool,
}

impl Settings {
    /// Reads the text of a properties file: `key=value` lines, with `#` before remarks.
    ///
    /// # Errors
    /// At the first line that is not understood.
    pub fn parse_file(text: &str) -> Result<Vec<String>, SettingError> {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '!']));
        lines
            .map(|line| {
                let no_value = || SettingError::NoValue(line.to_owned());
                let (key, value) = line.split_once('=').ok_or_else(no_value)?;
                Ok(format!("{}={}", key.trim(), value.trim()))
            })
            .collect()
    }

    /// Reads `KEY=VALUE` items. Of a key given twice, the last counts.
    ///
    /// # Errors
    /// At the first item that is not understood.
    pub fn parse<S: AsRef<str>>(items: &[S]) -> Result<Settings, SettingError> {
        let mut values = BTreeMap::new();
        for item in items.iter().map(AsRef::as_ref) {
            let no_value = || SettingError::NoValue(item.to_owned());
            let (key, value) = item.split_once('=').ok_or_else(no_value)?;
            let (key, value) = (key.trim(), value.trim());
            let known = SETTINGS.iter().find(|(name, ..)| *name == key);
            let Some((name, _, kind)) = known else {
                return Err(SettingError::Unknown {
                    key: key.to_owned(),
                    nearest: nearest(key),
                });
            };
            check(key, value, *kind)?;
            values.insert(*name, value.to_owned());
        }
        let mut settings = Settings {
            values,
            topic: LogConfig::default(),
        };
        settings.topic = settings.topic_defaults()?;
        Ok(settings)
    }

    fn topic_defaults(&self) -> Result<LogConfig, SettingError> {
        let mut config = LogConfig::default();
        for (name, default, kind) in SETTINGS {
            let Topic(topic_name, factor) = kind else {
                continue;
            };
            let value = self.values.get(name).map_or(*default, String::as_str);
            if value.is_empty() {
                continue;
            }
            let scaled = match value.parse::<i64>() {
                Ok(number) if number > 0 => number.saturating_mul(*factor).to_string(),
                _ => value.to_owned(),
            };
            let set = config.set(topic_name, &scaled);
            set.map_err(|error| SettingError::BadValue {
                key: (*name).to_owned(),
                value: value.to_owned(),
                expected: error.to_string(),
            })?;
        }
        Ok(config)
    }

    /// The value of a text; the default where it was not given.
    pub fn text(&self, name: &'static str) -> &str {
        let known = SETTINGS.iter().find(|(known, ..)| *known == name);
        debug_assert!(known.is_some(), "{name} is a setting");
        let default = known.map_or("", |(_, default, _)| *default);
        self.values.get(name).map_or(default, String::as_str)
    }

    /// The value of a number.
    pub fn number(&self, name: &'static str) -> i64 {
        self.text(name).parse().unwrap_or_default()
    }

    /// The value of a number that counts something.
    pub fn count(&self, name: &'static str) -> usize {
        usize::try_from(self.number(name)).unwrap_or_default()
    }

    /// The value of a time in milliseconds.
    pub fn millis(&self, name: &'static str) -> Duration {
        Duration::from_millis(u64::try_from(self.number(name)).unwrap_or_default())
    }

    /// The value of a flag.
    pub fn flag(&self, name: &'static str) -> bool {
        self.text(name) == "true"
    }

    /// `node.id`, or `broker.id` under which it was known.
    pub fn node_id(&self) -> i32 {
        let name = if self.values.contains_key("node.id") {
            "node.id"
        } else {
            "broker.id"
        };
        i32::try_from(self.number(name)).unwrap_or_default()
    }

    /// What a topic without settings of its own has.
    pub fn topic(&self) -> &LogConfig {
        &self.topic
    }

    /// What the group coordinator goes by.
    pub fn groups(&self) -> group::Config {
        group::Config {
            session_timeout_min: self.millis("group.min.session.timeout.ms"),
            session_timeout_max: self.millis("group.max.session.timeout.ms"),
            size_max: self.count("group.max.size"),
            initial_rebalance_delay: self.millis("group.initial.rebalance.delay.ms"),
            offset_metadata_bytes_max: self.count("offset.metadata.max.bytes"),
            offsets_retention: 60_000 * self.millis("offsets.retention.minutes"),
        }
    }

    /// All of them, by name.
    pub fn entries(&self) -> Vec<SettingEntry> {
        let entry = |(name, default, kind): &(&'static str, &str, Kind)| {
            let value = self.values.get(name).map_or(*default, String::as_str);
            SettingEntry {
                name,
                value: Some(value.to_owned()).filter(|value| !value.is_empty()),
                value_type: kind.value_type(),
                given: self.values.contains_key(name),
            }
        };
        SETTINGS.iter().map(entry).collect()
    }

    /// The broker's name for the default of a topic's setting, and whether it was given.
    pub fn default_of(&self, topic_name: &str) -> Option<(&'static str, bool)> {
        let mut names = SETTINGS.iter().filter_map(|(name, _, kind)| match kind {
            Topic(known, _) if *known == topic_name => Some(*name),
            _ => None,
        });
        let given = names.clone().rfind(|name| self.values.contains_key(name));
        given
            .map(|name| (name, true))
            .or_else(|| names.next().map(|name| (name, false)))
    }
}

fn check(key: &str, value: &str, kind: Kind) -> Result<(), SettingError> {
    let expected = match kind {
        Number(min, max) => {
            let fits = value.parse::<i64>().is_ok_and(|n| (min..=max).contains(&n));
            (!fits).then(|| format!("a whole number from {min} to {max}"))
        }
        Flag => {
            let fits = matches!(value, "true" | "false");
            (!fits).then(|| "true or false".to_owned())
        }
        Text | Topic(..) => None,
    };
    match expected {
        None => Ok(()),
        Some(expected) => Err(SettingError::BadValue {
            key: key.to_owned(),
            value: value.to_owned(),
            expected,
        }),
    }
}

fn nearest(key: &str) -> &'static str {
    let names = SETTINGS.iter().map(|(name, ..)| *name);
    names.min_by_key(|name| distance(key, name)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_kafkas() {
        let settings = Settings::parse::<&str>(&[]).unwrap();
        assert_eq!(*settings.topic(), LogConfig::default());
        assert_eq!(settings.groups(), group::Config::default());
        assert_eq!(settings.number("socket.request.max.bytes"), 100 << 20);
    }

    #[test]
    fn a_topics_default_has_several_names() {
        let parse = |items: &[&str]| Settings::parse(items).unwrap().topic().retention_ms;
        assert_eq!(parse(&[]), 7 * 24 * 3_600_000);
        assert_eq!(parse(&["log.retention.hours=1"]), 3_600_000);
        assert_eq!(parse(&["log.retention.hours=1", "log.retention.ms=5"]), 5);
        assert_eq!(parse(&["log.retention.minutes=2"]), 120_000);
        assert_eq!(parse(&["log.retention.hours=-1"]), -1);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |item: &str| Settings::parse(&[item]).unwrap_err().to_string();
        assert_eq!(
            error("log.retention.hour=1"),
            "log.retention.hour: no such setting; did you mean log.retention.hours?"
        );
        assert_eq!(
            error("num.partitions=0"),
            "num.partitions=0: expected a whole number from 1 to 100000"
        );
        assert_eq!(
            error("num.partitions"),
            "num.partitions: expected KEY=VALUE"
        );
        assert!(error("log.segment.bytes=many").starts_with("log.segment.bytes=many: expected"));
    }

    #[test]
    fn a_file_has_remarks() {
        let text = "# a remark\n\n num.partitions = 3\nlog.dirs=/x=y\n";
        let items = Settings::parse_file(text).unwrap();
        assert_eq!(items, ["num.partitions=3", "log.dirs=/x=y"]);
        assert!(Settings::parse_file("num.partitions").is_err());
    }
}
