//! Checksummed block files: what is written is read back with its checksums, and damage is found where it is.

use std::collections::BTreeMap;

use autograder::{Test, tests};
use mini_hdfs::datanode::BlockFile;
use mini_hdfs::datanode::block_file::BlockFileError;
use mini_hdfs::packet::{checksums, verify};
use node::{Disk, MemDisk, Rng};
use proptest::prelude::*;
use sim::SimDisk;

pub(crate) const TESTS: &[Test] = tests![
    block_file_has_the_format_of_hdfs,
    block_file_rewrites_a_short_last_chunk,
    block_file_reads_whole_chunks_only,
    block_file_reads_only_what_counts,
    block_file_refuses_packets_that_do_not_fit,
    block_file_is_not_shortened_over_damage,
    block_file_is_cut_between_chunks,
    block_file_is_valid_as_far_as_it_is_there,
    block_file_finds_a_flipped_bit_in_its_chunk,
    block_file_keeps_what_was_synced,
];

const DATA: &str = "rbw/blk_1";
const META: &str = "rbw/blk_1_1001.meta";

/// The bytes of the block that all tests write: any two chunks of it differ.
fn bytes(from: u64, to: u64) -> Vec<u8> {
    (from..to)
        .map(|at| u8::try_from((at ^ (at >> 8) ^ (at >> 16)) & 0xff).expect("one byte"))
        .collect()
}

/// Writes the bytes of the block up to `end`, as a writer's next packet would.
fn grow(file: &mut BlockFile, disk: &mut dyn Disk, end: u64) {
    let offset = file.len() / 512 * 512;
    let data = bytes(offset, end);
    file.write_packet(disk, offset, &data, &checksums(&data))
        .expect("the packet that follows what is there is accepted");
}

fn written(disk: &mut dyn Disk, ends: &[u64]) -> BlockFile {
    let mut file = BlockFile::create(disk, DATA, META).expect("the disk works");
    for end in ends {
        grow(&mut file, disk, *end);
    }
    file
}

/// Compares bytes, and says where they differ instead of printing them all.
#[track_caller]
fn assert_bytes(got: &[u8], expected: &[u8], what: &str) {
    let differ = got.iter().zip(expected).position(|(a, b)| a != b);
    if let Some(at) = differ {
        let (got, expected) = (got[at], expected[at]);
        panic!("{what}: byte {at} should be {expected} and is {got}");
    }
    assert_eq!(got.len(), expected.len(), "{what}: the number of bytes");
}

fn block_file_has_the_format_of_hdfs() {
    let mut disk = MemDisk::default();
    written(&mut disk, &[700]);
    let mut meta = vec![0, 1, 2, 0, 0, 2, 0];
    for sum in checksums(&bytes(0, 700)) {
        meta.extend(sum.to_be_bytes());
    }
    let expected = BTreeMap::from([(DATA.to_owned(), bytes(0, 700)), (META.to_owned(), meta)]);
    assert_eq!(
        disk.files, expected,
        "the data as it is; version 1, CRC32C (2), 512, then a big-endian checksum for each chunk"
    );
}

fn block_file_rewrites_a_short_last_chunk() {
    let mut disk = MemDisk::default();
    let file = written(&mut disk, &[100, 300, 600, 600, 1536]);
    assert_eq!(
        file.len(),
        1536,
        "the replica ends where the last packet did"
    );
    let chunks = file.read(&disk, 0, u64::MAX).unwrap();
    assert_bytes(&chunks.data, &bytes(0, 1536), "the replica");
    assert_eq!(
        chunks.checksums,
        checksums(&bytes(0, 1536)),
        "a chunk that grows gets a new checksum in the place of its old one"
    );
}

fn block_file_reads_whole_chunks_only() {
    let mut disk = MemDisk::default();
    let file = written(&mut disk, &[2000]);
    let read = |offset, len| {
        let chunks = file.read(&disk, offset, len).unwrap();
        assert_eq!(
            verify(&chunks.data, &chunks.checksums),
            Ok(()),
            "each chunk comes with its checksum"
        );
        (chunks.offset, chunks.data.len(), chunks.checksums.len())
    };
    assert_eq!(read(600, 1), (512, 512, 1), "the chunk that holds byte 600");
    assert_eq!(read(511, 2), (0, 1024, 2), "the range touches two chunks");
    assert_eq!(read(1990, 100), (1536, 464, 1), "the last chunk is short");
    assert_eq!(read(512, 512), (512, 512, 1), "exactly one chunk");
    assert_eq!(
        read(600, u64::MAX),
        (512, 1488, 3),
        "a range may go far beyond the end"
    );
}

