//! Compaction (`LogCleaner`, `Cleaner`): of each key the last record stays, at its offset.
//!
//! The log before `cleaned_to` was compacted before; what is behind it, up to the active segment, is *dirty*. A pass reads the dirty
//! part and notes the last offset of each key ([`OffsetMap`]). Then it writes all segments up to there anew, without what is
//! obsolete, several small ones into one, and swaps the new for the old. Offsets stay, so there are holes, and readers step over them.
//!
//! A record without a value is a *tombstone*: its key is deleted. It makes earlier records of the key obsolete, and stays for
//! `delete.retention.ms` itself, so that a consumer that saw the key sees that it is gone. The time counts from the pass
//! that first met it, which writes the moment into the batch, the *delete horizon* (KIP-534).
//!
//! The new file is written beside the old ones and synced, then named `.swap`, and from then on counts: a crash leaves either the
//! old segments or work that the next start finishes. Old segments go from the oldest on, pass by pass, so no tombstone goes
//! before what it deletes.

use std::collections::BTreeMap;

use node::{Disk, DiskErrorKind, Time};

use super::files::{self, CLEANED, SWAP, path};
use super::offset_map::OffsetMap;
use super::reader::{BatchReader, SCAN_BYTES};
use super::recovery::swap_in;
use super::segment::{Segment, now_ms};
use super::{Log, LogConfig, LogError};
use crate::record::RecordError;
use crate::record::batch::{BatchHeader, RecordBatch};
use crate::record::builder;
use crate::record::framing::Record;

/// An offset map grows no larger than this (`log.cleaner.dedupe.buffer.size`).
pub const OFFSET_MAP_BYTES_MAX: usize = 128 << 20;

/// What a pass does with a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cleaned {
    /// It stays as it is.
    Kept,
    /// It stays with fewer records, or with a delete horizon: its new bytes.
    Rewritten(Vec<u8>),
    /// It goes.
    Dropped,
}

/// What of a batch survives a pass: its new header, with the records that stay; none where the batch goes.
///
/// `records` are the batch's, and `is_obsolete` tells of a key and an offset whether a later record has the key. A record goes if it
/// has no key, if it is obsolete, or if it is a tombstone and the batch's delete horizon is not after `now_ms`.
///
/// The new header has the old base offset and last offset delta, producer and sequence: offsets stay, and so do the records'
/// offset deltas. It counts the records that stay, and has their highest timestamp, unless all have the time of appending: then
/// the highest timestamp is that, and stays. Where a tombstone stays and the batch has no delete horizon, it gets one:
/// `now_ms` + `delete_retention_ms`. The horizon takes the place of the base timestamp, so the deltas of the records have to be made
/// anew for their timestamps to stay what they are ([`BatchHeader::set_delete_horizon`], [`BatchHeader::timestamp_of`]).
///
/// A batch of which no record stays goes. But one that `keeps_empty`, the last one of its producer, whose sequence has to
/// survive, stays without records; its highest timestamp is then the old one.
pub fn survivors<'a>(
    header: &BatchHeader,
    records: &[Record<'a>],
    is_obsolete: &dyn Fn(&[u8], i64) -> bool,
    keeps_empty: bool,
    now_ms: i64,
    delete_retention_ms: i64,
) -> Option<(BatchHeader, Vec<Record<'a>>)> {
    let _ = (
        header,
        records,
        is_obsolete,
        keeps_empty,
        now_ms,
        delete_retention_ms,
    );
    todo!("kafka/compaction: which records stay, and what does their batch's header say then?")
}

/// What a pass does with a batch: [`survivors`], decoded and encoded.
///
/// # Errors
/// [`RecordError`] of a batch that cannot be read.
pub fn clean_batch(
    batch: &RecordBatch<'_>,
    map: &OffsetMap,
    keeps_empty: bool,
    now_ms: i64,
    delete_retention_ms: i64,
) -> Result<Cleaned, RecordError> {
    let payload = batch.payload()?;
    let records: Vec<Record<'_>> = payload.records().collect::<Result<_, _>>()?;
    let is_obsolete = |key: &[u8], offset| map.is_obsolete(key, offset);
    let header = &batch.header;
    let survived = survivors(
        header,
        &records,
        &is_obsolete,
        keeps_empty,
        now_ms,
        delete_retention_ms,
    );
    let Some((new, kept)) = survived else {
        return Ok(Cleaned::Dropped);
    };
    if new == *header {
        return Ok(Cleaned::Kept);
    }
    let mut records = Vec::new();
    for record in &kept {
        record.encode(&mut records);
    }
    Ok(Cleaned::Rewritten(builder::encode(new, &records)?))
}

