//! What the log refuses, and what it remembers over a restart.

use node::{Disk, MemDisk};
use raft_kv::wal::{SEGMENT_BYTES, Vote, Wal, WalError};

use crate::{at, entries, flush};

fn vote(term: u64, candidate: u64, elected: bool) -> Vote {
    Vote {
        term,
        candidate,
        elected,
    }
}

#[test]
fn a_log_is_what_it_was_after_a_restart() {
    let mut disk = MemDisk::default();
    let (mut wal, report) = Wal::open(&mut disk, SEGMENT_BYTES).unwrap();
    assert_eq!((report.records, report.torn), (0, None));
    wal.save_vote(vote(1, 7, true)).unwrap();
    for index in 0..10 {
        wal.append(at(1, index), format!("{index}").as_bytes())
            .unwrap();
    }
    wal.save_committed(at(1, 4));
    wal.truncate_after(Some(7)).unwrap();
    wal.save_vote(vote(2, 3, false)).unwrap();
    wal.append(at(2, 8), b"other").unwrap();
    wal.purge(at(1, 2));
    flush(&mut wal, &mut disk);

    let (again, report) = Wal::open(&mut disk, SEGMENT_BYTES).unwrap();
    assert_eq!(report.torn, None);
    assert_eq!(again.vote(), Some(vote(2, 3, false)));
    assert_eq!(again.committed(), Some(at(1, 4)));
    assert_eq!(
        (again.purged(), again.last()),
        (Some(at(1, 2)), Some(at(2, 8)))
    );
    let kept = (3..8).map(|index| (at(1, index), format!("{index}").into_bytes()));
    let mut expected: Vec<_> = kept.collect();
    expected.push((at(2, 8), b"other".to_vec()));
    assert_eq!(entries(&again, &disk), expected);
    let some: Vec<_> = again
        .locations(4, 6)
        .map(|location| location.position.index)
        .collect();
    assert_eq!(some, [4, 5]);
    assert_eq!(
        again.locations(100, 200).count() + again.locations(0, 2).count(),
        0
    );
}

#[test]
fn a_vote_is_given_once() {
    let mut disk = MemDisk::default();
    let (mut wal, _) = Wal::open(&mut disk, SEGMENT_BYTES).unwrap();
    wal.save_vote(vote(5, 1, false)).unwrap();
    for (new, is_allowed) in [
        (vote(5, 2, false), false),
        (vote(4, 1, true), false),
        (vote(5, 1, false), true),
        // Others elected the second, although this member had voted for the first.
        (vote(5, 2, true), true),
        (vote(5, 2, false), false),
        (vote(5, 3, true), false),
        (vote(6, 3, false), true),
    ] {
        let saved = wal.save_vote(new);
        assert_eq!(saved.is_ok(), is_allowed, "{new:?}: {saved:?}");
    }
    assert_eq!(wal.vote(), Some(vote(6, 3, false)));
}

#[test]
fn a_log_has_no_gap_and_what_is_committed_stays() {
    let mut disk = MemDisk::default();
    let (mut wal, _) = Wal::open(&mut disk, SEGMENT_BYTES).unwrap();
    for index in 1..=5 {
        wal.append(at(3, index), b"").unwrap();
    }
    for position in [at(3, 7), at(3, 5), at(2, 6)] {
        let refused = wal.append(position, b"");
        let last = at(3, 5);
        assert_eq!(refused, Err(WalError::Gap { last, position }));
    }
    wal.save_committed(at(3, 4));
    let refused = wal.truncate_after(Some(3));
    assert!(
        matches!(refused, Err(WalError::Committed { .. })),
        "{refused:?}"
    );
    wal.truncate_after(Some(4)).unwrap();
    wal.append(at(4, 5), b"").unwrap();
    // A snapshot of what is far ahead takes the place of all.
    wal.purge(at(9, 100));
    assert_eq!(
        (wal.last(), wal.locations(0, u64::MAX).count()),
        (Some(at(9, 100)), 0)
    );
    wal.append(at(9, 101), b"").unwrap();
}

#[test]
fn many_appends_share_a_flush_and_nothing_is_durable_before_it() {
    let mut disk = MemDisk::default();
    let (mut wal, _) = Wal::open(&mut disk, SEGMENT_BYTES).unwrap();
    let first = wal.append(at(1, 0), b"a").unwrap();
    let second = wal.append(at(1, 1), b"b").unwrap();
    let under_way = wal.begin_flush().unwrap();
    let third = wal.save_vote(vote(2, 1, false)).unwrap();
    assert!(wal.begin_flush().is_none(), "one flush at a time");
    assert!(wal.durable() < first);
    under_way.write(&mut disk).unwrap();
    wal.end_flush(&under_way);
    assert!(wal.durable() >= second && wal.durable() < third);
    flush(&mut wal, &mut disk);
    assert_eq!(wal.durable(), third);
    // A commit position alone is no reason for one.
    wal.save_committed(at(1, 0));
    assert!(!wal.has_pending());
}

#[test]
fn segments_go_when_nothing_in_them_is_needed() {
    let mut disk = MemDisk::default();
    let (mut wal, _) = Wal::open(&mut disk, 500).unwrap();
    wal.save_vote(vote(1, 2, true)).unwrap();
    for index in 0..100 {
        wal.append(at(1, index), &[0; 50]).unwrap();
        flush(&mut wal, &mut disk);
    }
    let before = wal.size().0;
    assert!(before > 10);
    wal.purge(at(1, 89));
    flush(&mut wal, &mut disk);
    assert!(wal.size().0 < before / 2, "{:?}", wal.size());
    assert_eq!(disk.list("wal").unwrap().len(), wal.size().0);
    let (again, _) = Wal::open(&mut disk, 500).unwrap();
    assert_eq!(
        again.vote(),
        Some(vote(1, 2, true)),
        "it stood in a segment that is gone"
    );
    assert_eq!(again.purged(), Some(at(1, 89)));
    assert_eq!(entries(&again, &disk).len(), 10);
}
