//! The shell: files, threads, processes around the cores. It decides nothing.

pub mod files;
pub mod output;
pub mod scratch;
