//! The command line, against a member: what it prints and how it ends, as of etcdctl.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use super::{Cluster, program};

/// Commands that end by themselves: their arguments, what they read, what they print.
const SCRIPT: &[(&str, &str, &str)] = &[
    ("put a 1", "", "OK\n"),
    ("put b 2 --prev-kv", "", "OK\n"),
    ("put a 3 --prev-kv", "", "OK\na\n1\n"),
    ("get a", "", "a\n3\n"),
    ("get a --rev 2", "", "a\n1\n"),
    ("get a c", "", "a\n3\nb\n2\n"),
    ("get a --from-key --limit 1", "", "a\n3\n"),
    ("get a --prefix --print-value-only", "", "3\n"),
    ("get a c --keys-only", "", "a\n\nb\n\n"),
    ("get a c --count-only", "", "2\n"),
    ("get nothing", "", ""),
    ("put from-stdin", "text\n", "OK\n"),
    ("get from-stdin", "", "from-stdin\ntext\n\n"),
    (
        "txn",
        "value(\"a\") = \"3\"\n\nput a 4\n\nget a\n\n",
        "SUCCESS\n\nOK\n",
    ),
    (
        "txn",
        "value(\"a\") = \"3\"\n\nput a 5\n\nget a\n\n",
        "FAILURE\n\na\n4\n",
    ),
    ("del a --prev-kv", "", "1\na\n4\n"),
    ("del nothing", "", "0\n"),
    ("lock name echo held", "", "held\n"),
    ("lease list", "", "found 0 leases\n"),
];

fn command(cluster: &Cluster, args: &str) -> Command {
    let mut command = Command::new(program());
    command
        .args(args.split(' '))
        .env("ETCDCTL_ENDPOINTS", cluster.local.endpoints().join(","))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a command prints, and its exit code.
fn told(cluster: &Cluster, args: &str, input: &str) -> (String, String, Option<i32>) {
    let mut child = command(cluster, args).spawn().unwrap();
    let written = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    if !input.is_empty() {
        written.unwrap();
    }
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code(),
    )
}

/// A command that goes on until this is dropped, with its first lines.
struct Running(Child);

impl Running {
    fn lines(&mut self, count: usize) -> Vec<String> {
        let stdout = BufReader::new(self.0.stdout.take().unwrap());
        stdout.lines().take(count).map(Result::unwrap).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn begin(cluster: &Cluster, args: &str) -> Running {
    Running(command(cluster, args).spawn().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tools_print_what_etcdctl_does() {
    let mut cluster = Cluster::start(1, &[]).await;
    for (args, input, expected) in SCRIPT {
        let (output, errors, code) = told(&cluster, args, input);
        assert_eq!(
            (output.as_str(), code),
            (*expected, Some(0)),
            "{args}: {errors}"
        );
    }

    let (granted, ..) = told(&cluster, "lease grant 60", "");
    let (head, tail) = granted.split_once(" granted").unwrap();
    let lease = head.strip_prefix("lease ").unwrap();
    assert_eq!(tail, " with TTL(60s)\n");
    let leased = format!("put leased v --lease {lease}");
    assert_eq!(told(&cluster, &leased, "").0, "OK\n");
    let (left, ..) = told(&cluster, &format!("lease timetolive {lease} --keys"), "");
    assert!(left.contains("granted with TTL(60s), remaining("), "{left}");
    assert!(left.contains("attached keys([leased])"), "{left}");
    let alive = begin(&cluster, &format!("lease keep-alive {lease}")).lines(1);
    assert_eq!(alive, [format!("lease {lease} keepalived with TTL(60)")]);
    let (revoked, ..) = told(&cluster, &format!("lease revoke {lease}"), "");
    assert_eq!(revoked, format!("lease {lease} revoked\n"));
    assert_eq!(told(&cluster, "get leased", "").0, "");

    let watched = begin(&cluster, "watch b --rev 3").lines(3);
    assert_eq!(watched, ["PUT", "b", "2"]);
    let mut leads = begin(&cluster, "elect name me");
    assert_eq!(leads.lines(2)[1], "me");
    let listened = begin(&cluster, "elect --listen name").lines(2);
    assert_eq!(listened[1], "me");

    let (members, ..) = told(&cluster, "member list", "");
    assert!(members.contains(", started, "), "{members}");
    let (status, ..) = told(&cluster, "endpoint status", "");
    assert_eq!(status.split(", ").nth(4), Some("true"), "{status}");
    let (health, ..) = told(&cluster, "endpoint health", "");
    assert!(
        health.contains("is healthy: successfully committed proposal"),
        "{health}"
    );
    let (hash, ..) = told(&cluster, "endpoint hashkv", "");
    assert!(
        hash.split(", ")
            .nth(1)
            .is_some_and(|hash| hash.trim().parse::<u32>().is_ok())
    );
    let (perf, errors, _) = told(&cluster, "check perf --seconds 1", "");
    assert!(
        format!("{perf}{errors}").contains("hroughput"),
        "{perf}{errors}"
    );

    // The answer of the server, and that of the command line.
    let (_, refused, code) = told(&cluster, "put k v --lease 1", "");
    assert!(
        refused.contains("requested lease not found") && code == Some(1),
        "{refused}"
    );
    let (_, refused, code) = told(&cluster, "get", "");
    assert!(
        refused.contains("Usage: raft-kv get") && code == Some(2),
        "{refused}"
    );
    cluster.local.stop();
    let (_, refused, code) = told(&cluster, "get a --command-timeout 1", "");
    assert!(
        refused.contains("no endpoint answers in time") && code == Some(1),
        "{refused}"
    );
}
