//! The checker on histories made by hand, beside one that tries everything, and on long ones.

#![allow(clippy::unwrap_used)]

mod brute_force;
mod by_hand;
mod long;
mod random;
mod same_as_brute_force;
