//! The graded tests, in learning order.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod capstone;
mod salting;
mod space_saving;

autograder::main! {
    "hash/space-saving" => space_saving,
    "hash/salting" => salting,
    "hash/capstone" => capstone,
}
