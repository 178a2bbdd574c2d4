//! The lab: real processes, real faults, and a page to watch and break them on.
mod links;
fn main() {}
