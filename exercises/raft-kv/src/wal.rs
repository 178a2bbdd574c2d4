//! The write-ahead log of a member (etcd's `server/wal`): what it must not forget, in the order in which it promised it.
//!
//! Raft asks three things of a disk (the paper's figure 2, "persistent state on all servers"): the term and the vote in it, the log, and
//! that both are there *before* anybody is answered. A member that forgets its vote may vote twice in one term, and there are two leaders; one
//! that forgets an entry that it acknowledged may take part in a majority without it, and what was committed is gone.
//!
//! All of it goes into one sequence of [records](record), appended to files called segments. So one fsync serves whatever has gathered
//! since the last one (group commit): [`Wal::begin_flush`] hands out what is to be written, [`Flush::write`] does that
//! outside of any lock, [`Wal::end_flush`] hears that it is done. A record's [number](Wal::save_vote) says when: whoever was promised
//! something is answered once [`Wal::durable`] has reached it.
//!
//! Nothing in a segment is ever changed. A truncation is a record too; the log's beginning, once a [snapshot] stands for it,
//! goes by removing whole segments, each of which begins by repeating what must outlive its predecessors. [`recovery`] reads the
//! segments from the first to the last and arrives at the same state.
//!
//! Left out on purpose: etcd's checksum chained over all records (here each has its own, and a number).

pub mod error;
pub mod flush;
pub mod record;
pub mod recovery;
pub mod snapshot;

use std::collections::VecDeque;

use node::Disk;
use serde::{Deserialize, Serialize};

pub use error::WalError;
pub use flush::Flush;
use record::{Record, Start};

/// The directory of the segments.
pub const DIR: &str = "wal";

/// A segment is ended when it has reached this many bytes, as in etcd (`SegmentSizeBytes`).
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// A file that has to grow gets zeros for as many flushes more like the one that it grows for: where it does not become longer, a sync writes
/// the data alone, and nothing of the file system's own. etcd allocates whole segments for that, PostgreSQL fills them with zeros
/// (`wal_init_zero`); with less, a full disk is noticed soon.
const GROWTH_FLUSHES: u64 = 64;
/// It gets as many bytes at most.
const GROWTH_BYTES_MAX: u64 = 1 << 20;

/// Where an entry stands: the term of the leader that appended it, and its index. The first entry has index 0 or 1, as its writer likes.
///
/// In this order, one that is later in any leader's log is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The term.
    pub term: u64,
    /// The index.
    pub index: u64,
}

/// What a member knows of the elections: the newest term, and whom it voted for in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The newest term that it has heard of (`currentTerm`).
    pub term: u64,
    /// The member that got its vote in that term (`votedFor`).
    pub candidate: u64,
    /// Whether that member has won the election, as far as is known here.
    pub elected: bool,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub position: Position,
    /// What it says; the log does not look at it.
    pub payload: Vec<u8>,
}

/// Where an entry lies on the disk. It stays good until the entry is purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The entry that is there.
    pub position: Position,
    /// The number of its segment's first record.
    segment: u64,
    offset: u64,
    /// The length of the frame.
    len: u32,
}

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    /// The number of its first record, which gives it its name.
    first: u64,
    /// The greatest index among its entries, later truncated ones included; none without an entry.
    last_index: Option<u64>,
    /// The length of its records, those that are pending included.
    len: u64,
    /// The length of its file, zeros behind the records included.
    file_len: u64,
}

impl Segment {
    fn name(&self) -> String {
        segment_name(self.first)
    }
}

/// The file of the segment whose first record has this number.
pub fn segment_name(first: u64) -> String {
    format!("{DIR}/{first:016x}.wal")
}

/// The log, as it is when all that is pending has been written.
#[derive(Clone, Debug)]
pub struct Wal {
    segment_bytes: u64,
    /// From the oldest to the one that is appended to.
    segments: VecDeque<Segment>,
    vote: Option<Vote>,
    /// Up to where the log is known to be committed.
    committed: Option<Position>,
    /// The last entry that was purged, or that a snapshot stands for.
    purged: Option<Position>,
    /// Where the entries behind [`Wal::purged`] lie, in order, without a gap.
    entries: VecDeque<Location>,
    /// What no flush has taken yet.
    pending: Vec<u8>,
    /// The commit position to go along with the next flush: it alone is worth none.
    pending_commit: Option<Position>,
    /// The number of the last record.
    last_record: u64,
    /// The number up to which all records are on the disk.
    durable: u64,
    /// The last record of the flush that is under way.
    flushing: Option<u64>,
}

