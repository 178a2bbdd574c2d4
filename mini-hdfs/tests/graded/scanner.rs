//! The background scan: what is read next, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use autograder::{Test, tests};
use mini_hdfs::block::{Block, BlockId, ReplicaState};
use mini_hdfs::datanode::scanner::{Cursor, Next, SUSPECT_PAUSE, Scan, ScanConfig, VolumeScanner};
use mini_hdfs::datanode::volumes::VolumeId;
use mini_hdfs::datanode::{Replica, ReplicaMap};
use node::{Rng, Time};

pub(crate) const TESTS: &[Test] = tests![
    scanner_reads_everything_in_order,
    scanner_reads_only_whole_replicas_of_its_own_volume,
    scanner_does_not_skip_what_it_has_not_finished,
    scanner_rests_after_what_it_has_read,
    scanner_rounds_a_rest_up,
    scanner_saves_up_no_idle_time,
    scanner_begins_the_next_pass_one_period_after_the_last_began,
    scanner_that_is_late_begins_again_at_once,
    scanner_leaves_late_comers_to_the_next_pass,
    scanner_of_an_empty_volume_waits_for_a_period,
    scanner_reads_suspects_first,
    scanner_keeps_its_place_while_it_reads_a_suspect,
    scanner_drops_suspects_that_are_gone,
    scanner_reads_a_suspect_once,
    scanner_is_bound_by_the_bandwidth_for_suspects_too,
    scanner_goes_on_where_it_was,
    scanner_does_not_believe_a_cursor_from_the_future,
    scanner_reads_everything_in_each_pass_within_the_bandwidth,
];

const HERE: VolumeId = VolumeId(0);
const PERIOD: Duration = Duration::from_secs(1000);

fn second(s: u64) -> Time {
    Time::from_millis(1000 * s)
}

/// A finalised replica of `len` bytes on the volume that is scanned.
fn replica(id: u64, len: u64) -> Replica {
    Replica::new(Block::new(id, 1001, len), ReplicaState::Finalized)
}

/// Replicas of 100 bytes each.
fn map(ids: &[u64]) -> ReplicaMap {
    ReplicaMap::new(ids.iter().map(|id| replica(*id, 100)))
}

/// A scanner that begins at second 1000 and reads 10 bytes a second: 10 s for each replica of [`map`].
fn scanner() -> VolumeScanner {
    let config = ScanConfig {
        bytes_per_second: 10,
        period: PERIOD,
    };
    VolumeScanner::resume(HERE, config, None, second(1000))
}

/// Reads what the scanner wants to read at `now`, in no time. Returns its id.
#[track_caller]
fn read(scanner: &mut VolumeScanner, map: &ReplicaMap, now: Time) -> u64 {
    match scanner.next(map, now) {
        Next::Scan(scan) => {
            scanner.scanned(scan, scan.block.len, now, now);
            scan.block.id.0
        }
        Next::Wait(until) => panic!("nothing is read at {now}: the scanner waits until {until}"),
    }
}

/// Reads replicas one after the other, as soon as may be, until the scanner waits for longer than a minute. Returns
/// their ids.
fn read_all(scanner: &mut VolumeScanner, map: &ReplicaMap, from: Time) -> Vec<u64> {
    let (mut now, mut ids) = (from, Vec::new());
    while ids.len() < 100 {
        match scanner.next(map, now) {
            Next::Scan(scan) => {
                scanner.scanned(scan, scan.block.len, now, now);
                ids.push(scan.block.id.0);
            }
            Next::Wait(until) if until.since(now) > Duration::from_secs(60) => break,
            Next::Wait(until) => {
                assert!(
                    until > now,
                    "a scanner waits for a time to come, not for {until} at {now}"
                );
                now = until;
            }
        }
    }
    ids
}

fn scanner_reads_everything_in_order() {
    let map = map(&[30, 7, 12, 8]);
    assert_eq!(
        read_all(&mut scanner(), &map, second(1000)),
        [7, 8, 12, 30],
        "the pass goes through the blocks in the order of their ids"
    );
}

fn scanner_reads_only_whole_replicas_of_its_own_volume() {
    let written = Replica::new(Block::new(3, 1001, 100), ReplicaState::Rbw);
    let waiting = Replica::new(Block::new(4, 1001, 100), ReplicaState::Rwr);
    let elsewhere = replica(5, 100).on(VolumeId(1));
    let map = ReplicaMap::new([
        replica(2, 100),
        written,
        waiting,
        elsewhere,
        replica(6, 100),
    ]);
    assert_eq!(
        read_all(&mut scanner(), &map, second(1000)),
        [2, 6],
        "3 is being written, 4 waits to be recovered, 5 is on another volume"
    );
}

