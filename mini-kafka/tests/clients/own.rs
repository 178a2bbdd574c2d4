//! Our own client and tools.

use crate::broker::{Broker, output};

use std::io::Write;
use std::process::{Command, Stdio};

fn send(broker: &Broker, topic: &str, lines: &str, more: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mini-kafka"));
    command
        .args(["console-producer", "--topic", topic])
        .args(more);
    command.env("MINI_KAFKA_BOOTSTRAP_SERVER", &broker.address);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_group_reads_on_where_it_ended_whatever_the_assignor() {
    let broker = Broker::start(&["num.partitions=3"]);
    for assignor in ["range", "roundrobin", "sticky", "cooperative-sticky"] {
        send(
            &broker,
            assignor,
            "k:1\nk:2\nk:3\n",
            &[
                "--property",
                "parse.key=true",
                "--property",
                "key.separator=:",
            ],
        );
        let strategy = format!("partition.assignment.strategy={assignor}");
        let read = |count: &str| {
            let args = [
                "console-consumer",
                "--topic",
                assignor,
                "--group",
                assignor,
                "--from-beginning",
                "--timeout-ms",
                "20000",
            ];
            let more = ["--max-messages", count, "--consumer-property", &strategy];
            broker.tool(&[&args[..], &more[..]].concat())
        };
        assert_eq!(read("2"), "1\n2\n");
        assert_eq!(read("1"), "3\n");
    }
}

#[test]
fn lines_are_sent_as_they_come_and_ctrl_c_ends_that() {
    let broker = Broker::start(&[]);
    let mut command = broker.command(&["console-producer", "--topic", "t"]);
    let mut producer = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut typed = producer.stdin.take().unwrap();
    let args = ["console-consumer", "--topic", "t", "--group", "g"];
    let more = ["--from-beginning", "--max-messages", "1"];
    for line in ["a\n", "b\n"] {
        typed.write_all(line.as_bytes()).unwrap();
        assert_eq!(broker.tool(&[&args[..], &more[..]].concat()), line);
    }
    let pid = producer.id().to_string();
    output(Command::new("kill").args(["-INT", &pid]));
    assert!(producer.wait().unwrap().success());
}

#[test]
fn lines_before_one_that_is_wrong_are_sent() {
    let broker = Broker::start(&[]);
    let keyed = ["--property", "parse.key=true"];
    let args = ["console-producer", "--topic", "t"];
    let mut command = broker.command(&[&args[..], &keyed[..]].concat());
    let mut producer = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut typed = producer.stdin.take().unwrap();
    typed.write_all(b"k\tgood\nbad\n").unwrap();
    assert!(!producer.wait().unwrap().success());
    let args = ["console-consumer", "--topic", "t", "--from-beginning"];
    let once = ["--max-messages", "1"];
    assert_eq!(broker.tool(&[&args[..], &once[..]].concat()), "good\n");
}

#[test]
fn tools_say_what_is_wrong() {
    let broker = Broker::start(&[]);
    let says = |args: &[&str], expected: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mini-kafka"));
        command
            .args(args)
            .env("MINI_KAFKA_BOOTSTRAP_SERVER", &broker.address);
        let done = command.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(
            !done.status.success() && said.contains(expected),
            "{args:?}: {said}"
        );
    };
    says(
        &["server", "--override", "num.partition=3"],
        "did you mean num.partitions?",
    );
    says(&["topics", "--create", "--topic", "a b"], "letters, digits");
    says(&["topics", "--delete", "--topic", "none"], "topic none");
    says(
        &["consumer-groups", "--describe", "--group", "none"],
        "there is no such group",
    );
    says(
        &["topics", "--list", "--bootstrap-server", "127.0.0.1:1"],
        "is a broker running there?",
    );
    let made = broker.tool(&[
        "topics",
        "--create",
        "--topic",
        "t",
        "--config",
        "retention.ms=5",
    ]);
    assert_eq!(made, "Created topic t.\n");
    let alter = [
        "configs",
        "--alter",
        "--entity-type",
        "topics",
        "--entity-name",
        "t",
        "--add-config",
    ];
    says(
        &[&alter[..], &["retention.mss=1"]].concat(),
        "did you mean retention.ms?",
    );
    let mut second = Command::new(env!("CARGO_BIN_EXE_mini-kafka"));
    second.args(["--version"]);
    assert!(output(&mut second).starts_with("mini-kafka"));
}
