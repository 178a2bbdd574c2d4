//! Snapshots: the state of the machine at one place of the log, as a file, which takes the place of all before it (the paper's section 7).
//!
//! ```text
//! file:  frame of Meta | frame of a chunk … | empty frame
//! frame: length of body: u32 | CRC32C of length and body: u32 | body      (big-endian)
//! ```
//!
//! A snapshot is written, or received, under a name that nobody reads, and gets its own in one step when all of it is on the disk. So
//! a crash leaves the old one or the new one, never half of one; and what comes from another member is believed when all its checksums hold.
//! The empty frame tells a whole file from one that was cut off between two frames.

use node::Disk;
use serde::{Deserialize, Serialize};

use crate::wal::{Position, WalError};

/// The directory of the snapshots.
pub const DIR: &str = "snap";

/// The bytes of a frame before its body.
const HEADER_LEN: usize = 4 + 4;

/// The most bytes in a frame's body. A length beyond it is damage.
pub const BODY_LEN_MAX: usize = 64 << 20;

/// What a snapshot stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The last entry whose command it contains; none of an empty log.
    pub position: Option<Position>,
    /// The members of the cluster as of that entry, as `consensus` encodes them.
    pub membership: Vec<u8>,
}

impl Meta {
    /// The file of a snapshot of this place, as etcd names it.
    pub fn file(&self) -> String {
        let (term, index) = self.position.map_or((0, 0), |last| (last.term, last.index));
        format!("{DIR}/{term:016x}-{index:016x}.snap")
    }
}

/// The name of a file that is being written or received; `purpose` tells several at once apart.
pub fn partial_file(purpose: &str) -> String {
    format!("{DIR}/{purpose}.tmp")
}

fn frame(body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&len), body);
    [&len, &checksum.to_be_bytes(), body].concat()
}

/// Writes a snapshot, chunk after chunk.
#[derive(Debug)]
pub struct Writer {
    file: String,
    len: u64,
}

impl Writer {
    /// Begins a snapshot, in a file that nobody reads.
    ///
    /// # Errors
    /// The disk's.
    pub fn create(disk: &mut dyn Disk, meta: &Meta) -> Result<Writer, WalError> {
        let file = partial_file("building");
        disk.write_at(&file, 0, &[])?;
        disk.truncate(&file, 0)?;
        let mut writer = Writer { file, len: 0 };
        let meta = postcard::to_stdvec(meta).expect("plain data in memory can be encoded");
        writer.write(disk, &meta)?;
        Ok(writer)
    }

    /// Adds a chunk of at most [`BODY_LEN_MAX`] bytes; an empty one is left out.
    ///
    /// # Errors
    /// The disk's.
    pub fn chunk(&mut self, disk: &mut dyn Disk, chunk: &[u8]) -> Result<(), WalError> {
        if chunk.is_empty() {
            return Ok(());
        }
        self.write(disk, chunk)
    }

    /// Ends the snapshot, and makes it the one that counts.
    ///
    /// # Errors
    /// The disk's.
    pub fn finish(mut self, disk: &mut dyn Disk) -> Result<Meta, WalError> {
        self.write(disk, &[])?;
        install(disk, &self.file)
    }

    fn write(&mut self, disk: &mut dyn Disk, body: &[u8]) -> Result<(), WalError> {
        let bytes = frame(body);
        disk.write_at(&self.file, self.len, &bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }
}

/// Reads a snapshot, chunk after chunk.
#[derive(Debug)]
pub struct Reader {
    file: String,
    offset: u64,
    is_at_end: bool,
}

impl Reader {
    /// Opens a snapshot.
    ///
    /// # Errors
    /// The disk's; [`WalError::Damaged`].
    pub fn open(disk: &dyn Disk, file: &str) -> Result<(Meta, Reader), WalError> {
        let mut reader = Reader {
            file: file.to_owned(),
            offset: 0,
            is_at_end: false,
        };
        let meta = reader.next(disk)?;
        let meta = meta.and_then(|body| postcard::from_bytes(&body).ok());
        let meta =
            meta.ok_or_else(|| reader.damaged("it does not begin as a snapshot does".to_owned()))?;
        Ok((meta, reader))
    }

