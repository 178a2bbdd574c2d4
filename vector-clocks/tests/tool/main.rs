//! The tool for event logs: its formats, what it finds, its pictures, and its command line.

mod cli;
mod findings;
mod formats;
mod pictures;
