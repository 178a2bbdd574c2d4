//! The capstone: a log cleaner of your own, from an empty file ([`cleaner`]).
//!
//! A directory holds the closed segments of a compacted log. You write what compacts them, and what puts the directory right after
//! a crash: which files there are meanwhile, in which order they come and go, what is synced when. It is judged by what is in the
//! directory afterwards, whatever happened.
//!
//! So that no other exercise is needed, a segment here is simpler than Kafka's: a list of [`Entry`]s, all written at once
//! by [`encode`], all read by [`decode`].
//!
//! # What you may count on
//!
//! - Segments are files in `dir` with the names that [`segment_name`] makes of the offset at which they begin. The world appends
//!   a new one behind the last, whole and durable, now and then; never while a cleaner runs.
//! - An entry's offset is not lower than the one in its segment's name, and lower than that of the next segment.
//! - The time never runs backwards. The disk keeps [`node::Disk`]'s rules, no better.
//! - After each crash [`Cleaner::recover`] is called on a new cleaner, before anybody reads; it may be cut off by a crash too.
//!
//! # The rules
//!
//! After [`Cleaner::recover`] has returned, and after [`Cleaner::clean`] has:
//!
//! 1. The directory holds segments and nothing else; each can be decoded.
//! 2. Offsets ascend, within a segment and from one to the next; no entry lies before the offset in its segment's name.
//! 3. No entry is other than it was appended: offset, key and value stay. (`delete_at` is yours.)
//! 4. The last entry of each key is there. A tombstone that is the last of its key may go when its time is over.
//! 5. No deleted key comes back: where the last entry of a key is a tombstone, no earlier entry of the key is there without it.
//!
//! After `clean` has returned, besides:
//!
//! 6. Of each key the last entry is there alone.
//! 7. A tombstone stays until [`Settings::delete_retention_ms`] after the first pass that met it, crash or no crash, and the first pass from then on
//!    removes it.
//! 8. Small segments become one: of two neighbours, not both have less than half of [`Settings::segment_bytes`]. None has more than
//!    that, but for one that had before.
//! 9. All of that is durable.
//!
//! And where `clean` returns an error that is not a crash, for instance of a full disk, every segment can be decoded and rules 2
//! to 5 hold at once; the rest of rule 1 holds after the next `recover`.

use node::{Disk, DiskError};
use serde::{Deserialize, Serialize};

pub mod cleaner;

/// A record of a compacted log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its offset.
    pub offset: i64,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// When a tombstone may go, in milliseconds. None as it is appended; for a cleaner to set and to find again.
    pub delete_at: Option<i64>,
}

/// What a pass is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a tombstone stays after the first pass that met it, in milliseconds.
    pub delete_retention_ms: i64,
    /// How large a segment may become.
    pub segment_bytes: u64,
}

// ANCHOR: trait
/// What you write; [`cleaner::cleaner`] returns it.
pub trait Cleaner {
    /// Puts right what a crash has left in `dir`.
    ///
    /// # Errors
    /// The disk's.
    fn recover(&mut self, disk: &mut dyn Disk, dir: &str) -> Result<(), DiskError>;

    /// Compacts the segments in `dir`.
    ///
    /// # Errors
    /// The disk's.
    fn clean(
        &mut self,
        disk: &mut dyn Disk,
        dir: &str,
        now_ms: i64,
        settings: Settings,
    ) -> Result<(), DiskError>;
}
// ANCHOR_END: trait

/// The name of the segment that begins at an offset.
pub fn segment_name(base_offset: i64) -> String {
    format!("{base_offset:020}.log")
}

/// The offset in a segment's name; none of any other name.
pub fn base_offset(name: &str) -> Option<i64> {
    let offset = name.strip_suffix(".log")?.parse().ok()?;
    (segment_name(offset) == name).then_some(offset)
}

/// A segment's bytes: a CRC32C, then the entries.
pub fn encode(entries: &[Entry]) -> Vec<u8> {
    let entries = postcard::to_stdvec(entries).unwrap_or_default();
    [&crc32c::crc32c(&entries).to_be_bytes(), &entries[..]].concat()
}

/// A segment's entries; none where its bytes are not whole.
pub fn decode(bytes: &[u8]) -> Option<Vec<Entry>> {
    let (crc, entries) = bytes.split_first_chunk()?;
    if u32::from_be_bytes(*crc) != crc32c::crc32c(entries) {
        return None;
    }
    postcard::from_bytes(entries).ok()
}
