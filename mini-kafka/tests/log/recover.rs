//! Opening a log, whatever has become of its files.

use mini_kafka::log::RecoveryReport;
use mini_kafka::partition::Partition;
use node::{Disk, MemDisk, Rng};
use proptest::prelude::*;
use sim::SimDisk;

use crate::written::{at_ms, config, one, read_all, read_from, sync};

const LOG: &str = "t-0/00000000000000000000.log";

/// A log of `count` records, one a batch of 70 bytes.
fn written(count: i64, segment_bytes: &str) -> MemDisk {
    let mut disk = MemDisk::default();
    let (mut partition, _) =
        Partition::open(&mut disk, "t-0", settings(segment_bytes), at_ms(0)).unwrap();
    for n in 0..count {
        partition
            .append(&mut disk, &mut one(n, "k", &n.to_string()), at_ms(0))
            .unwrap();
    }
    disk
}

fn settings(segment_bytes: &str) -> mini_kafka::log::LogConfig {
    config(&[
        ("segment.bytes", segment_bytes),
        ("index.interval.bytes", "100"),
    ])
}

fn reopen(disk: &mut MemDisk, segment_bytes: &str) -> (Partition, RecoveryReport) {
    Partition::open(disk, "t-0", settings(segment_bytes), at_ms(9)).unwrap()
}

#[test]
fn a_clean_stop_spares_the_look_at_the_log() {
    let mut disk = written(20, "500");
    let (mut partition, report) = reopen(&mut disk, "500");
    assert!(!report.scanned.is_empty(), "that was no clean stop");
    partition.close(&mut disk).unwrap();
    let (again, report) = reopen(&mut disk, "500");
    assert_eq!(report, RecoveryReport::default());
    assert_eq!(read_all(&again, &disk).len(), 20);
    assert_eq!(again.leader_epoch(), 1, "one life has appended");
}

#[test]
fn indexes_are_made_anew_where_they_are_missing_or_wrong() {
    let mut disk = written(40, "500");
    reopen(&mut disk, "500").0.close(&mut disk).unwrap();
    let index = |name: &&String| name.ends_with("index");
    let names: Vec<String> = disk.files.keys().filter(index).cloned().collect();
    assert!(names.len() > 6);
    let whole = disk.clone();
    for name in &names {
        for damage in [None, Some(vec![1, 2, 3]), Some(vec![0xff; 24])] {
            disk.clone_from(&whole);
            match &damage {
                None => disk.files.remove(name),
                Some(bytes) => disk.files.insert(name.clone(), bytes.clone()),
            };
            let (mut partition, report) = reopen(&mut disk, "500");
            assert_eq!(
                report.rebuilt.len() + report.scanned.len(),
                1,
                "{name} {damage:?}: {report:?}"
            );
            assert_eq!(read_all(&partition, &disk).len(), 40);
            assert_eq!(
                partition.offset_for_timestamp(&disk, 33).unwrap(),
                Some((33, 33))
            );
            partition.close(&mut disk).unwrap();
            assert_eq!(disk.files[name], whole.files[name], "made anew as it was");
        }
    }
}

#[test]
fn a_time_index_that_ends_early_is_made_anew() {
    let mut disk = MemDisk::default();
    let (mut partition, _) = Partition::open(&mut disk, "t-0", settings("500"), at_ms(0)).unwrap();
    // Timestamps go up and down, and the first batch of a segment may have the highest.
    for n in 0..40 {
        let mut bytes = one(n * 27 % 40, "k", &n.to_string());
        partition.append(&mut disk, &mut bytes, at_ms(0)).unwrap();
    }
    partition.close(&mut disk).unwrap();
    let highest = |partition: &Partition| -> Vec<i64> {
        let segments = partition.log().segments().iter();
        segments.map(|segment| segment.max_timestamp).collect()
    };
    let expected = highest(&partition);
    let whole = disk.clone();
    for (name, bytes) in &whole.files {
        if !name.ends_with(".timeindex") {
            continue;
        }
        for len in (0..bytes.len()).step_by(12) {
            disk.clone_from(&whole);
            disk.files.insert(name.clone(), bytes[..len].to_vec());
            let (partition, _) = reopen(&mut disk, "500");
            assert_eq!(highest(&partition), expected, "{len} bytes of {name}");
        }
    }
}

