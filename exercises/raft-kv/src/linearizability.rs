//! A checker of linearizability of one's own (Wing and Gong, "Testing and Verifying Concurrent Objects", 1993), for one register. `crates/history`
//! has the one that the tests of this crate use, for whole stores.
//!
//! Many clients read and write one number. Each operation must seem to take effect at one moment between its call and its
//! answer. Whether a history of calls and answers can have been so is a search: for an order of the operations in which each
//! read sees the last write before it, and in which nothing comes before what was answered before it was called.

/// What the register holds at first.
pub const INITIAL: u64 = 0;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A write of this number.
    Write(u64),
    /// A read that was answered with this number. (Of an unanswered one it means nothing.)
    Read(u64),
}

/// One operation, as its client saw it. Times are those of one clock, in any unit; an answer and a call at the same time overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What was asked for.
    pub action: Action,
    /// When it was called.
    pub called: u64,
    /// When it was answered. None: the client heard nothing. A write may then take effect at any time after its call, or never.
    pub returned: Option<u64>,
}

/// Whether some order explains the history. Histories that need no more than some hundred thousand configurations (which operations have
/// taken effect, and what the register holds) are answered within a second.
pub fn is_linearizable(history: &[Operation]) -> bool {
    let _ = history;
    todo!(
        "raft/linearizability: let one operation after the other take effect; go back where it does not fit; never search twice from the same place."
    )
}
