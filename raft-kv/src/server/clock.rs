//! The time that a shell hands to its cores.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use node::Time;
use tokio::time::Instant;

/// A clock that never runs backwards: the wall clock is read once, and what the monotonic clock measured since is added. That one is the
/// runtime's, which a simulation winds.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began_at: Time,
    began: Instant,
}

impl Clock {
    /// A clock that shows the wall clock's time of now.
    pub fn start() -> Clock {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        Clock::start_at(Time::ZERO + wall.unwrap_or(Duration::ZERO))
    }

    /// A clock that shows this time now.
    pub fn start_at(time: Time) -> Clock {
        Clock {
            began_at: time,
            began: Instant::now(),
        }
    }

    /// The time now.
    pub fn now(&self) -> Time {
        self.began_at + self.began.elapsed()
    }
}
