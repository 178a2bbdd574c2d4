//! Sparse indexes (`OffsetIndex`, `TimeIndex`): where in a segment to begin looking.
//!
//! An entry for each record would be larger than many a record. So there is one for about each 4 KiB of log
//! (`index.interval.bytes`); a search finds the last entry that is not behind what it looks for, and walks from there over
//! batches' headers. Numbers in the files are relative to the segment's base offset, and so have four bytes.
//!
//! ```text
//! .index      relative offset: u32, position in the .log file: u32
//! .timeindex  timestamp in ms: i64, relative offset: u32
//! ```
//!
//! Kafka maps these files into memory. Here they are in memory, 8 or 12 bytes for 4 KiB of log, and are written when a segment
//! is closed. An index can be made anew from its log at any time, and is when it is missing or cannot be right.

/// Where a batch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The batch's base offset less the segment's.
    pub relative_offset: u32,
    /// Its first byte in the segment's file.
    pub position: u32,
}

/// The positions of some batches of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetIndex {
    entries: Vec<IndexEntry>,
}

impl OffsetIndex {
    /// Notes that the batch whose base offset is `relative_offset` begins at `position`. Both grow from entry to entry.
    pub fn push(&mut self, relative_offset: u32, position: u32) {
        self.entries.push(IndexEntry {
            relative_offset,
            position,
        });
    }

    /// Where to begin to look for an offset: at the last entry whose offset is not behind it; at 0 if there is none.
    pub fn lookup(&self, relative_offset: u32) -> u32 {
        // EXERCISE(kafka/index): a binary search for the last entry at or before it.
        let behind =
            (self.entries).partition_point(|entry| entry.relative_offset <= relative_offset);
        behind
            .checked_sub(1)
            .map_or(0, |at| self.entries[at].position)
    }

    /// The last entry.
    pub fn last(&self) -> Option<IndexEntry> {
        self.entries.last().copied()
    }

    /// The entries, in order.
    pub fn entries(&self) -> &[IndexEntry] {
        &self.entries
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * 8);
        for entry in &self.entries {
            bytes.extend(entry.relative_offset.to_be_bytes());
            bytes.extend(entry.position.to_be_bytes());
        }
        bytes
    }

    /// The index of a file's bytes; none where they cannot be one of a log file of `log_bytes`: not a whole number of
    /// entries, offsets or positions that do not grow, or a position behind the file's end.
    pub fn decode(bytes: &[u8], log_bytes: u64) -> Option<OffsetIndex> {
        let (entries, rest) = bytes.as_chunks::<8>();
        let entries: Vec<IndexEntry> = (entries.iter())
            .map(|[a, b, c, d, e, f, g, h]| IndexEntry {
                relative_offset: u32::from_be_bytes([*a, *b, *c, *d]),
                position: u32::from_be_bytes([*e, *f, *g, *h]),
            })
            .collect();
        let grows = |pair: &[IndexEntry]| {
            pair[0].relative_offset < pair[1].relative_offset && pair[0].position < pair[1].position
        };
        let fits = entries
            .last()
            .is_none_or(|last| u64::from(last.position) < log_bytes);
        (rest.is_empty() && fits && entries.windows(2).all(grows))
            .then_some(OffsetIndex { entries })
    }
}

/// A time by which a batch had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeEntry {
    /// The highest timestamp in the segment up to and including that batch, in milliseconds.
    pub timestamp: i64,
    /// The base offset of the batch that has it, less the segment's. No record before it has a timestamp as high.
    pub relative_offset: u32,
}

/// The highest timestamps of a segment, as they grew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeIndex {
    entries: Vec<TimeEntry>,
}

impl TimeIndex {
    /// Notes the highest timestamp so far and the batch that has it. One that is not higher than the last is left out.
    pub fn push(&mut self, timestamp: i64, relative_offset: u32) {
        if self
            .entries
            .last()
            .is_none_or(|last| last.timestamp < timestamp)
        {
            self.entries.push(TimeEntry {
                timestamp,
                relative_offset,
            });
        }
    }

    /// Where to begin to look for the first record with a timestamp of at least `timestamp`, as a relative offset: every
    /// record before it has a lower one. Timestamps in a log need not grow: producers' clocks differ.
    pub fn lookup(&self, timestamp: i64) -> u32 {
        // EXERCISE(kafka/index): the last entry with a lower timestamp; think of two batches with the same one.
        let behind = self
            .entries
            .partition_point(|entry| entry.timestamp < timestamp);
        behind
            .checked_sub(1)
            .map_or(0, |at| self.entries[at].relative_offset)
    }

    /// The entries, in order.
    pub fn entries(&self) -> &[TimeEntry] {
        &self.entries
    }

    /// The last entry: the segment's highest timestamp, in a closed segment.
    pub fn last(&self) -> Option<TimeEntry> {
        self.entries.last().copied()
    }

    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * 12);
        for entry in &self.entries {
            bytes.extend(entry.timestamp.to_be_bytes());
            bytes.extend(entry.relative_offset.to_be_bytes());
        }
        bytes
    }

    /// The index of a file's bytes; none where they cannot be one: not a whole number of entries, or some that do not grow.
    pub fn decode(bytes: &[u8]) -> Option<TimeIndex> {
        let (entries, rest) = bytes.as_chunks::<12>();
        let entries: Vec<TimeEntry> = (entries.iter())
            .map(|[a, b, c, d, e, f, g, h, i, j, k, l]| TimeEntry {
                timestamp: i64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]),
                relative_offset: u32::from_be_bytes([*i, *j, *k, *l]),
            })
            .collect();
        let grows = |pair: &[TimeEntry]| {
            pair[0].timestamp < pair[1].timestamp
                && pair[0].relative_offset < pair[1].relative_offset
        };
        (rest.is_empty() && entries.windows(2).all(grows)).then_some(TimeIndex { entries })
    }
}
