//! A replica's two files: its bytes, and beside them a checksum of each 512 of them (`FsVolumeImpl`'s block and
//! `.meta` files, `BlockMetadataHeader`).
//!
//! Disks return wrong bytes without saying so. So no byte is ever handed on without a checksum that was
//! computed by whoever wrote it first, and whoever reads it last compares. A DataNode checks what it writes; what it
//! reads it passes on unchecked, checksums and all, and the reader checks.
//!
//! The checksum file, byte for byte as HDFS's: a version (u16, 1), the kind of checksum (u8, 2 for CRC32C), the
//! bytes in a chunk (u32, 512), then a u32 for each chunk, all big-endian. The last chunk may be short; its checksum is written
//! again whenever the chunk grows.

use node::{Disk, DiskError};
use thiserror::Error;

use crate::packet::{BYTES_PER_CHECKSUM, verify};

/// Bytes before the first checksum.
const HEADER: [u8; 7] = [0, 1, 2, 0, 0, 2, 0];
/// Bytes in a chunk, as an offset counts them.
const CHUNK: u64 = BYTES_PER_CHECKSUM as u64;

/// Why a replica could not be written or read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BlockFileError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The checksum file does not begin as one.
    #[error("{file} is damaged: it does not begin as a checksum file does")]
    BadHeader {
        /// The checksum file.
        file: String,
    },
    /// A packet, or a new length, that does not fit to what is there.
    #[error("{file}: cannot {operation} at {offset}: {reason}")]
    Misplaced {
        /// The data file.
        file: String,
        /// What was asked for, as a verb.
        operation: &'static str,
        /// The offset in the block.
        offset: u64,
        /// Why not, as the end of a sentence.
        reason: String,
    },
    /// Data and checksum differ.
    #[error("{file}: the chunk at {offset} does not match its checksum")]
    Checksum {
        /// The data file.
        file: String,
        /// Where the chunk begins in the block.
        offset: u64,
    },
}

/// A replica's two files, and how many bytes of them count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockFile {
    data: String,
    meta: String,
    len: u64,
}

/// Whole chunks with their checksums as they are stored; the last chunk may be short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks {
    /// Where they begin in the block, a multiple of 512.
    pub offset: u64,
    /// The bytes, not checked.
    pub data: Vec<u8>,
    /// One for each chunk.
    pub checksums: Vec<u32>,
}

impl BlockFile {
    /// Makes an empty replica of two files, replacing what was there. Nothing of it is durable before
    /// [`BlockFile::sync`] and a sync of the directory.
    ///
    /// # Errors
    /// As the disk's.
    pub fn create(
        disk: &mut dyn Disk,
        data: &str,
        meta: &str,
    ) -> Result<BlockFile, BlockFileError> {
        disk.write_at(data, 0, &[])?;
        disk.truncate(data, 0)?;
        disk.write_at(meta, 0, &HEADER)?;
        disk.truncate(meta, HEADER.len() as u64)?;
        Ok(BlockFile::with_len(data, meta, 0))
    }

    /// Opens a replica. It is as long as its data file, or as far as there are checksums. No checksum is verified.
    ///
    /// # Errors
    /// As the disk's; [`BlockFileError::BadHeader`].
    pub fn open(disk: &dyn Disk, data: &str, meta: &str) -> Result<BlockFile, BlockFileError> {
        if disk.read_at(meta, 0, HEADER.len())? != HEADER {
            let file = meta.to_owned();
            return Err(BlockFileError::BadHeader { file });
        }
        let chunks = (disk.len(meta)? - HEADER.len() as u64) / 4;
        let len = disk.len(data)?.min(chunks * CHUNK);
        Ok(BlockFile::with_len(data, meta, len))
    }

    /// A replica of which the caller knows that its first `len` bytes are there.
    pub fn with_len(data: &str, meta: &str, len: u64) -> BlockFile {
        BlockFile {
            data: data.to_owned(),
            meta: meta.to_owned(),
            len,
        }
    }

    /// How many bytes the replica has.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The file of the bytes.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// The file of the checksums.
    pub fn meta(&self) -> &str {
        &self.meta
    }

    /// The files now have these names.
    pub fn renamed(&mut self, data: &str, meta: &str) {
        data.clone_into(&mut self.data);
        meta.clone_into(&mut self.meta);
    }

    /// Writes the data of a packet at `offset`, and the checksum of each of its chunks (see `slot`); the replica then
    /// ends where the packet does. The packet may begin with bytes that are there already -- the beginning of a chunk
    /// that was short -- but must neither leave a gap nor end before the replica does.
    /// A packet without data changes nothing, wherever it is.
    ///
    /// # Errors
    /// As the disk's; [`BlockFile::misplaced`], also where `offset` is in the middle of a chunk or there is not exactly one
    /// checksum for each chunk; [`BlockFile::mismatch`] at the first chunk, counted in the block, whose data and
    /// checksum do not match. Of a packet that does not fit or does not match nothing at all is written.
    pub fn write_packet(
        &mut self,
        disk: &mut dyn Disk,
        offset: u64,
        data: &[u8],
        checksums: &[u32],
    ) -> Result<(), BlockFileError> {
        let _ = (disk, offset, data, checksums);
        todo!("hdfs/block-file: check place and contents, then write data and checksums.")
    }

