//! The engine against a sequential oracle: whatever the input, the splits, the buffer and the number of reduces, the output
//! is what a loop over the whole input says.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy knows by an attribute that they lack"
)]

mod bench;
mod folding;
mod jobs;
mod liveness;
mod records;
mod sorted;
