//! Random histories on a disk that loses what was not synced, with a crash at any call. After each recovery:
//! - the log is a prefix of what was appended, holes of compaction aside, with all that was synced;
//! - of each key in it the last record is there, unless it is a tombstone, and no other record has come back;
//! - what `DeleteRecords` took stays away, and an idempotent producer's duplicate is known.

use std::collections::BTreeMap;

use mini_kafka::log::LogConfig;
use mini_kafka::partition::Partition;
use mini_kafka::record::builder::BatchBuilder;
use mini_kafka::record::compression::Compression;
use node::{DiskError, DiskErrorKind, Rng};
use sim::SimDisk;

use crate::written::{Seen, at_ms, config, read_all};

const DIR: &str = "topic-0";
const PRODUCER: i64 = 9;

/// A log, and what we know of it.
struct World {
    rng: Rng,
    disk: SimDisk,
    config: LogConfig,
    partition: Partition,
    /// All that was appended and not lost, by offset.
    appended: BTreeMap<i64, Seen>,
    synced: i64,
    deleted_to: i64,
    now_ms: u64,
    /// The next sequence of our idempotent producer, and the last batch that it sent: first sequence, records, offset.
    sequence: i32,
    last: Option<(i32, i32, i64)>,
    crashes: usize,
    cleanings: usize,
}

/// The disk's error where a call was cut off by the crash; all others are failures of the test.
fn only_crash<T>(result: Result<T, mini_kafka::log::LogError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(mini_kafka::log::LogError::Disk(DiskError {
            kind: DiskErrorKind::Crashed,
            ..
        })) => None,
        Err(error) => panic!("{error}"),
    }
}

impl World {
    fn new(seed: u64, settings: &[(&str, &str)]) -> World {
        let mut disk = SimDisk::default();
        let config = config(settings);
        let (partition, _) = Partition::open(&mut disk, DIR, config.clone(), at_ms(0)).unwrap();
        World {
            rng: Rng::new(seed),
            disk,
            config,
            partition,
            appended: BTreeMap::new(),
            synced: 0,
            deleted_to: 0,
            now_ms: 0,
            sequence: 0,
            last: None,
            crashes: 0,
            cleanings: 0,
        }
    }

    fn append(&mut self) -> Option<()> {
        let count = 1 + i32::try_from(self.rng.below(4)).unwrap();
        let is_idempotent = self.rng.percent(40);
        let mut builder = BatchBuilder::new(Compression::None);
        if is_idempotent {
            builder = builder.producer(PRODUCER, 0, self.sequence);
        }
        let mut records = Vec::new();
        for _ in 0..count {
            let key = format!("k{}", self.rng.below(6));
            let value = (!self.rng.percent(25)).then(|| format!("v{}", self.rng.below(1000)));
            let timestamp = i64::try_from(self.now_ms).unwrap();
            builder.push(
                timestamp,
                Some(key.as_bytes()),
                value.as_deref().map(str::as_bytes),
                &[],
            );
            records.push((timestamp, key, value));
        }
        let mut batch = builder.build().unwrap();
        let base = self.partition.log_end_offset();
        // It may be there whether or not the call returns.
        for (offset, (timestamp, key, value)) in (base..).zip(records) {
            let (key, value) = (Some(key), value);
            self.appended.insert(
                offset,
                Seen {
                    offset,
                    timestamp,
                    key,
                    value,
                },
            );
        }
        let appended = self
            .partition
            .append(&mut self.disk, &mut batch, at_ms(self.now_ms));
        let info = only_crash(appended)?;
        assert_eq!((info.base_offset, info.duplicate), (base, false));
        if is_idempotent {
            self.last = Some((self.sequence, count, base));
            self.sequence += count;
        }
        Some(())
    }

