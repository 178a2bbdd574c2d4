//! The new segment gets its name before its bytes are on the disk: after a power failure it is empty, and the old ones are gone.
//! caught-by: capstone::a_crash_at_any_call_leaves_a_log
//! replaces: src/capstone/cleaner.rs

use std::collections::BTreeMap;

use node::{Disk, DiskError, DiskErrorKind};

use super::{Cleaner, Entry, Settings, base_offset, decode, encode, segment_name};

/// A cleaner that knows nothing yet: what is known of a log is in its directory.
pub fn cleaner() -> Box<dyn Cleaner> {
    Box::new(Swapping)
}

/// Writes each new segment beside the old ones; one rename makes it count. Its name then says which segments it replaces, so
/// that a crash between the rename and the end leaves work that anybody can finish.
#[derive(Debug)]
struct Swapping;

/// What is being written, and counts for nothing.
const CLEANED: &str = ".cleaned";
/// What counts in the place of the segments from the first offset in its name to the second.
const SWAP: &str = ".swap";

struct Segment {
    base: i64,
    bytes: u64,
    entries: Vec<Entry>,
}

impl Cleaner for Swapping {
    fn recover(&mut self, disk: &mut dyn Disk, dir: &str) -> Result<(), DiskError> {
        for name in disk.list(dir)? {
            if name.ends_with(CLEANED) {
                disk.remove(&format!("{dir}/{name}"))?;
            }
            if let Some((first, last)) = replaced(&name) {
                finish(disk, dir, first, last)?;
            }
        }
        disk.sync_dir(dir)
    }

    fn clean(
        &mut self,
        disk: &mut dyn Disk,
        dir: &str,
        now_ms: i64,
        settings: Settings,
    ) -> Result<(), DiskError> {
        let segments = read(disk, dir)?;
        let entries = segments.iter().flat_map(|segment| &segment.entries);
        let latest: BTreeMap<&[u8], i64> = entries
            .map(|entry| (&entry.key[..], entry.offset))
            .collect();
        let keep = |entry: &&Entry| {
            latest.get(&entry.key[..]) == Some(&entry.offset)
                && entry.delete_at.is_none_or(|at| at > now_ms)
        };
        let dated = |entry: &Entry| {
            let is_met = entry.value.is_some() || entry.delete_at.is_some();
            let horizon = now_ms.saturating_add(settings.delete_retention_ms);
            let delete_at = if is_met {
                entry.delete_at
            } else {
                Some(horizon)
            };
            Entry {
                delete_at,
                ..entry.clone()
            }
        };
        // From the oldest on: no tombstone is gone before what it deletes.
        let mut group: Vec<&Segment> = Vec::new();
        let mut kept: Vec<Entry> = Vec::new();
        for segment in &segments {
            let more: Vec<Entry> = segment.entries.iter().filter(keep).map(dated).collect();
            let joined = [&kept[..], &more].concat();
            if !group.is_empty() && encode(&joined).len() as u64 > settings.segment_bytes {
                replace(disk, dir, &group, &kept)?;
                (group, kept) = (vec![segment], more);
            } else {
                group.push(segment);
                kept = joined;
            }
        }
        replace(disk, dir, &group, &kept)
    }
}

/// All segments, by offset.
fn read(disk: &dyn Disk, dir: &str) -> Result<Vec<Segment>, DiskError> {
    let mut segments = Vec::new();
    for name in disk.list(dir)? {
        let Some(base) = base_offset(&name) else {
            continue;
        };
        let file = format!("{dir}/{name}");
        let bytes = disk.read(&file)?;
        let damaged = || DiskErrorKind::Io("the segment is damaged".to_owned());
        let entries = decode(&bytes).ok_or_else(|| DiskError::new("read", &file, damaged()))?;
        segments.push(Segment {
            base,
            bytes: bytes.len() as u64,
            entries,
        });
    }
    Ok(segments)
}

/// Puts one segment of `kept` in the place of those of the group.
fn replace(
    disk: &mut dyn Disk,
    dir: &str,
    group: &[&Segment],
    kept: &[Entry],
) -> Result<(), DiskError> {
    let (Some(first), Some(last)) = (group.first(), group.last()) else {
        return Ok(());
    };
    let bytes = encode(kept);
    if group.len() == 1 && first.bytes == bytes.len() as u64 && first.entries == kept {
        return Ok(());
    }
    let cleaned = format!("{dir}/{:020}{CLEANED}", first.base);
    match disk.remove(&cleaned) {
        Err(error) if error.kind == DiskErrorKind::NotFound => {}
        removed => removed?,
    }
    disk.write_at(&cleaned, 0, &bytes)?;
    let swap = format!("{dir}/{:020}-{:020}{SWAP}", first.base, last.base);
    disk.rename(&cleaned, &swap)?;
    disk.sync_dir(dir)?;
    finish(disk, dir, first.base, last.base)
}

/// The segments that a swap file replaces, from the first base offset to the last.
fn replaced(name: &str) -> Option<(i64, i64)> {
    let (first, last) = name.strip_suffix(SWAP)?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn finish(disk: &mut dyn Disk, dir: &str, first: i64, last: i64) -> Result<(), DiskError> {
    for name in disk.list(dir)? {
        if base_offset(&name).is_some_and(|base| base > first && base <= last) {
            disk.remove(&format!("{dir}/{name}"))?;
        }
    }
    disk.sync_dir(dir)?;
    let swap = format!("{dir}/{first:020}-{last:020}{SWAP}");
    disk.rename(&swap, &format!("{dir}/{}", segment_name(first)))?;
    disk.sync_dir(dir)
}