/// A segment that a pass reads.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    base_offset: i64,
    next_offset: i64,
    incarnation: u64,
    size: u64,
    file: String,
}

impl Source {
    /// A batch that is damaged is left alone: made anew, it would have a checksum that matches.
    fn check(&self, batch: &RecordBatch<'_>, position: u64) -> Result<(), LogError> {
        batch.check_crc().map_err(|error| LogError::Damaged {
            file: self.file.clone(),
            position,
            reason: error.to_string(),
        })
    }
}

/// A pass over a log: what it reads, decided under the partition's lock.
#[derive(Clone, Debug)]
pub struct CleanPlan {
    dir: String,
    config: LogConfig,
    sources: Vec<Source>,
    first_dirty: i64,
    log_start: i64,
    /// Of each producer, the last offset of its last batch.
    last_offsets: BTreeMap<i64, i64>,
    created: Time,
    map_bytes_max: usize,
}

/// What a pass knows of the dirty part.
struct Mapped {
    map: OffsetMap,
    /// Up to here the dirty part is in the map. What stands behind is not touched: nobody has looked yet for what it makes obsolete.
    end: i64,
}

/// What a pass has written: to be swapped in under the partition's lock.
#[derive(Clone, Debug)]
pub struct CleanResult {
    groups: Vec<(Vec<Source>, Segment)>,
    cleaned_to: i64,
    /// Bytes of the segments that were read and written anew.
    pub bytes_read: u64,
    /// Bytes of those that take their place.
    pub bytes_written: u64,
}

impl Log {
    /// A pass, if one is due: the policy compacts, and enough is dirty, or something has been for too long. `end` is where what consumers
    /// have not seen begins, as the base offset of its segment.
    pub fn plan_cleaning(&self, end: i64, now: Time) -> Option<CleanPlan> {
        if !self.config.cleanup_policy.compact {
            return None;
        }
        let now_ms = now_ms(now);
        let uppers = self
            .segments
            .windows(2)
            .map(|pair| (&pair[0], pair[1].base_offset));
        let is_cleanable = |(segment, upper): &(&Segment, i64)| {
            let age = now_ms.saturating_sub(segment.max_timestamp);
            segment.base_offset < end
                && *upper <= self.offsets.recovery_point.min(end)
                && (self.config.min_compaction_lag_ms == 0
                    || age > self.config.min_compaction_lag_ms)
        };
        let cleanable: Vec<(&Segment, i64)> = uppers.take_while(is_cleanable).collect();
        let first_dirty = self.offsets.cleaned_to.max(self.offsets.log_start);
        let (clean, dirty): (Vec<_>, Vec<_>) = cleanable
            .iter()
            .partition(|(_, upper)| *upper <= first_dirty);
        let bytes = |part: &[&(&Segment, i64)]| part.iter().map(|(s, _)| s.size).sum::<u64>();
        let (clean_bytes, dirty_bytes) = (bytes(&clean), bytes(&dirty));
        let is_overdue = dirty.iter().any(|(segment, _)| {
            let first = segment.first_timestamp.unwrap_or(i64::MAX);
            now_ms.saturating_sub(first) > self.config.max_compaction_lag_ms
        });
        if dirty_bytes == 0
            || !is_overdue
                && dirty_ratio(clean_bytes, dirty_bytes) < self.config.min_cleanable_dirty_ratio
        {
            return None;
        }
        let source = |(segment, upper): &(&Segment, i64)| Source {
            base_offset: segment.base_offset,
            next_offset: *upper,
            incarnation: segment.incarnation,
            size: segment.size,
            file: segment.file(&self.dir),
        };
        Some(CleanPlan {
            dir: self.dir.clone(),
            config: self.config.clone(),
            sources: cleanable.iter().map(source).collect(),
            first_dirty,
            log_start: self.offsets.log_start,
            last_offsets: self.producers.last_offsets(),
            created: now,
            map_bytes_max: OFFSET_MAP_BYTES_MAX,
        })
    }

