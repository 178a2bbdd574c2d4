//! Speculative execution: LATE (Zaharia et al., "Improving MapReduce Performance in Heterogeneous Environments", OSDI 2008).
//!
//! A job is done when its last task is, and on a machine whose disk is dying that may be twenty times as late as all others. Nobody needs to know why:
//! a second attempt elsewhere is often done first. But every second attempt takes a slot, so the question is *which* task. Hadoop asked which
//! one is behind the average; LATE asks which one will **end last** ("Longest Approximate Time to End"), for that one decides when the job
//! ends. Three more rules keep it from doing harm: only tasks that are slow, only on nodes that are not, and never more than a few at once.

use std::collections::BTreeMap;
use std::time::Duration;

use node::Time;

use crate::protocol::WorkerId;

/// The paper's three thresholds, and when one may judge at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateConfig {
    /// `SpeculativeCap`: how many in a hundred slots may run second attempts; one always may.
    pub cap_percent: u32,
    /// `SlowTaskThreshold`: only a task whose rate of progress is at most this percentile of all running ones'.
    pub slow_task_percent: u32,
    /// `SlowNodeThreshold`: no second attempt on a node whose speed is below this percentile of all nodes'.
    pub slow_node_percent: u32,
    /// No task that has run for less.
    pub runtime_min: Duration,
}

impl Default for LateConfig {
    fn default() -> LateConfig {
        LateConfig {
            cap_percent: 10,
            slow_task_percent: 25,
            slow_node_percent: 25,
            runtime_min: Duration::from_secs(60),
        }
    }
}

/// A task that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// Its index.
    pub task: u32,
    /// Where its first attempt runs.
    pub worker: WorkerId,
    /// Since when.
    pub started: Time,
    /// How far it is, from 0 to 1.
    pub progress: f64,
    /// Whether a second attempt runs already.
    pub speculated: bool,
}

impl Running {
    /// Progress in a second.
    pub fn rate(&self, now: Time) -> f64 {
        let seconds = now.since(self.started).as_secs_f64();
        if seconds > 0.0 {
            self.progress / seconds
        } else {
            0.0
        }
    }

    /// How many seconds it will still take if it goes on as it did. Infinite where nothing has moved.
    pub fn seconds_left(&self, now: Time) -> f64 {
        let rate = self.rate(now);
        if rate > 0.0 {
            (1.0 - self.progress) / rate
        } else {
            f64::INFINITY
        }
    }
}

/// The value below which `percent` in a hundred of `values` lie: with 25, the one that a quarter of them are less than. None of none.
///
/// The index in the sorted list is `len * percent / 100`, cut off to a whole number, at most the last one.
pub fn percentile(values: impl IntoIterator<Item = f64>, percent: u32) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = values.len() * usize::try_from(percent).unwrap_or(0) / 100;
    values.get(at.min(last)).copied()
}

/// The task of which `asking`, which has a free slot and no task that waits, shall run a second attempt; none if none is worth it.
///
/// - None while as many second attempts run as may: `cap_percent` of `slots`, rounded down, but at least one.
/// - None where the speed of `asking` is strictly below the slow nodes' percentile of `speeds`. A node that is not in `speeds` has done nothing yet, and is none of
///   the slow ones; where `speeds` is empty, nobody is slow.
/// - Of the tasks that run on other workers, have no second attempt, have run at least `runtime_min`, and whose rate is no more than the slow tasks'
///   percentile of the rates of all that run: the one with the most seconds left; of equal ones the one with the lowest index.
pub fn choose(
    running: &[Running],
    speeds: &BTreeMap<WorkerId, f64>,
    asking: WorkerId,
    slots: u32,
    config: &LateConfig,
    now: Time,
) -> Option<u32> {
    let _ = (running, speeds, asking, slots, config, now);
    todo!(
        "mapreduce/speculation: may there be one more, is this a good place for it, and which task will end last?"
    )
}
