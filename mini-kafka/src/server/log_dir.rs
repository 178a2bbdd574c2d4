//! The log directory, which all partitions are in: whether its disk works, and what is held back for when it is full.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use node::{Disk, DiskError, FileDisk};
use tracing::{error, warn};

use crate::error::ErrorCode;
use crate::log::LogError;
use crate::log::files::remove_if_present;

/// A deletion is noted before it is done, and the note takes room. So this much is held back, which is more than a checkpoint has, or the
/// catalogue of some thousand topics.
const RESERVE_BYTES: usize = 1 << 20;
const RESERVE_FILE: &str = ".reserve";

/// The log directory. Once a write or a sync failed it is offline: what the disk holds is not known any more, and trying again
/// could only hide that (an fsync that failed may succeed the next time without having written anything).
#[derive(Debug)]
pub struct LogDir {
    /// Where it is.
    pub disk: FileDisk,
    offline: AtomicBool,
    /// Whether the reserve is known to be there. Whoever appends holds it for reading, so that nobody takes the room while it is released; it is
    /// the last lock that is taken.
    reserved: RwLock<bool>,
}

impl LogDir {
    /// The directory, online.
    pub fn new(disk: FileDisk) -> LogDir {
        LogDir {
            disk,
            offline: AtomicBool::new(false),
            reserved: RwLock::new(false),
        }
    }

    /// Whether it failed.
    pub fn is_offline(&self) -> bool {
        self.offline.load(Ordering::Acquire)
    }

    /// Refuses where it failed.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`].
    pub fn check(&self) -> Result<(), ErrorCode> {
        if self.is_offline() {
            return Err(ErrorCode::KafkaStorageError);
        }
        Ok(())
    }

    /// Takes it offline.
    pub fn fail(&self, what: &dyn std::fmt::Display) {
        if !self.offline.swap(true, Ordering::AcqRel) {
            let dir = self.disk.root().display();
            error!(%dir, "the log directory is offline until the broker is restarted: {what}");
        }
    }

    /// Holds the reserve back, as long as what is returned lives.
    ///
    /// # Errors
    /// Where there is no room for it. Nobody may append then: it would take the room that a deletion needs.
    pub fn keep_reserve(&self) -> Result<RwLockReadGuard<'_, bool>, ErrorCode> {
        loop {
            let reserved = self.reserved.read().unwrap_or_else(PoisonError::into_inner);
            if *reserved {
                return Ok(reserved);
            }
            drop(reserved);
            let mut reserved = self
                .reserved
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            if !*reserved {
                self.make_reserve().map_err(|e| self.without_reserve(e))?;
                *reserved = true;
            }
        }
    }

    fn make_reserve(&self) -> Result<(), DiskError> {
        let mut disk = self.disk.clone();
        if disk.len(RESERVE_FILE) == Ok(RESERVE_BYTES as u64) {
            return Ok(());
        }
        let written = disk.write_at(RESERVE_FILE, 0, &vec![0; RESERVE_BYTES]);
        if written.is_err() {
            remove_if_present(&mut disk, RESERVE_FILE)?;
        }
        written
    }

    fn without_reserve(&self, error: DiskError) -> ErrorCode {
        let error = LogError::from(error);
        if error.is_fatal() {
            self.fail(&error);
        } else {
            warn!("nothing is taken from producers: {error}");
        }
        error.code()
    }

    /// Does what makes room, and gives it the reserve where the disk is full.
    ///
    /// # Errors
    /// Those of `act`.
    pub fn making_room<T>(
        &self,
        mut act: impl FnMut() -> Result<T, ErrorCode>,
    ) -> Result<T, ErrorCode> {
        let done = act();
        if !matches!(done, Err(ErrorCode::KafkaStorageError)) || self.is_offline() {
            return done;
        }
        let mut reserved = self
            .reserved
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *reserved = false;
        if self.disk.clone().remove(RESERVE_FILE).is_ok() {
            warn!("the reserve of {RESERVE_BYTES} bytes is released for a deletion");
        }
        let done = act();
        // Otherwise the next append makes it, or is refused.
        *reserved = self.make_reserve().is_ok();
        done
    }
}