    /// The producer did not hear the answer.
    fn send_again(&mut self) -> Option<()> {
        let Some((sequence, count, base)) = self.last else {
            return Some(());
        };
        let mut builder = BatchBuilder::new(Compression::None).producer(PRODUCER, 0, sequence);
        for _ in 0..count {
            builder.push(0, Some(b"k"), None, &[]);
        }
        let mut batch = builder.build().unwrap();
        let info = only_crash(self.partition.append(
            &mut self.disk,
            &mut batch,
            at_ms(self.now_ms),
        ))?;
        assert!(info.duplicate);
        assert_eq!(info.base_offset, base);
        Some(())
    }

    fn sync(&mut self) -> Option<()> {
        if let Some(pending) = self.partition.begin_sync() {
            only_crash(pending.write(&mut self.disk).map_err(Into::into))?;
            self.partition.end_sync(&pending);
        }
        self.synced = self.partition.log_end_offset();
        Some(())
    }

    fn clean(&mut self) -> Option<()> {
        let Some(plan) = self.partition.plan_cleaning(at_ms(self.now_ms)) else {
            return Some(());
        };
        // Sometimes the map is small, and records are deleted while the pass runs.
        let plan = if self.rng.percent(30) {
            plan.with_map_bytes_max(100)
        } else {
            plan
        };
        let result = only_crash(plan.run(&mut self.disk, at_ms(self.now_ms)))?;
        if self.rng.percent(20) {
            self.delete_records()?;
        }
        only_crash(self.partition.finish_cleaning(&mut self.disk, result))?;
        self.cleanings += 1;
        Some(())
    }

    fn delete_records(&mut self) -> Option<()> {
        let end = self.partition.high_watermark();
        let to = self.deleted_to + i64::try_from(self.rng.below(8)).unwrap();
        let to = to.min(end);
        // Whether it has taken effect is not known until it returns.
        let deleted = self
            .partition
            .delete_records(&mut self.disk, to, at_ms(self.now_ms));
        let start = only_crash(deleted)?;
        assert!(start >= to);
        self.deleted_to = self.deleted_to.max(start);
        Some(())
    }

    /// One step; none where a crash has cut it off.
    fn step(&mut self) -> Option<()> {
        self.now_ms += self.rng.below(30);
        match self.rng.below(100) {
            0..60 => self.append(),
            60..66 => self.send_again(),
            66..80 => self.sync(),
            80..90 => self.clean(),
            90..93 => self.delete_records(),
            93..96 => only_crash(self.partition.checkpoint(&mut self.disk)),
            96..98 => {
                only_crash(self.partition.tick(&mut self.disk, at_ms(self.now_ms))).map(|_| ())
            }
            _ => {
                only_crash(self.partition.close(&mut self.disk))?;
                self.synced = self.partition.log_end_offset();
                self.reopen()
            }
        }
    }

    fn reopen(&mut self) -> Option<()> {
        let opened = Partition::open(&mut self.disk, DIR, self.config.clone(), at_ms(self.now_ms));
        let (partition, report) = only_crash(opened)?;
        self.partition = partition;
        self.check();
        assert_eq!(report.lost, None);
        // A delete that was cut off may have come to pass.
        self.deleted_to = self.deleted_to.max(self.partition.log_start_offset());
        self.synced = self.partition.log_end_offset();
        self.appended.split_off(&self.partition.log_end_offset());
        let end = self.partition.log_end_offset();
        if self
            .last
            .is_some_and(|(_, count, base)| base + i64::from(count) > end)
            || self.last.is_none()
        {
            // Its last batches are lost, or may be there unbeknown to us: it begins anew, where the log says.
            let known = self
                .partition
                .log()
                .producers()
                .producers()
                .get(&PRODUCER)
                .cloned();
            let batch = known.and_then(|entry| entry.batches.back().copied());
            self.sequence = batch.map_or(0, |batch| batch.last_sequence + 1);
            self.last = batch.map(|batch| {
                let count = batch.last_sequence - batch.base_sequence + 1;
                (batch.base_sequence, count, batch.base_offset)
            });
        } else {
            let batch = self.partition.log().producers().producers()[&PRODUCER]
                .batches
                .back()
                .copied()
                .unwrap();
            let count = batch.last_sequence - batch.base_sequence + 1;
            self.last = Some((batch.base_sequence, count, batch.base_offset));
            self.sequence = batch.last_sequence + 1;
        }
        Some(())
    }

