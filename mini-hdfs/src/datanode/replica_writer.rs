//! The one who writes a replica: its files through all of its life (`BlockReceiver`'s disk half).
//!
//! What a crash may not take: bytes that were synced, and a finalised replica with its generation. Each method says what is
//! durable when it returns.

use node::{Disk, DiskErrorKind};

use super::block_file::{BlockFile, BlockFileError, Chunks};
use super::replica_map::Replica;
use super::storage::Place;
use super::synced_chunk::SyncedChunk;
use crate::block::{Block, BlockId, GenerationStamp, ReplicaState};
use crate::packet::BYTES_PER_CHECKSUM;

/// Writes one replica. The [`ReplicaMap`](super::ReplicaMap) gives out the right to, to one at a time.
#[derive(Debug)]
pub struct ReplicaWriter {
    id: BlockId,
    generation: GenerationStamp,
    place: Place,
    file: BlockFile,
    /// Bytes that must survive a crash.
    synced_len: u64,
    /// The names of the files are durable.
    dir_synced: bool,
}

impl ReplicaWriter {
    /// Makes the files of a new replica, in [`Place::Rbw`] or [`Place::Tmp`]. Nothing is durable yet.
    ///
    /// # Errors
    /// As the disk's.
    pub fn create(
        disk: &mut dyn Disk,
        block: Block,
        place: Place,
    ) -> Result<ReplicaWriter, BlockFileError> {
        let Block { id, generation, .. } = block;
        let file = BlockFile::create(disk, &place.data(id), &place.meta(id, generation))?;
        Ok(ReplicaWriter {
            id,
            generation,
            place,
            file,
            synced_len: 0,
            dir_synced: false,
        })
    }

    /// Takes up the replica `old`, whether being written or finalised, under a new generation, and cuts it to `acked_len`
    /// bytes. A crash before the next [`sync`](ReplicaWriter::sync) may leave it in the old generation.
    ///
    /// # Errors
    /// As the disk's; [`BlockFileError::Misplaced`] where it is shorter than that; [`BlockFileError::Checksum`]
    /// where its end is damaged.
    pub fn recover(
        disk: &mut dyn Disk,
        old: &Replica,
        generation: GenerationStamp,
        acked_len: u64,
    ) -> Result<ReplicaWriter, BlockFileError> {
        let Block {
            id,
            generation: old_generation,
            ..
        } = old.block;
        let (from, place) = (Place::of(old.state), Place::Rbw);
        let old_meta = from.meta(id, old_generation);
        let mut file = BlockFile::open(disk, &from.data(id), &old_meta)?;
        // Before anything is changed: this fails where the end is damaged.
        if let Some(chunk) = SyncedChunk::at(disk, &file, acked_len)? {
            file.sync(disk)?;
            chunk.save(disk, id)?;
        }
        // The data file tells the state, so it moves first.
        if from != place {
            disk.rename(&from.data(id), &place.data(id))?;
        }
        disk.rename(&old_meta, &place.meta(id, generation))?;
        file.renamed(&place.data(id), &place.meta(id, generation));
        if from != place {
            // Bytes of what is still found as finalised must not change.
            disk.sync_dir(&place.dir(id))?;
            disk.sync_dir(&from.dir(id))?;
        }
        file.truncate(disk, acked_len)?;
        file.sync(disk)?;
        Ok(ReplicaWriter {
            id,
            generation,
            place,
            file,
            synced_len: acked_len,
            dir_synced: false,
        })
    }

    /// The block, in the generation and with the length that are written.
    pub fn block(&self) -> Block {
        Block {
            id: self.id,
            generation: self.generation,
            len: self.file.len(),
        }
    }

    /// The checksum of the last chunk, if that is short: what
    /// [`ReplicaMap::acknowledged`](super::ReplicaMap::acknowledged) wants to know.
    ///
    /// # Errors
    /// As the disk's.
    pub fn last_checksum(&self, disk: &dyn Disk) -> Result<Option<u32>, BlockFileError> {
        if self.file.len().is_multiple_of(BYTES_PER_CHECKSUM as u64) {
            return Ok(None);
        }
        let chunks = self.file.read(disk, self.file.len() - 1, 1)?;
        Ok(chunks.checksums.last().copied())
    }

    /// Writes a packet, after checking its checksums. Not durable before the next [`sync`](ReplicaWriter::sync).
    ///
    /// # Errors
    /// As [`BlockFile::write_packet`].
    pub fn write_packet(
        &mut self,
        disk: &mut dyn Disk,
        offset: u64,
        data: &[u8],
        checksums: &[u32],
    ) -> Result<(), BlockFileError> {
        if offset < self.synced_len && !data.is_empty() {
            if let Some(chunk) = SyncedChunk::at(disk, &self.file, self.synced_len)? {
                chunk.save(disk, self.id)?;
            }
            // Once is enough: the bytes themselves are written over with what they are.
            self.synced_len -= self.synced_len % BYTES_PER_CHECKSUM as u64;
        }
        self.file.write_packet(disk, offset, data, checksums)
    }

    /// Makes all that was written durable.
    ///
    /// # Errors
    /// As the disk's.
    pub fn sync(&mut self, disk: &mut dyn Disk) -> Result<(), BlockFileError> {
        self.file.sync(disk)?;
        if !self.dir_synced {
            disk.sync_dir(&self.place.dir(self.id))?;
            self.dir_synced = true;
        }
        self.synced_len = self.file.len();
        Ok(())
    }

