//! TrueTime and commit wait: a clock that admits what it does not know, and a database that waits it out.
//!
//! Spanner promises more than causality: if one transaction has been *acknowledged* before another one *begins*, anywhere in the
//! world and without a message between the two, the first has the lower timestamp (external consistency; Corbett et al. 2012, "Spanner:
//! Google's Globally-Distributed Database", §3 and §4.1.2). No logical clock can promise it, since the two may be connected only by a person with a
//! telephone. It takes clocks of which one knows how wrong they may be.
//!
//! [`TrueTime`] answers with an [`Interval`] that contains the true time. It is narrow after a comparison with a
//! time master and widens with each second, since the own quartz drifts. The [`Leader`] of a group gives a transaction the *latest*
//! time that it may be (so the timestamp is not before the transaction's arrival), and acknowledges it when that is past for
//! certain, at the *earliest* time that it may be (commit wait). A transaction that begins after the acknowledgement then
//! gets a higher timestamp, whoever's clock gives it. The wait is about twice the uncertainty: worth an atomic clock in each data centre.
//!
//! Here all is simulated: what the quartz shows is handed in. Times are microseconds.

/// The true time is in here, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Not before this.
    pub earliest: u64,
    /// Not after this.
    pub latest: u64,
}

/// A machine's clock, with what is known of its error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueTime {
    /// What the machine's quartz showed at the last comparison with a time master.
    pub synced_at: u64,
    /// The time that the master told then.
    pub told: u64,
    /// How wrong that may have been at that moment: the master's own error, and the way of its answer.
    pub error: u64,
    /// By how many microseconds the quartz may go wrong in a second, one way or the other. Google takes 200 (§3); the interval
    /// widens by as much to each side.
    pub drift_ppm: u64,
}

impl TrueTime {
    /// What time it is (`TT.now()`), while the quartz shows `quartz`, which does not run backwards. Fractions of a microsecond
    /// widen the interval.
    pub fn now(&self, quartz: u64) -> Interval {
        let _ = quartz;
        todo!(
            "clocks/commit-wait: what the master told, and what has passed since; wrong by the error then and the drift since."
        )
    }
}

/// Gives transactions of one group their timestamps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leader {
    /// The highest timestamp that it has given.
    pub last: u64,
}

impl Leader {
    /// The timestamp of a transaction whose commit has arrived before `now` was asked for: the lowest that is not before the true
    /// time of its arrival, for certain, and above every timestamp given before ("start", §4.1.2).
    pub fn assign(&mut self, now: Interval) -> u64 {
        let _ = now;
        todo!("clocks/commit-wait: surely not before now, and above all that it gave before.")
    }
}

/// Whether the timestamp is past for certain (`TT.after`): only then may the transaction's effects be seen by anybody ("commit
/// wait", §4.1.2).
pub fn is_past(timestamp: u64, now: Interval) -> bool {
    let _ = (timestamp, now);
    todo!("clocks/commit-wait: past, wherever in the interval the true time is.")
}

/// How long to wait at least before it is worth asking [`is_past`] again; 0 where it is past.
pub fn wait(timestamp: u64, now: Interval) -> u64 {
    let _ = (timestamp, now);
    todo!("clocks/commit-wait: the microseconds until the earliest time is beyond the timestamp.")
}