    /// What must hold after a recovery.
    fn check(&self) {
        let (start, end) = (
            self.partition.log_start_offset(),
            self.partition.log_end_offset(),
        );
        assert!(
            end >= self.synced,
            "synced to {}, recovered to {end}",
            self.synced
        );
        assert!(
            start >= self.deleted_to,
            "deleted to {}, but it starts at {start}",
            self.deleted_to
        );
        let seen = read_all(&self.partition, &self.disk);
        for record in &seen {
            assert_eq!(
                Some(record),
                self.appended.get(&record.offset),
                "another record than was appended"
            );
        }
        let present: BTreeMap<i64, &Seen> =
            seen.iter().map(|record| (record.offset, record)).collect();
        assert!(seen.is_sorted_by(|a, b| a.offset < b.offset));
        let mut last: BTreeMap<&Option<String>, &Seen> = BTreeMap::new();
        for record in self.appended.range(start..end).map(|(_, record)| record) {
            let is_there = present.contains_key(&record.offset);
            assert!(
                is_there || self.config.cleanup_policy.compact,
                "{record:?} is missing"
            );
            last.insert(&record.key, record);
        }
        for (key, record) in last {
            let is_there = present.contains_key(&record.offset);
            assert!(
                is_there || record.value.is_none(),
                "{record:?} is the last of its key, and missing"
            );
            let newest = seen.iter().rfind(|seen| seen.key == *key);
            assert!(
                record.value.is_some() || newest.is_none_or(|newest| newest.value.is_none()),
                "{newest:?} was deleted"
            );
        }
    }

    fn crash(&mut self) {
        loop {
            self.disk.crash(&mut self.rng);
            self.crashes += 1;
            // Recovery may be cut off as well.
            if self.rng.percent(30) {
                self.disk
                    .set_fuse(Some(u32::try_from(self.rng.below(12)).unwrap()));
            }
            let opened = self.reopen();
            self.disk.set_fuse(None);
            if opened.is_some() {
                return;
            }
        }
    }
}

fn run(seed: u64, settings: &[(&str, &str)]) -> (usize, usize) {
    let mut world = World::new(seed, settings);
    for _ in 0..12 {
        world
            .disk
            .set_fuse(Some(u32::try_from(world.rng.below(150)).unwrap()));
        while world.step().is_some() {}
        world.crash();
    }
    (world.crashes, world.cleanings)
}

fn runs(settings: &[(&str, &str)]) -> usize {
    let (seeds, mut cleanings) = (autograder::seeds(60), 0);
    for seed in seeds {
        let result = std::panic::catch_unwind(|| run(seed, settings));
        match result {
            Ok((_, cleaned)) => cleanings += cleaned,
            Err(panic) => {
                eprintln!("with seed {seed:#x}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    cleanings
}

#[test]
fn a_log_that_deletes() {
    runs(&[
        ("segment.bytes", "700"),
        ("index.interval.bytes", "150"),
        ("retention.ms", "-1"),
    ]);
}

#[test]
fn a_log_that_syncs_always() {
    runs(&[
        ("segment.bytes", "700"),
        ("flush.messages", "1"),
        ("retention.ms", "-1"),
    ]);
}

#[test]
fn a_log_that_compacts() {
    let cleanings = runs(&[
        ("segment.bytes", "700"),
        ("index.interval.bytes", "150"),
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.1"),
        ("delete.retention.ms", "50"),
    ]);
    assert!(
        cleanings > 100,
        "compaction happened {cleanings} times only"
    );
}
