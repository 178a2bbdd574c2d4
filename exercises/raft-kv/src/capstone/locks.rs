//! A lock service. The rules are in [`capstone`](crate::capstone).

use super::LockService;

/// A member that has applied nothing, and does not lead.
pub fn lock_service() -> Box<dyn LockService> {
    todo!(
        "raft/capstone: a lock service of your own: choose its state, and implement the trait for it."
    )
}
