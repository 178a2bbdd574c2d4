//! What a data server refuses.

use std::io::ErrorKind;
use std::slice::from_ref;

use mini_hdfs::block::Block;
use mini_hdfs::server::data_transfer::*;
use mini_hdfs::server::volumes::{self, VolumeSettings};
use mini_hdfs::server::xceiver::DataSettings;

use crate::harness::{BLOCK, Pipeline, data, datanodes, start, start_with};

#[test]
fn what_is_no_op_is_refused_with_a_reason() {
    let [node] = datanodes();
    let (mut from, mut to) = node.connect();
    std::io::Write::write_all(&mut to, b"GET / HTTP/1.1\r\n\r\n").unwrap();
    match receive_reply(&mut from).unwrap() {
        OpReply::Refused { reason, .. } => assert!(reason.contains("version"), "{reason}"),
        other => panic!("{other:?}"),
    }
    let ended = receive_reply(&mut from).unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn a_replica_that_may_not_fit_is_refused_and_what_is_there_stays() {
    let room = VolumeSettings {
        capacity: Some(150_000),
        ..VolumeSettings::default()
    };
    let node = start_with(tempfile::tempdir().unwrap(), &room, DataSettings::default());
    let block = |id, len| Block::new(BLOCK.id.0 + id, 1001, len);
    // It may become so long; what it does not need is free again at its end.
    let mut first = Pipeline::open(&[&node], block(0, 100_000), Stage::Create).unwrap();
    let refused = |id, len| match Pipeline::open(&[&node], block(id, len), Stage::Create) {
        Err(OpReply::Refused {
            reason, bad_link, ..
        }) => {
            assert_eq!(bad_link, Some(node.info.id));
            reason
        }
        other => panic!("accepted, or {:?}", other.map(|_| ())),
    };
    let reason = refused(1, 60_000);
    assert!(reason.contains("50000 bytes left"), "{reason}");
    let data = data(20_000);
    first.finish(0, &data, 1);
    let mut second = Pipeline::open(&[&node], block(1, 60_000), Stage::Create).unwrap();
    second.finish(0, &data, 1);
    let reason = refused(2, 120_000);
    assert!(reason.contains("110000 bytes left"), "{reason}");
    let there = Block::new(BLOCK.id.0, 1001, 20_000);
    assert_eq!(node.read(there, 0, u64::MAX), Ok((0, data)));
    let status = node.server.status();
    assert_eq!(status.volumes[0].usage.replicas, 2);
    assert_eq!((status.bytes_written, status.bytes_read), (40_000, 20_000));
}

#[test]
fn a_directory_has_one_process() {
    let node = start(tempfile::tempdir().unwrap());
    let dir = node.dir.path().to_owned();
    let refusal = volumes::open(from_ref(&dir), &VolumeSettings::default()).unwrap_err();
    let refusal = refusal.to_string();
    assert!(refusal.contains("in use by another process"), "{refusal}");
    drop(node.server);
    volumes::open(from_ref(&dir), &VolumeSettings::default()).expect("it is free again");
    let twice = volumes::open(&[dir.clone(), dir], &VolumeSettings::default()).unwrap_err();
    assert!(twice.to_string().contains("twice"), "{twice}");
}
