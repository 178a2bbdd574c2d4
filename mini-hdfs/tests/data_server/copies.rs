//! Replicas copied from DataNode to DataNode, and moved for the balancer.

use std::time::{Duration, Instant};

use mini_hdfs::block::{Block, DatanodeId};
use mini_hdfs::datanode::storage;
use mini_hdfs::protocol::BlockEvent;
use mini_hdfs::server::data_transfer::*;
use mini_hdfs::server::volumes::VolumeSettings;
use mini_hdfs::server::xceiver::{DataEvent, DataSettings};

use crate::harness::{
    BLOCK, Datanode, Pipeline, data, datanodes, finalized, find, start, start_with,
};

#[test]
fn copies_are_checked_and_damage_on_the_disk_is_reported() {
    let [source, target, last] = datanodes();
    let data = data(700_000);
    Pipeline::open(&[&source], BLOCK, Stage::Create)
        .ok()
        .unwrap()
        .finish(0, &data, 1);
    let block = finalized(&data, 1001).unwrap().0;
    source
        .server
        .transfer(block, vec![target.info.clone(), last.info.clone()]);
    for node in [&target, &last] {
        assert_eq!(
            node.event(),
            DataEvent::Replica(BlockEvent::Received(block))
        );
        assert_eq!(node.read(block, 0, u64::MAX), Ok((0, data.clone())));
    }

    let file = storage::Place::Finalized.data(block.id);
    let path = target.dir.path().join(file);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[600_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(
        target
            .read(block, 0, u64::MAX)
            .unwrap_err()
            .contains("damaged at 599552")
    );
    last.server.delete(&[block]);
    let report = last.server.report();
    assert!(
        report.is_empty(),
        "what is about to go is reported: {report:?}"
    );
    assert_eq!(last.event(), DataEvent::Replica(BlockEvent::Deleted(block)));
    assert_eq!(last.replica(), None);
    target.server.transfer(block, vec![last.info.clone()]);
    assert_eq!(target.event(), DataEvent::Corrupt(block));
    assert_eq!(last.replica(), None, "half a copy is thrown away");
}

/// Asks `target` to fetch a replica from `proxy`, and returns what became of it, and how often it was said to be under way.
fn replace(target: &Datanode, proxy: &Datanode, block: Block) -> (MoveReply, usize) {
    let (mut from, mut to) = target.connect();
    let op = ReplaceBlock {
        block,
        delete: DatanodeId(7),
        proxy: proxy.info.clone(),
    };
    send_op(&mut to, &Op::Replace(op)).unwrap();
    let mut under_way = 0;
    loop {
        match receive_move_reply(&mut from).unwrap() {
            MoveReply::UnderWay(_) => under_way += 1,
            other => return (other, under_way),
        }
    }
}

#[test]
fn a_replica_is_fetched_for_the_balancer_as_slowly_as_it_may() {
    let slow = DataSettings {
        balance_bandwidth: 500_000,
        ..DataSettings::default()
    };
    let source = start(tempfile::tempdir().unwrap());
    let target = start_with(
        tempfile::tempdir().unwrap(),
        &VolumeSettings::default(),
        slow,
    );
    let data = data(1_000_000);
    let mut pipeline = Pipeline::open(&[&source], BLOCK, Stage::Create)
        .ok()
        .unwrap();
    pipeline.finish(0, &data, 1);
    let block = finalized(&data, 1001).unwrap().0;

    let began = Instant::now();
    let (reply, under_way) = replace(&target, &source, block);
    assert_eq!(reply, MoveReply::Done(1_000_000));
    assert!(
        began.elapsed() > Duration::from_millis(1_900),
        "a million bytes in {:?}, at half a million a second",
        began.elapsed()
    );
    assert!(under_way > 0, "whoever waits must hear something meanwhile");
    let delete = DatanodeId(7);
    let moved = BlockEvent::Moved { block, delete };
    assert_eq!(target.event(), DataEvent::Replica(moved));
    let target = target.restart();
    assert_eq!(target.read(block, 0, u64::MAX), Ok((0, data.clone())));
    // It has one now, and takes no other.
    let (again, _) = replace(&target, &source, block);
    assert!(
        matches!(&again, MoveReply::Failed(why) if why.contains("a replica already")),
        "{again:?}"
    );
    assert_eq!(target.replica(), finalized(&data, 1001));
}

#[test]
fn a_damaged_replica_is_not_fetched_but_reported() {
    let [source, target] = datanodes();
    let data = data(300_000);
    let mut pipeline = Pipeline::open(&[&source], BLOCK, Stage::Create)
        .ok()
        .unwrap();
    pipeline.finish(0, &data, 1);
    let block = finalized(&data, 1001).unwrap().0;
    let (receiving, received) = (source.event(), source.event());
    assert_ne!(receiving, received);
    let file = find(source.dir.path(), &block.id.to_string()).expect("the block's file");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[200_000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let (reply, _) = replace(&target, &source, block);
    assert!(matches!(reply, MoveReply::Failed(_)), "{reply:?}");
    assert_eq!(source.event(), DataEvent::Corrupt(block));
    assert_eq!(target.replica(), None, "nothing is left of it");
}

#[test]
fn a_replica_whose_file_is_gone_is_reported_when_it_is_copied() {
    let [source, target, other] = datanodes();
    let data = data(300_000);
    let mut pipeline = Pipeline::open(&[&source], BLOCK, Stage::Create)
        .ok()
        .unwrap();
    pipeline.finish(0, &data, 1);
    let block = finalized(&data, 1001).unwrap().0;
    let (receiving, received) = (source.event(), source.event());
    assert_ne!(receiving, received);
    let file = find(source.dir.path(), &block.id.to_string()).expect("the block's file");
    std::fs::remove_file(file).unwrap();
    source.server.transfer(block, vec![target.info.clone()]);
    assert_eq!(source.event(), DataEvent::Corrupt(block));
    let (reply, _) = replace(&other, &source, block);
    assert!(matches!(reply, MoveReply::Failed(_)), "{reply:?}");
    assert_eq!(source.event(), DataEvent::Corrupt(block));
    assert_eq!(other.replica(), None, "nothing is left of it");
}
