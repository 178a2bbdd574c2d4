//! What is left of a log after a crash (etcd's `wal.ReadAll` and `wal.Repair`).
//!
//! The segments are read from the oldest to the newest, and what their records say is done again. Only the newest one may end in a torn
//! record, since a segment is begun when its predecessor is on the disk.

use std::collections::VecDeque;

use node::Disk;

use crate::wal::record::{self, Frame, Record, Start};
use crate::wal::{DIR, Location, Segment, Wal, WalError, drop_behind, drop_up_to, segment_name};

/// What recovery found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many records were read.
    pub records: u64,
    /// What was cut off the end, and never was promised to anybody: how many bytes of which file, and what was wrong with them.
    pub torn: Option<(String, u64, String)>,
}

/// Reads the log, or begins one where there is none, and makes the disk agree with what was read.
pub(super) fn recover(disk: &mut dyn Disk, segment_bytes: u64) -> Result<(Wal, Report), WalError> {
    let mut replay = Replay {
        wal: Wal {
            segment_bytes,
            segments: VecDeque::new(),
            vote: None,
            committed: None,
            purged: None,
            entries: VecDeque::new(),
            pending: Vec::new(),
            pending_commit: None,
            last_record: 0,
            durable: 0,
            flushing: None,
        },
        base: None,
    };
    let mut report = Report::default();
    let firsts = segments(disk)?;
    for (at, &first) in firsts.iter().enumerate() {
        let is_last = at + 1 == firsts.len();
        replay.segment(disk, first, is_last, &mut report)?;
    }
    let (mut wal, base) = (replay.wal, replay.base);
    if let Some(base) = base
        && wal.purged.is_none_or(|purged| purged.index < base)
    {
        let what = format!("the log up to index {base}, before its first segment");
        return Err(WalError::Missing { what });
    }
    report.records = wal.last_record + 1 - firsts.first().copied().unwrap_or(1);
    wal.durable = wal.last_record;
    if wal.segments.is_empty() {
        wal.segments.push_back(Segment {
            first: wal.last_record + 1,
            last_index: None,
            len: 0,
            file_len: 0,
        });
    }
    Ok((wal, report))
}

/// The numbers of the segments' first records, in order.
fn segments(disk: &dyn Disk) -> Result<Vec<u64>, WalError> {
    let mut firsts = Vec::new();
    for name in disk.list(DIR)? {
        let number = name.strip_suffix(".wal");
        if let Some(first) = number.and_then(|number| u64::from_str_radix(number, 16).ok()) {
            firsts.push(first);
        }
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// The log as it was after the records read so far.
struct Replay {
    wal: Wal,
    /// The index of the last entry before the first segment, as far as it was not truncated since: up to there all must have been purged
    /// in the end.
    base: Option<u64>,
}

impl Replay {
    fn segment(
        &mut self,
        disk: &mut dyn Disk,
        first: u64,
        is_last: bool,
        report: &mut Report,
    ) -> Result<(), WalError> {
        let file = segment_name(first);
        if !self.wal.segments.is_empty() && first != self.wal.last_record + 1 {
            let what = format!("the segment {}", segment_name(self.wal.last_record + 1));
            return Err(WalError::Missing { what });
        }
        self.wal.last_record = first - 1;
        let bytes = disk.read(&file)?;
        let damaged = |offset: usize, reason| WalError::Damaged {
            file: file.clone(),
            offset: offset as u64,
            reason,
        };
        let scan =
            record::scan(&bytes, first).map_err(|damage| damaged(damage.offset, damage.reason))?;
        // Nothing but zeros is room that was not used yet.
        let is_used = bytes[scan.good_len..].iter().any(|byte| *byte != 0);
        let torn = scan.torn.filter(|_| is_used);
        if let Some(reason) = &torn
            && !is_last
        {
            let reason = format!("{reason}, and another segment follows");
            return Err(damaged(scan.good_len, reason));
        }
        let good_len = scan.good_len as u64;
        self.wal.segments.push_back(Segment {
            first,
            last_index: None,
            len: good_len,
            file_len: if is_used {
                good_len
            } else {
                bytes.len() as u64
            },
        });
        for (offset, frame) in &scan.frames {
            self.record(first, *offset as u64, frame)
                .map_err(|reason| damaged(*offset, reason))?;
        }
        if let Some(reason) = torn {
            let cut = bytes.len() as u64 - good_len;
            disk.truncate(&file, good_len)?;
            report.torn = Some((file.clone(), cut, reason));
        }
        if is_last {
            // What was read may be in the page cache alone: nobody is to see what a power failure then takes back.
            disk.sync(&file)?;
            disk.sync_dir(DIR)?;
        }
        Ok(())
    }

    /// Does again what a record says. The error says why it cannot be what was written there.
    fn record(&mut self, segment: u64, offset: u64, frame: &Frame<'_>) -> Result<(), String> {
        let (record, _) = frame.record()?;
        let wal = &mut self.wal;
        wal.last_record = frame.number;
        match record {
            Record::Start(start) if offset == 0 => self.start(&start)?,
            Record::Start(_) => {
                return Err("a segment begins in the middle of another one".to_owned());
            }
            _ if offset == 0 => return Err(format!("the segment begins with {record:?}")),
            Record::Vote(vote) => wal.vote = Some(vote),
            Record::Commit(committed) => wal.committed = Some(committed),
            Record::Truncate(after) => {
                drop_behind(&mut wal.entries, after);
                self.base = self.base.min(after);
            }
            Record::Purge(upto) => {
                wal.purged = wal.purged.max(Some(upto));
                drop_up_to(&mut wal.entries, upto);
            }
            Record::Entry(position) => {
                let last = wal.last().map(|last| last.index).max(self.base);
                if last.is_some_and(|last| position.index != last + 1) {
                    return Err(format!("entry {position:?} follows index {last:?}"));
                }
                if let Some(segment) = wal.segments.back_mut() {
                    segment.last_index = segment.last_index.max(Some(position.index));
                }
                wal.entries.push_back(Location {
                    position,
                    segment,
                    offset,
                    len: u32::try_from(frame.len).unwrap_or(u32::MAX),
                });
            }
        }
        Ok(())
    }

    fn start(&mut self, start: &Start) -> Result<(), String> {
        let wal = &mut self.wal;
        if wal.segments.len() == 1 {
            self.base = start.last.map(|last| last.index);
            (wal.vote, wal.committed, wal.purged) = (start.vote, start.committed, start.purged);
            return Ok(());
        }
        let last = wal.entries.back().map(|last| last.position);
        let is_other_last = last.is_some() && last != start.last;
        // The commit position may be a later one: it was on its way.
        if (wal.vote, wal.purged) != (start.vote, start.purged)
            || wal.committed > start.committed
            || is_other_last
        {
            return Err(format!(
                "it begins with {start:?}, but the segments before it end with {:?}, {:?}, {:?}, {last:?}",
                wal.vote, wal.committed, wal.purged
            ));
        }
        wal.committed = start.committed;
        Ok(())
    }
}
