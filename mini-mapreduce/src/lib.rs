//! MapReduce in miniature: the engine that sorts and merges what maps emit, and who does which task when.
//!
//! # The problem
//!
//! A file is larger than one machine can read in an hour. MapReduce (Dean and Ghemawat, "MapReduce: Simplified Data
//! Processing on Large Clusters", OSDI 2004) lets its user write two functions, and does the rest: a **map** takes a part of
//! the input, a split, to pairs of a key and a value; a **reduce** takes each key, with all of its values, to output. Between
//! them lies the **shuffle**, which brings all pairs of a key together, from wherever they were made. It is a sort of more data
//! than memory holds, spread over machines that fail, and it is what this crate is about.
//!
//! # Reading order
//!
//! 1. [`job`]: what somebody writes: a mapper, a reducer, a fold or a combiner. [`jobs`] are examples.
//! 2. [`datum`] and [`program`]: how types become bytes, on which tasks work.
//! 3. [`input`]: files become splits, splits become records.
//! 4. [`partition`]: which reduce gets a key. [`buffer`], [`fold`], [`map_output`]: what a map does with its pairs.
//! 5. [`segment`] and [`merge`]: sorted pairs on a disk, and many such as one.
//! 6. [`task`]: what a map and a reduce do from start to end. [`output`] is what they leave.
//! 7. [`protocol`]: what coordinator and workers say to each other.
//! 8. [`coordinator`]: who does which task when, and whose work counts. [`worker`]: the other side.
//!
//! [`capstone`] is the contract of the last exercise; nothing else uses it.
//!
//! # Left out on purpose
//!
//! Hadoop sorts one part of its buffer in a thread of its own while the map fills the other part; here a map waits while
//! it spills, and other maps use the processor. Lines end with LF or CRLF; a CR alone, which Hadoop takes for an end too, is
//! part of its line.

pub mod buffer;
pub mod capstone;
mod combine_check;
pub mod coordinator;
pub mod counters;
pub mod datum;
pub mod fold;
mod groups;
pub mod input;
pub mod job;
pub mod jobs;
pub mod map_output;
pub mod memory;
pub mod merge;
pub mod output;
pub mod partition;
pub mod program;
pub mod protocol;
mod pulse;
pub mod segment;
#[cfg(feature = "server")]
pub mod server;
pub mod task;
pub mod worker;