    /// Swaps in what a pass has written. Segments that have been deleted meanwhile stay deleted. Where a part of a group has been, the pass
    /// ends before it: were a later tombstone taken for one that has done its work, what it deletes could stand in the rest of that group.
    ///
    /// # Errors
    /// The disk's.
    pub fn finish_cleaning(
        &mut self,
        disk: &mut dyn Disk,
        result: CleanResult,
    ) -> Result<(), LogError> {
        // Holes are only allowed below a recovery point that is written down.
        self.checkpoint(disk)?;
        let dir = self.dir.clone();
        let mut cleaned_to = result.cleaned_to;
        for (sources, mut segment) in result.groups {
            let base = segment.base_offset;
            let at = self.position_of(&sources);
            let is_reached = base < cleaned_to;
            let Some(at) = at.filter(|_| is_reached) else {
                files::remove_if_present(disk, &path(&dir, base, CLEANED))?;
                if sources.iter().any(|source| self.has(source)) {
                    cleaned_to = cleaned_to.min(base);
                }
                continue;
            };
            disk.rename(&path(&dir, base, CLEANED), &path(&dir, base, SWAP))?;
            disk.sync_dir(&dir)?;
            let old: Vec<i64> = sources.iter().map(|source| source.base_offset).collect();
            swap_in(disk, &dir, base, &old)?;
            segment.incarnation = self.next_incarnation();
            // Without room for them, the next start makes indexes anew.
            let indexed = segment.write_indexes(disk, &dir);
            self.segments.splice(at..at + sources.len(), [segment]);
            match indexed {
                Err(error) if error.kind != DiskErrorKind::Full => return Err(error.into()),
                _ => {}
            }
        }
        self.offsets.cleaned_to = self.offsets.cleaned_to.max(cleaned_to);
        self.checkpoint(disk)?;
        Ok(())
    }

    /// Whether the segment is there as it was when a pass was planned.
    fn has(&self, source: &Source) -> bool {
        let is_it = |segment: &Segment| segment.incarnation == source.incarnation;
        self.segments.iter().any(is_it)
    }

    /// Where these segments are, all of them and side by side; none if one has gone.
    fn position_of(&self, sources: &[Source]) -> Option<usize> {
        let is_group = |segments: &[Segment]| {
            (segments.iter().zip(sources))
                .all(|(segment, source)| segment.incarnation == source.incarnation)
        };
        self.segments.windows(sources.len()).position(is_group)
    }
}

/// Which part of what may be compacted has not been.
#[expect(clippy::cast_precision_loss, reason = "a ratio of sizes")]
fn dirty_ratio(clean_bytes: u64, dirty_bytes: u64) -> f64 {
    dirty_bytes as f64 / (clean_bytes + dirty_bytes) as f64
}

impl CleanPlan {
    /// The same pass with another limit on its offset map's memory than [`OFFSET_MAP_BYTES_MAX`]. At least one batch fits.
    #[must_use]
    pub fn with_map_bytes_max(self, map_bytes_max: usize) -> CleanPlan {
        CleanPlan {
            map_bytes_max,
            ..self
        }
    }

    /// Reads the old segments and writes the new ones: the part that takes long, and needs no lock.
    ///
    /// # Errors
    /// The disk's; [`LogError::Damaged`]. Nothing has happened to the log then.
    pub fn run(&self, disk: &mut dyn Disk, now: Time) -> Result<CleanResult, LogError> {
        let result = self.clean(disk, now);
        if result.is_err() {
            // The disk may be full of it. What stays, the next pass removes or the next start; what went wrong first is told.
            for source in &self.sources {
                let file = path(&self.dir, source.base_offset, CLEANED);
                let _ = files::remove_if_present(disk, &file);
            }
        }
        result
    }

    fn clean(&self, disk: &mut dyn Disk, now: Time) -> Result<CleanResult, LogError> {
        let mapped = self.build_map(disk)?;
        let sources = self
            .sources
            .iter()
            .filter(|source| source.base_offset < mapped.end);
        let mut result = CleanResult {
            groups: Vec::new(),
            cleaned_to: mapped.end,
            bytes_read: 0,
            bytes_written: 0,
        };
        for group in self.group(sources) {
            let segment = self.clean_group(disk, &group, &mapped, now)?;
            result.bytes_read += group.iter().map(|source| source.size).sum::<u64>();
            result.bytes_written += segment.size;
            result.groups.push((group, segment));
        }
        Ok(result)
    }

