//! The one who writes a replica: its files through all of its life (`BlockReceiver`'s disk half).
//!
//! What a crash may not take: bytes that were synced, and a finalised replica with its generation. Each method says what is
//! durable when it returns.

use node::{Disk, DiskErrorKind};

use super::block_file::{BlockFile, BlockFileError, Chunks};
use super::replica_map::Replica;
use super::storage::Place;
use super::synced_chunk::SyncedChunk;
use crate::block::{Block, BlockId, GenerationStamp};
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
mod tests {
    use node::Rng;
    use sim::SimDisk;

    use super::super::replica_map::ReplicaMap;
    use super::super::storage::scan;
    use super::*;
    use crate::block::ReplicaState;
    use crate::packet::checksums;

    const ID: BlockId = BlockId(1_073_741_825);

    fn bytes(from: u64, to: u64) -> Vec<u8> {
        (from..to)
            .map(|at| u8::try_from((at ^ (at >> 8)) & 0xff).unwrap())
            .collect()
    }

    /// What a replica has promised.
    #[derive(Debug, Default)]
    struct Promise {
        /// Bytes acknowledged as synced.
        len: u64,
        /// The generations in which it may be found.
        generations: Vec<u64>,
        /// It is finalised, and nothing has been begun since.
        finalized: bool,
    }

    /// Writes, syncs, finalises and recovers a replica until the disk fails.
    fn live(
        disk: &mut SimDisk,
        rng: &mut Rng,
        promise: &mut Promise,
    ) -> Result<(), BlockFileError> {
        let mut map = ReplicaMap::default();
        let block = Block::new(ID.0, 1001, 0);
        map.create(block, ReplicaState::Rbw).unwrap();
        promise.generations = vec![1001];
        let mut writer = ReplicaWriter::create(disk, block, Place::Rbw)?;
        loop {
            let len = writer.block().len;
            match rng.below(10) {
                0..5 => {
                    let (offset, end) = (len / 512 * 512, len + rng.below(700));
                    let data = bytes(offset, end);
                    writer.write_packet(disk, offset, &data, &checksums(&data))?;
                    map.acknowledged(writer.block(), end, writer.last_checksum(disk)?);
                }
                5..8 => {
                    writer.sync(disk)?;
                    *promise = Promise {
                        len,
                        generations: vec![writer.block().generation.0],
                        finalized: false,
                    };
                }
                what => {
                    if what == 8 {
                        let block = writer.finalize(disk, true)?;
                        map.finalize(block).unwrap();
                        *promise = Promise {
                            len,
                            generations: vec![block.generation.0],
                            finalized: true,
                        };
                        if rng.percent(30) {
                            return Ok(());
                        }
                    } else {
                        map.release(writer.block());
                    }
                    let there = *map.get(ID).unwrap();
                    let next = GenerationStamp(there.block.generation.0 + 1);
                    let acked_len = len - rng.below(len.min(900) + 1);
                    promise.len = promise.len.min(acked_len);
                    promise.generations.push(next.0);
                    promise.finalized = false;
                    let old = map.recover(there.block, next, acked_len).unwrap();
                    writer = ReplicaWriter::recover(disk, &old, next, acked_len)?;
                }
            }
        }
    }

    #[test]
    fn what_was_promised_is_there_after_a_crash_at_any_call() {
        for seed in 0..3000 {
            let mut rng = Rng::new(seed);
            let (mut disk, mut promise) = (SimDisk::default(), Promise::default());
            disk.set_fuse(Some(u32::try_from(rng.below(120)).unwrap()));
            if let Err(e) = live(&mut disk, &mut rng, &mut promise) {
                assert!(e.to_string().contains("crashed"), "seed {seed}: {e}");
            }
            disk.crash(&mut rng);
            // The scan may be cut short too.
            disk.set_fuse(Some(u32::try_from(rng.below(20)).unwrap()));
            if scan(&mut disk).is_err() {
                disk.crash(&mut rng);
            }
            disk.set_fuse(None);
            let found = scan(&mut disk).unwrap().replicas;
            if let [replica] = found[..] {
                let Block {
                    generation, len, ..
                } = replica.block;
                let (state, place) = (replica.state, Place::of(replica.state));
                assert!(
                    promise.generations.contains(&generation.0),
                    "seed {seed}: {replica:?}, {promise:?}"
                );
                assert!(len >= promise.len, "seed {seed}: {replica:?}, {promise:?}");
                if promise.finalized {
                    assert_eq!(
                        (state, len),
                        (ReplicaState::Finalized, promise.len),
                        "seed {seed}"
                    );
                }
                let file = BlockFile::open(&disk, &place.data(ID), &place.meta(ID, generation));
                let data = file.unwrap().read_verified(&disk, 0, u64::MAX);
                assert_eq!(data.unwrap(), bytes(0, len), "seed {seed}");
            } else {
                assert_eq!(
                    (found.len(), promise.len, promise.finalized),
                    (0, 0, false),
                    "seed {seed}"
                );
            }
        }
    }
}
