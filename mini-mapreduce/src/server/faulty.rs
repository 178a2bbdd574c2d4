//! A worker's disk with faults on demand (`--chaos`): the input that it reads, what its tasks write beside, and what they read of it again.

use std::io::{self, Read, Write};

use node::DiskFaults;

use crate::input::{File, Files};
use crate::task::Scratch;

/// What lies on a disk with faults.
#[derive(Clone, Debug)]
pub struct Faulty<T> {
    /// What it would be on a disk without.
    pub inner: T,
    /// What is wrong with the disk.
    pub faults: DiskFaults,
}

impl<T> Faulty<T> {
    fn before(&self, operation: &'static str, name: &str) -> io::Result<()> {
        let passed = self.faults.before(operation, name);
        passed.map_err(io::Error::other)
    }

    fn reader(&self, inner: Box<dyn Read + Send>, name: &str) -> Box<dyn Read + Send> {
        Box::new(Faulty {
            inner: (inner, name.to_owned()),
            faults: self.faults.clone(),
        })
    }
}

impl<T: Files> Files for Faulty<T> {
    fn list(&self, path: &str) -> io::Result<Vec<File>> {
        self.inner.list(path)
    }

    fn open(&self, path: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        self.before("open", path)?;
        Ok(self.reader(self.inner.open(path, offset)?, path))
    }
}

impl<T: Scratch> Scratch for Faulty<T> {
    fn create(&self, name: &str) -> io::Result<Box<dyn Write + Send>> {
        self.before("create", name)?;
        Ok(Box::new(Faulty {
            inner: (self.inner.create(name)?, name.to_owned()),
            faults: self.faults.clone(),
        }))
    }

    fn open(&self, name: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        self.before("open", name)?;
        Ok(self.reader(self.inner.open(name, offset)?, name))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.before("remove", name)?;
        self.inner.remove(name)
    }
}

impl<R: Read> Read for Faulty<(R, String)> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.before("read", &self.inner.1)?;
        self.inner.0.read(buffer)
    }
}

impl<W: Write> Write for Faulty<(W, String)> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.before("write", &self.inner.1)?;
        let room = self.faults.grow(bytes.len() as u64);
        if room == 0 && !bytes.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                format!("no space left on device (injected): {}", self.inner.1),
            ));
        }
        let fits = usize::try_from(room).unwrap_or(usize::MAX);
        self.inner.0.write(&bytes[..fits.min(bytes.len())])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use node::{DiskFault, Failing};

    use super::*;
    use crate::server::scratch::DirScratch;

    #[test]
    fn a_disk_that_is_full_says_so_and_one_that_fails_does_nothing_more() {
        let dir = tempfile::tempdir().unwrap();
        let faults = DiskFaults::default();
        let disk = Faulty {
            inner: DirScratch {
                dir: dir.path().to_owned(),
            },
            faults: faults.clone(),
        };
        faults.set(DiskFault {
            full: Some(3),
            ..DiskFault::default()
        });
        let mut file = disk.create("spill").unwrap();
        let error = file.write_all(b"12345").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        file.flush().unwrap();
        let mut text = String::new();
        let mut read = disk.open("spill", 1).unwrap();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text, "23");
        faults.set(DiskFault {
            failing: Failing::Everything,
            ..DiskFault::default()
        });
        assert!(disk.open("spill", 0).is_err());
        assert!(read.read(&mut [0]).is_err());
    }
}