    /// The last offset of each key in the dirty part, as far as memory allows.
    fn build_map(&self, disk: &dyn Disk) -> Result<Mapped, LogError> {
        let mut map = OffsetMap::default();
        let mut end = self.first_dirty;
        for source in self
            .sources
            .iter()
            .filter(|source| source.next_offset > self.first_dirty)
        {
            let mut reader = BatchReader::new(disk, &source.file, 0, source.size, SCAN_BYTES);
            loop {
                let at = reader.position();
                let batch = match reader.next_batch() {
                    Ok(Some(batch)) => batch,
                    Ok(None) => break,
                    Err(error) => return Err(reader.damaged(error)),
                };
                source.check(&batch, at)?;
                if batch.header.last_offset() < self.first_dirty {
                    continue;
                }
                if map.bytes() > self.map_bytes_max {
                    return Ok(Mapped { map, end });
                }
                for record in batch.payload()?.records() {
                    let record = record?;
                    let offset = batch.header.offset_of(&record);
                    if let Some(key) = record.key.filter(|_| offset >= self.log_start) {
                        map.note(key, offset);
                    }
                }
                end = batch.header.last_offset() + 1;
            }
            end = source.next_offset;
        }
        Ok(Mapped { map, end })
    }

    /// Neighbours that fit into one segment together.
    fn group<'a>(&self, sources: impl Iterator<Item = &'a Source>) -> Vec<Vec<Source>> {
        let mut groups: Vec<Vec<Source>> = Vec::new();
        for source in sources {
            let joins = groups.last().is_some_and(|group| {
                let bytes: u64 = group.iter().map(|source| source.size).sum();
                bytes + source.size <= self.config.segment_bytes.cast_unsigned()
                    && source.next_offset - group[0].base_offset <= i64::from(i32::MAX)
            });
            match groups.last_mut().filter(|_| joins) {
                Some(group) => group.push(source.clone()),
                None => groups.push(vec![source.clone()]),
            }
        }
        groups
    }

    fn clean_group(
        &self,
        disk: &mut dyn Disk,
        group: &[Source],
        mapped: &Mapped,
        now: Time,
    ) -> Result<Segment, LogError> {
        let mut segment = Segment::new(group[0].base_offset, 0, self.created);
        let file = path(&self.dir, segment.base_offset, CLEANED);
        // One of an earlier pass may be there, or still be open under this name.
        files::remove_if_present(disk, &file)?;
        disk.write_at(&file, 0, &[])?;
        for source in group {
            let mut position = 0;
            while position < source.size {
                let mut out = Vec::new();
                position =
                    self.clean_piece(disk, source, position, mapped, now, &mut segment, &mut out)?;
                let at = segment.size - out.len() as u64;
                disk.write_at(&file, at, &out)?;
            }
        }
        disk.sync(&file)?;
        Ok(segment)
    }

    /// Cleans batches from `position` on until there is a piece to write, or the segment ends; where it has got.
    #[expect(
        clippy::too_many_arguments,
        reason = "what a loop over pieces carries along"
    )]
    fn clean_piece(
        &self,
        disk: &dyn Disk,
        source: &Source,
        position: u64,
        mapped: &Mapped,
        now: Time,
        segment: &mut Segment,
        out: &mut Vec<u8>,
    ) -> Result<u64, LogError> {
        let mut reader = BatchReader::new(disk, &source.file, position, source.size, SCAN_BYTES);
        while out.len() < SCAN_BYTES {
            let at = reader.position();
            let batch = match reader.next_batch() {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(error) => return Err(reader.damaged(error)),
            };
            source.check(&batch, at)?;
            let header = batch.header;
            let keeps_empty = header.is_idempotent()
                && self.last_offsets.get(&header.producer_id) == Some(&header.last_offset());
            let retention = self.config.delete_retention_ms;
            let cleaned = if header.base_offset < mapped.end {
                clean_batch(&batch, &mapped.map, keeps_empty, now_ms(now), retention)?
            } else {
                Cleaned::Kept
            };
            let bytes = match cleaned {
                Cleaned::Dropped => continue,
                Cleaned::Kept => batch.bytes().to_vec(),
                Cleaned::Rewritten(bytes) => bytes,
            };
            segment.note(
                &RecordBatch::parse(&bytes)?.header,
                self.config.index_interval_bytes,
            );
            out.extend(bytes);
        }
        Ok(reader.position())
    }
}
