//! kcat (librdkafka): metadata, every codec, timestamps, headers, a group.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::broker::{Broker, kcat, output};

fn feed(command: &mut Command, lines: &str) {
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
