//! Traces that follow a request through all processes, as an OTLP collector receives them.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use traces::collector::{Collector, Seen, Trace};

use crate::harness::{bytes, program, until};

#[test]
fn a_trace_follows_a_write_and_a_read_through_client_name_node_and_data_nodes() {
    let collector = Collector::start().unwrap();
    let command = |words: &[&str]| {
        let mut command = Command::new(program());
        command.args(words).envs(collector.environment());
        command
    };
    let mut cluster = command(&["cluster", "--datanodes", "3", "--exit-with-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(cluster.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let name_node = line.trim_end().rsplit('=').next().unwrap().to_owned();

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("f");
    std::fs::write(&file, bytes(1, 100_000)).unwrap();
    for words in [
        &["dfs", "-put", file.to_str().unwrap(), "/f"][..],
        &["dfs", "-cat", "/f"],
    ] {
        let mut command = command(words);
        let output = command.env("MINI_HDFS_NAMENODE", &name_node).output();
        assert!(output.as_ref().unwrap().status.success(), "{output:?}");
    }

    // Spans come in any order, and those of servers a little later.
    let trace_of = |words: &str| {
        collector.trace_of(|span| {
            let said = span.attributes.get("words");
            span.name == "command" && said.is_some_and(|said| said.starts_with(words))
        })
    };
    let all_nodes = |trace: &Trace, name: &str| {
        let ops = trace.0.iter().filter(|span| span.name == name);
        ops.filter_map(|span| span.attributes.get("datanode"))
            .collect::<BTreeSet<_>>()
            .len()
    };
    until("the write's trace is complete", || {
        let trace = trace_of("-put");
        let calls = trace.names("namenode");
        ["Create", "AddBlock", "Complete", "Rename", "edit_log_sync"]
            .iter()
            .all(|name| calls.contains(*name))
            && trace.names("client").contains("write_file")
            && all_nodes(&trace, "WriteBlock") == 3
    });
    until("the read's trace is complete", || {
        let trace = trace_of("-cat");
        trace.names("namenode").contains("GetBlockLocations") && all_nodes(&trace, "ReadBlock") == 1
    });

    // Each node of the pipeline is below the one that called it: client, first, second, third.
    let trace = trace_of("-put");
    let is_write = |span: &&Seen| span.name == "WriteBlock";
    let depth = |span: &Seen| trace.above(span).filter(is_write).count();
    let writes = trace.0.iter().filter(is_write);
    let mut depths: Vec<usize> = writes.map(depth).collect();
    depths.sort_unstable();
    assert_eq!(depths, [0, 1, 2], "{trace:#?}");

    drop(cluster.stdin.take());
    assert!(cluster.wait().unwrap().success());
}
