//! How a snapshot becomes the one that counts.

use autograder::{Test, seeds, tests};
use node::{Disk, DiskErrorKind, MemDisk, Rng};
use raft_kv::wal::snapshot::{Meta, Writer, install, newest, partial_file, verify};
use raft_kv::wal::{Position, WalError};
use sim::SimDisk;

pub(crate) const TESTS: &[Test] = tests![
    a_snapshot_gets_its_name,
    a_damaged_one_is_refused,
    half_of_one_is_refused,
    the_older_ones_go,
    a_late_one_takes_no_newer_ones_place,
    when_it_returns_it_is_on_the_disk,
    a_crash_leaves_the_old_one_or_the_new_one,
];

fn meta(index: u64) -> Meta {
    Meta {
        position: Some(Position { term: 2, index }),
        membership: b"members".to_vec(),
    }
}

/// The bytes of a snapshot, as a leader would send them: made on a disk of its own.
fn bytes(index: u64) -> Vec<u8> {
    let mut disk = MemDisk::default();
    let mut writer = Writer::create(&mut disk, &meta(index)).unwrap();
    for chunk in 0..4 {
        let fill = u8::try_from(index).unwrap();
        writer.chunk(&mut disk, &vec![fill; 20 + chunk]).unwrap();
    }
    // The end that `finish` would write: no body, and its checksum.
    let file = partial_file("building");
    let mut bytes = disk.files[&file].clone();
    let len = 0_u32.to_be_bytes();
    bytes.extend_from_slice(&len);
    bytes.extend_from_slice(&crc32c::crc32c(&len).to_be_bytes());
    bytes
}

fn received(disk: &mut dyn Disk, bytes: &[u8]) -> Result<Meta, WalError> {
    let file = partial_file("received");
    disk.write_at(&file, 0, &[])?;
    disk.truncate(&file, 0)?;
    disk.write_at(&file, 0, bytes)?;
    install(disk, &file)
}

fn a_snapshot_gets_its_name() {
    let mut disk = MemDisk::default();
    assert_eq!(
        received(&mut disk, &bytes(7)),
        Ok(meta(7)),
        "what it stands for"
    );
    assert_eq!(
        newest(&disk),
        Ok(Some(meta(7).file())),
        "the one that counts"
    );
    assert_eq!(disk.files.len(), 1, "one file is there, under its own name");
    assert_eq!(verify(&disk, &meta(7).file()), Ok(meta(7)), "it is whole");
}

fn a_damaged_one_is_refused() {
    let whole = bytes(9);
    for byte in 0..whole.len() {
        let mut disk = MemDisk::default();
        received(&mut disk, &bytes(7)).unwrap();
        let mut bad = whole.clone();
        bad[byte] ^= 0x10;
        let came = received(&mut disk, &bad);
        assert!(
            came.is_err(),
            "a bit of byte {byte} of {} is not what it was, and it was taken for {came:?}",
            whole.len()
        );
        assert_eq!(
            newest(&disk),
            Ok(Some(meta(7).file())),
            "the one before still counts, where byte {byte} of {} is not what it was",
            whole.len()
        );
    }
}

fn half_of_one_is_refused() {
    let whole = bytes(9);
    for len in 0..whole.len() {
        let mut disk = MemDisk::default();
        received(&mut disk, &bytes(7)).unwrap();
        let came = received(&mut disk, &whole[..len]);
        assert!(
            came.is_err(),
            "{len} of {} bytes are there, and that was taken for {came:?}",
            whole.len()
        );
        assert_eq!(
            newest(&disk),
            Ok(Some(meta(7).file())),
            "the one before still counts, where {len} of {} bytes are there",
            whole.len()
        );
    }
}

fn the_older_ones_go() {
    let mut disk = MemDisk::default();
    for index in [3, 9, 20] {
        received(&mut disk, &bytes(index)).unwrap();
        let names = disk.list("snap").unwrap();
        assert_eq!(names.len(), 1, "after the one of {index}: {names:?}");
    }
}

fn a_late_one_takes_no_newer_ones_place() {
    let mut disk = MemDisk::default();
    received(&mut disk, &bytes(20)).unwrap();
    received(&mut disk, &bytes(9)).unwrap();
    assert_eq!(
        newest(&disk),
        Ok(Some(meta(20).file())),
        "that of 20 is the newest"
    );
    assert_eq!(disk.files.len(), 1, "and the only one");
}

fn when_it_returns_it_is_on_the_disk() {
    for seed in seeds(30) {
        let (mut rng, mut disk) = (Rng::new(seed), SimDisk::default());
        for index in [3, 9] {
            received(&mut disk, &bytes(index)).unwrap();
            disk.crash(&mut rng);
            let file = newest(&disk).unwrap().expect("it was installed");
            assert_eq!(
                file,
                meta(index).file(),
                "seed {seed:#x}: the one that counts after a crash"
            );
            assert_eq!(
                verify(&disk, &file),
                Ok(meta(index)),
                "seed {seed:#x}: it is whole after a crash"
            );
        }
    }
}

fn a_crash_leaves_the_old_one_or_the_new_one() {
    for seed in seeds(100) {
        let (mut rng, mut disk) = (Rng::new(seed), SimDisk::default());
        received(&mut disk, &bytes(1)).unwrap();
        let mut known = 1;
        for index in 2..6 {
            disk.set_fuse(Some(u32::try_from(rng.below(12)).unwrap()));
            match received(&mut disk, &bytes(index)) {
                Ok(_) => known = index,
                Err(WalError::Disk(error)) => {
                    assert_eq!(
                        error.kind,
                        DiskErrorKind::Crashed,
                        "the only error there is"
                    );
                }
                Err(error) => {
                    panic!("seed {seed:#x}: the snapshot of {index} is whole, and refused: {error}")
                }
            }
            disk.crash(&mut rng);
            let file = newest(&disk)
                .unwrap()
                .expect("the one before, at least, is there");
            let found = verify(&disk, &file).expect("whichever counts is whole");
            let found = found.position.map_or(0, |last| last.index);
            assert!(
                found == known || found == index,
                "seed {seed:#x}: the snapshot of {found} counts after a crash; {known} did before, {index} came"
            );
            known = found;
        }
    }
}
