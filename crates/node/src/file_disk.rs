//! A disk that is a directory of real files.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::{Disk, DiskError, DiskErrorKind, DiskFaults};

/// How many files stay open for writing. A core writes to one or two at a time.
const OPEN_FILES_MAX: usize = 16;

/// A read asks for no more memory than this before it knows how much there is.
const READ_BUFFER_MAX: usize = 1 << 20;

/// Real files below one directory. Clones share the directory and nothing else, so each thread can
/// have its own; a file that one of them writes, no other may rename, remove or replace meanwhile.
#[derive(Debug)]
pub struct FileDisk {
    root: PathBuf,
    /// Files open for writing, so that a sequence of writes and a sync costs one `open`.
    open: BTreeMap<String, File>,
    faults: Option<DiskFaults>,
}

impl Clone for FileDisk {
    fn clone(&self) -> Self {
        FileDisk {
            root: self.root.clone(),
            open: BTreeMap::new(),
            faults: self.faults.clone(),
        }
    }
}

fn failed(operation: &'static str, file: &str) -> impl FnOnce(io::Error) -> DiskError {
    move |e| {
        let kind = match e.kind() {
            ErrorKind::NotFound => DiskErrorKind::NotFound,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => DiskErrorKind::Full,
            _ => DiskErrorKind::Io(e.to_string()),
        };
        DiskError::new(operation, file, kind)
    }
}

impl FileDisk {
    /// Opens the directory `root`, creating it where needed.
    ///
    /// # Errors
    /// When the directory cannot be created.
    pub fn open(root: impl Into<PathBuf>) -> Result<FileDisk, DiskError> {
        let root = root.into();
        fs::create_dir_all(&root).map_err(failed("create", &root.to_string_lossy()))?;
        Ok(FileDisk {
            root,
            open: BTreeMap::new(),
            faults: None,
        })
    }

    /// The same disk, with which things may be wrong.
    #[must_use]
    pub fn with_faults(self, faults: DiskFaults) -> FileDisk {
        FileDisk {
            faults: Some(faults),
            ..self
        }
    }

    /// What may be wrong with it, if anything ever is.
    pub fn faults(&self) -> Option<&DiskFaults> {
        self.faults.as_ref()
    }

    /// The directory that holds the files.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn before(&self, operation: &'static str, file: &str) -> Result<(), DiskError> {
        self.faults
            .as_ref()
            .map_or(Ok(()), |faults| faults.before(operation, file))
    }

    /// The faults, where they make it matter how long files are.
    fn counting(&self) -> Option<DiskFaults> {
        self.faults.clone().filter(DiskFaults::counts)
    }

    fn path(&self, file: &str) -> PathBuf {
        file.split('/')
            .fold(self.root.clone(), |path, part| path.join(part))
    }

    /// The file opened for writing; created, with the directories above it, if `create` says so.
    fn writable(
        &mut self,
        operation: &'static str,
        file: &str,
        create: bool,
    ) -> Result<&mut File, DiskError> {
        if !self.open.contains_key(file) {
            let path = self.path(file);
            let mut options = OpenOptions::new();
            options.read(true).write(true);
            let opened = match options.open(&path) {
                Err(e) if e.kind() == ErrorKind::NotFound && create => {
                    create_parents(&path).and_then(|()| options.create(true).open(&path))
                }
                opened => opened,
            };
            let opened = opened.map_err(failed(operation, file))?;
            if self.open.len() >= OPEN_FILES_MAX {
                self.open.pop_first();
            }
            self.open.insert(file.to_owned(), opened);
        }
        self.open
            .get_mut(file)
            .ok_or_else(|| DiskError::new(operation, file, DiskErrorKind::NotFound))
    }
}

/// Creates the directories above `path`. New ones are made durable at once: it happens rarely, and
/// `sync_dir` of the innermost one alone would not keep those above it.
fn create_parents(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path
        .ancestors()
        .skip(1)
        .take_while(|dir| !dir.exists())
        .collect();
    for dir in missing.into_iter().rev() {
        match fs::create_dir(dir) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            made => made?,
        }
        if let Some(parent) = dir.parent() {
            sync_directory(parent)?;
        }
    }
    Ok(())
}

