//! kcat (librdkafka): metadata, every codec, idempotence, timestamps, headers, a group.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::broker::{Broker, kcat, output};

/// kcat with these arguments, of which the broker is one.
fn run(broker: &Broker, args: &[&str]) -> String {
    output(kcat().unwrap().args(["-b", &broker.address]).args(args))
}

pub(crate) fn feed(command: &mut Command, lines: &str) {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success(), "{command:?}");
}

#[test]
fn kcat_sends_with_every_codec_and_reads_it_back() {
    let Some(mut list) = kcat() else { return };
    let broker = Broker::start(&["num.partitions=2"]);
    let at = ["-b", &broker.address];
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let lines: String = (0..20).map(|n| format!("k{n}:{codec} {n}\n")).collect();
        let mut send = kcat().unwrap();
        send.args(at).args([
            "-P", "-t", codec, "-z", codec, "-K", ":", "-p", "1", "-H", "h=v",
        ]);
        feed(&mut send, &lines);
        let mut read = kcat().unwrap();
        read.args(at).args([
            "-C",
            "-t",
            codec,
            "-p",
            "1",
            "-e",
            "-q",
            "-f",
            "%o %k %s %h\n",
        ]);
        let expected: String = (0..20)
            .map(|n| format!("{n} k{n} {codec} {n} h=v\n"))
            .collect();
        assert_eq!(output(&mut read), expected);
    }
    let listed = output(list.args(at).arg("-L"));
    assert!(
        listed.contains("topic \"zstd\" with 2 partitions"),
        "{listed}"
    );
}

#[test]
fn kcat_reads_from_a_time_on_and_as_a_group() {
    let Some(mut send) = kcat() else { return };
    let broker = Broker::start(&[]);
    let at = ["-b", &broker.address];
    feed(
        send.args(at).args(["-P", "-t", "t", "-X", "acks=all"]),
        "a\nb\nc\n",
    );
    let mut times = kcat().unwrap();
    let times = output(
        times
            .args(at)
            .args(["-C", "-t", "t", "-e", "-q", "-f", "%T\n"]),
    );
    let last: i64 = times.lines().last().unwrap().parse().unwrap();
    let mut query = kcat().unwrap();
    let found = output(
        query
            .args(at)
            .args(["-Q", "-t", &format!("t:0:{}", last + 1)]),
    );
    assert!(
        found.contains("offset 3") || found.contains("offset -1"),
        "{found}"
    );
    let mut group = kcat().unwrap();
    group.args(at).args([
        "-G",
        "g",
        "-X",
        "auto.offset.reset=earliest",
        "-c",
        "3",
        "-q",
        "t",
    ]);
    assert_eq!(output(&mut group), "a\nb\nc\n");
    let described = broker.tool(&["consumer-groups", "--describe", "--group", "g"]);
    let row = described.lines().last().unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(
        cells,
        ["g", "t", "0", "3", "3", "0", "-", "-", "-"],
        "{described}"
    );
}

#[test]
fn kcat_lists_metadata_as_json() {
    if kcat().is_none() {
        return;
    }
    let broker = Broker::start(&["num.partitions=2"]);
    let list = |args: &[&str]| -> Value {
        let listed = run(&broker, &[&["-L", "-J"], args].concat());
        serde_json::from_str(&listed).unwrap()
    };
    let none = list(&["-t", "t", "-X", "allow.auto.create.topics=false"]);
    let unknown = "Broker: Unknown topic or partition";
    assert_eq!(none["topics"][0]["error"], unknown, "{none}");
    broker.tool(&["topics", "--create", "--topic", "t"]);
    let all = list(&[]);
    assert_eq!(all["brokers"], json!([{"id": 1, "name": broker.address}]));
    assert_eq!(all["controllerid"], 1);
    let partition =
        |n| json!({"partition": n, "leader": 1, "replicas": [{"id": 1}], "isrs": [{"id": 1}]});
    let partitions = [partition(0), partition(1)];
    assert_eq!(
        all["topics"],
        json!([{"topic": "t", "partitions": partitions}])
    );
}

#[test]
fn kcat_sends_idempotently() {
    let Some(mut send) = kcat() else { return };
    let broker = Broker::start(&[]);
    let lines: String = (0..5000).map(|n| format!("{n}\n")).collect();
    send.args(["-b", &broker.address, "-P", "-t", "t"]);
    // Many batches, several of them under way at a time.
    send.args([
        "-X",
        "enable.idempotence=true",
        "-X",
        "batch.num.messages=50",
    ]);
    feed(&mut send, &lines);
    assert_eq!(run(&broker, &["-C", "-t", "t", "-e", "-q"]), lines);
    let file = broker.log_dir().join("t-0/00000000000000000000.log");
    let dumped = broker.tool(&["dump-log", "--files", file.to_str().unwrap()]);
    let batches: Vec<&str> = dumped.lines().filter(|l| l.starts_with("base")).collect();
    assert!(batches.len() >= 100, "{dumped}");
    let last = batches.last().unwrap();
    assert!(last.contains("lastSequence: 4999 producerId: 0 "), "{last}");
}

#[test]
fn kcat_finds_records_by_their_times() {
    if kcat().is_none() {
        return;
    }
    let broker = Broker::start(&[]);
    let send = |lines| {
        let mut send = kcat().unwrap();
        feed(send.args(["-b", &broker.address, "-P", "-t", "t"]), lines);
    };
    let read = |args: &[&str]| run(&broker, &[&["-C", "-t", "t", "-e", "-q"], args].concat());
    let last = || -> i64 {
        let times = read(&["-f", "%T\n"]);
        times.lines().last().unwrap().parse().unwrap()
    };
    send("a\nb\n");
    let early = last();
    // Later ones are of another millisecond.
    while SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis()
        <= early as u128
    {
        thread::yield_now();
    }
    send("c\n");
    let late = last();
    assert!(early < late, "{early} {late}");
    let (from, to) = (format!("s@{late}"), format!("e@{late}"));
    // kcat looks for where to end when it is told the partition.
    assert_eq!(read(&["-p", "0", "-o", &from]), "c\n");
    assert_eq!(read(&["-p", "0", "-o", "s@0", "-o", &to]), "a\nb\n");
    let query = |time: i64| run(&broker, &["-Q", "-t", &format!("t:0:{time}")]);
    assert_eq!(query(0), "t [0] offset 0\n");
    assert_eq!(query(early + 1), "t [0] offset 2\n");
    assert_eq!(query(late + 1), "t [0] offset -1\n");
    // The end and the beginning.
    assert_eq!(query(-1), "t [0] offset 3\n");
    assert_eq!(query(-2), "t [0] offset 0\n");
}
