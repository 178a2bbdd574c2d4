//! What each strategy promises, with numbers; one property a file.
//!
//! Where a test checks a quantity that is random, it says how likely it is that a right implementation fails: of seeds
//! there are a fixed few, so a test that passes once passes always.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod bad_input;
mod balance;
mod bounded;
mod joins;
mod movement;
mod ranges;
mod reference;
mod replicas;
mod skew;
mod strategies;
