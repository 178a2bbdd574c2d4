//! Idempotent producers: duplicates, gaps, epochs, and restarts.

use mini_kafka::error::ErrorCode;
use mini_kafka::log::producer_state::ProducerStates;
use mini_kafka::partition::Partition;
use mini_kafka::record::builder::BatchBuilder;
use mini_kafka::record::compression::Compression;
use node::MemDisk;

use crate::written::{at_ms, config};

/// A batch of `count` records of producer 5.
fn batch(epoch: i16, sequence: i32, count: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::new(Compression::None).producer(5, epoch, sequence);
    for _ in 0..count {
        builder.push(1, Some(b"k"), Some(b"v"), &[]);
    }
    builder.build().unwrap()
}

struct Log {
    disk: MemDisk,
    partition: Partition,
}

impl Log {
    fn new() -> Log {
        let mut disk = MemDisk::default();
        let (partition, _) = Partition::open(
            &mut disk,
            "t-0",
            config(&[("segment.bytes", "500")]),
            at_ms(0),
        )
        .unwrap();
        Log { disk, partition }
    }

    fn send(
        &mut self,
        epoch: i16,
        sequence: i32,
        count: usize,
    ) -> Result<(i64, bool), (ErrorCode, String)> {
        let appended =
            self.partition
                .append(&mut self.disk, &mut batch(epoch, sequence, count), at_ms(0));
        appended
            .map(|info| (info.base_offset, info.duplicate))
            .map_err(|error| (error.code(), error.to_string()))
    }

    fn restart(&mut self, clean: bool) {
        if clean {
            self.partition.close(&mut self.disk).unwrap();
        }
        self.partition = Partition::open(
            &mut self.disk,
            "t-0",
            config(&[("segment.bytes", "500")]),
            at_ms(0),
        )
        .unwrap()
        .0;
    }
}

#[test]
fn a_batch_that_comes_again_is_answered_as_the_first_time() {
    let mut log = Log::new();
    for n in 0..7 {
        assert_eq!(log.send(0, n * 2, 2), Ok((i64::from(n) * 2, false)));
    }
    for restart in [None, Some(false), Some(true)] {
        if let Some(clean) = restart {
            log.restart(clean);
        }
        for n in 2..7 {
            assert_eq!(
                log.send(0, n * 2, 2),
                Ok((i64::from(n) * 2, true)),
                "{restart:?}"
            );
        }
        let (code, message) = log.send(0, 2, 2).unwrap_err();
        assert_eq!(
            code,
            ErrorCode::OutOfOrderSequenceNumber,
            "the sixth last is forgotten"
        );
        assert_eq!(message, "producer 5 sent sequence 2, but 14 comes next");
        assert_eq!(
            log.send(0, 12, 1).unwrap_err().0,
            ErrorCode::OutOfOrderSequenceNumber,
            "half of one"
        );
        assert_eq!(
            log.send(0, 16, 1).unwrap_err().0,
            ErrorCode::OutOfOrderSequenceNumber,
            "a gap"
        );
    }
    assert_eq!(log.send(0, 14, 1), Ok((14, false)));
}

#[test]
fn a_later_life_of_the_producer_begins_with_0_and_fences_the_earlier() {
    let mut log = Log::new();
    assert_eq!(
        log.send(0, 40, 1),
        Ok((0, false)),
        "an unknown producer may begin anywhere"
    );
    assert_eq!(
        log.send(1, 41, 1).unwrap_err().0,
        ErrorCode::OutOfOrderSequenceNumber
    );
    assert_eq!(log.send(1, 0, 1), Ok((1, false)));
    let (code, message) = log.send(0, 41, 1).unwrap_err();
    assert_eq!(code, ErrorCode::InvalidProducerEpoch);
    assert_eq!(
        message,
        "producer 5 has epoch 0, but epoch 1 of it has been seen"
    );
    assert_eq!(log.send(1, 0, 1), Ok((1, true)));
}

#[test]
fn behind_the_last_sequence_comes_0() {
    let mut log = Log::new();
    assert_eq!(log.send(0, i32::MAX - 1, 3), Ok((0, false)));
    assert_eq!(log.send(0, i32::MAX - 1, 3), Ok((0, true)));
    assert_eq!(log.send(0, 1, 1), Ok((3, false)));
    let mut log = Log::new();
    assert_eq!(log.send(0, i32::MAX, 1), Ok((0, false)));
    assert_eq!(log.send(0, 0, 1), Ok((1, false)));
}

#[test]
fn a_producer_is_forgotten_a_day_after_it_was_heard_of_whatever_its_clock_says() {
    let hours = |hours: u64| at_ms(hours * 3_600_000);
    let mut log = Log::new();
    // Its records are of 1970.
    let append = |log: &mut Log, sequence, at| {
        let mut bytes = batch(0, sequence, 1);
        log.partition.append(&mut log.disk, &mut bytes, hours(at))
    };
    append(&mut log, 0, 100).unwrap();
    log.partition.tick(&mut log.disk, hours(123)).unwrap();
    assert!(append(&mut log, 0, 123).unwrap().duplicate);
    log.partition.tick(&mut log.disk, hours(124)).unwrap();
    assert!(
        !append(&mut log, 7, 124).unwrap().duplicate,
        "nobody knows it any more"
    );
    // A restart does not know when it came.
    log.partition.close(&mut log.disk).unwrap();
    let settings = config(&[("segment.bytes", "500")]);
    let opened = Partition::open(&mut log.disk, "t-0", settings, hours(200));
    (log.partition, _) = opened.unwrap();
    log.partition.tick(&mut log.disk, hours(223)).unwrap();
    assert!(append(&mut log, 7, 223).unwrap().duplicate);
    log.partition.tick(&mut log.disk, hours(224)).unwrap();
    assert!(log.partition.log().producers().producers().is_empty());
}

#[test]
fn a_snapshot_that_is_damaged_is_none() {
    let mut log = Log::new();
    log.send(0, 0, 3).unwrap();
    let states = log.partition.log().producers().clone();
    let bytes = states.encode();
    assert_eq!(ProducerStates::decode(&bytes), Some(states));
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert_eq!(ProducerStates::decode(&damaged), None);
        assert_eq!(ProducerStates::decode(&bytes[..at]), None);
    }
}
