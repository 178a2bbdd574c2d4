//! The shell: files, threads, processes around the cores. It decides nothing.

pub mod agent;
mod attempt;
pub mod client;
pub mod cluster;
mod connector;
pub mod coordinator;
pub mod faulty;
pub mod files;
pub mod host;
pub mod http;
pub mod links;
pub mod local;
mod metrics;
pub mod output;
mod programs;
pub mod scratch;
mod shuffle;
pub mod streaming;
pub mod wire;
pub mod worker;
