//! `kill -9` of the broker under load: nothing that was acknowledged may be lost, and of an idempotent producer nothing may be
//! there twice. It proves recovery, of the log and of the producer's state, and that an answer follows its append. It
//! proves nothing of fsync: the kernel keeps what a killed process wrote. That is what disks that fail and forget are for, in
//! `tests/log/crashes.rs` and the unit tests of `server::partition`.
//!
//! A client sends the numbers from 0 on, each to the partition that is its rest, and says of each that it is acknowledged.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use mini_kafka::record::batch::{batches, stamp};
use mini_kafka::record::builder::BatchBuilder;
use mini_kafka::record::compression::Compression;

use crate::broker::{Broker, kcat, script};

/// How many records a client sends.
const RECORDS: usize = 40_000;

const CONFLUENT: &str = r#"
import sys, time
from confluent_kafka import Producer
p = Producer({'bootstrap.servers': sys.argv[1], 'enable.idempotence': True, 'linger.ms': 1, 'reconnect.backoff.max.ms': 200,
              'retry.backoff.ms': 20, 'message.timeout.ms': 60000})
def delivered(error, message):
    print('lost %s %s' % (message.value().decode(), error) if error else 'acked %s' % message.value().decode())
for i in range(int(sys.argv[2])):
    p.produce('t', value=b'%d' % i, partition=i % 2, on_delivery=delivered)
    p.poll(0)
    while len(p) > 500:
        p.poll(0.01)
assert p.flush(60) == 0
"#;

const KAFKA_PYTHON: &str = r#"
import sys
from kafka import KafkaProducer
p = KafkaProducer(bootstrap_servers=sys.argv[1], enable_idempotence=True, linger_ms=1, batch_size=4000, retry_backoff_ms=20,
                  reconnect_backoff_max_ms=200, delivery_timeout_ms=60000)
waiting = []
for i in range(int(sys.argv[2])):
    sent = p.send('t', b'%d' % i, partition=i % 2)
    # One write each: they are written in another thread than an error is.
    sent.add_callback(lambda _, i=i: sys.stdout.write('acked %d\n' % i))
    sent.add_errback(lambda error, i=i: sys.stdout.write('lost %d %r\n' % (i, error)))
    waiting.append(sent)
    if len(waiting) > 500:
        waiting.pop(0).get(60)
p.close()
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

/// Does it to batches that nobody was told of: behind the last one there is. Files that have to be there again once the broker is.
fn damage(dir: &Path, damage: Damage) -> Vec<PathBuf> {
    let mut removed = Vec::new();
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
            for index in &indexes {
                fs::remove_file(index).unwrap();
            }
            removed = indexes;
        }
    }
    fs::write(log, bytes).unwrap();
    removed
}

/// Reads what a client says to its end. Each time that so many records are acknowledged, the broker is killed, and finds its log
/// damaged when it comes back, while the client goes on.
fn crash_under(broker: &mut Broker, partitions: usize, acknowledged: &str, said: impl Read) {
    let mut acked = BTreeSet::new();
    let mut others = Vec::new();
    for line in BufReader::new(said).lines() {
        let line = line.unwrap();
        if !line.starts_with(acknowledged) {
            others.push(line);
            continue;
        }
        assert!(acked.insert(line.clone()), "said twice: {line}");
        let how = match acked.len() {
            3000 => Damage::TornTail,
            11_000 => Damage::FlippedTail,
            23_000 => Damage::NoIndex,
            _ => continue,
        };
        broker.kill();
        let removed: Vec<PathBuf> = (0..partitions)
            .flat_map(|partition| damage(&broker.log_dir().join(format!("t-{partition}")), how))
            .collect();
        broker.restart();
        for index in removed {
            assert!(index.exists(), "not made again: {}", index.display());
        }
    }
    assert_eq!(
        acked.len(),
        RECORDS,
        "acknowledged; it also said {others:#?}"
    );
}

/// In each partition is each of its records, once and in order.
fn assert_each_once(broker: &Broker, partitions: usize) {
    let args = [
        "console-consumer",
        "--topic",
        "t",
        "--from-beginning",
        "--timeout-ms",
        "3000",
        "--property",
        "print.partition=true",
    ];
    let mut read = vec![Vec::new(); partitions];
    for line in broker.tool(&args).lines() {
        let (partition, number) = line.split_once('\t').unwrap();
        let partition: usize = partition
            .strip_prefix("Partition:")
            .unwrap()
            .parse()
            .unwrap();
        read[partition].push(number.parse::<usize>().unwrap());
    }
    for (partition, read) in read.into_iter().enumerate() {
        let expected: Vec<usize> = (partition..RECORDS).step_by(partitions).collect();
        assert!(
            read == expected,
            "partition {partition}: {} records, in order and once each: {}",
            read.len(),
            expected.len()
        );
    }
}

/// The settings under which a kill may cost nothing, with segments small enough to be closed meanwhile.
fn start(partitions: usize) -> Broker {
    Broker::start(&[
        &format!("num.partitions={partitions}"),
        "log.flush.interval.messages=1",
        "log.segment.bytes=20000",
    ])
}

fn nothing_is_lost_or_twice(module: &str, text: &str) {
    let mut broker = start(2);
    let Some(mut command) = script(module, text, &broker.address) else {
        return;
    };
    command.arg(RECORDS.to_string()).stdout(Stdio::piped());
    let mut producer = command.spawn().unwrap();
    crash_under(&mut broker, 2, "acked ", producer.stdout.take().unwrap());
    assert!(producer.wait().unwrap().success());
    assert_each_once(&broker, 2);
}

#[test]
fn nothing_acknowledged_is_lost_when_the_broker_is_killed() {
    nothing_is_lost_or_twice("confluent_kafka", CONFLUENT);
}

#[test]
fn nothing_acknowledged_to_kafka_python_is_lost_when_the_broker_is_killed() {
    nothing_is_lost_or_twice("kafka", KAFKA_PYTHON);
}

#[test]
fn nothing_acknowledged_to_kcat_is_lost_when_the_broker_is_killed() {
    let Some(mut command) = kcat() else { return };
    let mut broker = start(1);
    // With -E a broker that is away does not end it. Three -v say each acknowledgement, and a short queue has it read its input
    // as fast as it sends.
    command.args([
        "-E",
        "-P",
        "-b",
        &broker.address,
        "-t",
        "t",
        "-p",
        "0",
        "-vvv",
    ]);
    for setting in [
        "enable.idempotence=true",
        "queue.buffering.max.messages=500",
        "linger.ms=1",
        "reconnect.backoff.max.ms=200",
        "message.timeout.ms=60000",
    ] {
        command.args(["-X", setting]);
    }
    let command = command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut producer = command.spawn().unwrap();
    let mut input = producer.stdin.take().unwrap();
    let lines: String = (0..RECORDS).map(|n| format!("{n}\n")).collect();
    let writer = thread::spawn(move || input.write_all(lines.as_bytes()));
    let said = producer.stderr.take().unwrap();
    crash_under(&mut broker, 1, "% Message delivered to partition 0 ", said);
    assert!(producer.wait().unwrap().success());
    writer.join().unwrap().unwrap();
    assert_each_once(&broker, 1);
}
