//! Checks that a recorded history of concurrent operations is linearizable (Herlihy and Wing, 1990).
//!
//! A store with many clients is **linearizable** when it cannot be told from one that does one operation after the other: each
//! operation seems to take effect at one moment between its call and its answer. It is what `raft-kv` promises, and what clients
//! of etcd build locks upon. Nobody can see the moment; what can be seen are calls and answers. So: record them, then look for an
//! order of all operations that fits the answers, and in which none comes before one that was answered before it was called. If
//! there is one, all is well; if there is none, what was recorded is the proof.
//!
//! | module | |
//! | --- | --- |
//! | [`History`] | what was called and answered, recorded as it happens; one line of JSON for each operation |
//! | [`Model`] | what the system would do if it did one thing after the other; [`models`] has a register, a key-value store, a store with revisions |
//! | [`check`] | the search (`search.rs`), and what it found: an order, a violation with the few operations that prove it (`minimise.rs`), or nothing in the steps that it had |
//! | [`draw`] | a violation as SVG |
//!
//! # What an operation without an answer means
//! A client that hears nothing does not know whether its write took place, and the write may take place long after the client has
//! given up. So such a write may stand anywhere behind its call, or nowhere; a read without an answer says nothing. Whoever records
//! a refusal that is certain ([`History::refused`]) spares the search a choice; whoever calls a timeout a refusal finds violations
//! that are none.
//!
//! # How long it takes
//! The question is NP-complete (Gibbons and Korach, 1997), so the search counts its steps and may give up; that is
//! [`Verdict::Unknown`], never "ok". In practice three things keep it short: a configuration is never searched twice (Lowe, "Testing
//! for linearizability", 2017), operations are put in order only when an answer is due (the same), and keys that no operation
//! ties together are searched one by one (Horn and Kroening, "Faster linearizability checking via P-compositionality", 2015; "locality"
//! in Herlihy and Wing's paper).
//!
//! # Left out on purpose
//! Weaker promises (sequential consistency, snapshot isolation) and watches; those have invariants of their own in `raft-kv`'s tests.

mod bits;
pub mod draw;
mod history;
mod minimise;
pub mod models;
mod search;
mod verdict;

pub use history::{History, JsonError, Operation, OperationId};
pub use models::{Model, Step};
pub use verdict::{Verdict, Violation, check};