#[test]
fn an_index_that_lies_is_found_out_when_it_is_used() {
    let mut disk = written(40, "100000");
    reopen(&mut disk, "100000").0.close(&mut disk).unwrap();
    let index = "t-0/00000000000000000000.index";
    let len = disk.files[index].len();
    for entry in (0..len / 8 - 1).map(|n| n * 8) {
        for shift in [1, 70, 140] {
            let mut lying = disk.clone();
            lying.files.get_mut(index).unwrap()[entry + 7] ^= shift;
            let (partition, _) = reopen(&mut lying, "100000");
            for from in 0..40 {
                let slice = partition.read(&lying, from, 0).unwrap();
                let bytes = &lying.files[&slice.file][usize::try_from(slice.position).unwrap()..];
                assert_eq!(bytes[..8], from.to_be_bytes(), "entry {entry}, {shift}");
            }
        }
    }
}

#[test]
fn a_flipped_bit_does_not_make_a_closed_segment_reach_into_the_next() {
    let mut disk = written(40, "500");
    reopen(&mut disk, "500").0.close(&mut disk).unwrap();
    let whole = disk.clone();
    let batches = whole.files[LOG].len() / 70;
    // Of any batch's base offset and last offset delta, with and without indexes.
    for at in (0..batches).flat_map(|n| [70 * n + 5, 70 * n + 23]) {
        for is_indexed in [true, false] {
            disk.clone_from(&whole);
            disk.files.get_mut(LOG).unwrap()[at] ^= 1;
            if !is_indexed {
                disk.files.retain(|name, _| !name.ends_with("index"));
            }
            let (mut partition, _) = reopen(&mut disk, "500");
            let segments = partition.log().segments();
            for pair in segments.windows(2) {
                assert!(pair[0].next_offset <= pair[1].base_offset, "byte {at}");
            }
            let second = segments[1].base_offset;
            let seen = read_from(&partition, &disk, second, 4096);
            assert_eq!(seen.len(), 40 - usize::try_from(second).unwrap());
            let info = partition.append(&mut disk, &mut one(1, "k", "v"), at_ms(9));
            assert_eq!(info.unwrap().base_offset, 40);
        }
    }
}

#[test]
fn a_missing_segment_behind_the_recovery_point_ends_the_log() {
    let mut disk = written(40, "500");
    let bases: Vec<String> = disk
        .files
        .keys()
        .filter(|name| name.ends_with(".log"))
        .cloned()
        .collect();
    disk.files.remove(&bases[2]);
    let (partition, report) = reopen(&mut disk, "500");
    assert_eq!(report.removed.len(), bases.len() - 3);
    let seen = read_all(&partition, &disk);
    assert_eq!(
        i64::try_from(seen.len()).unwrap(),
        partition.log_end_offset()
    );
}

#[test]
fn lost_records_that_had_been_synced_are_told_of() {
    let mut disk = written(10, "100000");
    reopen(&mut disk, "100000").0.close(&mut disk).unwrap();
    disk.files.get_mut(LOG).unwrap().truncate(70 * 4 + 5);
    let (_, report) = reopen(&mut disk, "100000");
    assert_eq!(report.lost, Some((4, 10)));
    assert_eq!(
        report.to_string(),
        "1 segments read and checked; 5 bytes cut off t-0/00000000000000000000.log at byte 280, since the bytes end in the \
         middle of a batch's header; offsets 4 to 10 had been synced, and are LOST: the disk or somebody changed these files"
    );
    let (_, position, bytes, reason) = report.cut.unwrap();
    assert_eq!(
        (position, bytes, reason.as_str()),
        (280, 5, "the bytes end in the middle of a batch's header")
    );
}

