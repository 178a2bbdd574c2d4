//! Group commit: many records, one fsync.

use node::{Disk, DiskError};

use crate::wal::record::Record;
use crate::wal::{DIR, GROWTH_BYTES_MAX, GROWTH_FLUSHES, Wal};

/// Records on their way to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flush {
    /// The segment that they go to.
    pub file: String,
    /// Where in it.
    pub offset: u64,
    /// Their frames.
    pub bytes: Vec<u8>,
    /// So many zeros come behind them, for those that follow.
    pub zeros: usize,
    /// The last of them.
    pub last: u64,
    /// Segments of which nothing is needed any more once these records are durable, the oldest first.
    pub unneeded: Vec<String>,
}

impl Flush {
    /// Writes and syncs.
    ///
    /// # Errors
    /// The disk's. After one nothing is known of what is on the disk: the member must end.
    pub fn write(&self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        disk.write_at(&self.file, self.offset, &self.bytes)?;
        if self.zeros > 0 {
            let end = self.offset + self.bytes.len() as u64;
            disk.write_at(&self.file, end, &vec![0; self.zeros])?;
        }
        disk.sync(&self.file)?;
        if self.offset == 0 {
            disk.sync_dir(DIR)?;
        }
        for file in &self.unneeded {
            disk.remove(file)?;
        }
        Ok(())
    }
}

impl Wal {
    /// All records that wait, on their way from now on; none while an earlier flush is, or when nothing waits.
    pub fn begin_flush(&mut self) -> Option<Flush> {
        if self.flushing.is_some() || (self.pending.is_empty() && self.pending_commit.is_none()) {
            return None;
        }
        if let Some(committed) = self.pending_commit.take() {
            self.push(&Record::Commit(committed), &[]);
        }
        let bytes = std::mem::take(&mut self.pending);
        self.flushing = Some(self.last_record);
        let unneeded = self.take_unneeded();
        let growth = (GROWTH_FLUSHES * bytes.len() as u64).min(GROWTH_BYTES_MAX);
        let segment_bytes = self.segment_bytes;
        let segment = self.current();
        let mut zeros = 0;
        if segment.len > segment.file_len {
            zeros = growth.min(segment_bytes.saturating_sub(segment.len));
            segment.file_len = segment.len + zeros;
        }
        Some(Flush {
            file: segment.name(),
            offset: segment.len - bytes.len() as u64,
            bytes,
            zeros: usize::try_from(zeros).unwrap_or(0),
            last: self.last_record,
            unneeded,
        })
    }

    /// The flush that [`Wal::begin_flush`] gave out is on the disk, and with it all records up to [`Flush::last`], but none that was added
    /// since.
    ///
    /// # Panics
    /// When no flush is under way, or another one: what is durable would be guesswork.
    pub fn end_flush(&mut self, flush: &Flush) {
        assert_eq!(
            self.flushing.take(),
            Some(flush.last),
            "end_flush of a flush that is not under way"
        );
        self.durable = flush.last;
    }

    /// Whether something waits that somebody may wait for.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Takes out of the list the segments, from the oldest on, that hold no entry behind the last purged one. The one that is appended to stays.
    fn take_unneeded(&mut self) -> Vec<String> {
        let purged = self.purged.map(|purged| purged.index);
        let mut unneeded = Vec::new();
        while self.segments.len() > 1
            && let Some(oldest) = self.segments.front()
            && oldest.last_index <= purged
        {
            unneeded.push(oldest.name());
            self.segments.pop_front();
        }
        unneeded
    }
}
