//! The group coordinator, told as stories (`stories.rs`), and what must hold however a story goes (`simulation.rs`).

mod script;
mod simulation;
mod stories;