    /// Moves the replica among the finalised ones and returns the block. With `sync` all of it is durable then, and stays
    /// so whatever happens.
    ///
    /// # Errors
    /// As the disk's.
    pub fn finalize(mut self, disk: &mut dyn Disk, sync: bool) -> Result<Block, BlockFileError> {
        if sync {
            self.sync(disk)?;
        }
        let (id, to) = (self.id, Place::Finalized);
        disk.rename(self.file.data(), &to.data(id))?;
        disk.rename(self.file.meta(), &to.meta(id, self.generation))?;
        if sync {
            disk.sync_dir(&to.dir(id))?;
            disk.sync_dir(&self.place.dir(id))?;
        }
        SyncedChunk::forget(disk, id)?;
        Ok(self.block())
    }

    /// Moves a copy for a pipeline among the replicas being written and returns the block. All of it is durable then:
    /// it stands in for a node that may have promised so of every byte.
    ///
    /// # Errors
    /// As the disk's.
    pub fn keep_as_rbw(mut self, disk: &mut dyn Disk) -> Result<Block, BlockFileError> {
        self.sync(disk)?;
        let (id, to) = (self.id, Place::Rbw);
        disk.rename(self.file.data(), &to.data(id))?;
        disk.rename(self.file.meta(), &to.meta(id, self.generation))?;
        disk.sync_dir(&to.dir(id))?;
        disk.sync_dir(&self.place.dir(id))?;
        Ok(self.block())
    }
}

/// How many bytes of a replica whose writer has stopped are good, whether acknowledged or not: what a recovery wants to know. None where
/// it has lost bytes that it had acknowledged, or its files are not there or damaged: then it is of no use.
///
/// # Errors
/// As the disk's, which may have better moments.
pub fn recoverable_len(disk: &dyn Disk, replica: &Replica) -> Result<Option<u64>, BlockFileError> {
    let Block {
        id,
        generation,
        len: acknowledged,
    } = replica.block;
    if replica.state != ReplicaState::Rbw {
        // Its length was settled when it was finalised, or at the start.
        return Ok(Some(acknowledged));
    }
    let place = Place::of(replica.state);
    let file = BlockFile::open(disk, &place.data(id), &place.meta(id, generation));
    match file.and_then(|file| file.valid_len(disk)) {
        Ok(valid) => Ok((valid >= acknowledged).then_some(valid)),
        Err(BlockFileError::Disk(e)) if e.kind != DiskErrorKind::NotFound => Err(e.into()),
        Err(_) => Ok(None),
    }
}

/// What a reader gets of a replica that may be written meanwhile: the chunks that the range touches, up to what
/// the replica was when `replica` was looked up.
///
/// # Errors
/// As the disk's.
pub fn read(
    disk: &dyn Disk,
    replica: &Replica,
    offset: u64,
    len: u64,
) -> Result<Chunks, BlockFileError> {
    let Block {
        id,
        generation,
        len: visible,
    } = replica.block;
    let file_in =
        |place: Place| BlockFile::with_len(&place.data(id), &place.meta(id, generation), visible);
    // It may have been finalised since it was looked up, and moved.
    let mut chunks = match file_in(Place::of(replica.state)).read(disk, offset, len) {
        Err(_) => file_in(Place::Finalized).read(disk, offset, len)?,
        chunks => chunks?,
    };
    // Acknowledged bytes do not change, but the last chunk's checksum does when the chunk grows.
    let ends_there = chunks.offset + chunks.data.len() as u64 == visible;
    if let (Some(sum), Some(last), true) = (
        replica.last_checksum,
        chunks.checksums.last_mut(),
        ends_there,
    ) {
        *last = sum;
    }
    Ok(chunks)
}

/// What a finalised replica's files look like before their contents are read: the checksum file begins as one, and both
/// are as long as they should be. A reader does without; a scan must not, since nobody else looks there.
///
/// # Errors
/// As the disk's; [`BlockFileError::BadHeader`]; [`BlockFileError::Misplaced`] where bytes or checksums are missing.
pub fn check(disk: &dyn Disk, replica: &Replica) -> Result<(), BlockFileError> {
    let Block {
        id,
        generation,
        len,
    } = replica.block;
    let place = Place::of(replica.state);
    let file = BlockFile::open(disk, &place.data(id), &place.meta(id, generation))?;
    if file.len() == len {
        return Ok(());
    }
    let reason = format!("its files hold {} bytes of {len}", file.len());
    Err(file.misplaced("scan", 0, reason))
}

/// The stored checksums of a finalised replica: up to `count` of them, from that of chunk `from` on.
///
/// # Errors
/// As the disk's.
pub fn read_checksums(
    disk: &dyn Disk,
    replica: &Replica,
    from: u64,
    count: u64,
) -> Result<Vec<u32>, BlockFileError> {
    let Block {
        id,
        generation,
        len,
    } = replica.block;
    let place = Place::of(replica.state);
    BlockFile::with_len(&place.data(id), &place.meta(id, generation), len)
        .read_checksums(disk, from, count)
}

/// Removes a replica's files, as far as they are there.
///
/// # Errors
/// As the disk's.
pub fn delete(disk: &mut dyn Disk, replica: &Replica) -> Result<(), BlockFileError> {
    let Block { id, generation, .. } = replica.block;
    let place = Place::of(replica.state);
    // Data first: checksums without data are known for rubbish after a crash.
    for file in [place.data(id), place.meta(id, generation)] {
        match disk.remove(&file) {
            Err(e) if e.kind == DiskErrorKind::NotFound => {}
            removed => removed?,
        }
    }
    SyncedChunk::forget(disk, id)?;
    Ok(())
}

#[cfg(test)]
mod tests;
