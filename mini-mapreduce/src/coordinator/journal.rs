//! What the coordinator must not forget (`JobHistoryEventHandler`, and what `MRAppMaster` recovers from it): a file of records, each in a frame of its own.
//!
//! ```text
//! length of payload: u32 | number: u64 | payload: Record in postcard | CRC32C of all before: u32      (big-endian)
//! ```
//!
//! Records gather in memory while the coordinator decides, and are written and synced before anybody hears of what was decided. So what a crash tears
//! was promised to nobody: a torn tail is cut off. A bad frame with a good one behind it is damage, and stops the start.
//!
//! The file would grow for ever; so whoever opens it writes it anew, with what is still of use, under another name, and renames.

use node::{Disk, DiskError, DiskErrorKind};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::job::TaskCount;
use crate::counters::Counters;
use crate::job::{JobSpec, Split};
use crate::protocol::{AttemptId, JobId, WorkerId};

/// The file.
pub const FILE: &str = "journal";

/// What it is written to before it is renamed.
const NEW: &str = "journal.new";

const HEADER_LEN: usize = 4 + 8;
const CHECKSUM_LEN: usize = 4;

/// The most bytes in a payload: a job of a million splits. A length beyond it is damage.
pub(super) const PAYLOAD_LEN_MAX: usize = 256 << 20;

/// Something that was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// A coordinator has begun its work on this journal, for the so-manieth time.
    Epoch(u32),
    /// A job was taken.
    Submitted {
        /// Under which number.
        job: JobId,
        /// The client's own number for it.
        token: u64,
        /// What it is.
        spec: JobSpec,
        /// Its maps.
        splits: Vec<Split>,
    },
    /// An attempt's work counts.
    Done {
        /// Which.
        attempt: AttemptId,
        /// Where it ran.
        worker: WorkerId,
        /// Where a map's output is served.
        address: String,
        /// What it counted.
        counters: Counters,
    },
    /// A map's output counts no more.
    Lost {
        /// Which attempt's.
        attempt: AttemptId,
    },
    /// An attempt has failed.
    Failed {
        /// Which.
        attempt: AttemptId,
    },
    /// The job's commit is given up. Once nothing is visible of it, the job is over.
    GivenUp {
        /// Which.
        job: JobId,
        /// Why.
        reason: String,
    },
    /// The job is over.
    Over {
        /// Which.
        job: JobId,
        /// Why it failed; none: its output is there, whole.
        error: Option<String>,
        /// What all of it counted.
        counters: Counters,
        /// How many maps and reduces it had, and how many of them were done.
        tasks: [TaskCount; 2],
    },
}

/// The journal cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JournalError {
    /// It is not what was written.
    #[error(
        "{FILE} is damaged at byte {offset}: {reason}; take it from a copy, or begin without it and run the jobs again"
    )]
    Damaged {
        /// Where the first bad frame begins.
        offset: usize,
        /// What is wrong there.
        reason: String,
    },
    /// The disk says no.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A journal that is written to.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// Frames that are not on the disk yet.
    pending: Vec<u8>,
    /// The number of the next record.
    next: u64,
    /// How many bytes it had when it was written anew, or when that was tried last.
    begun: u64,
    /// How many it has.
    len: u64,
}

impl Journal {
    /// Adds a record to those that are to be written.
    pub fn add(&mut self, record: &Record) {
        encode(self.next, record, &mut self.pending);
        self.next += 1;
    }

