//! What a segment consists of: records, each in a frame of its own.
//!
//! ```text
//! length of body: u32 | number: u64 | durable: u64 | body | CRC32C of all before: u32      (big-endian)
//! body: Record in postcard, and behind it, of an entry, its payload
//! ```
//!
//! Records are numbered without a gap, over all segments. `durable` is the number up to which all records were on the disk when this one
//! was written. It tells two kinds of damage apart. A crash in the middle of a flush leaves any part of what was being
//! written: nobody had been promised any of it, so the tail is cut off. But a bad record that a later one knew to be durable
//! *had* been promised, and the disk has lost it: to go on without it would be to break the promise silently.

use serde::{Deserialize, Serialize};

use crate::wal::{Position, Vote};

/// The most bytes in an entry's payload.
pub const PAYLOAD_LEN_MAX: usize = 64 << 20;

/// The most bytes in a body: a record takes some before its payload. A length beyond it is damage.
const BODY_LEN_MAX: usize = PAYLOAD_LEN_MAX + 128;

/// The bytes of a frame before its body: length, number, durable.
pub const HEADER_LEN: usize = 4 + 8 + 8;

/// The bytes of a frame after its body.
pub const CHECKSUM_LEN: usize = 4;

/// One step of a member's memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// A segment begins. What of its predecessors must not be lost with them is repeated.
    Start(Start),
    /// An entry of the log; its payload follows the record.
    Entry(Position),
    /// A vote.
    Vote(Vote),
    /// The log is committed up to here.
    Commit(Position),
    /// The entries behind this index are dropped; all, where it is none.
    Truncate(Option<u64>),
    /// The entries up to this one are dropped.
    Purge(Position),
}

/// The state at the beginning of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The newest vote.
    pub vote: Option<Vote>,
    /// Up to where the log is committed.
    pub committed: Option<Position>,
    /// The last entry that was purged.
    pub purged: Option<Position>,
    /// The last entry, be it purged.
    pub last: Option<Position>,
}

/// Appends the frame of a record to `out`.
pub fn encode(number: u64, durable: u64, record: &Record, payload: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(&durable.to_be_bytes());
    let written = postcard::to_extend(record, std::mem::take(out));
    *out = written.expect("plain data in memory can be encoded");
    out.extend_from_slice(payload);
    let body = u32::try_from(out.len() - start - HEADER_LEN).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&body.to_be_bytes());
    let checksum = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&checksum.to_be_bytes());
}

/// A frame whose checksum holds, its body not looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The number of its record.
    pub number: u64,
    /// Up to which record all were on the disk when it was written.
    pub durable: u64,
    /// A [`Record`], if all is well.
    pub body: &'a [u8],
    /// How many bytes the frame takes, header and checksum included.
    pub len: usize,
}

impl<'a> Frame<'a> {
    /// The record, and an entry's payload.
    ///
    /// # Errors
    /// Why the body is none, as the end of a sentence.
    pub fn record(&self) -> Result<(Record, &'a [u8]), String> {
        postcard::take_from_bytes(self.body).map_err(|e| format!("its body is no record: {e}"))
    }
}

/// Takes one frame from the beginning of `bytes`, which may hold anything, and verifies its checksum. What follows the frame does not matter.
///
/// # Errors
/// Why there is no whole and undamaged frame there, as the end of a sentence: `bytes` ends before the frame does, the length is out of
/// range, or the checksum does not match.
pub fn split_frame(bytes: &[u8]) -> Result<Frame<'_>, String> {
    let cut_short = || format!("its record is cut short after {} bytes", bytes.len());
    let (len, rest) = bytes.split_first_chunk().ok_or_else(cut_short)?;
    let len = usize::try_from(u32::from_be_bytes(*len)).unwrap_or(usize::MAX);
    if len > BODY_LEN_MAX {
        return Err(format!("its record's length, {len}, is out of range"));
    }
    let (number, rest) = rest.split_first_chunk().ok_or_else(cut_short)?;
    let (durable, rest) = rest.split_first_chunk().ok_or_else(cut_short)?;
    let body = rest.get(..len).ok_or_else(cut_short)?;
    let stored = rest[len..].first_chunk().ok_or_else(cut_short)?;
    if crc32c::crc32c(&bytes[..HEADER_LEN + len]) != u32::from_be_bytes(*stored) {
        return Err("its record's checksum does not match".to_owned());
    }
    Ok(Frame {
        number: u64::from_be_bytes(*number),
        durable: u64::from_be_bytes(*durable),
        body,
        len: HEADER_LEN + len + CHECKSUM_LEN,
    })
}

/// What a segment holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan<'a> {
    /// The good frames from the beginning on, with consecutive numbers, and where each begins, in bytes.
    pub frames: Vec<(usize, Frame<'a>)>,
    /// How many bytes these take. Whatever follows is a torn tail.
    pub good_len: usize,
    /// Why the bytes after `good_len` are no record; none when there are no such bytes.
    pub torn: Option<String>,
}

/// A segment with damage that no crash explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where the bad record begins, in bytes.
    pub offset: usize,
    /// What is wrong, as the end of a sentence.
    pub reason: String,
}

/// Reads a segment whose first record is number `first`, up to its end or to a torn tail.
///
/// A frame is bad if [`split_frame`] refuses it, or if it has another number than the one that is next. A bad one begins a torn tail, unless a good
/// frame stands at its place or somewhere behind it (at any byte: the bad one's length may be what is bad) which says that the bad one had been
/// durable: whose `durable` is the bad one's number or a later one. Zeros behind the last record, kept free for those to come, are a torn tail like
/// any other here; whoever calls this knows them for what they are.
///
/// # Errors
/// [`Damage`] at the first bad frame, where it had been durable.
pub fn scan(bytes: &[u8], first: u64) -> Result<Scan<'_>, Damage> {
    // EXERCISE(raft/log): read records until the end, a torn tail, or damage that no crash explains.
    let mut scan = Scan::default();
    let mut number = first;
    while scan.good_len < bytes.len() {
        let rest = &bytes[scan.good_len..];
        let bad = match split_frame(rest) {
            Ok(frame) if frame.number == number => {
                scan.frames.push((scan.good_len, frame));
                scan.good_len += frame.len;
                number += 1;
                continue;
            }
            Ok(frame) => format!("record {} stands where {number} should", frame.number),
            Err(reason) => reason,
        };
        if let Some(witness) = find_witness(rest, number) {
            let reason = format!("{bad}, but record {witness} says that it had been durable");
            return Err(Damage {
                offset: scan.good_len,
                reason,
            });
        }
        scan.torn = Some(bad);
        break;
    }
    Ok(scan)
}

// BEGIN SOLUTION
/// The number of a good frame in `bytes`, at any byte, that says that record `number` had been durable.
fn find_witness(bytes: &[u8], number: u64) -> Option<u64> {
    (0..bytes.len()).find_map(|at| {
        let candidate = &bytes[at..];
        let field = |at: usize| Some(u64::from_be_bytes(*candidate.get(at..)?.first_chunk()?));
        // Cheap, and it spares nearly every checksum: frames are at least this long, so there is a bound for the numbers that may follow.
        let (witness, durable) = (field(4)?, field(12)?);
        let most = number.saturating_add(bytes.len() as u64);
        if durable < number || durable >= witness || witness > most {
            return None;
        }
        split_frame(candidate).ok().map(|frame| frame.number)
    })
}
// END SOLUTION
