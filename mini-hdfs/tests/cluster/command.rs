//! The `cluster` command, as a user runs it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use mini_hdfs::server::dfs_client::{ClientSettings, DfsClient};

use crate::harness::{bytes, get, program, put, until};

#[test]
fn the_cluster_command_leaves_nothing_behind() {
    let scratch = tempfile::tempdir().unwrap();
    let mut child = Command::new(program())
        .args([
            "cluster",
            "--datanodes",
            "3",
            "--racks",
            "2",
            "--exit-with-stdin",
        ])
        .env("TMPDIR", scratch.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let address = line
        .trim_end()
        .strip_prefix("export MINI_HDFS_NAMENODE=")
        .unwrap();

    let client = DfsClient::connect(ClientSettings::new(address, "tester")).unwrap();
    put(&client, "/f", &bytes(7, 5000)).unwrap();
    assert_eq!(get(&client, "/f"), bytes(7, 5000));
    let nodes = client.datanode_report().unwrap();
    let on = |rack| nodes.iter().filter(|node| node.info.rack == rack).count();
    assert_eq!((on("/rack1"), on("/rack2")), (2, 1));
    assert!(scratch.path().read_dir().unwrap().next().is_some());

    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert!(scratch.path().read_dir().unwrap().next().is_none());
    stdout.read_to_string(&mut String::new()).unwrap();
    for node in nodes {
        until("its DataNode is gone", || {
            std::net::TcpStream::connect(&node.info.address).is_err()
        });
    }
}

#[test]
fn a_mistyped_directory_is_an_error_and_not_made() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    std::fs::write(&file, "something").unwrap();
    for dir in [&scratch.path().join("mistyped"), &file] {
        let mut command = Command::new(program());
        let output = command.args(["namenode", "--dir"]).arg(dir).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("there is no file system here"), "{said}");
        assert!(said.contains(&dir.display().to_string()), "{said}");
    }
    assert_eq!(scratch.path().read_dir().unwrap().count(), 1);
    assert_eq!(std::fs::read(&file).unwrap(), b"something");
}
