//! Blocks written down a pipeline, and what becomes of a broken one.

use std::net::TcpListener;

use mini_hdfs::block::{Block, DatanodeId, DatanodeInfo, GenerationStamp, ReplicaState};
use mini_hdfs::datanode::peer_stats::PeerConfig;
use mini_hdfs::packet::{AckStatus, PACKET_DATA_MAX, Packet};
use mini_hdfs::protocol::{BlockEvent, BlockSynchronization, RecoveringBlock};
use mini_hdfs::server::data_transfer::*;
use mini_hdfs::server::volumes::VolumeSettings;
use mini_hdfs::server::xceiver::{DataEvent, DataSettings};

use crate::harness::{
    BLOCK, Datanode, OK, Pipeline, data, datanodes, finalized, start, start_with,
};

#[test]
fn a_block_goes_down_the_pipeline_and_is_read_from_each_node() {
    let nodes: [_; 3] = datanodes();
    let data = data(1_000_000);
    let mut pipeline = Pipeline::open(&[&nodes[0], &nodes[1], &nodes[2]], BLOCK, Stage::Create);
    pipeline.as_mut().unwrap().finish(0, &data, 3);
    let block = finalized(&data, 1001).unwrap().0;
    for node in nodes {
        assert_eq!(
            node.event(),
            DataEvent::Replica(BlockEvent::Receiving(BLOCK))
        );
        assert_eq!(
            node.event(),
            DataEvent::Replica(BlockEvent::Received(block))
        );
        let node = node.restart();
        assert_eq!(node.replica(), finalized(&data, 1001));
        assert_eq!(node.read(block, 0, u64::MAX), Ok((0, data.clone())));
        assert_eq!(
            node.read(block, 600_000, 100),
            Ok((599_552, data[599_552..600_576].to_vec())),
            "whole chunks"
        );
        let newer = Block {
            generation: GenerationStamp(1002),
            ..block
        };
        assert!(
            node.read(newer, 0, 1)
                .unwrap_err()
                .contains("another generation")
        );
    }
}

#[test]
fn a_reader_sees_what_is_acknowledged_while_the_last_chunk_grows() {
    let [first, second] = datanodes();
    let data = data(900);
    let mut pipeline = Pipeline::open(&[&first, &second], BLOCK, Stage::Create)
        .ok()
        .unwrap();
    pipeline.send(&Packet::new(0, 0, &data[..700]));
    assert_eq!(pipeline.acks().replies, [OK, OK]);
    assert_eq!(
        first.read(BLOCK, 0, u64::MAX),
        Ok((0, data[..700].to_vec()))
    );
    let mut rest = Packet::new(1, 512, &data[512..]);
    rest.sync = true;
    pipeline.send(&rest);
    assert_eq!(pipeline.acks().replies, [OK, OK]);
    assert_eq!(
        second.read(BLOCK, 600, u64::MAX),
        Ok((512, data[512..].to_vec()))
    );
    // A packet without data is a sign of life.
    pipeline.send(&Packet::new(2, 900, Vec::new()));
    assert_eq!(pipeline.acks().seqno, 2);
    assert_eq!(first.read(BLOCK, 0, u64::MAX), Ok((0, data)));
}

#[test]
fn a_lost_node_is_told_of_and_the_others_go_on_in_a_new_generation() {
    let [first, second, third] = datanodes();
    let data = data(300_000);
    let mut pipeline = Pipeline::open(&[&first, &second, &third], BLOCK, Stage::Create)
        .ok()
        .unwrap();
    pipeline.send(&Packet::new(0, 0, &data[..PACKET_DATA_MAX]));
    assert_eq!(pipeline.acks().replies, [OK, OK, OK]);
    drop(second);
    pipeline.send(&Packet::new(
        1,
        PACKET_DATA_MAX as u64,
        &data[PACKET_DATA_MAX..2 * PACKET_DATA_MAX],
    ));
    assert_eq!(pipeline.acks().replies, [OK, AckStatus::Error]);

    // The old connection is still open: the new one ends it.
    let old = Block {
        len: PACKET_DATA_MAX as u64,
        ..BLOCK
    };
    let recovery = |generation| Stage::Recovery {
        generation: GenerationStamp(generation),
        acked_len: old.len,
    };
    let mut again = Pipeline::open(&[&first, &third], old, recovery(1002))
        .ok()
        .unwrap();
    again.finish(PACKET_DATA_MAX, &data, 2);
    let block = finalized(&data, 1002).unwrap().0;
    for node in [&first, &third] {
        assert_eq!(node.replica(), finalized(&data, 1002));
        assert_eq!(node.read(block, 0, u64::MAX), Ok((0, data.clone())));
    }
    // A finalised replica can be taken up again, too, but never in a generation that it has had.
    assert!(Pipeline::open(&[&first], old, recovery(1002)).is_err());
    assert_eq!(first.replica(), finalized(&data, 1002));
    let mut again = Pipeline::open(&[&first], old, recovery(1003)).ok().unwrap();
    again.finish(PACKET_DATA_MAX, &data, 1);
    assert_eq!(first.replica(), finalized(&data, 1003));
}