impl Wal {
    /// Opens the log in the directory [`DIR`] of `disk`, or begins one. Segments end at `segment_bytes`.
    ///
    /// # Errors
    /// The disk's; [`WalError::Damaged`] and [`WalError::Missing`] where something that was durable has been lost.
    pub fn open(
        disk: &mut dyn Disk,
        segment_bytes: u64,
    ) -> Result<(Wal, recovery::Report), WalError> {
        recovery::recover(disk, segment_bytes)
    }

    /// Remembers a vote, as a record of the log ([`Record::Vote`]). It may be told to anybody once that record, whose number is returned, is
    /// durable. What is refused leaves everything as it was.
    ///
    /// A vote takes the place of another one if its term is a later one; or in the same term, if it is for the same candidate and
    /// does not take back that he was elected; or if others have elected somebody, for whom this member did not vote.
    ///
    /// The record comes first, then the state: one that begins a segment repeats what was before it.
    ///
    /// # Errors
    /// [`WalError::VoteTaken`] where it contradicts the one that is there: an older term; or, in the same one, another candidate that has not been
    /// elected, or another one than was.
    pub fn save_vote(&mut self, vote: Vote) -> Result<u64, WalError> {
        let _ = vote;
        todo!(
            "raft/vote: a term has one vote, and neither a term nor an election's outcome is ever taken back."
        )
    }

    /// Remembers up to where the log is committed. That comes along with the next flush, and causes none: whoever has forgotten it is
    /// told again by the leader.
    pub fn save_committed(&mut self, committed: Position) {
        if self.committed < Some(committed) {
            self.committed = Some(committed);
            self.pending_commit = Some(committed);
        }
    }

    /// Appends an entry. It counts as held by this member once the record whose number is returned is durable.
    ///
    /// # Errors
    /// [`WalError::Gap`] where it does not follow the last entry, or its term is an older one; [`WalError::TooLong`].
    pub fn append(&mut self, position: Position, payload: &[u8]) -> Result<u64, WalError> {
        if payload.len() > record::PAYLOAD_LEN_MAX {
            return Err(WalError::TooLong {
                position,
                len: payload.len(),
            });
        }
        self.check_next(position)?;
        self.begin_record();
        let segment = self.current();
        segment.last_index = segment.last_index.max(Some(position.index));
        let (first, offset) = (segment.first, segment.len);
        let number = self.push(&Record::Entry(position), payload);
        let len = u32::try_from(self.current().len - offset).unwrap_or(u32::MAX);
        self.entries.push_back(Location {
            position,
            segment: first,
            offset,
            len,
        });
        Ok(number)
    }

    /// Whether an entry at this position may come next.
    fn check_next(&self, position: Position) -> Result<(), WalError> {
        let Some(last) = self.last() else {
            return Ok(());
        };
        if position.index == last.index + 1 && position.term >= last.term {
            return Ok(());
        }
        Err(WalError::Gap { last, position })
    }

    /// Drops the entries behind index `after`, which another leader's log does not have; all entries, where it is none. What is
    /// purged stays so. It is a record of the log ([`Record::Truncate`]), whose number is returned: what is on the disk already is not
    /// touched. What is refused leaves everything as it was.
    ///
    /// The record comes first, then the state: one that begins a segment repeats what was before it.
    ///
    /// # Errors
    /// [`WalError::Committed`] where that would drop what is committed.
    pub fn truncate_after(&mut self, after: Option<u64>) -> Result<u64, WalError> {
        let _ = after;
        todo!("raft/truncate: drop a tail, by a record that says so, and never what is committed.")
    }

    /// Drops the entries up to and including `upto`, which a durable snapshot stands for. It may lie behind the last entry: then the
    /// log is empty, and goes on after it. What was purged before stays so, whatever `upto` is. It is a record of the log
    /// ([`Record::Purge`]), whose number is returned. Segments that hold nothing else are removed once that is on the disk.
    ///
    /// The record comes first, then the state: one that begins a segment repeats what was before it.
    pub fn purge(&mut self, upto: Position) -> u64 {
        let _ = upto;
        todo!("raft/truncate: drop the beginning, and remember where it ended.")
    }

