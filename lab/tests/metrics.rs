//! The names that the Grafana dashboard asks for are those that the nodes serve.

#![allow(clippy::unwrap_used)] // Also in the helpers of tests.

#[allow(dead_code, reason = "each test needs a part of it")]
mod lab;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use mini_hdfs::server::dfs_client::{ClientSettings, CreateOptions, DfsClient};
use serde_json::Value;

use crate::lab::{DEADLINE, Lab, exchange};

const DASHBOARD: &str = include_str!("../grafana/dashboard.json");

/// Where the node `name` listens for `key`: `  dn1  datanode on /rack1: address 127.0.0.1:1, http 127.0.0.1:2, pid 3`.
fn address(lab: &Lab, name: &str, key: &str) -> String {
    let of_node = |line: &&str| line.split_whitespace().next() == Some(name);
    let line = lab.said.lines().find(of_node).unwrap();
    let mut words = line.split([' ', ',']).skip_while(|word| *word != key);
    words.nth(1).unwrap().to_owned()
}

/// The names of all metrics of a node.
fn metrics(lab: &Lab, name: &str) -> BTreeSet<String> {
    let (status, mut answer) = exchange(&address(lab, name, "http"), "GET /metrics", &[], "");
    assert_eq!(status, 200);
    let mut text = String::new();
    answer.read_to_string(&mut text).unwrap();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names = types.filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

/// Every name in the expressions of the dashboard; a histogram's series are called by the histogram's name.
fn asked() -> BTreeSet<String> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions = targets.map(|target| target["expr"].as_str().unwrap());
    let words =
        expressions.flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    let names = words.filter(|word| word.starts_with("hdfs_"));
    let series = [
        "_seconds_bucket",
        "_seconds_count",
        "_transactions_sum",
        "_transactions_count",
    ];
    let histogram = |name: &str| match series.iter().find(|series| name.ends_with(*series)) {
        Some(_) => name.rsplit_once('_').unwrap().0.to_owned(),
        None => name.to_owned(),
    };
    names.map(histogram).collect()
}

fn write(client: &DfsClient, path: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut file = client.create(path, CreateOptions::default())?;
    file.write_all(b"hello")?;
    Ok(file.close()?)
}

#[test]
fn the_dashboard_asks_for_what_is_served() {
    let lab = Lab::start(&["up", "hdfs", "--datanodes", "1", "--racks", "1"]);
    let client = ClientSettings::new(&address(&lab, "namenode", "rpc"), "test");
    let client = DfsClient::connect(client).unwrap();
    // A DataNode is there before its first heartbeat has told how much room it has.
    let end = Instant::now() + DEADLINE;
    let mut tries = 0;
    while let Err(e) = write(&client, &format!("/a{tries}")) {
        assert!(Instant::now() < end, "{e}");
        tries += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    let served = &metrics(&lab, "namenode") | &metrics(&lab, "dn1");
    let asked = asked();
    assert!(asked.len() > 20, "{asked:?}");
    let missing: Vec<&String> = asked.difference(&served).collect();
    assert!(missing.is_empty(), "{missing:?} of {served:?}");
}