fn scanner_does_not_skip_what_it_has_not_finished() {
    let map = map(&[1, 2]);
    let mut scanner = scanner();
    let Next::Scan(first) = scanner.next(&map, second(1000)) else {
        panic!("there are replicas to read, and nothing to wait for");
    };
    // The machine crashes while it is read.
    let saved = Cursor::parse(&scanner.cursor.to_text());
    let mut again = VolumeScanner::resume(HERE, scanner.config, saved, second(1005));
    let next = again.next(&map, second(1005));
    assert_eq!(
        next,
        Next::Scan(first),
        "the replica whose reading was cut short is read again"
    );
}

fn scanner_rests_after_what_it_has_read() {
    let map = map(&[1, 2]);
    let mut scanner = scanner();
    read(&mut scanner, &map, second(1000));
    assert_eq!(
        scanner.next(&map, second(1009)),
        Next::Wait(second(1010)),
        "100 bytes at 10 bytes a second take 10 s"
    );
    assert_eq!(read(&mut scanner, &map, second(1010)), 2);

    let Next::Scan(scan) = self::scanner().next(&map, second(1000)) else {
        panic!("there are replicas to read, and nothing to wait for");
    };
    let mut scanner = self::scanner();
    scanner.scanned(scan, 100, second(1000), second(1007));
    assert_eq!(
        scanner.next(&map, second(1007)),
        Next::Wait(second(1010)),
        "reading took 7 of the 10 s: they count from its beginning"
    );
    scanner.scanned(scan, 40, second(1010), second(1011));
    assert_eq!(
        scanner.next(&map, second(1011)),
        Next::Wait(second(1014)),
        "only 40 bytes were read before something was wrong: what was read counts, not what there was"
    );
}

fn scanner_rounds_a_rest_up() {
    let map = map(&[1]);
    let mut scanner = scanner();
    scanner.config.bytes_per_second = 3;
    let block = Block::new(1, 1001, 100);
    let scan = Scan {
        block,
        suspect: false,
    };
    scanner.scanned(scan, 1, second(1000), second(1000));
    assert_eq!(
        scanner.next(&map, second(1000)),
        Next::Wait(Time::from_micros(1_000_333_334)),
        "a third of a second, rounded up: rounded down it would be more than 3 bytes a second"
    );
    scanner.config.bytes_per_second = 1 << 40;
    scanner.scanned(scan, u64::MAX, second(2000), second(2000));
    let huge = Duration::from_secs(1 << 24);
    assert_eq!(
        scanner.not_before,
        second(2000) + huge,
        "numbers of any size"
    );
}

fn scanner_saves_up_no_idle_time() {
    let map = map(&[1, 2, 3]);
    let mut scanner = scanner();
    read(&mut scanner, &map, second(1000));
    // The disk was left alone for two minutes longer than it had to be.
    assert_eq!(read(&mut scanner, &map, second(1130)), 2);
    assert_eq!(
        scanner.next(&map, second(1131)),
        Next::Wait(second(1140)),
        "the disk is there for others: what was not read then is not caught up on"
    );
}

fn scanner_begins_the_next_pass_one_period_after_the_last_began() {
    let map = map(&[1, 2, 3]);
    let mut scanner = scanner();
    assert_eq!(read_all(&mut scanner, &map, second(1000)), [1, 2, 3]);
    assert_eq!(
        scanner.next(&map, second(1040)),
        Next::Wait(second(2000)),
        "the pass began at second 1000, and a period is 1000 s"
    );
    assert_eq!(scanner.next(&map, second(1999)), Next::Wait(second(2000)));
    assert_eq!(read_all(&mut scanner, &map, second(2000)), [1, 2, 3]);
    assert_eq!(
        scanner.next(&map, second(2040)),
        Next::Wait(second(3000)),
        "the second pass began at second 2000"
    );
}

fn scanner_that_is_late_begins_again_at_once() {
    let map = map(&[1, 2]);
    let mut scanner = scanner();
    read(&mut scanner, &map, second(1000));
    // The second replica is not read before a period and a half is over.
    assert_eq!(read(&mut scanner, &map, second(2500)), 2);
    assert_eq!(
        read(&mut scanner, &map, second(2510)),
        1,
        "the next pass was due at second 2000"
    );
    assert_eq!(
        scanner.cursor.began,
        second(2510),
        "a pass begins when it does, not when it should have"
    );
}

fn scanner_leaves_late_comers_to_the_next_pass() {
    let mut scanner = scanner();
    assert_eq!(read_all(&mut scanner, &map(&[1, 2]), second(1000)), [1, 2]);
    assert_eq!(
        scanner.next(&map(&[1, 2, 3]), second(1100)),
        Next::Wait(second(2000)),
        "the pass is at its end, and what has come since was checked when it was written"
    );
    assert_eq!(
        read_all(&mut scanner, &map(&[1, 2, 3]), second(2000)),
        [1, 2, 3]
    );
}

