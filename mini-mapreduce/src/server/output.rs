//! A job's output directory (`FileOutputCommitter`): attempts write below `_temporary`, each for itself; what becomes of that, and in which order, is
//! [`commit::plan`]'s to say.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::coordinator::commit::{self, Step};
use crate::output::{SUCCESS, TEMPORARY};
use crate::protocol::AttemptId;

/// How often it is tried to remove what attempts have left, since late ones may still write.
const REMOVALS_MAX: u32 = 1_000;

/// A job's output in a local directory.
#[derive(Clone, Debug)]
pub struct LocalOutput {
    dir: PathBuf,
}

/// Whether a job may write there: nothing is there.
///
/// # Errors
/// Something is, or that cannot be known.
pub fn check_is_new(output: &str) -> io::Result<()> {
    match fs::symlink_metadata(output) {
        Ok(_) => Err(is_there(Path::new(output))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_there(dir: &Path) -> io::Error {
    let reason = format!(
        "the output {} is there already; remove it, or name another",
        dir.display()
    );
    io::Error::new(io::ErrorKind::AlreadyExists, reason)
}

impl LocalOutput {
    /// A directory for a new job.
    ///
    /// # Errors
    /// Where it is there already, or cannot be made.
    pub fn create(dir: &Path) -> io::Result<LocalOutput> {
        fs::create_dir_all(dir.parent().unwrap_or(dir))?;
        fs::create_dir(dir).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => is_there(dir),
            _ => error,
        })?;
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::File::open(parent)?.sync_all()?;
        }
        Ok(LocalOutput::open(dir))
    }

    /// The directory of a job that began before.
    pub fn open(dir: &Path) -> LocalOutput {
        LocalOutput {
            dir: dir.to_owned(),
        }
    }

    /// The file in which an attempt writes its part, in place of what it may have left there before. Its name is durable; what is in it has to be
    /// synced before the attempt is called done, for that counts for good.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn begin(&self, attempt: AttemptId) -> io::Result<fs::File> {
        let path = self.dir.join(commit::temporary_name(attempt));
        // Never the output itself: where that is gone, the job is over.
        for dir in [&self.dir.join(TEMPORARY), path.parent().unwrap_or(&path)] {
            match fs::create_dir(dir) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        let file = fs::File::create(&path)?;
        let dirs = path.ancestors().skip(1);
        for dir in dirs.take_while(|dir| dir.starts_with(&self.dir)) {
            fs::File::open(dir)?.sync_all()?;
        }
        Ok(file)
    }

    /// Removes what an attempt has written. If it is the last one, `_temporary` goes too: after a commit nobody else would remove it.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn abort_task(&self, attempt: AttemptId) -> io::Result<()> {
        let path = self.dir.join(commit::temporary_name(attempt));
        unless_missing(fs::remove_dir_all(path.parent().unwrap_or(&path)))?;
        unless_in_use(fs::remove_dir(self.dir.join(TEMPORARY)))
    }

    /// Makes the parts of these attempts the output, for ever, and says that all is there. Begins where an earlier call was cut off.
    ///
    /// # Errors
    /// Where a part is missing, or the disk refuses.
    pub fn commit(&self, winners: &[AttemptId]) -> io::Result<()> {
        let steps = commit::plan(winners, &self.files()?).map_err(io::Error::other)?;
        for step in steps {
            match step {
                Step::Rename { from, to } => {
                    fs::rename(self.dir.join(from), self.dir.join(to))?;
                }
                Step::RemoveTemporary => {
                    // The parts have to be durable in their places before.
                    fs::File::open(&self.dir)?.sync_all()?;
                    self.remove_temporary()?;
                }
                Step::WriteSuccess => {
                    // What it says has to be durable before it.
                    fs::File::open(&self.dir)?.sync_all()?;
                    fs::File::create(self.dir.join(SUCCESS))?.sync_all()?;
                }
            }
        }
        // Also where nothing was left but empty directories.
        self.remove_temporary()?;
        fs::File::open(&self.dir)?.sync_all()
    }

    /// At the end of a job that failed: removes what of these attempts' parts is visible, all that attempts have left, and the directory, if nothing
    /// else is in it.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn abort(&self, winners: &[AttemptId]) -> io::Result<()> {
        let files = match self.files() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            files => files?,
        };
        for file in commit::undo(winners, &files) {
            unless_missing(fs::remove_file(self.dir.join(file)))?;
        }
        self.remove_temporary()?;
        unless_in_use(fs::remove_dir(&self.dir))
    }

    fn remove_temporary(&self) -> io::Result<()> {
        for _ in 0..REMOVALS_MAX {
            match unless_missing(fs::remove_dir_all(self.dir.join(TEMPORARY))) {
                // An attempt that has not heard yet that it is late has begun meanwhile.
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                removed => return removed,
            }
        }
        Err(io::Error::other(format!(
            "{TEMPORARY} in {} is written to again and again",
            self.dir.display()
        )))
    }

    /// The files in the directory, and those of attempts.
    fn files(&self) -> io::Result<BTreeSet<String>> {
        let mut files = BTreeSet::new();
        let mut dirs = vec![String::new()];
        while let Some(dir) = dirs.pop() {
            let entries = match fs::read_dir(self.dir.join(&dir)) {
                // A late attempt has removed what it had.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !dir.is_empty() => {
                    continue;
                }
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                let name = format!("{dir}{}", entry.file_name().to_string_lossy());
                if !entry.file_type()?.is_dir() {
                    files.insert(name);
                } else if name.starts_with(TEMPORARY) {
                    dirs.push(format!("{name}/"));
                }
            }
        }
        Ok(files)
    }
}

fn unless_in_use(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => unless_missing(removed),
    }
}

fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
