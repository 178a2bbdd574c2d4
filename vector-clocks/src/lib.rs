//! Time and order without a common clock.

pub mod capstone;
pub mod dotted;
pub mod hlc;
pub mod lamport;
pub mod lww;
pub mod true_time;
pub mod vector_clock;
pub mod version_vector;
