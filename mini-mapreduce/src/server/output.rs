//! A job's output directory (`FileOutputCommitter`), on whichever file system: attempts write below `_temporary`, each for itself; what becomes of that,
//! and in which order, is [`commit::plan`]'s to say.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use super::files::{FileSystem, FileSystems, FileWriter, Layout};
use crate::coordinator::commit::{self, Step};
use crate::output::{SUCCESS, TEMPORARY};
use crate::protocol::AttemptId;

/// A job's output.
#[derive(Clone)]
pub struct OutputDir {
    files: Arc<dyn FileSystem>,
    dir: String,
    layout: Layout,
}

/// Whether a job may write there: nothing is there.
///
/// # Errors
/// Something is, or that cannot be known.
pub fn check_is_new(files: &FileSystems, output: &str) -> io::Result<()> {
    match files.of(output)?.exists(output)? {
        true => Err(is_there(output)),
        false => Ok(()),
    }
}

fn is_there(dir: &str) -> io::Error {
    let reason = format!("the output {dir} is there already; remove it, or name another");
    io::Error::new(io::ErrorKind::AlreadyExists, reason)
}

impl OutputDir {
    /// A directory for a new job.
    ///
    /// # Errors
    /// Where it is there already, or cannot be made.
    pub fn create(files: &FileSystems, dir: &str) -> io::Result<OutputDir> {
        let output = OutputDir::open(files, dir)?;
        let made = output.files.create_new_dir(dir);
        made.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => is_there(dir),
            _ => error,
        })?;
        Ok(output)
    }

    /// The directory of a job that began before. It is not looked at yet.
    ///
    /// # Errors
    /// Where there is no such file system.
    pub fn open(files: &FileSystems, dir: &str) -> io::Result<OutputDir> {
        Ok(OutputDir {
            files: files.of(dir)?,
            dir: dir.to_owned(),
            layout: Layout::default(),
        })
    }

    /// With parts that are laid out like this.
    #[must_use]
    pub fn laid_out(self, layout: Layout) -> OutputDir {
        OutputDir { layout, ..self }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.dir)
    }

    /// The file in which an attempt writes its part, in place of what it may have left there before. Its name is durable; what is in it has to be
    /// closed before the attempt is called done, for that counts for good.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn begin(&self, attempt: AttemptId) -> io::Result<Box<dyn FileWriter>> {
        let (temporary, own) = (self.path(TEMPORARY), self.path(&attempt_dir(attempt)));
        // Never the output itself: where that is gone, the job is over.
        self.files.create_dir(&temporary)?;
        if let Err(error) = self.files.create_dir(&own) {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            // Somebody else's `abort_task` has come between the two. Twice would be a strange coincidence, and costs one attempt.
            self.files.create_dir(&temporary)?;
            self.files.create_dir(&own)?;
        }
        let part = self.path(&commit::temporary_name(attempt));
        let file = self.files.create(&part, self.layout)?;
        for dir in [&own, &temporary, &self.dir] {
            self.files.sync_dir(dir)?;
        }
        Ok(file)
    }

    /// Removes what an attempt has written. If it is the last one, `_temporary` goes too: after a commit nobody else would remove it.
    ///
    /// # Errors
    /// Where the file system refuses.
    pub fn abort_task(&self, attempt: AttemptId) -> io::Result<()> {
        self.files.remove_all(&self.path(&attempt_dir(attempt)))?;
        unless_in_use(self.files.remove_dir(&self.path(TEMPORARY)))
    }

    /// Makes the parts of these attempts the output, for ever, and says that all is there. Begins where an earlier call was cut off.
    ///
    /// # Errors
    /// Where a part is missing, or the file system refuses.
    pub fn commit(&self, winners: &[AttemptId]) -> io::Result<()> {
        let steps = commit::plan(winners, &self.names()?).map_err(io::Error::other)?;
        for step in steps {
            match step {
                Step::Rename { from, to } => {
                    self.files.rename(&self.path(&from), &self.path(&to))?;
                }
                Step::RemoveTemporary => {
                    // The parts have to be durable in their places before.
                    self.files.sync_dir(&self.dir)?;
                    self.remove_temporary()?;
                }
                Step::WriteSuccess => {
                    // What it says has to be durable before it.
                    self.files.sync_dir(&self.dir)?;
                    let success = self.files.create(&self.path(SUCCESS), self.layout)?;
                    success.close()?;
                }
            }
        }
        // Also where nothing was left but empty directories.
        self.remove_temporary()?;
        self.files.sync_dir(&self.dir)
    }

    /// At the end of a job that failed: removes what of these attempts' parts is visible, all that attempts have left, and the directory, if nothing
    /// else is in it.
    ///
    /// # Errors
    /// Where the file system refuses.
    pub fn abort(&self, winners: &[AttemptId]) -> io::Result<()> {
        let names = match self.names() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            names => names?,
        };
        for name in commit::undo(winners, &names) {
            self.files.remove_all(&self.path(&name))?;
        }
        self.remove_temporary()?;
        unless_in_use(self.files.remove_dir(&self.dir))
    }

    fn remove_temporary(&self) -> io::Result<()> {
        self.files.remove_all(&self.path(TEMPORARY))
    }

    /// The files in the directory, and those of attempts, by their names within it.
    fn names(&self) -> io::Result<BTreeSet<String>> {
        let mut files = BTreeSet::new();
        let mut dirs = vec![String::new()];
        while let Some(dir) = dirs.pop() {
            let entries = match self.files.entries(self.path(&dir).trim_end_matches('/')) {
                // A late attempt has removed what it had.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !dir.is_empty() => {
                    continue;
                }
                entries => entries?,
            };
            for (entry, is_dir) in entries {
                let name = format!("{dir}{entry}");
                if !is_dir {
                    files.insert(name);
                } else if name.starts_with(TEMPORARY) {
                    dirs.push(format!("{name}/"));
                }
            }
        }
        Ok(files)
    }
}

/// What of an output is an attempt's own.
fn attempt_dir(attempt: AttemptId) -> String {
    format!("{TEMPORARY}/{attempt}")
}

fn unless_in_use(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => removed,
    }
}
