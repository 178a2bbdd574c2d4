//! `kill -9` of the broker under load: nothing that was acknowledged may be lost, and of an idempotent producer nothing may be
//! there twice. It proves recovery, of the log and of the producer's state, and that an answer follows its append. It
//! proves nothing of fsync: the kernel keeps what a killed process wrote. That is what disks that fail and forget are for, in
//! `tests/log/crashes.rs` and the unit tests of `server::partition`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use mini_kafka::record::batch::{batches, stamp};
use mini_kafka::record::builder::BatchBuilder;
use mini_kafka::record::compression::Compression;

use crate::broker::{Broker, script};

const PRODUCER: &str = r#"
import sys, time
from confluent_kafka import Producer
p = Producer({'bootstrap.servers': sys.argv[1], 'enable.idempotence': True, 'linger.ms': 1, 'reconnect.backoff.max.ms': 200,
              'retry.backoff.ms': 20, 'message.timeout.ms': 60000})
def delivered(error, message):
    print('lost %s %s' % (message.value().decode(), error) if error else 'acked %s' % message.value().decode())
i = 0
# Until whoever reads this has seen enough.
while True:
    p.produce('t', value=b'%d' % i, partition=i % 2, on_delivery=delivered)
    i += 1
    p.poll(0)
    while len(p) > 500:
        p.poll(0.01)
    if i >= 40000:
        break
assert p.flush(60) == 0
print('done')
"#;

/// What a crash, or a disk, does to a partition whose broker is gone.
#[derive(Clone, Copy, Debug)]
enum Damage {
    /// The last batch was written in part.
    TornTail,
    /// The last batch is whole, and a bit of it is wrong.
    FlippedTail,
    /// The indexes are gone, which are made from the log.
    NoIndex,
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    files.sort();
    files
}

/// Does it to batches that nobody was told of: behind the last one there is.
fn damage(dir: &Path, damage: Damage) {
    let log = files(dir, "log").pop().unwrap();
    let mut bytes = fs::read(&log).unwrap();
    let last = batches(&bytes).last().map(|batch| batch.unwrap().header);
    let mut next = BatchBuilder::new(Compression::None);
    next.push(1, None, Some(b"-1"), &[]);
    let mut next = next.build().unwrap();
    stamp(&mut next, last.map_or(0, |last| last.last_offset() + 1), 0);
    match damage {
        Damage::TornTail => bytes.extend(&next[..next.len() - 3]),
        Damage::FlippedTail => {
            let at = next.len() - 2;
            next[at] ^= 4;
            bytes.extend(next);
        }
        Damage::NoIndex => {
            let indexes = [files(dir, "index"), files(dir, "timeindex")].concat();
            assert!(!indexes.is_empty(), "no segment has been closed yet");
            for index in indexes {
                fs::remove_file(index).unwrap();
            }
        }
    }
    fs::write(log, bytes).unwrap();
}

#[test]
fn nothing_acknowledged_is_lost_when_the_broker_is_killed() {
    let mut broker = Broker::start(&[
        "num.partitions=2",
        "log.flush.interval.messages=1",
        "log.segment.bytes=20000",
    ]);
    let Some(mut command) = script("confluent_kafka", PRODUCER, &broker.address) else {
        return;
    };
    let mut producer = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(producer.stdout.take().unwrap()).lines();
    let mut acked = BTreeSet::new();
    for line in lines {
        let line = line.unwrap();
        if line == "done" {
            break;
        }
        let number = line
            .strip_prefix("acked ")
            .unwrap_or_else(|| panic!("{line}"));
        acked.insert(number.parse::<u64>().unwrap());
        let how = match acked.len() {
            3000 => Damage::TornTail,
            11_000 => Damage::FlippedTail,
            23_000 => Damage::NoIndex,
            _ => continue,
        };
        broker.kill();
        for partition in ["t-0", "t-1"] {
            damage(&broker.log_dir().join(partition), how);
        }
        broker.restart();
    }
    assert!(producer.wait().unwrap().success());
    assert_eq!(acked.len(), 40_000);
    for partition in 0..2 {
        let args = [
            "console-consumer",
            "--topic",
            "t",
            "--from-beginning",
            "--timeout-ms",
            "3000",
        ];
        let read = broker.tool(&[&args[..], &["--partition", &partition.to_string()]].concat());
        let read: Vec<u64> = read.lines().map(|line| line.parse().unwrap()).collect();
        let expected: Vec<u64> = (0..40_000).filter(|n| n % 2 == partition).collect();
        assert!(
            read == expected,
            "partition {partition}: {} records, in order and once each: {}",
            read.len(),
            expected.len()
        );
    }
}
