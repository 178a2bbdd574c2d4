//! From whatever lies in a partition's directory to a log (`LogLoader`, `LogSegment.recover`).
//!
//! A crash leaves a prefix of what was written and, behind it, anything: half a batch, zeros, nothing. What was synced is
//! below the *recovery point*, and is taken as it is. Behind it each batch is read and its checksum compared; at the first
//! that is not whole the log ends, and what is behind it is cut off, good or bad: an offset without those before it
//! would be a hole. Nothing that was promised is lost by that, since all of it is below the recovery point.
//!
//! Indexes are not believed where the log has not been: they are made anew in the same walk, and wherever one is missing or
//! cannot be right. What is known of producers follows from the last good snapshot and the headers behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use node::{Disk, DiskError, DiskErrorKind, Time};

use super::files::{self, CLEANED, INDEX, LOG, Offsets, SNAPSHOT, SWAP, TIME_INDEX, path};
use super::index::{OffsetIndex, TimeIndex};
use super::leader_epoch::LeaderEpochs;
use super::producer_state::ProducerStates;
use super::reader::{BatchReader, SCAN_BYTES, SEARCH_BYTES, WalkError};
use super::segment::Segment;
use super::{Log, LogConfig, LogError, disk_error};
use crate::record::batch::NO_TIMESTAMP;

/// What was found at the start, and what was done about it. A broker logs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Files whose batches were all read and compared with their checksums.
    pub scanned: Vec<String>,
    /// Files whose indexes were missing or wrong, and were made anew.
    pub rebuilt: Vec<String>,
    /// The file that was cut, at which byte, how many bytes went, and why.
    pub cut: Option<(String, u64, u64, String)>,
    /// Files that stood behind the cut or a hole, and were removed.
    pub removed: Vec<String>,
    /// Records from the first offset up to the second had been synced, and are lost: the disk did not keep what it said, or
    /// somebody changed its files.
    pub lost: Option<(i64, i64)>,
}

impl fmt::Display for RecoveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} segments read and checked", self.scanned.len())?;
        if !self.rebuilt.is_empty() {
            write!(f, "; indexes made anew of {}", self.rebuilt.join(", "))?;
        }
        if let Some((file, position, bytes, reason)) = &self.cut {
            write!(
                f,
                "; {bytes} bytes cut off {file} at byte {position}, since {reason}"
            )?;
        }
        if !self.removed.is_empty() {
            write!(f, "; removed behind that: {}", self.removed.join(", "))?;
        }
        if let Some((from, to)) = self.lost {
            write!(
                f,
                "; offsets {from} to {to} had been synced, and are LOST: the disk or somebody changed these files"
            )?;
        }
        Ok(())
    }
}

/// Reads a segment's batches from its beginning, and notes each that is good in `segment`, which is empty at first, until the first
/// that is not: one that is not whole, whose checksum does not match, or whose offset is not the one that is next. With
/// `may_have_holes` it may be higher: compaction has been there. Returns why the walk ended before the file did; none if it
/// did not.
///
/// Afterwards `segment.size` is where the file has to be cut, and its indexes are those of what is left.
///
/// # Errors
/// The disk's.
pub fn recover_segment(
    reader: &mut BatchReader<'_>,
    segment: &mut Segment,
    index_interval_bytes: i64,
    may_have_holes: bool,
) -> Result<Option<String>, DiskError> {
    let _ = (reader, segment, index_interval_bytes, may_have_holes);
    todo!("kafka/recovery: batch by batch; the first bad one ends the log.")
}

impl Log {
    /// Opens the log in `dir`, whatever lies there; nothing does in a new one. All that it then holds is durable.
    ///
    /// # Errors
    /// The disk's; [`LogError::Damaged`] of a file that had been synced and cannot be read any more.
    pub fn open(
        disk: &mut dyn Disk,
        dir: &str,
        config: LogConfig,
        now: Time,
    ) -> Result<(Log, RecoveryReport), LogError> {
        let checkpoint = files::read_offsets(disk, dir)?;
        let mut log = Log {
            dir: dir.to_owned(),
            config,
            segments: Vec::new(),
            offsets: checkpoint.unwrap_or_default(),
            checkpointed: Offsets::default(),
            producers: ProducerStates::default(),
            heard: BTreeMap::new(),
            epochs: LeaderEpochs::default(),
            leader_epoch: 0,
            names_changed: true,
            cut: BTreeSet::new(),
            incarnations: 0,
        };
        let mut report = RecoveryReport::default();
        log.finish_swaps(disk)?;
        log.load_segments(disk, checkpoint.is_some(), now, &mut report)?;
        log.place_start(disk, now, &mut report)?;
        log.load_epochs(disk)?;
        log.load_producers(disk)?;
        let ids = log.producers.producers().keys();
        log.heard = ids.map(|id| (*id, now)).collect();
        // Holes are below the recovery point, in segments that grow no more. Where it was not known, all that is there may have some.
        if checkpoint.is_none() {
            log.roll(disk, now)?;
        }
        // What the scan has found good may be in the page cache alone.
        log.offsets.recovery_point = log.offsets.recovery_point.min(log.log_end_offset());
        if let Some(pending) = log.begin_sync() {
            pending.write(disk)?;
            log.end_sync(&pending);
        }
        log.checkpointed = log.offsets;
        if checkpoint != Some(log.offsets) {
            match (files::write_offsets(disk, dir, log.offsets), checkpoint) {
                // The old one will do, where it does not say that more is durable than there is: the next start looks at more.
                (Err(error), Some(old))
                    if error.kind == DiskErrorKind::Full
                        && old.recovery_point <= log.offsets.recovery_point
                        && old.cleaned_to <= log.offsets.cleaned_to =>
                {
                    log.checkpointed = old;
                }
                (written, _) => written?,
            }
        }
        Ok((log, report))
    }

