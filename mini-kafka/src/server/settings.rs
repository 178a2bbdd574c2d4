//! The broker's settings, with Kafka's names and defaults (`server.properties`): from a file, and from `--override`. What a
//! topic has as a setting of its own has its default here, mostly under another name: `log.retention.hours` and the
//! like. An unknown name is an error, which suggests the nearest: a misspelt setting that has no effect costs somebody a night.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

use self::known::Kind::{self, Flag, Number, Text, Topic};
use self::known::{IDLE, SETTINGS};
use crate::group;
use crate::log::LogConfig;
use crate::log::config::{ValueType, distance};

mod known;

/// Why a setting was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingError {
    /// Not of the form `key=value`.
    #[error("{0}: expected KEY=VALUE")]
    NoValue(String),
    /// No such setting.
    #[error("{key}: no such setting{hint}")]
    Unknown {
        /// As given.
        key: String,
        /// The nearest one as a question, or nothing.
        hint: String,
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
            let known = SETTINGS.iter().chain(IDLE).find(|(name, ..)| *name == key);
            let Some((name, _, kind)) = known else {
                return Err(SettingError::Unknown {
                    key: key.to_owned(),
                    hint: hint(key),
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
        let known = SETTINGS
            .iter()
            .chain(IDLE)
            .find(|(known, ..)| *known == name);
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

    /// `log.dirs`, or `log.dir` where that is not given.
    pub fn log_dirs(&self) -> &str {
        match self.text("log.dirs") {
            "" => self.text("log.dir"),
            dirs => dirs,
        }
    }

    /// Those that were given and change nothing.
    pub fn idle(&self) -> impl Iterator<Item = &'static str> {
        let names = IDLE.iter().map(|(name, ..)| *name);
        names.filter(|name| self.values.contains_key(name))
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
        SETTINGS.iter().chain(IDLE).map(entry).collect()
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

fn hint(key: &str) -> String {
    let names = SETTINGS.iter().chain(IDLE).map(|(name, ..)| *name);
    let nearest = names.min_by_key(|name| distance(key, name));
    let near = nearest.filter(|name| distance(key, name) <= key.len() / 3);
    near.map_or(String::new(), |name| format!("; did you mean {name}?"))
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
        assert_eq!(error("ssl.key=1"), "ssl.key: no such setting");
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
    fn the_log_directory_has_two_names() {
        let dir = |items: &[&str]| Settings::parse(items).unwrap().log_dirs().to_owned();
        assert_eq!(dir(&[]), "/tmp/kafka-logs");
        assert_eq!(dir(&["log.dir=/a"]), "/a");
        assert_eq!(dir(&["log.dirs=/b", "log.dir=/a"]), "/b");
    }

    #[test]
    fn what_changes_nothing_is_taken_checked_and_told() {
        let settings = Settings::parse(&["num.io.threads=8", "num.partitions=2"]).unwrap();
        assert_eq!(settings.idle().collect::<Vec<_>>(), ["num.io.threads"]);
        assert!(Settings::parse(&["num.io.threads=many"]).is_err());
    }

    #[test]
    fn a_file_has_remarks() {
        let text = "# a remark\n\n num.partitions = 3\nlog.dirs=/x=y\n";
        let items = Settings::parse_file(text).unwrap();
        assert_eq!(items, ["num.partitions=3", "log.dirs=/x=y"]);
        assert!(Settings::parse_file("num.partitions").is_err());
    }
}
