//! The graded tests, in learning order.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod bounded;
mod capstone;
mod jump;
mod maglev;
mod moves;
mod points;
mod ranges;
mod rendezvous;
mod replicas;
mod ring;
mod salting;
mod space_saving;

autograder::main! {
    "hash/ranges" => ranges,
    "hash/ring" => ring,
    "hash/replicas" => replicas,
    "hash/moves" => moves,
    "hash/jump" => jump,
    "hash/rendezvous" => rendezvous,
    "hash/maglev" => maglev,
    "hash/bounded" => bounded,
    "hash/space-saving" => space_saving,
    "hash/salting" => salting,
    "hash/capstone" => capstone,
}
