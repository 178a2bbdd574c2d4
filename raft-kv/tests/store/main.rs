//! The store, its watchers and its leases: as stories to read, and against models too simple to be wrong.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod leases;
mod model;
mod random;
mod script;
mod snapshots;
mod stories;
mod watches;
