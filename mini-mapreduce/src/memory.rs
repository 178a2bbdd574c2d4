//! Files in memory, for tests, simulations and small inputs.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::counters::Counters;
use crate::input::{File, Files};
use crate::task::{Progress, Scratch};

/// Input files in memory, with blocks of any size.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: BTreeMap<String, Arc<[u8]>>,
    block: u64,
}

impl MemoryFiles {
    /// No files, with blocks of so many bytes.
    pub fn new(block: u64) -> MemoryFiles {
        MemoryFiles {
            files: BTreeMap::new(),
            block,
        }
    }

    /// Puts a file there.
    pub fn put(&mut self, path: &str, bytes: &[u8]) {
        self.files.insert(path.to_owned(), bytes.into());
    }
}

fn not_found(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("there is no file {path}"))
}

impl Files for MemoryFiles {
    /// The file of this name, or all below it.
    fn list(&self, path: &str) -> io::Result<Vec<File>> {
        let below = format!("{path}/");
        let found = (self.files.iter())
            .filter(|(name, _)| *name == path || name.starts_with(&below))
            .map(|(name, bytes)| File {
                path: name.clone(),
                length: bytes.len() as u64,
                block: self.block,
                blocks: Vec::new(),
            });
        let found: Vec<File> = found.collect();
        if found.is_empty() {
            return Err(not_found(path));
        }
        Ok(found)
    }

    fn open(&self, path: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let bytes = self.files.get(path).ok_or_else(|| not_found(path))?;
        let mut cursor = Cursor::new(bytes.clone());
        cursor.set_position(offset);
        Ok(Box::new(cursor))
    }
}

type Shared = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A task's own files in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryScratch {
    files: Shared,
}

impl MemoryScratch {
    /// A file's bytes from an offset on.
    ///
    /// # Errors
    /// Where there is no such file.
    pub fn read(&self, name: &str, offset: u64) -> io::Result<Vec<u8>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = files.get(name).ok_or_else(|| not_found(name))?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(bytes.get(from..).unwrap_or_default().to_vec())
    }

    /// The names of its files.
    pub fn names(&self) -> Vec<String> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.keys().cloned().collect()
    }
}

struct Appender {
    files: Shared,
    name: String,
}

impl Write for Appender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let file = files.entry(self.name.clone()).or_default();
        file.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Scratch for MemoryScratch {
    fn create(&self, name: &str) -> io::Result<Box<dyn Write + Send>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(name.to_owned(), Vec::new());
        Ok(Box::new(Appender {
            files: self.files.clone(),
            name: name.to_owned(),
        }))
    }

    fn open(&self, name: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.read(name, offset)?)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.remove(name).map(drop).ok_or_else(|| not_found(name))
    }
}

/// Nobody who looks on.
#[derive(Clone, Copy, Debug)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn report(&self, _: f64, _: &Counters) {}

    fn progress(&self) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}
