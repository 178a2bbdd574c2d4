//! The time that a shell hands to its cores.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use node::Time;

/// A clock that never runs backwards: the wall clock is read once, and what the monotonic clock measured since is added.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began_at: Time,
    began: Instant,
}

impl Clock {
    /// A clock that shows the wall clock's time of now.
    pub fn start() -> Clock {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        Clock {
            began_at: Time::ZERO + wall.unwrap_or(Duration::ZERO),
            began: Instant::now(),
        }
    }

    /// The time now.
    pub fn now(&self) -> Time {
        self.began_at + self.began.elapsed()
    }
}