/// Directories can be opened and synced on Unix; elsewhere the file system keeps their order itself.
fn sync_directory(dir: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(dir)?.sync_all()
    } else {
        Ok(())
    }
}

impl Disk for FileDisk {
    fn write_at(&mut self, file: &str, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.before("write", file)?;
        let faults = self.counting();
        let opened = self.writable("write", file, true)?;
        let mut fits = bytes.len();
        if let Some(faults) = faults {
            let len = opened.metadata().map_err(failed("write", file))?.len();
            let growth = (offset + bytes.len() as u64).saturating_sub(len);
            let granted = faults.grow(growth);
            let missing = growth - granted;
            fits = fits.saturating_sub(usize::try_from(missing).unwrap_or(usize::MAX));
            if fits == 0 {
                // Where not even the gap before it has room, the file does not grow at all.
                faults.shrink(granted);
            }
        }
        opened
            .seek(SeekFrom::Start(offset))
            .and_then(|_| opened.write_all(&bytes[..fits]))
            .map_err(failed("write", file))?;
        if fits < bytes.len() {
            return Err(DiskError::new("write", file, DiskErrorKind::Full));
        }
        Ok(())
    }

    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        self.before("truncate", file)?;
        let faults = self.counting();
        let opened = self.writable("truncate", file, false)?;
        if let Some(faults) = faults {
            let before = opened.metadata().map_err(failed("truncate", file))?.len();
            faults.shrink(before.saturating_sub(len));
            // Zeros that nobody wrote take no room.
        }
        opened.set_len(len).map_err(failed("truncate", file))
    }

    fn read_at(&self, file: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError> {
        self.before("read", file)?;
        let read = || {
            let mut opened = File::open(self.path(file))?;
            opened.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::with_capacity(len.min(READ_BUFFER_MAX));
            opened.take(len as u64).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(failed("read", file))
    }

    fn len(&self, file: &str) -> Result<u64, DiskError> {
        self.before("open", file)?;
        Ok(fs::metadata(self.path(file))
            .map_err(failed("open", file))?
            .len())
    }

    fn sync(&mut self, file: &str) -> Result<(), DiskError> {
        self.before("sync", file)?;
        self.writable("sync", file, false)?
            .sync_data()
            .map_err(failed("sync", file))
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.before("rename", from)?;
        self.open.remove(from);
        self.open.remove(to);
        let (source, target) = (self.path(from), self.path(to));
        let replaced = fs::metadata(&target).ok().filter(|_| source != target);
        let freed = self.counting().zip(replaced);
        let moved = match fs::rename(&source, &target) {
            Err(e) if e.kind() == ErrorKind::NotFound && source.exists() => {
                create_parents(&target).and_then(|()| fs::rename(&source, &target))
            }
            moved => moved,
        };
        moved.map_err(failed("rename", from))?;
        if let Some((faults, file)) = freed {
            faults.shrink(file.len());
        }
        Ok(())
    }

    fn remove(&mut self, file: &str) -> Result<(), DiskError> {
        self.before("remove", file)?;
        self.open.remove(file);
        let path = self.path(file);
        let freed = self.counting().zip(fs::metadata(&path).ok());
        fs::remove_file(path).map_err(failed("remove", file))?;
        if let Some((faults, file)) = freed {
            faults.shrink(file.len());
        }
        Ok(())
    }

    fn list(&self, dir: &str) -> Result<Vec<String>, DiskError> {
        self.before("list", dir)?;
        let entries = match fs::read_dir(self.path(dir)) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed("list", dir))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(
                entry
                    .map_err(failed("list", dir))?
                    .file_name()
                    .to_string_lossy()
                    .into_owned(),
            );
        }
        names.sort_unstable();
        Ok(names)
    }

    fn sync_dir(&mut self, dir: &str) -> Result<(), DiskError> {
        self.before("sync", dir)?;
        match sync_directory(&self.path(dir)) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            synced => synced.map_err(failed("sync", dir)),
        }
    }
}