    /// Makes bytes and checksums durable (`fsync` of both).
    ///
    /// # Errors
    /// As the disk's.
    pub fn sync(&self, disk: &mut dyn Disk) -> Result<(), BlockFileError> {
        disk.sync(&self.data)?;
        disk.sync(&self.meta)?;
        Ok(())
    }

    /// The chunks that hold the bytes from `offset` to `offset + len` -- whole ones, since a checksum is good for nothing but its
    /// whole chunk -- as far as the replica goes, with the checksums that are stored for them. Nothing is verified.
    /// `len` may be as large as `u64::MAX`. Where no byte of the replica is in the range, the answer is
    /// empty, or the last chunk.
    ///
    /// # Errors
    /// As the disk's.
    pub fn read(&self, disk: &dyn Disk, offset: u64, len: u64) -> Result<Chunks, BlockFileError> {
        let _ = (disk, offset, len);
        todo!("hdfs/block-file: whole chunks, with their checksums.")
    }

    /// The checksums of the first `len` bytes, as [`BlockFile::read`] gives them, up to `count` of them from that of chunk `from` on.
    ///
    /// # Errors
    /// As the disk's.
    pub fn read_checksums(
        &self,
        disk: &dyn Disk,
        from: u64,
        count: u64,
    ) -> Result<Vec<u32>, BlockFileError> {
        let end = from.saturating_add(count).min(self.len.div_ceil(CHUNK));
        let len = usize::try_from(4 * end.saturating_sub(from)).unwrap_or(usize::MAX);
        let sums = disk.read_at(&self.meta, slot(from * CHUNK), len)?;
        let (words, _) = sums.as_chunks::<4>();
        Ok(words.iter().copied().map(u32::from_be_bytes).collect())
    }

    /// The bytes that [`BlockFile::read`] gives, checked.
    ///
    /// # Errors
    /// As the disk's; [`BlockFileError::Checksum`] names the first chunk that is damaged.
    pub fn read_verified(
        &self,
        disk: &dyn Disk,
        offset: u64,
        len: u64,
    ) -> Result<Vec<u8>, BlockFileError> {
        let chunks = self.read(disk, offset, len)?;
        verify(&chunks.data, &chunks.checksums)
            .map_err(|at| self.mismatch(chunks.offset + at as u64))?;
        Ok(chunks.data)
    }

    /// How many bytes from the beginning match their checksums: the beginning of the first chunk that is damaged, or of which
    /// bytes or checksum are missing, and the replica's length where there is none.
    ///
    /// # Errors
    /// As the disk's. Damage is none.
    pub fn valid_len(&self, disk: &dyn Disk) -> Result<u64, BlockFileError> {
        let _ = disk;
        todo!("hdfs/block-file: verify chunk after chunk, up to the first that is damaged.")
    }

    /// Cuts the replica, and with it both files, to `len` bytes. Where that is in the middle of a chunk, what is left of
    /// it gets a checksum of its own (`packet::checksums` computes it), after the chunk was checked: damage must
    /// not be blessed.
    ///
    /// # Errors
    /// As the disk's; [`BlockFile::misplaced`] where the replica is shorter; [`BlockFile::mismatch`] where that chunk is
    /// damaged. Then nothing is changed.
    pub fn truncate(&mut self, disk: &mut dyn Disk, len: u64) -> Result<(), BlockFileError> {
        let _ = (disk, len);
        todo!("hdfs/block-file: cut both files; check the chunk that is cut, then sum it anew.")
    }

    /// Gives a short last chunk the checksum that it had when the replica ended at `len`, in the middle of that chunk, and
    /// cuts the replica there.
    pub(super) fn restore(
        &mut self,
        disk: &mut dyn Disk,
        len: u64,
        checksum: u32,
    ) -> Result<(), BlockFileError> {
        disk.write_at(
            &self.meta,
            slot(len / CHUNK * CHUNK),
            &checksum.to_be_bytes(),
        )?;
        disk.truncate(&self.data, len)?;
        disk.truncate(&self.meta, slot(len.next_multiple_of(CHUNK)))?;
        self.len = len;
        Ok(())
    }

    /// What `operation`, a verb, says of an offset or length that does not fit to this replica, and why: the end of a sentence.
    pub fn misplaced(
        &self,
        operation: &'static str,
        offset: u64,
        reason: String,
    ) -> BlockFileError {
        BlockFileError::Misplaced {
            file: self.data.clone(),
            operation,
            offset,
            reason,
        }
    }

    /// What is said where the chunk at `offset` does not match its checksum.
    pub fn mismatch(&self, offset: u64) -> BlockFileError {
        BlockFileError::Checksum {
            file: self.data.clone(),
            offset,
        }
    }
}

/// Where the checksum of the chunk at `offset` is stored.
fn slot(offset: u64) -> u64 {
    HEADER.len() as u64 + offset / CHUNK * 4
}