    /// The newest vote.
    pub fn vote(&self) -> Option<Vote> {
        self.vote
    }

    /// Up to where the log is known to be committed.
    pub fn committed(&self) -> Option<Position> {
        self.committed
    }

    /// The last entry that was purged.
    pub fn purged(&self) -> Option<Position> {
        self.purged
    }

    /// The last entry, be it purged.
    pub fn last(&self) -> Option<Position> {
        self.entries
            .back()
            .map(|entry| entry.position)
            .or(self.purged)
    }

    /// The number of the last record that is on the disk; all before it are, too.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// Where the entries of these indexes lie, as far as they are there. Those that no flush has written cannot be read yet.
    pub fn locations(&self, from: u64, to: u64) -> impl Iterator<Item = &Location> {
        let first = self.entries.front().map_or(0, |entry| entry.position.index);
        let at = |index: u64| {
            usize::try_from(index.saturating_sub(first))
                .unwrap_or(usize::MAX)
                .min(self.entries.len())
        };
        self.entries.range(at(from)..at(to).max(at(from)))
    }

    /// How many segments there are, and the bytes in them.
    pub fn size(&self) -> (usize, u64) {
        let bytes = self.segments.iter().map(|segment| segment.len).sum();
        (self.segments.len(), bytes)
    }

    fn current(&mut self) -> &mut Segment {
        self.segments
            .back_mut()
            .expect("a log has a segment from its beginning on")
    }

    /// Begins another segment where the current one is long enough. All that one flush writes goes to one segment.
    fn begin_record(&mut self) {
        let is_full = self.current().len >= self.segment_bytes;
        if self.pending.is_empty() && (is_full || self.current().len == 0) {
            if is_full {
                self.segments.push_back(Segment {
                    first: self.last_record + 1,
                    last_index: None,
                    len: 0,
                    file_len: 0,
                });
            }
            let start = Start {
                vote: self.vote,
                committed: self.committed,
                purged: self.purged,
                last: self.last(),
            };
            self.encode(&Record::Start(start), &[]);
        }
    }

    fn push(&mut self, record: &Record, payload: &[u8]) -> u64 {
        self.begin_record();
        self.encode(record, payload)
    }

    fn encode(&mut self, record: &Record, payload: &[u8]) -> u64 {
        self.last_record += 1;
        // The next flush begins when this one has ended.
        let durable = self.flushing.unwrap_or(self.durable);
        let before = self.pending.len();
        record::encode(
            self.last_record,
            durable,
            record,
            payload,
            &mut self.pending,
        );
        let len = (self.pending.len() - before) as u64;
        self.current().len += len;
        self.last_record
    }
}

impl Location {
    /// How many bytes its record takes.
    pub fn frame_len(&self) -> usize {
        self.len as usize
    }

    /// Reads the entry.
    ///
    /// # Errors
    /// The disk's; [`WalError::Damaged`] where something else is there.
    pub fn read(&self, disk: &dyn Disk) -> Result<Entry, WalError> {
        let file = segment_name(self.segment);
        let bytes = disk.read_at(&file, self.offset, self.len as usize)?;
        let damaged = |reason| WalError::Damaged {
            file: file.clone(),
            offset: self.offset,
            reason,
        };
        let frame = record::split_frame(&bytes).map_err(damaged)?;
        match frame.record().map_err(damaged)? {
            (Record::Entry(position), payload) if position == self.position => Ok(Entry {
                position,
                payload: payload.to_vec(),
            }),
            (other, _) => Err(damaged(format!(
                "{other:?} stands where entry {:?} should",
                self.position
            ))),
        }
    }
}

/// Drops the entries behind an index.
fn drop_behind(entries: &mut VecDeque<Location>, after: Option<u64>) {
    let kept = entries.partition_point(|entry| Some(entry.position.index) <= after);
    entries.truncate(kept);
}

/// Drops the entries up to a position: all, where the last one is not behind it.
fn drop_up_to(entries: &mut VecDeque<Location>, upto: Position) {
    let dropped = entries.partition_point(|entry| entry.position.index <= upto.index);
    entries.drain(..dropped);
}
