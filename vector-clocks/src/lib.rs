//! Time and order without a common clock.

pub mod causal_broadcast;
pub mod interval_tree_clock;
pub mod lamport;
pub mod log;
pub mod snapshot;
pub mod total_order;
pub mod vector_clock;