    /// A compacted segment that was not finished is thrown away. One that was takes the place of those that it was made of:
    /// they have offsets from its first to its last. Their indexes go first, and the segment's own name is last, so that a
    /// crash in here finds the same work again.
    fn finish_swaps(&self, disk: &mut dyn Disk) -> Result<(), LogError> {
        let names = disk.list(&self.dir)?;
        for name in &names {
            let unfinished = files::offset_of(name, CLEANED).is_some() || name.ends_with(".tmp");
            if unfinished {
                disk.remove(&format!("{}/{name}", self.dir))?;
            }
        }
        for base in names.iter().filter_map(|name| files::offset_of(name, SWAP)) {
            let swap = path(&self.dir, base, SWAP);
            let mut last = base;
            let len = disk.len(&swap)?;
            let mut reader = BatchReader::new(&*disk, &swap, 0, len, SEARCH_BYTES);
            loop {
                match reader.next_header() {
                    Ok(Some((_, header))) => last = header.last_offset(),
                    Ok(None) => break,
                    Err(error) => return Err(reader.damaged(error)),
                }
            }
            let old = names.iter().filter_map(|name| files::offset_of(name, LOG));
            let old: Vec<i64> = old.filter(|old| (base..=last).contains(old)).collect();
            swap_in(disk, &self.dir, base, &old)?;
        }
        Ok(())
    }

    fn load_segments(
        &mut self,
        disk: &mut dyn Disk,
        is_strict: bool,
        now: Time,
        report: &mut RecoveryReport,
    ) -> Result<(), LogError> {
        let names = disk.list(&self.dir)?;
        let bases = names.iter().filter_map(|name| files::offset_of(name, LOG));
        let bases: Vec<i64> = bases.collect();
        let point = self.offsets.recovery_point;
        for (i, &base) in bases.iter().enumerate() {
            // Compaction leaves holes, but only below the recovery point. Where that is not known, none can be told.
            let expected = self.segments.last().map(|segment| segment.next_offset);
            if is_strict && base > point && expected.is_some_and(|next| next != base) {
                return self.drop_files(disk, &bases[i..], report);
            }
            let file = path(&self.dir, base, LOG);
            let is_durable = bases.get(i + 1).is_some_and(|next| *next <= point);
            let segment = Segment::new(base, self.next_incarnation(), now);
            let indexed = self.load_indexed(disk, &segment, &file)?;
            let segment = match indexed.filter(|segment| is_durable || segment.next_offset <= point)
            {
                Some(segment) => segment,
                None if is_durable => {
                    report.rebuilt.push(file.clone());
                    let mut segment = self.walk(disk, segment, &file)?;
                    self.try_to_index(disk, &mut segment)?;
                    segment
                }
                None => {
                    let mut segment = segment;
                    let len = disk.len(&file)?;
                    let mut reader = BatchReader::new(&*disk, &file, 0, len, SCAN_BYTES);
                    let interval = self.config.index_interval_bytes;
                    let reason = recover_segment(&mut reader, &mut segment, interval, !is_strict)?;
                    report.scanned.push(file.clone());
                    if let Some(reason) = reason {
                        disk.truncate(&file, segment.size)?;
                        self.cut.insert(base);
                        report.cut = Some((file, segment.size, len - segment.size, reason));
                        segment.remove_indexes(disk, &self.dir)?;
                        self.segments.push(segment);
                        return self.drop_files(disk, &bases[i + 1..], report);
                    }
                    if i + 1 < bases.len() {
                        self.try_to_index(disk, &mut segment)?;
                    } else {
                        segment.remove_indexes(disk, &self.dir)?;
                    }
                    segment
                }
            };
            self.segments.push(segment);
            // Headers below the recovery point are believed, but not that a segment reaches into the next one: a bit has flipped.
            if let (Some(next), Some(segment)) = (bases.get(i + 1), self.segments.last_mut()) {
                segment.next_offset = segment.next_offset.min(*next);
            }
        }
        Ok(())
    }

