//! What a broker decides about fetches: which partitions a request is about ([`session`]), and how long it may wait
//! for more to come ([`purgatory`]).

pub mod purgatory;
pub mod session;
