//! When a map that is done must be done again (`JobImpl`'s fetch failures).
//!
//! A map's output lies on the worker that made it, once. If reduces cannot get it, the worker may be dead and nobody has noticed yet, its disk may be
//! damaged, or its links cut; or else it is the reduce whose network is broken. To run the map again at the first
//! complaint wastes work; never to do it hangs the job, since the worker may well send heartbeats all the while. So it takes several complaints, and not of
//! one reduce among many.

use std::collections::BTreeMap;

use crate::protocol::{AttemptId, FetchFailure};

/// How many failures it takes at least (`MAX_FETCH_FAILURES_NOTIFICATIONS`).
pub const FAILURES_MIN: u32 = 3;

/// What reduces could not fetch, of one job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchFailures {
    /// By map attempt, then by reduce attempt: how often.
    counts: BTreeMap<AttemptId, BTreeMap<AttemptId, u32>>,
}

impl FetchFailures {
    /// A reduce complains, perhaps not for the first time: what it says is how often it has failed so far. `counting` is the number of the attempt whose output of that
    /// map counts, `shuffling` how many reduces are fetching now, this one included. Whether the map must be done again: all failures to fetch that output together are at least
    /// [`FAILURES_MIN`], and at least half of the reduces that are fetching have complained of it (`MAX_ALLOWED_FETCH_FAILURES_FRACTION`; Hadoop divides
    /// failures, not reduces, and so lets one speak for many).
    ///
    /// Two kinds of complaint are late. One of another attempt than `counting` changes nothing. A total that is less than one heard before changes nothing
    /// of what is known. Totals come from far away and may be anything: sums saturate.
    pub fn complain(&mut self, failure: &FetchFailure, counting: u64, shuffling: u32) -> bool {
        let _ = (failure, counting, shuffling);
        todo!(
            "mapreduce/fetch-failures: note the total of that reduce; are all of them enough, and of enough reduces?"
        )
    }

    /// That map attempt's output does not count any more, so neither do complaints of it.
    pub fn forget_map(&mut self, map: AttemptId) {
        let _ = map;
        todo!("mapreduce/fetch-failures: nothing is known of that attempt any more.")
    }

    /// A reduce attempt that does not count any more has nothing to complain of. What nobody else complains of leaves no trace.
    pub fn forget_reduce(&mut self, reduce: AttemptId) {
        let _ = reduce;
        todo!("mapreduce/fetch-failures: whatever it complained of.")
    }

    /// Whether anybody complains of anything.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}
