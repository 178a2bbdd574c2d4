//! Debian's `etcdctl` (3.4) against three of our members, and against three of Debian's etcd, with the same script, on the same
//! ports, so that even the members' ids are the same. Outputs and exit codes have to be equal, but for what [`script::DIFFERENCES`] argues.
//!
//! ```text
//! apt-get install etcd-client etcd-server
//! ```
//!
//! Where these are missing the test says so, and fails on Linux where `CI` is set.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests, which clippy cannot see.

mod gateway;
mod run;
mod script;

use std::path::Path;

use raft_kv::server::local_cluster::LocalCluster;

use run::{Etcd, Told, is_there};

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_raft-kv"))
}

/// Whether Debian's programs are there.
fn debian() -> bool {
    let missing: Vec<&str> = ["etcdctl", "etcd"]
        .into_iter()
        .filter(|program| !is_there(program))
        .collect();
    if missing.is_empty() {
        return true;
    }
    assert!(
        !cfg!(target_os = "linux") || std::env::var_os("CI").is_none(),
        "missing: {missing:?}; apt-get install etcd-client etcd-server"
    );
    eprintln!("skipped, since {missing:?} is missing: apt-get install etcd-client etcd-server");
    false
}

/// Members of ours that are not started yet, and where clients and other members will call them: etcd is there before.
fn prepare(members: u16, dir: &Path) -> (LocalCluster, Vec<String>, Vec<String>) {
    let ours = LocalCluster::prepare(program(), members, &dir.join("ours"), &[]).unwrap();
    let addresses = |key: &str| {
        let addresses = ours.members.iter().map(|member| member.address(key));
        addresses
            .map(|address| address.unwrap().to_owned())
            .collect()
    };
    let (clients, peers) = (addresses("client"), addresses("peer"));
    (ours, clients, peers)
}

#[test]
fn etcdctl_cannot_tell_us_from_etcd() {
    if !debian() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (mut ours, clients, peers) = prepare(3, dir.path());

    let etcd = Etcd::start(&dir.path().join("etcd"), &clients, &peers);
    let expected = script::play(&clients);
    drop(etcd);

    ours.start().unwrap();
    let told = script::play(&clients);
    ours.stop();

    let mut unequal = Vec::new();
    for (theirs, ours) in expected.iter().zip(&told) {
        let argued = script::DIFFERENCES
            .iter()
            .find(|(step, _)| *step == ours.step);
        match (theirs == ours, argued) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(_)) => unequal.push(format!(
                "{}: is equal now; strike it off the differences",
                ours.step
            )),
            (false, None) => unequal.push(difference(theirs, ours)),
        }
    }
    assert!(
        unequal.is_empty(),
        "{} of {} steps differ:\n{}",
        unequal.len(),
        told.len(),
        unequal.join("\n")
    );
    assert_eq!(expected.len(), told.len());
}

fn difference(theirs: &Told, ours: &Told) -> String {
    format!(
        "--- {}\netcd, exit code {:?}:\n{}\nours, exit code {:?}:\n{}",
        ours.step, theirs.code, theirs.output, ours.code, ours.output
    )
}

#[test]
fn check_datascale_passes() {
    if !debian() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut ours = LocalCluster::prepare(program(), 1, dir.path(), &[]).unwrap();
    ours.start().unwrap();
    let told = run::etcdctl(&ours.endpoints(), "check datascale", "");
    assert_eq!(told.code, Some(0), "{}", told.output);
    assert!(told.output.contains("PASS"), "{}", told.output);
    ours.stop();
}

/// The throughput alone: other tests run beside, and how long the slowest of 9,000 writes takes is theirs too.
#[test]
fn check_perf_finds_the_throughput_that_it_wants() {
    if !debian() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut ours = LocalCluster::prepare(program(), 3, dir.path(), &[]).unwrap();
    ours.start().unwrap();
    let told = run::etcdctl(&ours.endpoints(), "check perf", "");
    assert!(told.output.contains("PASS: Throughput"), "{}", told.output);
    ours.stop();
}

#[test]
fn the_gateway_answers_as_etcds_does() {
    if !debian() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (mut ours, clients, peers) = prepare(1, dir.path());

    let etcd = Etcd::start(&dir.path().join("etcd"), &clients, &peers);
    let expected = gateway::play(&clients[0]);
    drop(etcd);

    ours.start().unwrap();
    let told = gateway::play(&clients[0]);
    ours.stop();
    for (theirs, ours) in expected.iter().zip(&told) {
        assert_eq!(theirs, ours, "left is etcd's");
    }
}