#[test]
fn a_block_whose_writer_is_gone_gets_one_length_and_the_old_writer_is_out() {
    let [first, second, third] = datanodes();
    let data = data(2 * PACKET_DATA_MAX + 700);
    let nodes = [&first, &second, &third];
    let mut pipeline = Pipeline::open(&nodes, BLOCK, Stage::Create).ok().unwrap();
    for (seqno, from) in [0, PACKET_DATA_MAX].into_iter().enumerate() {
        let piece = &data[from..from + PACKET_DATA_MAX];
        pipeline.send(&Packet::new(seqno as u64, from as u64, piece));
        assert_eq!(pipeline.acks().replies, [OK, OK, OK]);
    }
    let recover = |recovery_id, nodes: &[&Datanode]| RecoveringBlock {
        block: BLOCK,
        recovery_id: GenerationStamp(recovery_id),
        locations: nodes.iter().map(|node| node.info.clone()).collect(),
    };
    let outcome = |primary: &Datanode| loop {
        match primary.event() {
            DataEvent::Recovered(outcome) => break outcome,
            DataEvent::Replica(_) | DataEvent::Corrupt(_) => {}
            other => panic!("{other:?}"),
        }
    };
    // The first attempt reaches one node alone, and the NameNode does not hear of it.
    first.server.recover(recover(1002, &[&first]));
    let whole = &data[..2 * PACKET_DATA_MAX];
    assert_eq!(outcome(&first).len, Some(whole.len() as u64));
    second.server.recover(recover(1003, &nodes));
    let outcome = outcome(&second);
    let expected = BlockSynchronization {
        block: BLOCK,
        recovery_id: GenerationStamp(1003),
        len: Some(whole.len() as u64),
        datanodes: nodes.iter().map(|node| node.info.id).collect(),
    };
    assert_eq!(outcome, expected);
    let block = finalized(whole, 1003).unwrap().0;
    for node in nodes {
        assert_eq!(node.replica(), finalized(whole, 1003));
        assert_eq!(node.read(block, 0, u64::MAX), Ok((0, whole.to_vec())));
    }
    // Whatever generation the old writer has got before, he is late.
    for generation in [1002, 1003] {
        let stage = Stage::Recovery {
            generation: GenerationStamp(generation),
            acked_len: whole.len() as u64,
        };
        assert!(Pipeline::open(&nodes, BLOCK, stage).is_err());
    }
    let nodes = [first, second, third].map(Datanode::restart);
    for node in &nodes {
        assert_eq!(node.replica(), finalized(whole, 1003), "after a restart");
    }
}

#[test]
fn a_new_node_gets_what_the_others_have_acknowledged_and_joins_them() {
    let [first, second, new] = datanodes();
    let data = data(300_000);
    let mut pipeline = Pipeline::open(&[&first, &second], BLOCK, Stage::Create)
        .ok()
        .unwrap();
    // It ends in the middle of a chunk, and the old connection is still open.
    pipeline.send(&Packet::new(0, 0, &data[..700]));
    assert_eq!(pipeline.acks().replies, [OK, OK]);
    drop(second);
    pipeline.send(&Packet::new(1, 512, &data[512..20_000]));
    assert_eq!(pipeline.acks().replies, [OK, AckStatus::Error]);

    let old = Block { len: 700, ..BLOCK };
    assert_eq!(
        first.send_on(old, &new.info),
        OpReply::Success { visible_len: 700 }
    );
    assert_eq!(
        new.event(),
        DataEvent::Replica(BlockEvent::Receiving(old)),
        "the NameNode must know of it, should the writer die now"
    );
    let waits = new.replica();
    assert_eq!(waits, Some((old, ReplicaState::Rbw)));
    let new = new.restart();
    assert_eq!(
        new.replica(),
        Some((old, ReplicaState::Rwr)),
        "it is on the disk"
    );

    let recovery = Stage::Recovery {
        generation: GenerationStamp(1002),
        acked_len: 700,
    };
    let mut again = Pipeline::open(&[&first, &new], old, recovery).ok().unwrap();
    again.send(&Packet::new(0, 512, &data[512..1024]));
    assert_eq!(again.acks().replies, [OK, OK]);
    let now = finalized(&data, 1002).unwrap().0;
    for node in [&first, &new] {
        assert_eq!(node.read(now, 0, u64::MAX), Ok((0, data[..1024].to_vec())));
        assert_eq!(
            node.read(BLOCK, 0, u64::MAX),
            Ok((0, data[..1024].to_vec())),
            "whoever has not heard of the new generation yet may read it too"
        );
    }
}

