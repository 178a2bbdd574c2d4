//! The hybrid logical clock: a Lamport clock that stays beside the wall clock.
//!
//! A Lamport time says nothing about the time of day, so nobody can ask it for "the state at noon". A wall clock says nothing about
//! order: the receiver's may show less than the sender's did. The hybrid clock is the wall clock, kept from going backwards: it
//! shows the wall's time where that is later than every time seen so far, and otherwise counts on from the latest one (Kulkarni,
//! Demirbas, Madappa, Avva & Leone 2014, "Logical Physical Clocks"). So an event that happened before another has the lower
//! timestamp, as Lamport's clock has it, and no timestamp is further from the time of day than the wall clocks are from each
//! other.
//!
//! A timestamp is one number of 64 bits: 48 bits of milliseconds since 1970, which last until the year 10889, and a counter of 16 bits
//! below them. The paper's three cases (§3.3) then are one: the higher of "the latest one, plus 1" and "the wall's time
//! with a counter of 0". A counter that is full carries over into the milliseconds, as in any number. (CockroachDB has nanoseconds and a
//! counter of 32 bits beside them, MongoDB seconds and 32 bits, YugabyteDB microseconds and 12 bits.)
//!
//! A clock that believes whatever it is sent is ruled by the worst clock of the cluster: one machine that lives in 2099 takes all the
//! others there. So a timestamp that is too far ahead of the own wall clock is refused (CockroachDB: `--max-offset`).

use std::fmt;

use thiserror::Error;

/// The bits of the counter.
pub const COUNTER_BITS: u32 = 16;

/// The last millisecond that a timestamp has room for.
pub const MILLIS_MAX: u64 = u64::MAX >> COUNTER_BITS;

/// A hybrid timestamp. Compared as the number that it is: first milliseconds, then the counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The timestamp of these parts. Milliseconds beyond [`MILLIS_MAX`] are cut to it.
    pub fn new(millis: u64, counter: u16) -> Timestamp {
        Timestamp(millis.min(MILLIS_MAX) << COUNTER_BITS | u64::from(counter))
    }

    /// Milliseconds since 1970.
    pub fn millis(self) -> u64 {
        self.0 >> COUNTER_BITS
    }

    /// What tells events of the same millisecond apart.
    pub fn counter(self) -> u16 {
        let [.., high, low] = self.0.to_be_bytes();
        u16::from_be_bytes([high, low])
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.millis(), self.counter())
    }
}

/// Why there is no timestamp. The clock is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HlcError {
    /// The sender's clock, or this machine's, is wrong.
    #[error(
        "the timestamp received is {ahead_ms} ms ahead of this machine's clock, and at most {drift_max_ms} ms are believed: \
         compare the clocks of both machines"
    )]
    RemoteAhead {
        /// How far it is ahead, in milliseconds.
        ahead_ms: u64,
        /// How far it may be.
        drift_max_ms: u64,
    },
    /// This machine's clock was set back, or more events happened than its counters can tell apart.
    #[error(
        "the next timestamp would be {ahead_ms} ms ahead of this machine's clock, and at most {drift_max_ms} ms are allowed: \
         the clock was set back, or events come faster than 65,536 a millisecond; try again later"
    )]
    TooFarAhead {
        /// How far it would be ahead, in milliseconds.
        ahead_ms: u64,
        /// How far it may be.
        drift_max_ms: u64,
    },
    /// No timestamp has room for this time.
    #[error("this machine's clock shows {wall_ms} ms since 1970, beyond the year 10889: set it")]
    WallOutOfRange {
        /// What it shows.
        wall_ms: u64,
    },
}

/// The hybrid clock of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HybridClock {
    /// The latest timestamp that it has given. A restarted process begins at 0, and waits until its wall clock is past what it
    /// may have given before, at most `drift_max_ms`.
    pub latest: Timestamp,
    /// How far ahead of the wall clock a timestamp may be, in milliseconds: more than the wall clocks of all processes
    /// differ.
    pub drift_max_ms: u64,
}

impl HybridClock {
    /// A clock that has given no timestamp yet.
    pub fn new(drift_max_ms: u64) -> HybridClock {
        HybridClock {
            latest: Timestamp(0),
            drift_max_ms,
        }
    }

    /// Something happens here, while the wall clock shows `wall_ms`: an inner event, or the sending of a message, which then
    /// carries the timestamp. It is the lowest that is higher than every one given before and not below `wall_ms`; and it is
    /// at most `drift_max_ms` ahead of `wall_ms`. After the last timestamp that there is none is higher, which is
    /// [`HlcError::TooFarAhead`] too.
    ///
    /// # Errors
    /// [`HlcError::TooFarAhead`], [`HlcError::WallOutOfRange`]; the clock is as it was.
    pub fn now(&mut self, wall_ms: u64) -> Result<Timestamp, HlcError> {
        let _ = wall_ms;
        todo!(
            "clocks/hlc: the wall's time, or what follows on the latest timestamp, whichever is later."
        )
    }

    /// A message arrives that carries `sent`, while the wall clock shows `wall_ms`. The timestamp of its arrival is that of
    /// [`HybridClock::now`], but higher than `sent` as well.
    ///
    /// # Errors
    /// [`HlcError::RemoteAhead`] where `sent` is more than `drift_max_ms` ahead of `wall_ms`, and those of
    /// [`HybridClock::now`]; the clock is as it was.
    pub fn observe(&mut self, sent: Timestamp, wall_ms: u64) -> Result<Timestamp, HlcError> {
        let _ = (sent, wall_ms);
        todo!(
            "clocks/hlc: not if it is too far ahead; otherwise as `now`, and later than `sent` too."
        )
    }
}