    /// Whether anything has gathered.
    pub fn is_unwritten(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Writes what has gathered, and waits until it is durable; nothing where nothing has. No write begins before the one before it is durable, so
    /// a crash tears one at most.
    ///
    /// # Errors
    /// When it cannot be written or synced. Nobody knows then how much is there: the process must end.
    pub fn flush(&mut self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        disk.append(FILE, &pending)?;
        self.len += pending.len() as u64;
        disk.sync(FILE)
    }

    /// By how many bytes it is longer than twice what it was when it was written anew.
    pub fn grown(&self) -> u64 {
        self.len.saturating_sub(2 * self.begun)
    }

    /// What the disk holds; nothing where there is no journal.
    ///
    /// # Errors
    /// Damage that no crash explains, or the disk's.
    pub fn read(disk: &dyn Disk) -> Result<Vec<Record>, JournalError> {
        match disk.read(FILE) {
            Ok(bytes) => scan(&bytes),
            Err(error) if error.kind == DiskErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// A journal of these records alone, in place of what was there, durable.
    ///
    /// # Errors
    /// The disk's; then the old journal is there still.
    pub fn create(disk: &mut dyn Disk, records: &[Record]) -> Result<Journal, DiskError> {
        let journal = Journal::write(disk, records)?;
        journal.swap_in(disk)?;
        Ok(journal)
    }

    /// As [`Journal::create`], of a journal that is in use. Where there is no room for both, it goes on as it is, until it has doubled.
    ///
    /// # Errors
    /// When nobody knows which of them the disk holds: the process must end.
    pub fn replace(&mut self, disk: &mut dyn Disk, records: &[Record]) -> Result<(), DiskError> {
        match Journal::write(disk, records) {
            Ok(journal) => {
                journal.swap_in(disk)?;
                *self = journal;
            }
            Err(_) => self.begun = self.len,
        }
        Ok(())
    }

    fn write(disk: &mut dyn Disk, records: &[Record]) -> Result<Journal, DiskError> {
        let mut journal = Journal::default();
        for record in records {
            journal.add(record);
        }
        let bytes = std::mem::take(&mut journal.pending);
        (journal.begun, journal.len) = (bytes.len() as u64, bytes.len() as u64);
        if disk.exists(NEW) {
            disk.remove(NEW)?;
        }
        disk.write_at(NEW, 0, &bytes)?;
        disk.sync(NEW)?;
        Ok(journal)
    }

    fn swap_in(&self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        disk.rename(NEW, FILE)?;
        disk.sync_dir("")
    }
}

/// What a record takes in its frame, in bytes.
pub(super) fn payload_len(record: &Record) -> usize {
    let size = postcard::ser_flavors::Size::default();
    postcard::serialize_with_flavor(record, size).expect("plain data in memory can be encoded")
}

fn encode(number: u64, record: &Record, out: &mut Vec<u8>) {
    let payload = postcard::to_stdvec(record).expect("plain data in memory can be encoded");
    let len = u32::try_from(payload.len()).expect("a record is below 4 GiB");
    let start = out.len();
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(&payload);
    let checksum = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&checksum.to_be_bytes());
}

/// The first frame of `bytes`: its payload, and its length.
fn split_frame(bytes: &[u8], number: u64) -> Result<(&[u8], usize), String> {
    let cut_short = || format!("a record is cut short after {} bytes", bytes.len());
    let (len, rest) = bytes.split_first_chunk().ok_or_else(cut_short)?;
    let len = usize::try_from(u32::from_be_bytes(*len)).unwrap_or(usize::MAX);
    if len > PAYLOAD_LEN_MAX {
        return Err(format!("a record's length, {len}, is out of range"));
    }
    let (found, rest) = rest.split_first_chunk().ok_or_else(cut_short)?;
    let payload = rest.get(..len).ok_or_else(cut_short)?;
    let stored = rest[len..].first_chunk().ok_or_else(cut_short)?;
    if crc32c::crc32c(&bytes[..HEADER_LEN + len]) != u32::from_be_bytes(*stored) {
        return Err("a record's checksum does not match".to_owned());
    }
    let found = u64::from_be_bytes(*found);
    if found != number {
        return Err(format!("record {found} stands where {number} should"));
    }
    Ok((payload, HEADER_LEN + len + CHECKSUM_LEN))
}

/// The records from the beginning to the end, or to a torn tail.
fn scan(bytes: &[u8]) -> Result<Vec<Record>, JournalError> {
    let (mut records, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let damaged = |reason| JournalError::Damaged { offset: at, reason };
        let number = records.len() as u64;
        let (payload, len) = match split_frame(&bytes[at..], number) {
            Ok(frame) => frame,
            Err(reason) if frame_follows(&bytes[at + 1..], number) => return Err(damaged(reason)),
            Err(_) => break,
        };
        let record = postcard::from_bytes(payload)
            .map_err(|error| damaged(format!("its record is none: {error}")))?;
        records.push(record);
        at += len;
    }
    Ok(records)
}

/// Whether a good frame with this number or one soon after it begins anywhere in `bytes`.
fn frame_follows(bytes: &[u8], number: u64) -> bool {
    (0..bytes.len()).any(|at| {
        let candidate = &bytes[at..];
        let Some(found) = candidate.get(4..).and_then(|rest| rest.first_chunk()) else {
            return false;
        };
        let found = u64::from_be_bytes(*found);
        let most = number.saturating_add(bytes.len() as u64);
        (number..=most).contains(&found) && split_frame(candidate, found).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use node::MemDisk;

    use super::*;

    fn records(count: u32) -> Vec<Record> {
        (0..count).map(Record::Epoch).collect()
    }

    fn written(count: u32) -> Vec<u8> {
        let mut disk = MemDisk::default();
        Journal::create(&mut disk, &records(count)).unwrap();
        disk.read(FILE).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut disk = MemDisk::default();
        assert_eq!(Journal::read(&disk).unwrap(), []);
        let mut journal = Journal::create(&mut disk, &records(2)).unwrap();
        journal.add(&Record::Epoch(2));
        assert_eq!(Journal::read(&disk).unwrap(), records(2));
        journal.flush(&mut disk).unwrap();
        assert_eq!(Journal::read(&disk).unwrap(), records(3));
    }

    #[test]
    fn a_torn_tail_is_cut_off_wherever_it_was_torn() {
        let (whole, shorter) = (written(3), written(2).len());
        for len in shorter..whole.len() {
            assert_eq!(scan(&whole[..len]).unwrap(), records(2), "{len} bytes");
        }
    }

    #[test]
    fn damage_before_a_good_record_is_named_with_its_place() {
        let (mut bytes, second) = (written(3), written(1).len());
        bytes[second + HEADER_LEN] ^= 1;
        let error = scan(&bytes).unwrap_err();
        let JournalError::Damaged { offset, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(offset, second);
    }
}
