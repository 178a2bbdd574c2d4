//! The group coordinator, told as stories (`stories.rs`), and what must hold however a story goes (`simulation.rs`).

#![allow(clippy::unwrap_used)] // Helpers of tests are tests, which clippy cannot see.

mod script;
mod simulation;
mod stories;
