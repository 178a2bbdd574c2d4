//! File systems: where input is read and output is written (Hadoop's `FileSystem`). A path says by its scheme which one it means:
//! `hdfs://HOST:PORT/path` is mini-hdfs, and what has no scheme is a local file. Paths of several may stand in one job.

#[cfg(feature = "hdfs")]
mod hdfs;
mod local;
pub mod paths;
#[cfg(feature = "hdfs")]
mod read_ahead;
pub mod tables;

use std::io::{self, Read, Write};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
pub use local::LocalFiles;

use crate::input::{File, Files, is_compressed};
use crate::job::{JobError, Settings};

/// What a job's output needs of a file system, besides reading. Names are full, as the job has them.
///
/// A change of names is durable once [`FileSystem::sync_dir`] has returned for the directory that they are in.
pub trait FileSystem: Files + Send + Sync {
    /// Makes a directory that is not there yet, and those above it that are missing; durable.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] where something is there; or it cannot be made.
    fn create_new_dir(&self, dir: &str) -> io::Result<()>;

    /// Makes a directory, if it is not there, in one that is.
    ///
    /// # Errors
    /// Where that one is missing, or it cannot be made.
    fn create_dir(&self, dir: &str) -> io::Result<()>;

    /// A new file, in place of one that may be there, in a directory that is there.
    ///
    /// # Errors
    /// Where it cannot be made.
    fn create(&self, path: &str, layout: Layout) -> io::Result<Box<dyn FileWriter>>;

    /// Whether there is something of this name.
    ///
    /// # Errors
    /// Where that cannot be known.
    fn exists(&self, path: &str) -> io::Result<bool>;

    /// Gives a file another name, at once and for all who look.
    ///
    /// # Errors
    /// Where it is not there, or that fails.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a directory with all that is in it, or a file. Fine where there is nothing.
    ///
    /// # Errors
    /// Where that fails.
    fn remove_all(&self, path: &str) -> io::Result<()>;

    /// Removes an empty directory. Fine where there is nothing.
    ///
    /// # Errors
    /// [`io::ErrorKind::DirectoryNotEmpty`], or that fails.
    fn remove_dir(&self, dir: &str) -> io::Result<()>;

    /// The names in a directory, and whether each is a directory.
    ///
    /// # Errors
    /// Where it is not there, or cannot be read.
    fn entries(&self, dir: &str) -> io::Result<Vec<(String, bool)>>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// Where that fails.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;
}

/// How a new file is laid out, where a file system has more than one way: mini-hdfs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// How many replicas each block has; 0: what the NameNode says (`dfs.replication`).
    pub replication: u16,
    /// How many bytes a block has; 0: what the NameNode says (`dfs.blocksize`, `64m` or the like).
    pub block_size: u64,
}

impl Layout {
    /// Of a job's output.
    ///
    /// # Errors
    /// Where a setting is not what it has to be.
    pub fn of(settings: &Settings) -> Result<Layout, JobError> {
        let block_size = match settings.get(BLOCK_SIZE) {
            None => 0,
            Some(text) => bytes(text).ok_or_else(|| JobError::Setting {
                name: BLOCK_SIZE.to_owned(),
                value: text.to_owned(),
                expected: "a number of bytes, such as 67108864 or 64m",
            })?,
        };
        Ok(Layout {
            replication: settings.parse("dfs.replication", 0)?,
            block_size,
        })
    }
}

const BLOCK_SIZE: &str = "dfs.blocksize";

/// A number of bytes, as Hadoop reads it: `k`, `m` and `g` are 1024 of what is below.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, unit) = text.split_at(text.trim_end_matches(char::is_alphabetic).len());
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// A file being written. Without [`FileWriter::close`] nothing of it is promised.
pub trait FileWriter: Write + Send {
    /// Ends the file: all of it is durable then.
    ///
    /// # Errors
    /// Where that fails.
    fn close(self: Box<Self>) -> io::Result<()>;
}

/// All file systems that there are. Clones share their connections.
#[derive(Clone, Default)]
pub struct FileSystems {
    /// Where input is, if not where paths say.
    input: Option<Arc<dyn Files + Send + Sync>>,
    #[cfg(feature = "hdfs")]
    hdfs: Arc<hdfs::NameNodes>,
}

impl FileSystems {
    /// As a process on the machine `host` sees them: it reads what is there from there, and what it writes is there first.
    #[cfg_attr(
        not(feature = "hdfs"),
        expect(unused_variables, reason = "local files are here")
    )]
    pub fn on(host: &str) -> FileSystems {
        FileSystems {
            input: None,
            #[cfg(feature = "hdfs")]
            hdfs: Arc::new(hdfs::NameNodes::of(host)),
        }
    }

    /// With input from elsewhere than where paths say; output goes where it would go.
    #[must_use]
    pub fn reading(self, input: Arc<dyn Files + Send + Sync>) -> FileSystems {
        FileSystems {
            input: Some(input),
            ..self
        }
    }

    /// Whose path this is. Nobody is called yet.
    ///
    /// # Errors
    /// Where there is no such file system.
    pub fn of(&self, path: &str) -> io::Result<Arc<dyn FileSystem>> {
        let no = match (paths::scheme(path), paths::hdfs(path)) {
            (None, _) => return Ok(Arc::new(LocalFiles)),
            #[cfg(feature = "hdfs")]
            (_, Some((authority, _))) => return Ok(self.hdfs.client(authority)?),
            #[cfg(not(feature = "hdfs"))]
            (_, Some(_)) => {
                format!("{path}: this program was built without the feature hdfs")
            }
            (Some((scheme, _)), _) => {
                format!("{path}: there is no file system {scheme}:, only hdfs: and file:")
            }
        };
        Err(io::Error::new(io::ErrorKind::Unsupported, no))
    }
}

/// This machine, as a DataNode on it is called.
pub(super) fn host() -> String {
    #[cfg(feature = "hdfs")]
    return mini_hdfs::server::hostname();
    #[cfg(not(feature = "hdfs"))]
    return "localhost".to_owned();
}

/// Who owns what this process makes in mini-hdfs.
pub(crate) fn user() -> String {
    #[cfg(feature = "hdfs")]
    return mini_hdfs::server::user();
    #[cfg(not(feature = "hdfs"))]
    return "nobody".to_owned();
}

impl FileSystems {
    /// Removes what is of no use any more. Where that fails, it is in nobody's way.
    pub(super) fn remove(&self, path: &str) {
        let _ = self.of(path).and_then(|files| files.remove_all(path));
    }

    /// Who has the input of this path, as it is stored.
    fn stored(&self, path: &str) -> io::Result<Arc<dyn Files + Send + Sync>> {
        match &self.input {
            Some(input) => Ok(input.clone()),
            None => Ok(self.of(path)?),
        }
    }
}

impl Files for FileSystems {
    fn list(&self, path: &str) -> io::Result<Vec<File>> {
        self.list_as_text(path)
    }

    fn open(&self, path: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        self.open_as_text(path, offset)
    }
}

/// What jobs leave beside their output, and what is hidden, is no input.
fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

/// That a path means a directory, and in it is another one.
fn nested(dir: &str) -> io::Error {
    io::Error::other(format!(
        "{dir} is a directory within a directory; name it as an input of its own, or use a glob"
    ))
}

/// A file's bytes, out of those that it is stored as.
fn uncompressed(path: &str, stored: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    if is_compressed(path) {
        Box::new(MultiGzDecoder::new(io::BufReader::new(stored)))
    } else {
        Box::new(stored)
    }
}

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Nothing there is as good as removed.
fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
