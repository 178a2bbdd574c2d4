//! The log: its format against another implementation, its disk against crashes at every call, its promises against random
//! histories.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod append;
mod clean;
mod crashes;
#[cfg(feature = "server")]
mod oracle;
mod producers;
mod recover;
mod retain;
mod summary;
mod times;
mod written;