    /// Writes a segment's indexes. Without room for them, the next start makes them anew.
    fn try_to_index(&self, disk: &mut dyn Disk, segment: &mut Segment) -> Result<(), DiskError> {
        match segment.write_indexes(disk, &self.dir) {
            Err(error) if error.kind == DiskErrorKind::Full => {
                segment.remove_indexes(disk, &self.dir)
            }
            written => written,
        }
    }

    /// Removes segments from the end on, so that a crash in between leaves no hole.
    fn drop_files(
        &self,
        disk: &mut dyn Disk,
        bases: &[i64],
        report: &mut RecoveryReport,
    ) -> Result<(), LogError> {
        for base in bases.iter().rev() {
            report.removed.push(path(&self.dir, *base, LOG));
            Segment::new(*base, 0, Time::ZERO).remove(disk, &self.dir)?;
        }
        Ok(())
    }

    /// The segment with the indexes of its files; none where they are missing or cannot be those of its log. What is behind the
    /// last entries is walked over: a time index that ends too early would let retention delete too early.
    fn load_indexed(
        &self,
        disk: &dyn Disk,
        empty: &Segment,
        file: &str,
    ) -> Result<Option<Segment>, LogError> {
        let base = empty.base_offset;
        let len = disk.len(file)?;
        let index = files::read_if_present(disk, &path(&self.dir, base, INDEX))?;
        let index = index.and_then(|bytes| OffsetIndex::decode(&bytes, len));
        let times = files::read_if_present(disk, &path(&self.dir, base, TIME_INDEX))?;
        let times = times.and_then(|bytes| TimeIndex::decode(&bytes));
        let (Some(offset_index), Some(time_index)) = (index, times) else {
            return Ok(None);
        };
        let mut segment = empty.clone();
        let last = offset_index.last();
        let mut timed_to = 0;
        if let Some(last) = time_index.last() {
            segment.max_timestamp = last.timestamp;
            segment.max_timestamp_offset = base + i64::from(last.relative_offset);
            timed_to = offset_index.lookup(last.relative_offset).into();
        }
        (segment.offset_index, segment.time_index) = (offset_index, time_index);
        let mut first = BatchReader::new(disk, file, 0, len, SEARCH_BYTES);
        match first.next_header() {
            Ok(Some((_, header))) => segment.first_timestamp = Some(header.max_timestamp),
            Ok(None) => {}
            Err(error) => return disk_error(error).map(|_| None).map_err(LogError::from),
        }
        if let Some(last) = last {
            segment.size = last.position.into();
            segment.next_offset = base + i64::from(last.relative_offset);
        }
        let mut untimed = BatchReader::new(disk, file, timed_to, segment.size, SEARCH_BYTES);
        match highest_timestamp(&mut untimed) {
            Ok(highest) if highest <= segment.max_timestamp => {}
            Ok(_) => return Ok(None),
            Err(error) => return disk_error(error).map(|_| None).map_err(LogError::from),
        }
        let expected = last.map(|_| segment.next_offset);
        let mut reader = BatchReader::new(disk, file, segment.size, len, SEARCH_BYTES);
        match note_all(
            &mut reader,
            &mut segment,
            self.config.index_interval_bytes,
            expected,
        ) {
            Ok(is_right) => Ok(is_right.then_some(segment)),
            Err(error) => disk_error(error).map(|_| None).map_err(LogError::from),
        }
    }

    /// A segment that is durable, without indexes.
    fn walk(&self, disk: &dyn Disk, mut segment: Segment, file: &str) -> Result<Segment, LogError> {
        let len = disk.len(file)?;
        let mut reader = BatchReader::new(disk, file, 0, len, SCAN_BYTES);
        let interval = self.config.index_interval_bytes;
        match note_all(&mut reader, &mut segment, interval, None) {
            Ok(_) => Ok(segment),
            Err(error) => Err(reader.damaged(error)),
        }
    }

    /// Sees to it that there is a segment, and that the log does not end before its start.
    fn place_start(
        &mut self,
        disk: &mut dyn Disk,
        now: Time,
        report: &mut RecoveryReport,
    ) -> Result<(), LogError> {
        let end = self
            .segments
            .last()
            .map_or(0, |segment| segment.next_offset);
        if end < self.offsets.recovery_point {
            report.lost = Some((end.max(self.offsets.log_start), self.offsets.recovery_point));
        }
        let start = self.offsets.log_start;
        if end < start {
            let bases: Vec<i64> = self
                .segments
                .iter()
                .map(|segment| segment.base_offset)
                .collect();
            self.drop_files(disk, &bases, report)?;
            self.segments.clear();
        }
        if self.segments.is_empty() {
            let segment = Segment::new(start, self.next_incarnation(), now);
            disk.write_at(&segment.file(&self.dir), 0, &[])?;
            self.segments.push(segment);
        }
        self.offsets.log_start = start.max(self.segments[0].base_offset);
        self.offsets.cleaned_to = self.offsets.cleaned_to.min(self.log_end_offset());
        Ok(())
    }

