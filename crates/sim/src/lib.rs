//! A seeded world for the nodes of `crates/node`: virtual time, a network and disks that fail, a trace
//! of everything, and a way back to any failure.
//!
//! Everything that a run does follows from one 64-bit seed: how many nodes there are, what clients ask
//! for, how long each message travels, what a crash leaves on a disk. So a failure that happens once in
//! ten thousand runs happens every time, under a debugger too, once its seed is known.
//!
//! A run ([`run`]) has three parts. First faults ([`Fault`]) strike while [`Invariant`]s are checked.
//! Then everything is mended and restarted, since no system can work while its parts are down, but
//! every good one recovers. Last, *progress* must come within some patience: a system that hangs
//! breaks no other invariant.
//!
//! The rules of the world:
//! - Events happen one at a time, by virtual time; of two at the same time the one scheduled first.
//!   Steps take no time. Messages, timers and [`node::Effect::Sync`] do.
//! - A `Send` leaves once every `Sync` asked for before it in this life of the node is durable. A `Sync` covers all
//!   that the disk was told until the end of the step that asked for it.
//! - A crash may come between two events, between two effects, or at any call that changes the disk. What had not
//!   left the node is lost, and what its disk keeps is drawn ([`SimDisk`]).
//! - Messages between two nodes keep their order unless their [`Link`] says otherwise. What is under way when a link
//!   is cut is lost. What a node was sent before it crashed may reach its next life.
//!
//! Reading order: [`Fault`] for what can go wrong, [`World`] for how it happens, [`Scenario`] for what a
//! run consists of, [`SimDisk`] for what a crash leaves. `tests/toy.rs` is a whole example.
//!
//! Left out on purpose: clocks that drift apart, Byzantine nodes, and searching all interleavings: seeds
//! sample them.

mod args;
mod disk;
mod document;
mod fault;
mod minimise;
mod mix;
mod narrate;
mod network;
mod observer;
pub mod patch;
mod run;
mod trace;
mod world;

pub use args::number_after;
pub use disk::SimDisk;
pub use document::{
    DiskView, Document, FigureView, LampView, LinkView, NodeView, Process, link as link_key,
};
pub use fault::{Fault, Fuse, Link, Schedule, Timed};
pub use minimise::minimise;
pub use mix::{Mix, Trouble};
pub use narrate::narrate;
pub use observer::Observer;
pub use run::{Failure, Invariant, Scenario, Setup, Violation, replay, run, run_seeds, run_with};
pub use trace::{
    Clock, Level, Record, TRACE_VERSION, Trace, TraceError, What, fingerprint, parse as parse_trace,
};
pub use world::World;
