//! Time and order without a common clock.

pub mod lamport;
pub mod vector_clock;
