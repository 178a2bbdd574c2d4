//! Which map outputs a reduce fetches when (`ShuffleSchedulerImpl`).
//!
//! It begins while maps still run, and takes what there is: some at once, but few from one worker, so that no worker has to serve all reduces. What
//! fails is tried again after a while that doubles, and each failure is told to the coordinator, which alone may say that the map
//! has to be run again. What was fetched whole stays good, even if the worker that it came from dies.

use std::collections::BTreeMap;
use std::time::Duration;

use node::Time;

use crate::protocol::{AttemptId, MapEvent};

/// How many fetches a reduce has under way (`mapreduce.reduce.shuffle.parallelcopies`).
pub const PARALLEL: usize = 5;

/// How many of them from one worker.
pub const PARALLEL_PER_HOST: usize = 2;

/// The first wait after a failure.
const BACKOFF_MIN: Duration = Duration::from_millis(200);

/// The longest wait.
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// After so many failures in a row at one output, which still counts, the reduce gives up: perhaps it is its own worker whose links are bad.
pub const FAILURES_MAX: u32 = 10;

/// A map output that is still to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    attempt: AttemptId,
    address: String,
    failures: u32,
    /// Not before.
    from: Time,
    is_under_way: bool,
}

/// One reduce's fetching.
#[derive(Clone, Debug, Default)]
pub struct Shuffle {
    maps: usize,
    /// How many events are dealt with.
    heard: usize,
    /// By map.
    wanted: BTreeMap<u32, Wanted>,
    /// By map: whose output it has, and from where.
    fetched: BTreeMap<u32, (AttemptId, String)>,
}

impl Shuffle {
    /// Nothing fetched yet, of so many maps.
    pub fn new(maps: u32) -> Shuffle {
        Shuffle {
            maps: usize::try_from(maps).unwrap_or(usize::MAX),
            ..Shuffle::default()
        }
    }

    /// All that is known of the job's maps, from the beginning on; what was heard before changes nothing.
    pub fn hear(&mut self, events: &[MapEvent]) {
        for event in events.get(self.heard..).unwrap_or_default() {
            match event {
                MapEvent::Done { attempt, address } => {
                    let map = attempt.task.index;
                    let known = self.wanted.get(&map);
                    let is_known = known.is_some_and(|wanted| wanted.attempt == *attempt);
                    if is_known || self.fetched.contains_key(&map) {
                        continue;
                    }
                    let wanted = Wanted {
                        attempt: *attempt,
                        address: address.clone(),
                        failures: 0,
                        from: Time::ZERO,
                        is_under_way: false,
                    };
                    self.wanted.insert(map, wanted);
                }
                MapEvent::Lost { attempt } => {
                    self.wanted.retain(|_, wanted| wanted.attempt != *attempt);
                }
            }
        }
        self.heard = self.heard.max(events.len());
    }

    /// Fetches to begin now: whose output, from where. They count as under way from now on.
    pub fn begin(&mut self, now: Time) -> Vec<(AttemptId, String)> {
        let mut under_way: BTreeMap<String, usize> = BTreeMap::new();
        for wanted in self.wanted.values().filter(|wanted| wanted.is_under_way) {
            *under_way.entry(wanted.address.clone()).or_default() += 1;
        }
        let mut free = PARALLEL.saturating_sub(under_way.values().sum());
        let mut begun = Vec::new();
        for wanted in self.wanted.values_mut() {
            if free == 0 {
                break;
            }
            let from_there = under_way.entry(wanted.address.clone()).or_default();
            if wanted.is_under_way || wanted.from > now || *from_there >= PARALLEL_PER_HOST {
                continue;
            }
            wanted.is_under_way = true;
            *from_there += 1;
            free -= 1;
            begun.push((wanted.attempt, wanted.address.clone()));
        }
        begun
    }

    /// A fetch has brought all that it should. False if that map's output is there already: what came is to be thrown away.
    pub fn fetched(&mut self, attempt: AttemptId) -> bool {
        let map = attempt.task.index;
        if self.fetched.contains_key(&map) {
            return false;
        }
        let wanted = self.wanted.remove(&map);
        let address = wanted.map(|wanted| wanted.address).unwrap_or_default();
        self.fetched.insert(map, (attempt, address));
        true
    }

    /// A fetch has failed. Whether anybody has to know: the output still counts, as far as is known here.
    pub fn failed(&mut self, attempt: AttemptId, now: Time) -> bool {
        let wanted = self.wanted.get_mut(&attempt.task.index);
        let Some(wanted) = wanted.filter(|wanted| wanted.attempt == attempt) else {
            return false;
        };
        wanted.is_under_way = false;
        wanted.failures += 1;
        let doubled = BACKOFF_MIN * 2_u32.saturating_pow(wanted.failures.min(16) - 1);
        wanted.from = now + doubled.min(BACKOFF_MAX);
        true
    }

    /// What was fetched has turned out to be damaged: it is to be fetched again, if it still counts, or else another attempt's.
    pub fn damaged(&mut self, attempt: AttemptId, now: Time) {
        let map = attempt.task.index;
        let Some((fetched, address)) = self.fetched.remove(&map) else {
            return;
        };
        let wanted = Wanted {
            attempt: fetched,
            address,
            failures: 1,
            from: now + BACKOFF_MIN,
            is_under_way: false,
        };
        self.wanted.insert(map, wanted);
        // Whether it still counts, and what does, is in the events.
        self.heard = 0;
    }

    /// An output that could not be fetched for too long, though it still counts.
    pub fn hopeless(&self) -> Option<(AttemptId, &str)> {
        let hopeless = |wanted: &&Wanted| wanted.failures >= FAILURES_MAX;
        let wanted = self.wanted.values().find(hopeless)?;
        Some((wanted.attempt, wanted.address.as_str()))
    }

    /// Whether every map's output is there.
    pub fn is_complete(&self) -> bool {
        self.fetched.len() == self.maps
    }

    /// How much of it, from 0 to 1.
    pub fn fraction(&self) -> f64 {
        if self.maps == 0 {
            return 1.0;
        }
        // Far below 2⁵².
        #[expect(clippy::cast_precision_loss, reason = "numbers of maps are small")]
        let fraction = self.fetched.len() as f64 / self.maps as f64;
        fraction
    }
}
