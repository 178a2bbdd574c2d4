//! What a replica has promised is there after a crash at any call of its disk.

use node::Rng;
use sim::SimDisk;

use super::super::replica_map::ReplicaMap;
use super::super::storage::scan;
use super::super::volumes::VolumeId;
use super::*;
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
fn live(disk: &mut SimDisk, rng: &mut Rng, promise: &mut Promise) -> Result<(), BlockFileError> {
    let mut map = ReplicaMap::default();
    let block = Block::new(ID.0, 1001, 0);
    map.create(block, ReplicaState::Rbw, VolumeId(0)).unwrap();
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
fn a_recovery_counts_what_is_written_and_no_replica_that_has_lost_something() {
    let mut disk = SimDisk::default();
    let block = Block::new(ID.0, 1001, 0);
    let rbw = |len| Replica::new(Block { len, ..block }, ReplicaState::Rbw);
    // The disk was full when its files were to be made (seed 0x131): nobody was told of a byte, and there is none.
    assert_eq!(recoverable_len(&disk, &rbw(0)), Ok(None));
    let mut writer = ReplicaWriter::create(&mut disk, block, Place::Rbw).unwrap();
    let data = bytes(0, 1300);
    writer
        .write_packet(&mut disk, 0, &data, &checksums(&data))
        .unwrap();
    assert_eq!(
        recoverable_len(&disk, &rbw(700)),
        Ok(Some(1300)),
        "more than was acknowledged"
    );
    disk.flip_bit(&Place::Rbw.data(ID), 1100, 0);
    assert_eq!(recoverable_len(&disk, &rbw(700)), Ok(Some(1024)));
    assert_eq!(recoverable_len(&disk, &rbw(1025)), Ok(None));
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

/// Simulated seed 0x1b: a bit of the seven bytes before the first checksum was flipped. No reader looks at them, so neither
/// did the scan, and the next start would have left the replica out.
#[test]
fn a_scan_looks_where_no_reader_does() {
    let (mut disk, block) = (node::MemDisk::default(), Block::new(ID.0, 1001, 700));
    let mut writer = ReplicaWriter::create(&mut disk, block, Place::Rbw).unwrap();
    let data = bytes(0, 700);
    writer
        .write_packet(&mut disk, 0, &data, &checksums(&data))
        .unwrap();
    writer.finalize(&mut disk, true).unwrap();
    let replica = Replica::new(block, ReplicaState::Finalized);
    check(&disk, &replica).unwrap();
    let meta = Place::Finalized.meta(ID, block.generation);
    for (at, cut) in [(1, 0), (6, 0), (0, 4), (0, 12)] {
        let mut damaged = disk.clone();
        let file = damaged.files.get_mut(&meta).unwrap();
        file[at] ^= u8::from(cut == 0);
        file.truncate(file.len() - cut);
        assert!(check(&damaged, &replica).is_err(), "{at} {cut}");
    }
}

#[test]
fn a_copy_for_a_pipeline_is_there_after_a_crash_once_it_is_kept_and_not_by_halves_before() {
    let copy = |disk: &mut SimDisk, data: &[u8]| {
        let block = Block::new(ID.0, 1001, 0);
        let mut writer = ReplicaWriter::create(disk, block, Place::Tmp)?;
        writer.write_packet(disk, 0, data, &checksums(data))?;
        writer.keep_as_rbw(disk)
    };
    let data = bytes(0, 1300);
    let mut kept_ones = 0;
    for seed in 0..400 {
        let (mut disk, mut rng) = (SimDisk::default(), Rng::new(seed));
        disk.set_fuse(Some(u32::try_from(rng.below(16)).unwrap()));
        let kept = copy(&mut disk, &data);
        disk.crash(&mut rng);
        disk.set_fuse(None);
        let found = scan(&mut disk).unwrap().replicas;
        let whole = Replica::new(Block::new(ID.0, 1001, 1300), ReplicaState::Rwr);
        if kept.is_ok() {
            kept_ones += 1;
            assert_eq!(found, [whole], "seed {seed}");
        } else {
            assert!(
                found.is_empty() || found == [whole],
                "seed {seed}: {found:?}"
            );
        }
    }
    assert!((1..400).contains(&kept_ones));
}
