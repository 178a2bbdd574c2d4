//! How fast replicas may be moved for the balancer, so that it does not stand in the way of others
//! (`DataTransferThrottler`).

use std::time::Duration;

use node::Time;

/// Spreads bytes over time. All moves of a DataNode share one.
#[derive(Clone, Copy, Debug)]
pub struct Throttler {
    bytes_per_second: u64,
    /// When all bytes so far will have been sent at that rate.
    free_at: Time,
}

impl Throttler {
    /// At most so many bytes in a second (`dfs.datanode.balance.bandwidthPerSec`).
    pub fn new(bytes_per_second: u64) -> Throttler {
        Throttler {
            bytes_per_second: bytes_per_second.max(1),
            free_at: Time::ZERO,
        }
    }

    /// So many bytes are sent or received now: how long to wait before the next ones.
    pub fn take(&mut self, bytes: u64, now: Time) -> Duration {
        let micros = u128::from(bytes) * 1_000_000 / u128::from(self.bytes_per_second);
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        self.free_at = self.free_at.max(now) + Duration::from_micros(micros);
        self.free_at.since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_together_are_no_faster_than_they_may_be() {
        let mut throttler = Throttler::new(1000);
        let ms = Time::from_millis;
        assert_eq!(throttler.take(500, ms(0)), Duration::from_millis(500));
        // Another one at the same time waits for both.
        assert_eq!(throttler.take(250, ms(0)), Duration::from_millis(750));
        assert_eq!(throttler.take(250, ms(500)), Duration::from_millis(500));
        // A pause is not made up for.
        assert_eq!(throttler.take(100, ms(60_000)), Duration::from_millis(100));
    }
}