    /// The epochs of the log, and the next one for this life: higher than any that was ever written down, though its records be lost.
    fn load_epochs(&mut self, disk: &dyn Disk) -> Result<(), LogError> {
        let written = files::read_epochs(disk, &self.dir)?;
        let is_written = written.is_some();
        self.epochs = written.unwrap_or_default();
        if !is_written {
            let from = self.segments[0].base_offset;
            self.walk_headers(disk, from, |log, header| {
                log.epochs
                    .assign(header.partition_leader_epoch, header.base_offset);
            })?;
        }
        self.leader_epoch = self
            .epochs
            .latest()
            .map_or(0, |latest| latest.saturating_add(1));
        self.epochs.truncate_from_end(self.log_end_offset());
        self.epochs.truncate_from_start(self.offsets.log_start);
        Ok(())
    }

    fn load_producers(&mut self, disk: &mut dyn Disk) -> Result<(), LogError> {
        let names = disk.list(&self.dir)?;
        let mut from = self.segments[0].base_offset;
        for offset in names
            .iter()
            .rev()
            .filter_map(|name| files::offset_of(name, SNAPSHOT))
        {
            let file = path(&self.dir, offset, SNAPSHOT);
            let snapshot = if offset <= self.log_end_offset() {
                ProducerStates::decode(&disk.read(&file)?)
            } else {
                None
            };
            if let Some(producers) = snapshot {
                (self.producers, from) = (producers, offset);
                break;
            }
            disk.remove(&file)?;
        }
        self.walk_headers(disk, from, |log, header| {
            if header.is_idempotent() {
                log.producers.update(header);
            }
        })
    }

    /// Calls `each` with every header from the offset on.
    fn walk_headers(
        &mut self,
        disk: &dyn Disk,
        from: i64,
        each: impl Fn(&mut Log, &crate::record::batch::BatchHeader),
    ) -> Result<(), LogError> {
        for i in 0..self.segments.len() {
            let segment = &self.segments[i];
            if segment.next_offset <= from {
                continue;
            }
            let (file, size) = (segment.file(&self.dir), segment.size);
            let position = segment.position_before(from);
            let mut reader = BatchReader::new(disk, &file, position, size, SCAN_BYTES);
            loop {
                match reader.next_header() {
                    Ok(Some((_, header))) if header.base_offset < from => {}
                    Ok(Some((_, header))) => each(self, &header),
                    Ok(None) => break,
                    Err(error) => return Err(reader.damaged(error)),
                }
            }
        }
        Ok(())
    }
}

/// The highest timestamp of the batches that are left.
fn highest_timestamp(reader: &mut BatchReader<'_>) -> Result<i64, WalkError> {
    let mut highest = NO_TIMESTAMP;
    while let Some((_, header)) = reader.next_header()? {
        highest = highest.max(header.max_timestamp);
    }
    Ok(highest)
}

/// Notes all batches without reading their records. Whether the first one has the offset that is expected.
fn note_all(
    reader: &mut BatchReader<'_>,
    segment: &mut Segment,
    interval: i64,
    expected: Option<i64>,
) -> Result<bool, WalkError> {
    let mut is_first = true;
    while let Some((_, header)) = reader.next_header()? {
        if is_first && expected.is_some_and(|offset| offset != header.base_offset)
            || header.base_offset < segment.next_offset
        {
            return Ok(false);
        }
        is_first = false;
        segment.note(&header, interval);
    }
    // A batch that reaches over the file's end.
    Ok(reader.is_at_end())
}

/// Puts a compacted segment in the place of those with the base offsets `old`, of which it was made.
///
/// # Errors
/// The disk's.
pub(super) fn swap_in(
    disk: &mut dyn Disk,
    dir: &str,
    base: i64,
    old: &[i64],
) -> Result<(), DiskError> {
    for offset in old {
        files::remove_if_present(disk, &path(dir, *offset, INDEX))?;
        files::remove_if_present(disk, &path(dir, *offset, TIME_INDEX))?;
    }
    for offset in old.iter().filter(|offset| **offset != base) {
        files::remove_if_present(disk, &path(dir, *offset, LOG))?;
    }
    disk.sync_dir(dir)?;
    disk.rename(&path(dir, base, SWAP), &path(dir, base, LOG))?;
    disk.sync_dir(dir)
}
