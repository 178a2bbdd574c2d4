//! Whom the invariant catches, and whom it spares.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod hunt;

autograder::main! {
    "hdfs/bug-hunt" => hunt,
}
