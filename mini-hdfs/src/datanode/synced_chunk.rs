//! Keeps a short last chunk safe while it grows.
//!
//! A writer that syncs in the middle of a chunk is promised those bytes. When it goes on, the chunk's checksum is written
//! over; if the machine fails just then, the new checksum may be on the disk without the new bytes, or half of it, and the old
//! bytes are there but nothing vouches for them. So before the first such rewrite after a sync, the old length and checksum are put
//! aside in a small file. Real HDFS takes the risk, and drops the chunk.

use node::{Disk, DiskError};

use super::block_file::{BlockFile, BlockFileError};
use super::storage::Place;
use crate::block::BlockId;
use crate::packet::BYTES_PER_CHECKSUM;

/// A length in the middle of a chunk, and the checksum of that chunk up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SyncedChunk {
    len: u64,
    checksum: u32,
}

fn file_name(id: BlockId) -> String {
    format!("{}/{id}.synced", Place::Rbw.dir(id))
}

impl SyncedChunk {
    /// What there is to put aside so that the replica can be cut to `len` whatever happens: none if that is between
    /// two chunks. The chunk must be undamaged.
    pub(super) fn at(
        disk: &dyn Disk,
        file: &BlockFile,
        len: u64,
    ) -> Result<Option<SyncedChunk>, BlockFileError> {
        let in_chunk = len % BYTES_PER_CHECKSUM as u64;
        if in_chunk == 0 {
            return Ok(None);
        }
        let mut data = file.read_verified(disk, len - in_chunk, in_chunk)?;
        data.truncate(usize::try_from(in_chunk).unwrap_or(0));
        let checksum = crc32c::crc32c(&data);
        Ok(Some(SyncedChunk { len, checksum }))
    }

    /// Puts it aside, durably. What it replaces is not needed any more: the replica itself must be synced.
    pub(super) fn save(self, disk: &mut dyn Disk, id: BlockId) -> Result<(), DiskError> {
        let mut bytes = self.len.to_be_bytes().to_vec();
        bytes.extend(self.checksum.to_be_bytes());
        bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
        disk.write_at(&file_name(id), 0, &bytes)?;
        disk.sync(&file_name(id))?;
        disk.sync_dir(&Place::Rbw.dir(id))
    }

    /// What was put aside, if it is whole.
    fn load(disk: &dyn Disk, id: BlockId) -> Option<SyncedChunk> {
        let bytes = disk.read(&file_name(id)).ok()?;
        let (len, rest) = bytes.split_first_chunk::<8>()?;
        let (checksum, rest) = rest.split_first_chunk::<4>()?;
        let crc = u32::from_be_bytes(rest.try_into().ok()?);
        (crc == crc32c::crc32c(&bytes[..12])).then_some(SyncedChunk {
            len: u64::from_be_bytes(*len),
            checksum: u32::from_be_bytes(*checksum),
        })
    }

    /// Cuts a replica to what is known to be good: all chunks that match their checksums, and the chunk that was put
    /// aside, if it is the one after them.
    pub(super) fn cut_to_valid(
        disk: &mut dyn Disk,
        id: BlockId,
        file: &mut BlockFile,
    ) -> Result<(), BlockFileError> {
        let valid = file.valid_len(disk)?;
        let saved = SyncedChunk::load(disk, id).filter(|saved| saved.len > valid);
        match saved {
            Some(saved) if saved.matches(disk, file, valid)? => {
                file.restore(disk, saved.len, saved.checksum)?;
            }
            _ => file.truncate(disk, valid)?,
        }
        file.sync(disk)?;
        SyncedChunk::forget(disk, id)?;
        Ok(())
    }

    fn matches(
        self,
        disk: &dyn Disk,
        file: &BlockFile,
        start: u64,
    ) -> Result<bool, BlockFileError> {
        let Ok(len) = usize::try_from(self.len - start) else {
            return Ok(false);
        };
        if len >= BYTES_PER_CHECKSUM {
            return Ok(false);
        }
        let data = disk.read_at(file.data(), start, len)?;
        Ok(data.len() == len && crc32c::crc32c(&data) == self.checksum)
    }

    /// Removes what was put aside, if anything was.
    pub(super) fn forget(disk: &mut dyn Disk, id: BlockId) -> Result<(), DiskError> {
        if disk.exists(&file_name(id)) {
            disk.remove(&file_name(id))?;
        }
        Ok(())
    }
}
