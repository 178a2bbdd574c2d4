//! The disk, as a core sees it: named files, buffered writes, and a line between written and durable.

use std::fmt::{self, Display};

/// A directory tree of files, where a write is lost in a crash until it has been synced.
///
/// The rules are POSIX's, taken at their word:
/// - [`write_at`](Disk::write_at) and [`truncate`](Disk::truncate) change a file's contents at once for
///   readers; they survive a crash for sure only after [`sync`](Disk::sync) of that file. Until then any
///   part may survive, torn in the middle of a write too.
/// - [`rename`](Disk::rename), [`remove`](Disk::remove) and the first write to a new file change a
///   directory; they survive for sure only after [`sync_dir`](Disk::sync_dir) of it, and take effect
///   in the order in which they were made. A rename within one directory is atomic.
///
/// File names are relative, parts joined by `/`; directories come into being with their first file.
pub trait Disk {
    /// Writes `bytes` at `offset`, creating the file and filling a gap with zeros where needed.
    fn write_at(&mut self, file: &str, offset: u64, bytes: &[u8]) -> Result<(), DiskError>;

    /// Cuts or extends (with zeros) the file to `len` bytes.
    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError>;

    /// Reads up to `len` bytes from `offset`; fewer only at the end of the file.
    fn read_at(&self, file: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError>;

    /// The file's length in bytes.
    fn len(&self, file: &str) -> Result<u64, DiskError>;

    /// Makes the file's contents durable (`fsync`).
    fn sync(&mut self, file: &str) -> Result<(), DiskError>;

    /// Renames a file, replacing what `to` named before.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError>;

    /// Removes a file.
    fn remove(&mut self, file: &str) -> Result<(), DiskError>;

    /// The names directly inside a directory (`""` is the root), sorted, subdirectories included; none
    /// where the directory does not exist.
    fn list(&self, dir: &str) -> Result<Vec<String>, DiskError>;

    /// Makes what happened to the names in a directory durable (`fsync` of the directory). A directory
    /// that does not exist is none of its own: nothing is done.
    fn sync_dir(&mut self, dir: &str) -> Result<(), DiskError>;

    /// The whole file.
    fn read(&self, file: &str) -> Result<Vec<u8>, DiskError> {
        let len = usize::try_from(self.len(file)?).unwrap_or(usize::MAX);
        self.read_at(file, 0, len)
    }

    /// Writes at the end of the file, creating it where needed.
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let end = match self.len(file) {
            Err(e) if e.kind == DiskErrorKind::NotFound => 0,
            other => other?,
        };
        self.write_at(file, end, bytes)
    }

    /// Whether the file exists.
    fn exists(&self, file: &str) -> bool {
        self.len(file).is_ok()
    }
}

/// A failed disk operation: what, on which file, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskError {
    /// The operation, as a verb: `"sync"`.
    pub operation: &'static str,
    /// The file or directory, as the caller named it.
    pub file: String,
    /// Why it failed.
    pub kind: DiskErrorKind,
}

/// Why a disk operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskErrorKind {
    /// There is no such file.
    NotFound,
    /// No space is left. What was on the disk is untouched; the failed write may be there in part.
    Full,
    /// The node has crashed: nothing that it still does has any effect. Only a simulated disk says so.
    Crashed,
    /// Whatever else the operating system says.
    Io(String),
}

impl DiskError {
    /// An error of `operation` on `file`.
    pub fn new(operation: &'static str, file: &str, kind: DiskErrorKind) -> DiskError {
        DiskError {
            operation,
            file: file.to_owned(),
            kind,
        }
    }
}

impl Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operation, file) = (self.operation, &self.file);
        match &self.kind {
            DiskErrorKind::NotFound => write!(f, "cannot {operation} {file}: no such file"),
            DiskErrorKind::Full => {
                write!(f, "cannot {operation} {file}: no space left on the disk")
            }
            DiskErrorKind::Crashed => write!(f, "cannot {operation} {file}: the node has crashed"),
            DiskErrorKind::Io(reason) => write!(f, "cannot {operation} {file}: {reason}"),
        }
    }
}

impl std::error::Error for DiskError {}
