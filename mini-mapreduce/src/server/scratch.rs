//! A task's own files, in a directory of its own.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use crate::task::Scratch;

/// A directory, which has to be there, and which whoever made it removes.
#[derive(Clone, Debug)]
pub struct DirScratch {
    /// Where it is.
    pub dir: PathBuf,
}

impl Scratch for DirScratch {
    fn create(&self, name: &str) -> io::Result<Box<dyn Write + Send>> {
        Ok(Box::new(fs::File::create(self.dir.join(name))?))
    }

    fn open(&self, name: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = fs::File::open(self.dir.join(name))?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(io::BufReader::with_capacity(1 << 16, file)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.dir.join(name))
    }
}