#[test]
fn a_lost_epoch_is_never_used_again() {
    let mut disk = written(3, "100000");
    let (mut partition, _) = reopen(&mut disk, "100000");
    sync(&mut partition, &mut disk);
    assert_eq!(partition.leader_epoch(), 1);
    partition
        .append(&mut disk, &mut one(1, "k", "lost"), at_ms(0))
        .unwrap();
    disk.files.get_mut(LOG).unwrap().truncate(70 * 3);
    let (mut partition, _) = reopen(&mut disk, "100000");
    assert_eq!(partition.leader_epoch(), 2);
    partition
        .append(&mut disk, &mut one(1, "k", "other"), at_ms(0))
        .unwrap();
    // A consumer that has read offset 3 in epoch 1 learns that what it read is gone.
    assert_eq!(partition.end_offset_for_epoch(1), Some((0, 3)));
    assert_eq!(partition.end_offset_for_epoch(2), Some((2, 4)));
    // The file of epochs can be made from the batches, as far as they are there.
    disk.files.remove("t-0/leader-epoch-checkpoint");
    let (partition, _) = reopen(&mut disk, "100000");
    assert_eq!(partition.end_offset_for_epoch(0), Some((0, 3)));
    assert_eq!(partition.leader_epoch(), 3);
}

#[test]
fn what_was_cut_off_does_not_come_back_behind_a_later_crash() {
    for seed in 0..30 {
        for was_full in [false, true] {
            let mut disk = SimDisk::default();
            let (mut partition, _) =
                Partition::open(&mut disk, "t-0", settings("150"), at_ms(0)).unwrap();
            for n in 0..2 {
                let mut bytes = one(n, "k", "v");
                partition.append(&mut disk, &mut bytes, at_ms(0)).unwrap();
            }
            sync(&mut partition, &mut disk);
            partition.checkpoint(&mut disk).unwrap();
            let mut third = one(2, "k", "v");
            if was_full {
                // Half of a batch is written and cut off again.
                disk.set_capacity(Some(disk.used() + 30));
                partition.set_config(settings("1000"));
                let refused = partition.append(&mut disk, &mut third, at_ms(0));
                assert!(refused.is_err());
                disk.set_capacity(None);
                partition.set_config(settings("150"));
            } else {
                disk.write_at(LOG, 140, &third[..30]).unwrap();
                disk.sync(LOG).unwrap();
                let opened = Partition::open(&mut disk, "t-0", settings("150"), at_ms(0));
                partition = opened.unwrap().0;
            }
            // That segment grows no more.
            partition.append(&mut disk, &mut third, at_ms(0)).unwrap();
            sync(&mut partition, &mut disk);
            partition.checkpoint(&mut disk).unwrap();
            assert_eq!(partition.log().segments().len(), 2);
            disk.crash(&mut Rng::new(seed));
            let opened = Partition::open(&mut disk, "t-0", settings("150"), at_ms(9));
            let (partition, _) = opened.unwrap();
            assert_eq!(read_all(&partition, &disk).len(), 3);
        }
    }
}

proptest! {
    #[test]
    fn whatever_becomes_of_the_tail_a_prefix_is_left(
        cut in 0usize..700, flips in proptest::collection::vec((0usize..700, 1u8..), 0..4), junk in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut disk = written(10, "100000");
        let whole = disk.files[LOG].clone();
        let file = disk.files.get_mut(LOG).unwrap();
        file.truncate(cut.min(whole.len()));
        file.extend(&junk);
        for (at, flip) in flips {
            if let Some(byte) = file.get_mut(at) {
                *byte ^= flip;
            }
        }
        let same = whole.iter().zip(file.iter()).take_while(|(a, b)| a == b).count();
        let (mut partition, _) = reopen(&mut disk, "100000");
        let seen = read_all(&partition, &disk);
        prop_assert!(seen.len() >= same / 70, "{} of {} bytes are good, {} records were found", same, whole.len(), seen.len());
        for (n, record) in (0..).zip(&seen) {
            prop_assert_eq!((record.offset, record.timestamp), (n, n));
        }
        let end = partition.log_end_offset();
        let info = partition.append(&mut disk, &mut one(1, "k", "new"), at_ms(0)).unwrap();
        prop_assert_eq!(info.base_offset, end);
    }
}