fn scanner_of_an_empty_volume_waits_for_a_period() {
    let (mut scanner, empty) = (scanner(), ReplicaMap::default());
    let Next::Wait(until) = scanner.next(&empty, second(1000)) else {
        panic!("there is nothing to read");
    };
    assert_eq!(until, second(2000), "one period after the pass began");
    assert_eq!(
        scanner.next(&empty, second(2000)),
        Next::Wait(second(3000)),
        "still nothing: one period from now"
    );
    assert_eq!(
        scanner.next(&empty, second(9999)),
        Next::Wait(second(10_999)),
        "and from whenever that is"
    );
    assert_eq!(read(&mut scanner, &map(&[5]), second(20_000)), 5);
}

fn scanner_reads_suspects_first() {
    let map = map(&[1, 2, 3, 4, 5]);
    let mut scanner = scanner();
    scanner.suspect(BlockId(4), second(1000));
    scanner.suspect(BlockId(2), second(1000));
    let Next::Scan(scan) = scanner.next(&map, second(1000)) else {
        panic!("there is a suspect to read, and nothing to wait for");
    };
    assert_eq!(
        (scan.block, scan.suspect),
        (Block::new(4, 1001, 100), true),
        "4 was named first, though its id is greater; the whole block is named, as a suspect"
    );
    scanner.scanned(scan, 100, second(1000), second(1000));
    assert_eq!(read(&mut scanner, &map, second(1010)), 2);
    assert_eq!(read(&mut scanner, &map, second(1020)), 1, "then the pass");

    // A suspect is read while a pass is waited for, too.
    read_all(&mut scanner, &map, second(1030));
    scanner.suspect(BlockId(5), second(1900));
    assert_eq!(read(&mut scanner, &map, second(1900)), 5);
}

fn scanner_keeps_its_place_while_it_reads_a_suspect() {
    let map = map(&[1, 2, 3, 4]);
    let mut scanner = scanner();
    assert_eq!(read(&mut scanner, &map, second(1000)), 1);
    scanner.suspect(BlockId(3), second(1000));
    assert_eq!(read(&mut scanner, &map, second(1010)), 3);
    assert_eq!(
        scanner.cursor.after,
        Some(BlockId(1)),
        "the pass is where it was"
    );
    assert_eq!(
        read_all(&mut scanner, &map, second(1020)),
        [2, 3, 4],
        "3 is read in its turn all the same"
    );
}

fn scanner_drops_suspects_that_are_gone() {
    let written = Replica::new(Block::new(3, 1001, 100), ReplicaState::Rbw);
    let elsewhere = replica(4, 100).on(VolumeId(1));
    let map = ReplicaMap::new([replica(1, 100), written, elsewhere, replica(5, 100)]);
    let mut scanner = scanner();
    for id in [2, 3, 4, 5] {
        scanner.suspect(BlockId(id), second(1000));
    }
    assert_eq!(
        read(&mut scanner, &map, second(1000)),
        5,
        "2 was deleted, 3 is being written, 4 is on another volume"
    );
    assert_eq!(read(&mut scanner, &map, second(1010)), 1);
}

fn scanner_reads_a_suspect_once() {
    let map = map(&[1, 9]);
    let mut scanner = scanner();
    for _ in 0..3 {
        scanner.suspect(BlockId(9), second(1000));
    }
    assert_eq!(read(&mut scanner, &map, second(1000)), 9);
    assert_eq!(
        read(&mut scanner, &map, second(1010)),
        1,
        "three readers had trouble with 9, and it was read for all of them"
    );
    scanner.suspect(BlockId(9), second(1020));
    assert_eq!(
        read(&mut scanner, &map, second(1020)),
        9,
        "in its turn, at the end of the pass"
    );
    assert!(
        matches!(scanner.next(&map, second(1040)), Next::Wait(_)),
        "9 was read as a suspect less than ten minutes ago"
    );
    let later = second(1000) + SUSPECT_PAUSE;
    scanner.suspect(BlockId(9), later);
    assert_eq!(
        read(&mut scanner, &map, later),
        9,
        "ten minutes are over, and it is suspected again"
    );
}

fn scanner_is_bound_by_the_bandwidth_for_suspects_too() {
    let map = map(&[1, 2, 3]);
    let mut scanner = scanner();
    read(&mut scanner, &map, second(1000));
    scanner.suspect(BlockId(3), second(1001));
    assert_eq!(
        scanner.next(&map, second(1001)),
        Next::Wait(second(1010)),
        "a suspect comes first, but not before the disk has had its rest"
    );
    assert_eq!(read(&mut scanner, &map, second(1010)), 3);
    assert_eq!(
        scanner.next(&map, second(1011)),
        Next::Wait(second(1020)),
        "its bytes count like any other's"
    );
}

