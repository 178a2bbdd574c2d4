//! The whole log at once: all new segments are written under names of their own, and a manifest, which appears whole or not at all, says
//! that they count. What comes after it can be done by anybody, any number of times.
//! replaces: src/capstone/cleaner.rs

use std::collections::{BTreeMap, BTreeSet};

use node::{Disk, DiskError, DiskErrorKind};

use super::{Cleaner, Entry, Settings, base_offset, decode, encode, segment_name};

/// A cleaner that knows nothing yet.
pub fn cleaner() -> Box<dyn Cleaner> {
    Box::new(Manifest)
}

struct Manifest;

fn remove(disk: &mut dyn Disk, file: &str) -> Result<(), DiskError> {
    match disk.remove(file) {
        Err(error) if error.kind == DiskErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn write(disk: &mut dyn Disk, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
    remove(disk, file)?;
    disk.write_at(file, 0, bytes)?;
    disk.sync(file)
}

/// The manifest is a list of entries, one for each new segment, of which only the offset means something.
fn finish(disk: &mut dyn Disk, dir: &str) -> Result<(), DiskError> {
    let manifest = format!("{dir}/manifest");
    if disk.exists(&manifest) {
        let list = decode(&disk.read(&manifest)?).unwrap_or_default();
        let new: BTreeSet<i64> = list.iter().map(|entry| entry.offset).collect();
        for base in disk.list(dir)?.iter().filter_map(|name| base_offset(name)) {
            if !new.contains(&base) {
                disk.remove(&format!("{dir}/{}", segment_name(base)))?;
            }
        }
        for base in new {
            let fresh = format!("{dir}/{base}.new");
            if disk.exists(&fresh) {
                disk.rename(&fresh, &format!("{dir}/{}", segment_name(base)))?;
            }
        }
        disk.sync_dir(dir)?;
        disk.remove(&manifest)?;
    }
    for name in disk.list(dir)? {
        if name.ends_with(".new") || name.ends_with(".tmp") {
            disk.remove(&format!("{dir}/{name}"))?;
        }
    }
    disk.sync_dir(dir)
}

impl Cleaner for Manifest {
    fn recover(&mut self, disk: &mut dyn Disk, dir: &str) -> Result<(), DiskError> {
        finish(disk, dir)
    }

    fn clean(
        &mut self,
        disk: &mut dyn Disk,
        dir: &str,
        now_ms: i64,
        settings: Settings,
    ) -> Result<(), DiskError> {
        let mut latest: BTreeMap<Vec<u8>, Entry> = BTreeMap::new();
        for name in disk.list(dir)? {
            if base_offset(&name).is_none() {
                continue;
            }
            let file = format!("{dir}/{name}");
            let damaged = || DiskErrorKind::Io("damaged".to_owned());
            let entries = decode(&disk.read(&file)?)
                .ok_or_else(|| DiskError::new("read", &file, damaged()))?;
            for entry in entries {
                latest.insert(entry.key.clone(), entry);
            }
        }
        let mut left: Vec<Entry> = latest.into_values().collect();
        left.sort_by_key(|entry| entry.offset);
        left.retain(|entry| entry.delete_at.is_none_or(|at| at > now_ms));
        for entry in left.iter_mut().filter(|entry| entry.value.is_none()) {
            entry.delete_at = entry
                .delete_at
                .or(Some(now_ms + settings.delete_retention_ms));
        }
        let mut segments: Vec<Vec<Entry>> = vec![Vec::new()];
        for entry in left {
            let last = segments.len() - 1;
            segments[last].push(entry);
            if segments[last].len() > 1
                && encode(&segments[last]).len() as u64 > settings.segment_bytes
            {
                let over = segments[last].pop();
                segments.push(over.into_iter().collect());
            }
        }
        let mut list = Vec::new();
        for segment in segments.iter().filter(|segment| !segment.is_empty()) {
            let first = segment[0].offset;
            write(disk, &format!("{dir}/{first}.new"), &encode(segment))?;
            list.push(Entry {
                offset: first,
                key: Vec::new(),
                value: None,
                delete_at: None,
            });
        }
        let manifest = format!("{dir}/manifest");
        write(disk, &format!("{manifest}.tmp"), &encode(&list))?;
        disk.sync_dir(dir)?;
        disk.rename(&format!("{manifest}.tmp"), &manifest)?;
        disk.sync_dir(dir)?;
        finish(disk, dir)
    }
}