fn block_file_reads_only_what_counts() {
    let mut disk = MemDisk::default();
    written(&mut disk, &[2000]);
    // A writer has gone on; what this reader may see ends before.
    let visible = BlockFile::with_len(DATA, META, 700);
    let chunks = visible.read(&disk, 600, u64::MAX).unwrap();
    assert_eq!(
        (chunks.offset, chunks.data.len(), chunks.checksums.len()),
        (512, 188, 1),
        "of the last chunk, no byte behind byte 700"
    );
    let first = visible.read(&disk, 0, 10).unwrap();
    assert_bytes(
        &first.data,
        &bytes(0, 512),
        "the first chunk, which is whole",
    );
}

fn block_file_refuses_packets_that_do_not_fit() {
    let mut disk = MemDisk::default();
    let mut file = written(&mut disk, &[1300]);
    let before = disk.clone();
    let mut refused = |offset, data: Vec<u8>, sums: Vec<u32>| {
        let result = file.write_packet(&mut disk, offset, &data, &sums);
        assert_eq!(
            disk, before,
            "nothing is written of a packet that is refused"
        );
        result.expect_err("the packet is refused")
    };
    let data = bytes(0, 600);
    let sums = checksums(&data);
    let misplaced = |e: &BlockFileError| matches!(e, BlockFileError::Misplaced { .. });
    let e = refused(1536, data.clone(), sums.clone());
    assert!(misplaced(&e), "it would leave a gap: {e}");
    let e = refused(1100, data.clone(), sums.clone());
    assert!(misplaced(&e), "it begins in the middle of a chunk: {e}");
    let e = refused(512, data.clone(), sums.clone());
    assert!(misplaced(&e), "it would make the replica shorter: {e}");
    let e = refused(1024, data.clone(), sums[..1].to_vec());
    assert!(misplaced(&e), "a checksum is missing: {e}");
    let mut damaged = data;
    damaged[599] ^= 0x10;
    assert_eq!(
        refused(1024, damaged, sums),
        BlockFileError::Checksum {
            file: DATA.to_owned(),
            offset: 1536
        },
        "byte 599 of a packet at 1024 is in the chunk that begins at 1536"
    );
}

fn block_file_is_not_shortened_over_damage() {
    let mut disk = MemDisk::default();
    let mut file = written(&mut disk, &[2000]);
    file.truncate(&mut disk, 1300).unwrap();
    assert_eq!(file.len(), 1300, "cut to 1300 bytes");
    let chunks = file.read(&disk, 0, u64::MAX).unwrap();
    assert_bytes(&chunks.data, &bytes(0, 1300), "what is left");
    assert_eq!(
        chunks.checksums,
        checksums(&bytes(0, 1300)),
        "the chunk that was cut has a checksum of what is left of it"
    );
    let reopened = BlockFile::open(&disk, DATA, META).unwrap();
    assert_eq!(reopened.len(), 1300, "both files are cut");

    disk.files.get_mut(DATA).unwrap()[1290] ^= 1;
    let before = disk.clone();
    let damaged = file.truncate(&mut disk, 1200).expect_err(
        "the chunk that is cut does not match its checksum; a new one would hide the damage",
    );
    assert!(
        matches!(damaged, BlockFileError::Checksum { offset: 1024, .. }),
        "{damaged}"
    );
    assert_eq!(disk, before, "nothing is cut of a replica that cannot be");
    assert_eq!(file.len(), 1300, "so it is as long as it was");
    assert!(
        file.truncate(&mut disk, 1400).is_err(),
        "a replica cannot be cut to more than it has"
    );
}

