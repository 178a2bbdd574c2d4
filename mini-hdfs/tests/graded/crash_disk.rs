//! A disk that crashes at a chosen call, and then shows what a real one might show.

use std::collections::BTreeMap;

use node::{Disk, DiskError, DiskErrorKind};

/// What becomes of everything that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsynced {
    Lost,
    Torn,
    /// The names have reached the disk before the bytes behind them.
    NamesAlone,
    Kept,
}

pub(crate) const OUTCOMES: [Unsynced; 4] = [
    Unsynced::Lost,
    Unsynced::Torn,
    Unsynced::NamesAlone,
    Unsynced::Kept,
];

#[derive(Clone, Debug, Default)]
struct Contents {
    now: Vec<u8>,
    durable: Vec<u8>,
}

/// Keeps two views of files and names, the current and the durable one, by the rules of [`Disk`].
#[derive(Clone, Debug, Default)]
pub(crate) struct CrashDisk {
    contents: Vec<Contents>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Changes of names since the last `sync_dir`, each as all names after it.
    unsynced_names: Vec<BTreeMap<String, usize>>,
    /// Calls that change something, so far.
    pub(crate) calls: usize,
    /// The first call that does nothing any more.
    crash_at: Option<usize>,
}

impl CrashDisk {
    /// The disk after a crash, or a restart of the machine.
    pub(crate) fn restarted(&self, unsynced: Unsynced) -> CrashDisk {
        let names = match (unsynced, self.unsynced_names.len()) {
            (_, 0) | (Unsynced::Lost, _) => &self.durable_names,
            (Unsynced::Torn, changes) => &self.unsynced_names[(changes - 1) / 2],
            (Unsynced::NamesAlone | Unsynced::Kept, changes) => &self.unsynced_names[changes - 1],
        };
        let contents = self.contents.iter().map(|file| {
            let survives = match unsynced {
                Unsynced::Lost | Unsynced::NamesAlone => file.durable.clone(),
                Unsynced::Kept => file.now.clone(),
                Unsynced::Torn => {
                    let same = file
                        .now
                        .iter()
                        .zip(&file.durable)
                        .take_while(|(a, b)| a == b)
                        .count();
                    let torn = same + (file.now.len() - same).div_ceil(2);
                    file.now[..torn].to_vec()
                }
            };
            Contents {
                now: survives.clone(),
                durable: survives,
            }
        });
        CrashDisk {
            contents: contents.collect(),
            names: names.clone(),
            durable_names: names.clone(),
            ..CrashDisk::default()
        }
    }

    /// The disk after the process alone has crashed: nothing is lost, and nothing more is durable.
    #[allow(dead_code, reason = "tests/storage.rs uses it")]
    pub(crate) fn process_restarted(&self) -> CrashDisk {
        CrashDisk {
            crash_at: None,
            ..self.clone()
        }
    }

    /// The same disk, to crash at this call from now on, counted from 0.
    pub(crate) fn crashing_at(&self, call: usize) -> CrashDisk {
        CrashDisk {
            crash_at: Some(self.calls + call),
            ..self.clone()
        }
    }

    /// A file's contents, to be damaged by hand.
    pub(crate) fn file_mut(&mut self, file: &str) -> &mut Vec<u8> {
        let id = self.names[file];
        &mut self.contents[id].now
    }

    fn call(&mut self, operation: &'static str, file: &str) -> Result<(), DiskError> {
        let crashed = self.crash_at.is_some_and(|at| self.calls >= at);
        self.calls += 1;
        if crashed {
            return Err(DiskError::new(operation, file, DiskErrorKind::Crashed));
        }
        Ok(())
    }

    fn id(&self, operation: &'static str, file: &str) -> Result<usize, DiskError> {
        let missing = || DiskError::new(operation, file, DiskErrorKind::NotFound);
        self.names.get(file).copied().ok_or_else(missing)
    }

    fn name_changed(&mut self) {
        self.unsynced_names.push(self.names.clone());
    }
}

impl Disk for CrashDisk {
    fn write_at(&mut self, file: &str, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        // A write that the crash hits may still be there in part.
        let crashed = self.call("write", file);
        if !self.names.contains_key(file) {
            self.names.insert(file.to_owned(), self.contents.len());
            self.contents.push(Contents::default());
            self.name_changed();
        }
        let written = match crashed {
            Ok(()) => bytes,
            Err(_) => &bytes[..bytes.len() / 2],
        };
        let id = self.id("write", file)?;
        let now = &mut self.contents[id].now;
        let start = usize::try_from(offset).expect("small files");
        now.resize(now.len().max(start + written.len()), 0);
        now[start..start + written.len()].copy_from_slice(written);
        crashed
    }

    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        self.call("truncate", file)?;
        let id = self.id("truncate", file)?;
        self.contents[id]
            .now
            .resize(usize::try_from(len).expect("small files"), 0);
        Ok(())
    }

    fn read_at(&self, file: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError> {
        let now = &self.contents[self.id("read", file)?].now;
        let start = usize::try_from(offset).expect("small files").min(now.len());
        let end = start.saturating_add(len).min(now.len());
        Ok(now[start..end].to_vec())
    }

    fn len(&self, file: &str) -> Result<u64, DiskError> {
        Ok(self.contents[self.id("open", file)?].now.len() as u64)
    }

    fn sync(&mut self, file: &str) -> Result<(), DiskError> {
        self.call("sync", file)?;
        let id = self.id("sync", file)?;
        let file = &mut self.contents[id];
        file.durable = file.now.clone();
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.call("rename", from)?;
        let id = self.id("rename", from)?;
        self.names.remove(from);
        self.names.insert(to.to_owned(), id);
        self.name_changed();
        Ok(())
    }

    fn remove(&mut self, file: &str) -> Result<(), DiskError> {
        self.call("remove", file)?;
        self.id("remove", file)?;
        self.names.remove(file);
        self.name_changed();
        Ok(())
    }

    fn list(&self, dir: &str) -> Result<Vec<String>, DiskError> {
        let prefix = format!("{dir}/");
        let inside = self
            .names
            .keys()
            .filter_map(|name| name.strip_prefix(&prefix));
        Ok(inside.map(str::to_owned).collect())
    }

    fn sync_dir(&mut self, dir: &str) -> Result<(), DiskError> {
        self.call("sync", dir)?;
        self.durable_names = self.names.clone();
        self.unsynced_names.clear();
        Ok(())
    }
}
