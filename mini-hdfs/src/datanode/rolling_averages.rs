//! How long things take, lately (`RollingAverages`).
//!
//! Averages cover the past in windows that are dropped one by one: what was slow yesterday, and had its disk replaced, is not
//! slow any more.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use node::Time;

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    began: Time,
    count: u64,
    sum_us: u64,
}

/// The average latency of each `K`, over the past few windows.
#[derive(Clone, Debug)]
pub struct RollingAverages<K> {
    window: Duration,
    windows: u32,
    samples_min: u64,
    measured: BTreeMap<K, VecDeque<Window>>,
}

impl<K: Copy + Ord> RollingAverages<K> {
    /// Nothing measured yet. So many `windows` of such a length count, and of what has fewer than `samples_min` samples
    /// nothing is said.
    pub fn new(window: Duration, windows: usize, samples_min: u64) -> RollingAverages<K> {
        RollingAverages {
            window,
            windows: u32::try_from(windows).unwrap_or(u32::MAX),
            samples_min,
            measured: BTreeMap::new(),
        }
    }

    /// `of` has taken so long.
    pub fn record(&mut self, of: K, latency: Duration, now: Time) {
        let windows = self.measured.entry(of).or_default();
        let current = windows.back().copied().unwrap_or_default();
        if windows.is_empty() || now.since(current.began) >= self.window {
            windows.push_back(Window {
                began: now,
                ..Window::default()
            });
        }
        if let Some(window) = windows.back_mut() {
            window.count += 1;
            let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
            window.sum_us = window.sum_us.saturating_add(us);
        }
    }

    /// The average latency of each of which enough is known, in microseconds.
    pub fn averages(&mut self, now: Time) -> BTreeMap<K, u64> {
        let kept = self.window.saturating_mul(self.windows);
        self.measured.retain(|_, windows| {
            windows.retain(|window| now.since(window.began) < kept);
            !windows.is_empty()
        });
        let average = |windows: &VecDeque<Window>| {
            let count: u64 = windows.iter().map(|window| window.count).sum();
            let sum: u128 = windows.iter().map(|w| u128::from(w.sum_us)).sum();
            let average = u64::try_from(sum / u128::from(count.max(1))).unwrap_or(u64::MAX);
            (count >= self.samples_min).then_some(average)
        };
        let averages = self.measured.iter();
        averages
            .filter_map(|(of, windows)| Some((*of, average(windows)?)))
            .collect()
    }
}