fn block_file_is_cut_between_chunks() {
    let mut disk = MemDisk::default();
    let mut file = written(&mut disk, &[2000]);
    // To as much as it has, too.
    for len in [1536, 1536, 1024, 0] {
        file.truncate(&mut disk, len).unwrap();
        let sizes = (file.len(), disk.files[DATA].len(), disk.files[META].len());
        let size = usize::try_from(len).unwrap();
        assert_eq!(
            sizes,
            (len, size, 7 + size / 512 * 4),
            "cut to {len}: the replica, its data, and 7 bytes with 4 for each chunk"
        );
        assert_eq!(file.valid_len(&disk), Ok(len), "what is left is undamaged");
    }
    grow(&mut file, &mut disk, 600);
    let read = file.read_verified(&disk, 0, 600).unwrap();
    assert_bytes(&read, &bytes(0, 600), "written anew after the cut");
}

fn block_file_is_valid_as_far_as_it_is_there() {
    let mut disk = MemDisk::default();
    let file = written(&mut disk, &[2000]);
    assert_eq!(file.valid_len(&disk), Ok(2000), "it is undamaged");
    let lost = |file: &str, from: usize| {
        let mut disk = disk.clone();
        disk.files.get_mut(file).unwrap().truncate(from);
        disk
    };
    for (disk, valid, what) in [
        (lost(DATA, 1536), 1536, "the bytes of the last chunk"),
        (lost(DATA, 1600), 1536, "some bytes of the last chunk"),
        (lost(META, 7 + 2 * 4), 1024, "two checksums"),
        (lost(META, 7 + 2 * 4 + 3), 1024, "a part of a checksum"),
    ] {
        assert_eq!(file.valid_len(&disk), Ok(valid), "{what} are missing");
    }
}

proptest! {
    #![proptest_config(autograder::property(64))]

    /// One wrong bit, in either file, costs exactly the chunk in which it is.
    fn block_file_finds_a_flipped_bit_in_its_chunk(
        sizes in prop::collection::vec(1_u64..1500, 1..8),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
        in_data in any::<bool>(),
    ) {
        let mut disk = MemDisk::default();
        let mut file = BlockFile::create(&mut disk, DATA, META).unwrap();
        for size in sizes {
            let end = file.len() + size;
            grow(&mut file, &mut disk, end);
        }
        prop_assert_eq!(file.valid_len(&disk).unwrap(), file.len(), "it is undamaged");
        let (name, header, per_chunk) = if in_data { (DATA, 0, 512) } else { (META, 7, 4) };
        let contents = disk.files.get_mut(name).unwrap();
        let at = header + at.index(contents.len() - header);
        contents[at] ^= 1 << bit;
        let damaged = (at - header) / per_chunk;

        prop_assert_eq!(file.valid_len(&disk).unwrap(), damaged as u64 * 512, "good up to the chunk with the flipped bit");
        let chunks = file.read(&disk, 0, u64::MAX).unwrap();
        for (i, (chunk, sum)) in chunks.data.chunks(512).zip(&chunks.checksums).enumerate() {
            let good = verify(chunk, &[*sum]).is_ok();
            prop_assert_eq!(good, i != damaged, "chunk {}", i);
        }
    }

    /// After a crash, all chunks up to the last sync are there, and whatever counts as valid is right.
    fn block_file_keeps_what_was_synced(
        synced in prop::collection::vec(1_u64..1500, 1..6),
        lost in prop::collection::vec(1_u64..1500, 0..6),
        seed in any::<u64>(),
    ) {
        let mut disk = SimDisk::default();
        let mut file = BlockFile::create(&mut disk, DATA, META).unwrap();
        for size in synced {
            let end = file.len() + size;
            grow(&mut file, &mut disk, end);
        }
        file.sync(&mut disk).unwrap();
        disk.sync_dir("rbw").unwrap();
        let synced_len = file.len();
        // The chunk in which the sync ended may be written over; those before it are not touched again.
        let safe = if lost.is_empty() { synced_len } else { synced_len / 512 * 512 };
        for size in lost {
            let end = file.len() + size;
            grow(&mut file, &mut disk, end);
        }
        disk.crash(&mut Rng::new(seed));
        let file = BlockFile::open(&disk, DATA, META).unwrap();
        let valid = file.valid_len(&disk).unwrap();
        prop_assert!(valid >= safe, "{} bytes were synced, {} are left", synced_len, valid);
        let data = disk.read(DATA).unwrap();
        assert_bytes(&data[..usize::try_from(valid).unwrap()], &bytes(0, valid), "what is valid");
    }
}