    /// The next chunk; none behind the last one.
    ///
    /// # Errors
    /// The disk's; [`WalError::Damaged`], also where the file ends without saying so, or goes on behind its end.
    pub fn next(&mut self, disk: &dyn Disk) -> Result<Option<Vec<u8>>, WalError> {
        if self.is_at_end {
            return Ok(None);
        }
        let header = disk.read_at(&self.file, self.offset, HEADER_LEN)?;
        let Some((len, stored)) = header.split_first_chunk() else {
            return Err(self.damaged("it is cut short".to_owned()));
        };
        let body_len = usize::try_from(u32::from_be_bytes(*len)).unwrap_or(usize::MAX);
        if body_len > BODY_LEN_MAX {
            return Err(self.damaged(format!(
                "the length of a chunk, {body_len}, is out of range"
            )));
        }
        let body = disk.read_at(&self.file, self.offset + HEADER_LEN as u64, body_len)?;
        if body.len() < body_len {
            return Err(self.damaged("it is cut short".to_owned()));
        }
        let checksum = crc32c::crc32c_append(crc32c::crc32c(len), &body);
        if stored != checksum.to_be_bytes() {
            return Err(self.damaged("the checksum of a chunk does not match".to_owned()));
        }
        self.offset += (HEADER_LEN + body_len) as u64;
        self.is_at_end = body.is_empty();
        if self.is_at_end && disk.len(&self.file)? != self.offset {
            return Err(self.damaged("it goes on behind its end".to_owned()));
        }
        Ok((!self.is_at_end).then_some(body))
    }

    fn damaged(&self, reason: String) -> WalError {
        WalError::Damaged {
            file: self.file.clone(),
            offset: self.offset,
            reason,
        }
    }
}

/// Makes a file that was written or received, under a name that nobody reads, the snapshot that counts. When it returns, that is on the
/// disk, and older snapshots are gone. A file that is damaged, or not whole, is refused, and the snapshot before it still counts. At
/// any moment in between a crash leaves the snapshot before or this one, whole. Where there is a newer one already, that one
/// still counts, and this one goes.
///
/// # Errors
/// The disk's; [`WalError::Damaged`].
pub fn install(disk: &mut dyn Disk, file: &str) -> Result<Meta, WalError> {
    let _ = (disk, file);
    todo!(
        "raft/snapshot: believe nothing unread, keep the old one until the new one is on the disk, and then only the newest."
    )
}

/// Reads a snapshot to its end.
///
/// # Errors
/// The disk's; [`WalError::Damaged`].
pub fn verify(disk: &dyn Disk, file: &str) -> Result<Meta, WalError> {
    let (meta, mut reader) = Reader::open(disk, file)?;
    while reader.next(disk)?.is_some() {}
    Ok(meta)
}

/// Removes what was begun and never finished.
///
/// # Errors
/// The disk's.
pub fn remove_partial(disk: &mut dyn Disk) -> Result<(), WalError> {
    for name in disk.list(DIR)? {
        if name.ends_with(".tmp") {
            disk.remove(&format!("{DIR}/{name}"))?;
        }
    }
    Ok(())
}

/// The snapshot that counts: the newest one. None where there is none.
///
/// # Errors
/// The disk's.
pub fn newest(disk: &dyn Disk) -> Result<Option<String>, WalError> {
    // Names are of equal length, and in their order newer ones are later.
    Ok(files(disk)?.pop())
}

/// The snapshots, in order.
fn files(disk: &dyn Disk) -> Result<Vec<String>, WalError> {
    let names = disk.list(DIR)?.into_iter();
    let snapshots = names.filter(|name| name.ends_with(".snap"));
    Ok(snapshots.map(|name| format!("{DIR}/{name}")).collect())
}