#[test]
fn whoever_spoils_a_copy_for_a_pipeline_is_named() {
    let [source, target, empty] = datanodes();
    let refused_by = |reply| match reply {
        OpReply::Refused { bad_link, .. } => bad_link,
        other => panic!("{other:?}"),
    };
    let mut pipeline = Pipeline::open(&[&source], BLOCK, Stage::Create)
        .ok()
        .unwrap();
    pipeline.send(&Packet::new(0, 0, data(5000)));
    assert_eq!(pipeline.acks().replies, [OK]);
    let block = Block { len: 5000, ..BLOCK };
    let too_long = Block { len: 5001, ..BLOCK };
    for (node, block) in [(&empty, block), (&source, too_long)] {
        let bad = refused_by(node.send_on(block, &target.info));
        assert_eq!(bad, Some(node.info.id), "the source is to blame");
    }
    let gone = DatanodeInfo {
        id: DatanodeId(7),
        address: {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().to_string()
        },
        ..target.info.clone()
    };
    let bad = refused_by(source.send_on(block, &gone));
    assert_eq!(bad, Some(gone.id), "the target is to blame");
    assert_eq!(target.replica(), None);
    source.send_on(block, &target.info);
    let bad = refused_by(source.send_on(block, &target.info));
    assert_eq!(bad, Some(target.info.id), "it has one already");
}

#[test]
fn a_node_that_cannot_be_reached_is_named_and_leaves_no_trace() {
    let [first, second, third] = datanodes();
    let mut gone = start(tempfile::tempdir().unwrap());
    gone.info.address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let refused = Pipeline::open(&[&first, &second, &gone, &third], BLOCK, Stage::Create);
    match refused.err().unwrap() {
        OpReply::Refused {
            reason, bad_link, ..
        } => {
            assert_eq!(bad_link, Some(gone.info.id), "{reason}");
            assert!(reason.contains(&gone.info.address), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((first.replica(), second.replica()), (None, None));
}

#[test]
fn a_silent_node_below_is_given_up() {
    let first = start(tempfile::tempdir().unwrap());
    // It accepts connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let op = WriteBlock {
        block: BLOCK,
        stage: Stage::Create,
        client: "test".into(),
        targets: vec![DatanodeInfo {
            id: DatanodeId(7),
            address: silent.local_addr().unwrap().to_string(),
            ..first.info.clone()
        }],
    };
    let (mut from, mut to) = first.connect();
    send_op(&mut to, &Op::Write(op)).unwrap();
    let reply = receive_reply(&mut from).unwrap();
    assert!(
        matches!(
            reply,
            OpReply::Refused {
                bad_link: Some(DatanodeId(7)),
                ..
            }
        ),
        "{reply:?}"
    );
}

#[test]
fn damage_on_the_way_is_found_before_it_is_written() {
    let [first, second] = datanodes();
    let mut pipeline = Pipeline::open(&[&first, &second], BLOCK, Stage::Create)
        .ok()
        .unwrap();
    let mut packet = Packet::new(0, 0, data(2000));
    packet.checksums[2] ^= 1;
    pipeline.send(&packet);
    assert_eq!(pipeline.acks().replies[0], AckStatus::ErrorChecksum);
}

#[test]
fn only_the_last_node_is_measured_and_by_the_one_before_it() {
    let settings = DataSettings {
        peers: PeerConfig {
            enabled: true,
            samples_min: 10,
            ..PeerConfig::default()
        },
        ..DataSettings::default()
    };
    let volumes = VolumeSettings::default();
    let nodes: [Datanode; 3] =
        std::array::from_fn(|_| start_with(tempfile::tempdir().unwrap(), &volumes, settings));
    let data = data(12 * PACKET_DATA_MAX);
    let mut pipeline =
        Pipeline::open(&[&nodes[0], &nodes[1], &nodes[2]], BLOCK, Stage::Create).unwrap();
    pipeline.finish(0, &data, 3);
    let measured = |node: &Datanode| -> Vec<DatanodeId> {
        let peers = node.server.status().peers;
        assert!(peers.iter().all(|peer| peer.latency_us > 0), "{peers:?}");
        peers.iter().map(|peer| peer.node).collect()
    };
    assert_eq!(measured(&nodes[0]), []);
    assert_eq!(measured(&nodes[1]), [nodes[2].info.id]);
    assert_eq!(measured(&nodes[2]), []);
}
