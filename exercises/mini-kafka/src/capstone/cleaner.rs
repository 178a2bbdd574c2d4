//! A cleaner of compacted logs. The rules are in [`capstone`](crate::capstone).

use super::Cleaner;

/// A cleaner that knows nothing yet: what is known of a log is in its directory.
pub fn cleaner() -> Box<dyn Cleaner> {
    todo!(
        "kafka/capstone: a cleaner of your own: choose its files and their order, and implement the trait for it."
    )
}
