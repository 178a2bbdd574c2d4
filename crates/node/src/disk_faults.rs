//! What is wrong with a real disk, because somebody wants to see what comes of it.
//!
//! The simulator does this to its own disks. For processes that run for real the faults stand here, in the last step before the
//! operating system, so that whatever is above believes them: neither root nor a file system of its own is needed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{DiskError, DiskErrorKind};

/// What is wrong with a disk. The default is: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskFault {
    /// So many bytes files may still grow by all together, before the disk is full. What is removed is there to be used again. None: as
    /// much as there is.
    pub full: Option<u64>,
    /// Each read, write and sync takes this much longer.
    pub slow: Duration,
    /// What does not work at all.
    pub failing: Failing,
}

/// Which operations of a disk fail with an I/O error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Failing {
    /// None.
    #[default]
    Nothing,
    /// Syncs, of files and of directories.
    Syncs,
    /// All.
    Everything,
}

/// What is wrong with one disk, to be looked at and changed while it is used. Clones are handles on the same disk.
#[derive(Clone, Debug, Default)]
pub struct DiskFaults(Arc<Mutex<DiskFault>>);

impl DiskFaults {
    fn lock(&self) -> MutexGuard<'_, DiskFault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong now.
    pub fn get(&self) -> DiskFault {
        *self.lock()
    }

    /// From now on this is wrong, and nothing else.
    pub fn set(&self, fault: DiskFault) {
        *self.lock() = fault;
    }

    /// Comes before every operation: takes the time that it takes longer, and refuses it if it fails. [`FileDisk`](crate::FileDisk) calls it itself.
    ///
    /// # Errors
    /// When the operation is one that fails.
    pub fn before(&self, operation: &'static str, file: &str) -> Result<(), DiskError> {
        let fault = self.get();
        let is_sync = operation == "sync";
        if is_sync || matches!(operation, "read" | "write") {
            std::thread::sleep(fault.slow);
        }
        match fault.failing {
            Failing::Syncs if is_sync => {}
            Failing::Everything => {}
            Failing::Syncs | Failing::Nothing => return Ok(()),
        }
        let reason = "input/output error (injected)".to_owned();
        Err(DiskError::new(operation, file, DiskErrorKind::Io(reason)))
    }

    /// Whether anybody has to know how long files are.
    pub(crate) fn counts(&self) -> bool {
        self.lock().full.is_some()
    }

    /// A file is to grow by `wanted` bytes. Returns by how many it may.
    pub fn grow(&self, wanted: u64) -> u64 {
        let mut fault = self.lock();
        let Some(left) = &mut fault.full else {
            return wanted;
        };
        let granted = wanted.min(*left);
        *left -= granted;
        granted
    }

    /// A file has become `bytes` shorter.
    pub(crate) fn shrink(&self, bytes: u64) {
        if let Some(left) = &mut self.lock().full {
            *left = left.saturating_add(bytes);
        }
    }
}
