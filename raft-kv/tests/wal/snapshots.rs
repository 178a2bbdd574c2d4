//! Snapshot files: whole or not at all.

use node::{Disk, DiskErrorKind, MemDisk, Rng};
use raft_kv::wal::WalError;
use raft_kv::wal::snapshot::{Meta, Reader, Writer, install, newest, partial_file, verify};
use sim::SimDisk;

use crate::at;

fn meta(index: u64) -> Meta {
    Meta {
        position: Some(at(2, index)),
        membership: b"members".to_vec(),
    }
}

fn write(disk: &mut dyn Disk, index: u64, chunks: &[Vec<u8>]) -> Result<Meta, WalError> {
    let mut writer = Writer::create(disk, &meta(index))?;
    for chunk in chunks {
        writer.chunk(disk, chunk)?;
    }
    writer.finish(disk)
}

fn read(disk: &dyn Disk, file: &str) -> Result<(Meta, Vec<Vec<u8>>), WalError> {
    let (meta, mut reader) = Reader::open(disk, file)?;
    let mut chunks = Vec::new();
    while let Some(chunk) = reader.next(disk)? {
        chunks.push(chunk);
    }
    Ok((meta, chunks))
}

fn chunks(index: u64) -> Vec<Vec<u8>> {
    (0..5)
        .map(|chunk| vec![u8::try_from(index).unwrap(); 10 + chunk])
        .collect()
}

#[test]
fn the_newest_one_counts_and_the_others_go() {
    let mut disk = MemDisk::default();
    assert_eq!(newest(&disk), Ok(None));
    for index in [3, 9, 20] {
        write(&mut disk, index, &chunks(index)).unwrap();
        let file = newest(&disk).unwrap().unwrap();
        assert_eq!(read(&disk, &file), Ok((meta(index), chunks(index))));
    }
    assert_eq!(
        disk.list("snap").unwrap(),
        ["0000000000000002-0000000000000014.snap"]
    );
    // One that comes late takes no newer one's place.
    write(&mut disk, 5, &chunks(5)).unwrap();
    assert_eq!(
        disk.list("snap").unwrap(),
        ["0000000000000002-0000000000000014.snap"]
    );
}

#[test]
fn every_flipped_bit_and_every_cut_is_found() {
    let mut disk = MemDisk::default();
    write(&mut disk, 7, &chunks(7)).unwrap();
    let file = meta(7).file();
    let whole = disk.files[&file].clone();
    let received = partial_file("received");
    for byte in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[byte] ^= 1 << (byte % 8);
        for bytes in [bytes, whole[..byte].to_vec(), [&whole[..], &[0]].concat()] {
            let mut disk = MemDisk::default();
            disk.write_at(&received, 0, &bytes).unwrap();
            let refused = install(&mut disk, &received);
            assert!(
                matches!(refused, Err(WalError::Damaged { .. })),
                "byte {byte}: {refused:?}"
            );
            assert_eq!(newest(&disk), Ok(None));
        }
    }
}

#[test]
fn a_crash_leaves_the_old_one_or_the_new_one() {
    for seed in autograder::seeds(300) {
        let mut rng = Rng::new(seed);
        let mut disk = SimDisk::default();
        write(&mut disk, 1, &chunks(1)).unwrap();
        let mut known = 1;
        for index in 2..8 {
            disk.set_fuse(Some(u32::try_from(rng.below(14)).unwrap()));
            let written = write(&mut disk, index, &chunks(index));
            disk.set_fuse(None);
            match &written {
                Ok(_) => known = index,
                Err(WalError::Disk(error)) => assert_eq!(error.kind, DiskErrorKind::Crashed),
                Err(error) => panic!("seed {seed:#x}: {error}"),
            }
            disk.crash(&mut rng);
            let file = newest(&disk).unwrap().expect("there is always one");
            let found = verify(&disk, &file).unwrap_or_else(|e| panic!("seed {seed:#x}: {e}"));
            let found = found.position.unwrap().index;
            assert!(
                found == known || found == index,
                "seed {seed:#x}: {found} counts"
            );
            assert_eq!(read(&disk, &file).unwrap().1, chunks(found));
            known = found;
        }
    }
}
