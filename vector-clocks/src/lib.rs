//! Time and order without a common clock.

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
