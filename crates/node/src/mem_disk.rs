//! A disk in memory, for tests and examples: everything is durable at once.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Disk, DiskError, DiskErrorKind};

/// Files in memory, with no crash and no fault. The simulator's disk has both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemDisk {
    /// File contents by name.
    pub files: BTreeMap<String, Vec<u8>>,
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

impl MemDisk {
    fn file(&self, operation: &'static str, file: &str) -> Result<&Vec<u8>, DiskError> {
        self.files
            .get(file)
            .ok_or_else(|| DiskError::new(operation, file, DiskErrorKind::NotFound))
    }
}

impl Disk for MemDisk {
    fn write_at(&mut self, file: &str, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let contents = self.files.entry(file.to_owned()).or_default();
        let (start, end) = (index(offset), index(offset) + bytes.len());
        if contents.len() < end {
            contents.resize(end, 0);
        }
        contents[start..end].copy_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        self.file("truncate", file)?;
        self.files
            .entry(file.to_owned())
            .or_default()
            .resize(index(len), 0);
        Ok(())
    }

    fn read_at(&self, file: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError> {
        let contents = self.file("read", file)?;
        let start = index(offset).min(contents.len());
        let end = start.saturating_add(len).min(contents.len());
        Ok(contents[start..end].to_vec())
    }

    fn len(&self, file: &str) -> Result<u64, DiskError> {
        Ok(self.file("open", file)?.len() as u64)
    }

    fn sync(&mut self, file: &str) -> Result<(), DiskError> {
        self.file("sync", file).map(|_| ())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.file("rename", from)?;
        let contents = self.files.remove(from).unwrap_or_default();
        self.files.insert(to.to_owned(), contents);
        Ok(())
    }

    fn remove(&mut self, file: &str) -> Result<(), DiskError> {
        self.file("remove", file)?;
        self.files.remove(file);
        Ok(())
    }

    fn list(&self, dir: &str) -> Result<Vec<String>, DiskError> {
        let prefix = if dir.is_empty() {
            String::new()
        } else {
            format!("{dir}/")
        };
        let names: BTreeSet<&str> = self
            .files
            .keys()
            .filter_map(|file| file.strip_prefix(&prefix))
            .filter_map(|rest| rest.split('/').next())
            .collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    fn sync_dir(&mut self, _dir: &str) -> Result<(), DiskError> {
        Ok(())
    }
}
