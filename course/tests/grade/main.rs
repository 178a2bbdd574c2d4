//! `cargo course grade`, on a workspace in miniature: what honest submissions are worth, and what cheats are.
//!
//! One run grades them all, as a class; each test looks at some of the results.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests, which clippy cannot see.

mod cheats;
mod class;
mod honest;
mod outputs;
mod tiny;
