//! A job's output directory: Hadoop's `FileOutputCommitter`. Attempts write below `_temporary`, each for itself; one of them is
//! linked to its final name, which fails where there is one already; [`SUCCESS`] comes last.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::output::{SUCCESS, TEMPORARY};

/// A job's output in a local directory.
#[derive(Clone, Debug)]
pub struct LocalOutput {
    dir: PathBuf,
}

impl LocalOutput {
    /// A directory for a new job.
    ///
    /// # Errors
    /// Where it is there already, or cannot be made.
    pub fn create(dir: &Path) -> io::Result<LocalOutput> {
        fs::create_dir_all(dir.parent().unwrap_or(dir))?;
        fs::create_dir(dir).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!(
                    "the output {} is there already; remove it, or name another",
                    dir.display()
                ),
            ),
            _ => error,
        })?;
        let output = LocalOutput::open(dir);
        fs::create_dir(output.dir.join(TEMPORARY))?;
        Ok(output)
    }

    /// The directory of a job that began before.
    pub fn open(dir: &Path) -> LocalOutput {
        LocalOutput {
            dir: dir.to_owned(),
        }
    }

    fn temporary(&self, attempt: &str) -> PathBuf {
        self.dir.join(TEMPORARY).join(attempt)
    }

    /// A file for an attempt of a task, in place of what it may have left there before.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn begin(&self, attempt: &str, part: &str) -> io::Result<fs::File> {
        let dir = self.temporary(attempt);
        fs::create_dir_all(&dir)?;
        fs::File::create(dir.join(part))
    }

    /// Makes an attempt's file part of the output, for ever. Asked again for the same attempt, it has nothing to do.
    ///
    /// # Errors
    /// Where another attempt's is there, or the disk refuses.
    pub fn commit_task(&self, attempt: &str, part: &str) -> io::Result<()> {
        let from = self.temporary(attempt).join(part);
        let to = self.dir.join(part);
        fs::File::open(&from)?.sync_all()?;
        match fs::hard_link(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if is_same(&from, &to)? {
                    return Ok(());
                }
                Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    format!("{} was committed by another attempt", to.display()),
                ))
            }
            other => other,
        }
    }

    /// Removes what an attempt has written.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn abort_task(&self, attempt: &str) -> io::Result<()> {
        match fs::remove_dir_all(self.temporary(attempt)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// After the last task: removes what is temporary, and says that all is there.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn commit_job(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.dir.join(TEMPORARY)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::File::create(self.dir.join(SUCCESS))?.sync_all()?;
        fs::File::open(&self.dir)?.sync_all()
    }
}

/// Whether two names are of one file.
fn is_same(a: &Path, b: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let (a, b) = (fs::metadata(a)?, fs::metadata(b)?);
    Ok((a.dev(), a.ino()) == (b.dev(), b.ino()))
}
