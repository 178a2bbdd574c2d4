//! The write-ahead log and the snapshot files, on a disk that loses what was not synced.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy knows by an attribute that they lack"
)]

mod crashes;
mod damage;
mod rules;
mod snapshots;

use node::Disk;
use raft_kv::wal::{Position, Wal};

/// An entry's place.
fn at(term: u64, index: u64) -> Position {
    Position { term, index }
}

/// Writes all that waits.
fn flush(wal: &mut Wal, disk: &mut dyn Disk) {
    while let Some(flush) = wal.begin_flush() {
        flush.write(disk).unwrap();
        wal.end_flush(&flush);
    }
}

/// All entries, as places and payloads.
fn entries(wal: &Wal, disk: &dyn Disk) -> Vec<(Position, Vec<u8>)> {
    let read = wal.locations(0, u64::MAX).map(|location| {
        let entry = location.read(disk).unwrap();
        (entry.position, entry.payload)
    });
    read.collect()
}
