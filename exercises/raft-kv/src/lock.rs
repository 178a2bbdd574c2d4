//! Whose turn it is: the lock recipe, as a function of what the store holds. ZooKeeper's recipe for locks, and etcd's (`concurrency.Mutex`).
//!
//! Who wants a lock puts a key of his own below the lock's name, bound to his lease, unless it is there already. The revision in which
//! a key came to be is its place in the queue: the store gives each to one transaction, in the order in which they took effect. The
//! first in the queue holds the lock; everyone else waits for the one right before him, so that a release wakes one client and
//! not all (the *herd*). A client that dies lets his lease run out, and his key goes, whatever place it had.

/// A key below the lock's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contender {
    /// The key.
    pub key: String,
    /// The revision in which it came to be (`create_revision`).
    pub created: i64,
}

/// What a contender has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// He holds the lock. His create revision is his fencing token: whoever acts on what the lock guards shows it, and is refused where
    /// a greater one was shown.
    Held,
    /// Wait until this key is deleted, then look again.
    WaitFor(String),
    /// His own key is gone, or another one has its name now: his lease is over. He holds nothing, and has no place.
    Lost,
}

/// What `mine` has to do, if these are all keys below the lock's name, at one revision, in any order.
pub fn turn(contenders: &[Contender], mine: &Contender) -> Turn {
    let _ = (contenders, mine);
    todo!("raft/lock: is my key there still; and of those that came before me, who is the last?")
}
