//! A torn tail is cut off; damage to what was durable stops the start, and says where it is.

use node::{Disk, MemDisk};
use raft_kv::wal::{Wal, WalError, segment_name};

use crate::{at, entries, flush};

const FILE: &str = "wal/0000000000000001.wal";

/// Two flushes of three entries each.
fn written() -> MemDisk {
    let mut disk = MemDisk::default();
    let (mut wal, _) = Wal::open(&mut disk, 1 << 20).unwrap();
    for index in 0..6 {
        wal.append(at(1, index), b"some payload").unwrap();
        if index % 3 == 2 {
            flush(&mut wal, &mut disk);
        }
    }
    disk
}

/// Where records begin: the first byte behind each.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let scan = raft_kv::wal::record::scan(bytes, 1).unwrap();
    let frames = scan.frames.iter();
    frames.map(|(at, frame)| at + frame.len).collect()
}

#[test]
fn a_tail_is_cut_off_wherever_it_was_torn() {
    let whole = written().files[FILE].clone();
    let ends = ends(&whole);
    // Of the second flush, which may not have been synced, anything may be there.
    for len in ends[3]..ends[6] {
        let mut disk = MemDisk::default();
        disk.write_at(FILE, 0, &whole[..len]).unwrap();
        let (wal, report) = Wal::open(&mut disk, 1 << 20).unwrap();
        let kept = ends.iter().filter(|end| **end <= len).count();
        assert_eq!(entries(&wal, &disk).len(), kept - 1, "cut to {len} bytes");
        let end = ends[kept - 1];
        // A record's length may begin with zeros.
        let is_torn = whole[end..len].iter().any(|byte| *byte != 0);
        assert_eq!(report.torn.is_some(), is_torn, "cut to {len} bytes");
        assert_eq!(
            disk.len(FILE).unwrap(),
            if is_torn { end as u64 } else { len as u64 }
        );
    }
}

#[test]
fn a_flush_torn_in_its_middle_is_cut_off_there() {
    let mut disk = written();
    let ends = ends(&disk.files[FILE]);
    // The pages of one write reach the disk in any order: of the second flush the first record is not there, those behind it are.
    disk.write_at(FILE, ends[3] as u64, &vec![0; ends[4] - ends[3]])
        .unwrap();
    let (wal, report) = Wal::open(&mut disk, 1 << 20).unwrap();
    assert_eq!(entries(&wal, &disk).len(), 3);
    assert!(report.torn.is_some());
}

#[test]
fn room_that_was_not_used_is_no_torn_tail_and_is_used_later() {
    let mut disk = written();
    let file_len = disk.len(FILE).unwrap();
    assert!(*ends(&disk.files[FILE]).last().unwrap() < disk.files[FILE].len());
    for restart in 0..3 {
        let (mut wal, report) = Wal::open(&mut disk, 1 << 20).unwrap();
        assert_eq!(report.torn, None);
        assert_eq!(entries(&wal, &disk).len(), 6 + restart);
        wal.append(at(1, 6 + restart as u64), b"more").unwrap();
        flush(&mut wal, &mut disk);
        assert_eq!(disk.len(FILE).unwrap(), file_len, "the file is long enough");
    }
    // What was torn is cut off with the room behind it, and the file grows again.
    let end = *ends(&disk.files[FILE]).last().unwrap() as u64;
    disk.write_at(FILE, end, b"torn").unwrap();
    let (mut wal, report) = Wal::open(&mut disk, 1 << 20).unwrap();
    let (file, cut, _) = report.torn.unwrap();
    assert_eq!((file.as_str(), cut), (FILE, file_len - end));
    assert_eq!(disk.len(FILE).unwrap(), end);
    wal.append(at(1, 9), b"more").unwrap();
    flush(&mut wal, &mut disk);
    let used = *ends(&disk.files[FILE]).last().unwrap();
    assert!(used as u64 > end && disk.files[FILE].len() > used);
    let (wal, report) = Wal::open(&mut disk, 1 << 20).unwrap();
    assert_eq!((entries(&wal, &disk).len(), report.torn), (10, None));
}

#[test]
fn every_flipped_bit_of_what_was_durable_is_found() {
    let whole = written().files[FILE].clone();
    let ends = ends(&whole);
    for byte in 0..ends[3] {
        for bit in [0, 3, 7] {
            let mut disk = MemDisk::default();
            disk.write_at(FILE, 0, &whole).unwrap();
            disk.files.get_mut(FILE).unwrap()[byte] ^= 1 << bit;
            let error = Wal::open(&mut disk, 1 << 20).map(|_| ()).unwrap_err();
            let begin = ends.iter().rfind(|end| **end <= byte).copied().unwrap_or(0);
            let WalError::Damaged { file, offset, .. } = &error else {
                panic!("byte {byte}: {error}");
            };
            assert_eq!((file.as_str(), *offset), (FILE, begin as u64), "{error}");
        }
    }
}

#[test]
fn a_segment_that_is_gone_is_missed() {
    let mut disk = MemDisk::default();
    let (mut wal, _) = Wal::open(&mut disk, 300).unwrap();
    for index in 0..40 {
        wal.append(at(1, index), &[7; 40]).unwrap();
        flush(&mut wal, &mut disk);
    }
    let names = disk.list("wal").unwrap();
    for name in &names[..names.len() - 1] {
        let mut disk = disk.clone();
        disk.remove(&format!("wal/{name}")).unwrap();
        let error = Wal::open(&mut disk, 300).map(|_| ()).unwrap_err();
        assert!(
            matches!(error, WalError::Missing { .. }),
            "without {name}: {error}"
        );
    }
    // Only the newest may end in a torn record.
    let first = segment_name(1);
    let end = *ends(&disk.files[&first]).last().unwrap();
    disk.truncate(&first, end as u64 - 1).unwrap();
    let error = Wal::open(&mut disk, 300).map(|_| ()).unwrap_err();
    assert!(matches!(error, WalError::Damaged { .. }), "{error}");
}

#[test]
fn no_bytes_make_it_panic() {
    use proptest::prelude::*;
    let bytes = proptest::collection::vec(any::<u8>(), 0..300);
    proptest!(autograder::property(200), |(bytes in bytes)| {
        let mut disk = MemDisk::default();
        disk.write_at(FILE, 0, &bytes).unwrap();
        // Whatever it is, it was never durable as far as anybody can tell.
        let opened = Wal::open(&mut disk, 1 << 20);
        prop_assert!(opened.is_ok());
    });
}
