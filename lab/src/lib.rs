//! The lab: the systems of this workspace as real processes, real faults, and a page to watch and break them on.
//!
//! ```text
//! cargo run --release                                  # a cluster, and a page
//! cargo run --release -- up hdfs --datanodes 3         # a cluster without a page
//! cargo run --release -- scenes                        # what can be demonstrated
//! cargo run --release -- scene hdfs/kill-datanode      # one demonstration, told and checked
//! cargo run --release -- replay trace.jsonl            # a run that was recorded, or simulated
//! cargo run --release -- torture hdfs --minutes 10     # kills at random; what was acknowledged must be there
//! ```
//!
//! `cargo run` builds this program alone, so it runs itself again for each node, calling the systems' libraries.
//!
//! Reading order: [`lab`] (processes, and what can be done to them), [`links`] (the network between them), [`load`] (operations
//! at a rate), [`recorder`] (what happened, as a trace), `reaper` (nothing is left behind), [`system`] (what a system tells the lab), [`scenes`]
//! (demonstrations), `web` (the page's server), `cli`, then a system under `systems/`, and the page itself under `page/`.

mod cli;
pub mod lab;
pub mod links;
pub mod load;
mod reaper;
pub mod recorder;
pub mod run;
pub mod scenes;
pub mod system;
pub mod systems;
mod unwritten;
pub mod web;

pub use cli::main;
