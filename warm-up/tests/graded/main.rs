//! The graded tests of the warm-up, in learning order.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod persist;
mod replay;
mod retry;
mod run;

autograder::main! {
    "warm-up/retry" => retry,
    "warm-up/persist" => persist,
    "warm-up/replay" => replay,
}
