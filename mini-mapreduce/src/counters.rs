//! Counters: how much of what a task has done, added up over a job. A task that is run again counts anew, so a job's
//! counters are those of the attempts that were committed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The group of the counters that the engine keeps, under Hadoop's name for it.
pub const TASK_COUNTERS: &str = "org.apache.hadoop.mapreduce.TaskCounter";

/// Counters by group and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters(BTreeMap<String, BTreeMap<String, u64>>);

impl Counters {
    /// Adds to one of the engine's own counters, such as `MAP_INPUT_RECORDS`.
    pub fn task(&mut self, name: &str, by: u64) {
        self.add(TASK_COUNTERS, name, by);
    }

    /// Adds to a counter, which begins at nothing.
    pub fn add(&mut self, group: &str, name: &str, by: u64) {
        let counter = self.0.get_mut(group).and_then(|names| names.get_mut(name));
        if let Some(counter) = counter {
            *counter = counter.saturating_add(by);
        } else {
            let names = self.0.entry(group.to_owned()).or_default();
            names.insert(name.to_owned(), by);
        }
    }

    /// Adds another task's.
    pub fn merge(&mut self, other: &Counters) {
        for (group, name, value) in other.iter() {
            self.add(group, name, value);
        }
    }

    /// One counter; nothing where nobody has counted.
    pub fn get(&self, group: &str, name: &str) -> u64 {
        let counter = self.0.get(group).and_then(|names| names.get(name));
        counter.copied().unwrap_or(0)
    }

    /// One of the engine's own counters.
    pub fn get_task(&self, name: &str) -> u64 {
        self.get(TASK_COUNTERS, name)
    }

    /// All of them, in order: group, name, value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.0.iter().flat_map(|(group, names)| {
            (names.iter()).map(move |(name, value)| (group.as_str(), name.as_str(), *value))
        })
    }
}
