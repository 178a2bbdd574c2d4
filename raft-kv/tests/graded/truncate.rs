//! The end of a log that another leader's log does not have, and the beginning that a snapshot stands for.

use autograder::{Test, tests};
use node::MemDisk;
use raft_kv::wal::{Position, Wal, WalError};

pub(crate) const TESTS: &[Test] = tests![
    a_tail_is_dropped,
    all_may_be_dropped,
    what_is_committed_stays,
    the_log_goes_on_where_it_was_cut,
    the_beginning_is_dropped,
    a_purge_does_not_go_back,
    a_snapshot_may_be_ahead,
    what_was_dropped_stays_dropped,
    segments_that_hold_nothing_go,
];

fn at(term: u64, index: u64) -> Position {
    Position { term, index }
}

/// Entries 1 to 6 of term 1, on the disk.
fn six(disk: &mut MemDisk) -> Wal {
    let (mut wal, _) = Wal::open(disk, 200).unwrap();
    for index in 1..=6 {
        wal.append(at(1, index), b"some payload").unwrap();
        flush(&mut wal, disk);
    }
    wal
}

fn flush(wal: &mut Wal, disk: &mut MemDisk) {
    while let Some(flush) = wal.begin_flush() {
        flush.write(disk).unwrap();
        wal.end_flush(&flush);
    }
}

fn indexes(wal: &Wal) -> Vec<u64> {
    wal.locations(0, u64::MAX)
        .map(|location| location.position.index)
        .collect()
}

fn a_tail_is_dropped() {
    let mut wal = six(&mut MemDisk::default());
    let number = wal.truncate_after(Some(4)).unwrap();
    assert_eq!(indexes(&wal), [1, 2, 3, 4], "truncated after 4");
    assert_eq!(wal.last(), Some(at(1, 4)), "the last entry");
    assert!(
        number > wal.durable(),
        "that is written down, and not durable yet"
    );
    wal.truncate_after(Some(9)).unwrap();
    assert_eq!(indexes(&wal), [1, 2, 3, 4], "there is nothing behind 9");
}

fn all_may_be_dropped() {
    let mut wal = six(&mut MemDisk::default());
    wal.truncate_after(None).unwrap();
    assert_eq!(
        (indexes(&wal), wal.last()),
        (vec![], None),
        "truncated to nothing"
    );
}

fn what_is_committed_stays() {
    let mut wal = six(&mut MemDisk::default());
    wal.save_committed(at(1, 3));
    for after in [Some(2), Some(0), None] {
        let committed = at(1, 3);
        assert_eq!(
            wal.truncate_after(after),
            Err(WalError::Committed { committed, after }),
            "truncated after {after:?}, and {committed:?} is committed"
        );
        assert_eq!(
            indexes(&wal),
            [1, 2, 3, 4, 5, 6],
            "a refusal changes nothing"
        );
    }
    assert!(!wal.has_pending(), "a refusal is not written down");
    wal.truncate_after(Some(3))
        .expect("what is behind 3 is not committed");
    assert_eq!(indexes(&wal), [1, 2, 3], "truncated after 3");
}

fn the_log_goes_on_where_it_was_cut() {
    let mut disk = MemDisk::default();
    let mut wal = six(&mut disk);
    wal.truncate_after(Some(4)).unwrap();
    wal.append(at(2, 5), b"other").expect("5 follows 4");
    flush(&mut wal, &mut disk);
    let entry = wal.locations(5, 6).next().unwrap().read(&disk).unwrap();
    assert_eq!(
        (entry.position, entry.payload),
        (at(2, 5), b"other".to_vec()),
        "the new entry 5"
    );
}

fn the_beginning_is_dropped() {
    let mut wal = six(&mut MemDisk::default());
    let number = wal.purge(at(1, 4));
    assert_eq!(indexes(&wal), [5, 6], "purged up to 4");
    assert_eq!(
        wal.purged(),
        Some(at(1, 4)),
        "the last entry that was purged"
    );
    assert!(
        number > wal.durable(),
        "that is written down, and not durable yet"
    );
    wal.purge(at(1, 6));
    assert_eq!(
        (indexes(&wal), wal.last()),
        (vec![], Some(at(1, 6))),
        "purged up to the last one"
    );
}

fn a_purge_does_not_go_back() {
    let mut wal = six(&mut MemDisk::default());
    wal.purge(at(1, 4));
    wal.purge(at(1, 2));
    assert_eq!(
        (indexes(&wal), wal.purged()),
        (vec![5, 6], Some(at(1, 4))),
        "up to 4, then up to 2"
    );
}

fn a_snapshot_may_be_ahead() {
    let mut wal = six(&mut MemDisk::default());
    wal.purge(at(3, 20));
    assert_eq!(
        (indexes(&wal), wal.last()),
        (vec![], Some(at(3, 20))),
        "purged up to 20, of which 6 were here"
    );
    wal.append(at(3, 21), b"").expect("21 follows 20");
}

fn what_was_dropped_stays_dropped() {
    let mut disk = MemDisk::default();
    let mut wal = six(&mut disk);
    wal.truncate_after(Some(5)).unwrap();
    wal.purge(at(1, 2));
    flush(&mut wal, &mut disk);
    let (again, _) = Wal::open(&mut disk, 200).unwrap();
    assert_eq!(indexes(&again), [3, 4, 5], "after a restart");
    assert_eq!(again.purged(), Some(at(1, 2)), "after a restart");

    // Wherever in a segment the records of it fall, at its beginning too.
    for len in 0..150 {
        let mut disk = MemDisk::default();
        let (mut wal, _) = Wal::open(&mut disk, 200).unwrap();
        for index in 1..=3 {
            wal.append(at(1, index), &vec![b'x'; len]).unwrap();
        }
        flush(&mut wal, &mut disk);
        wal.truncate_after(Some(2)).unwrap();
        flush(&mut wal, &mut disk);
        wal.purge(at(1, 1));
        flush(&mut wal, &mut disk);
        let again = match Wal::open(&mut disk, 200) {
            Ok((again, _)) => again,
            Err(error) => panic!("with entries of {len} bytes it does not open again: {error}"),
        };
        assert_eq!(
            (indexes(&again), again.purged()),
            (vec![2], Some(at(1, 1))),
            "with entries of {len} bytes, after a restart"
        );
    }
}

fn segments_that_hold_nothing_go() {
    let mut disk = MemDisk::default();
    let mut wal = six(&mut disk);
    let before = disk.files.len();
    wal.purge(at(1, 6));
    assert_eq!(disk.files.len(), before, "the purge is not durable yet");
    flush(&mut wal, &mut disk);
    assert!(
        disk.files.len() < before,
        "of {before} segments some hold purged entries alone"
    );
}