fn scanner_goes_on_where_it_was() {
    let all = map(&[1, 2, 3, 4]);
    let mut scanner = scanner();
    read(&mut scanner, &all, second(1000));
    read(&mut scanner, &all, second(1010));
    let saved = Cursor::parse(&scanner.cursor.to_text());
    let resume = |saved, now| VolumeScanner::resume(HERE, scanner.config, saved, now);
    let mut again = resume(saved, second(1500));
    assert_eq!(
        read_all(&mut again, &map(&[1, 3, 4]), second(1500)),
        [3, 4],
        "1 and 2 were read in an earlier life; 2, where the cursor stands, is deleted"
    );
    assert_eq!(
        again.next(&all, second(1600)),
        Next::Wait(second(2000)),
        "the pass began in that life, at second 1000"
    );
    let saved = Cursor::parse(&again.cursor.to_text());
    let mut late = resume(saved, second(1700));
    assert_eq!(
        late.next(&all, second(1700)),
        Next::Wait(second(2000)),
        "the pass was at its end, and a restart does not change that"
    );
    let mut fresh = resume(None, second(1700));
    assert_eq!(
        read_all(&mut fresh, &all, second(1700)),
        [1, 2, 3, 4],
        "without a cursor a pass begins"
    );
}

fn scanner_does_not_believe_a_cursor_from_the_future() {
    let saved = Cursor {
        began: second(5000),
        after: Some(BlockId(2)),
        at_end: true,
    };
    let config = scanner().config;
    let mut scanner = VolumeScanner::resume(HERE, config, Some(saved), second(1000));
    assert_eq!(
        read_all(&mut scanner, &map(&[1, 2, 3]), second(1000)),
        [1, 2, 3],
        "a pass cannot have begun at second 5000 when it is second 1000: a new one begins"
    );
    let now = Cursor {
        began: second(1000),
        ..saved
    };
    let scanner = VolumeScanner::resume(HERE, config, Some(now), second(1000));
    assert_eq!(scanner.cursor, now, "now is not the future");
}

/// What a whole life of scans must look like, whatever happens in it.
fn scanner_reads_everything_in_each_pass_within_the_bandwidth() {
    for seed in autograder::seeds(300) {
        let mut rng = Rng::new(seed);
        let count = 1 + rng.below(8);
        let replicas = (0..count).map(|id| replica(3 * id + 1, 1 + rng.below(200)));
        let map = ReplicaMap::new(replicas.collect::<Vec<_>>());
        let config = ScanConfig {
            bytes_per_second: 1 + rng.below(50),
            period: Duration::from_secs(1 + rng.below(200)),
        };
        let mut now = second(1000);
        let mut scanner = VolumeScanner::resume(HERE, config, None, now);
        // How often each was read in turn, since each began.
        let (mut passes, mut read) = (Vec::new(), BTreeMap::new());
        let mut free_at = now;
        for _ in 0..60 {
            if rng.percent(20) {
                scanner.suspect(BlockId(rng.below(3 * count)), now);
            }
            if rng.percent(5) {
                let saved = Cursor::parse(&scanner.cursor.to_text());
                scanner = VolumeScanner::resume(HERE, config, saved, now);
                free_at = now;
            }
            match scanner.next(&map, now) {
                Next::Wait(until) => {
                    assert!(until > now, "seed {seed}: at {now} it waits until {until}");
                    now = until;
                }
                Next::Scan(scan) => {
                    assert!(
                        now >= free_at,
                        "seed {seed}: something is read at {now}, and the bandwidth allows that from {free_at} on"
                    );
                    if !scan.suspect {
                        if passes.last() != Some(&scanner.cursor.began) {
                            passes.push(scanner.cursor.began);
                            let all = read.values().all(|times| *times == 1);
                            let whole = passes.len() < 2 || read.len() as u64 == count;
                            assert!(
                                all && whole,
                                "seed {seed}: a pass has read {read:?} of {count}"
                            );
                            read.clear();
                        }
                        *read.entry(scan.block.id).or_insert(0) += 1;
                    }
                    let began = now;
                    now = now + Duration::from_micros(rng.below(3_000_000));
                    let bytes = u32::try_from(scan.block.len).unwrap();
                    let rate = u32::try_from(config.bytes_per_second).unwrap();
                    free_at = began + Duration::from_secs(1) * bytes / rate;
                    scanner.scanned(scan, scan.block.len, began, now);
                }
            }
        }
        for pair in passes.windows(2) {
            let between = pair[1].since(pair[0]);
            assert!(
                between >= config.period,
                "seed {seed}: {between:?} lie between two passes, and a period is {:?}",
                config.period
            );
        }
    }
}
