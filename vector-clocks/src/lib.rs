//! Time and order without a common clock.
//!
//! # The problem
//!
//! Machines do not agree on the time: their clocks differ by milliseconds, and in a millisecond a thousand things happen. Yet a store
//! must know which of two writes is the later one, a log of ten services should show the question before the answer, and a
//! backup must not contain an effect without its cause. What is left without a clock is *causality*: an event happened before another
//! one if it came earlier in the same process, or if it is the sending of the message whose arrival the other one is, or by a chain
//! of these (Lamport 1978). Two events that no chain connects are *concurrent*; neither can have influenced the other.
//!
//! # The clocks
//!
//! Each of them keeps as much of that relation as it can afford. *n* is the number of processes.
//!
//! | clock | size | from `a < b` follows | it cannot tell | used by |
//! | --- | --- | --- | --- | --- |
//! | [`lamport`] | one number | *b* did not happen before *a*; and everybody sees the same order | before from concurrent | Raft's terms, ZooKeeper's zxid: numbers that go with messages |
//! | [`vector_clock`] | *n* numbers | *a* happened before *b*, and the other way round | the time of day | debuggers, causal broadcast |
//! | [`version_vector`] | a number for each replica or client | the value *a* is overwritten by *b* | two clients of one replica | Dynamo, Coda, Voldemort |
//! | [`dotted`] | a number for each replica, one dot for each value | as above, client by client | what a client has read and does not hand back | Riak |
//! | [`lww`] | a stamp | the value *a* is dropped | whether anybody wanted that | Cassandra, DynamoDB's global tables |
//! | [`hlc`] | 64 bits | as Lamport's, and near the time of day | before from concurrent | CockroachDB, MongoDB, YugabyteDB |
//! | [`true_time`] | an interval | *a* was acknowledged before *b* began, or they overlapped | nothing, but each commit waits | Spanner |
//! | [`interval_tree_clock`] | a tree that follows the processes alive | *a* happened before *b*, where processes come and go | the time of day | |
//!
//! # What is built on them
//!
//! - [`causal_broadcast`]: nobody sees an answer before the question. [`total_order`]: everybody sees the same order.
//! - [`snapshot`]: one state of a whole system, taken while it runs (Chandy & Lamport 1985). Stream processing builds on it.
//! - [`log`]: logs of many processes, stamped, checked, asked and drawn; the command line is a thin layer over it.
//! - [`capstone`]: the contract of a store that takes writes on both sides of a partition, and the file that students begin from nothing.
//!
//! # What is guaranteed
//!
//! - Vector clocks say exactly what happened before what; the others never contradict it. Checked on random executions of `crates/sim`
//!   against the graph of messages (`tests/properties/happened_before.rs`).
//! - Merging is a join: in any order, however often, the same comes of it (`tests/properties/joins.rs`).
//! - A vector clock of up to [`vector_clock::INLINE`] processes allocates nothing (`benches/README.md` has figures).
//! - Nothing here panics on what comes from outside. Counters stay at their last value rather than begin anew; the hybrid clock refuses
//!   what is too far ahead.
//! - Everything is a plain value: no clock, no randomness, no I/O, whatever the time is, it is handed in. The clocks use nothing beyond
//!   `core` and `alloc` but `thiserror`, `smallvec` and the ordered maps.
//!
//! # Reading order
//!
//! [`lamport`], [`vector_clock`]; then what they are for: [`causal_broadcast`], [`total_order`]. Then data: [`version_vector`], [`dotted`], with
//! [`lww`] for contrast. Then time: [`hlc`], [`true_time`]. Last [`snapshot`], and the [`capstone`]. The book follows the same
//! order. `tests/properties/by_example.rs` shows what simpler versions get wrong, each in a few lines.
//!
//! # Left out on purpose
//!
//! Compressed clocks (Singhal & Kshemkalyani; plausible clocks; Bloom clocks), matrix clocks and causal stability, CRDTs beyond a
//! register with siblings, and Byzantine processes: whoever lies about his count breaks every one of these.

pub mod capstone;
pub mod causal_broadcast;
pub mod dotted;
pub mod hlc;
pub mod interval_tree_clock;
pub mod lamport;
pub mod log;
pub mod lww;
pub mod snapshot;
pub mod total_order;
pub mod true_time;
pub mod vector_clock;
pub mod version_vector;
