//! Data servers of several DataNodes in one process, spoken to over their wire, without a NameNode.
#![allow(clippy::unwrap_used)] // What tests share is test code too.

use std::io::{BufReader, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::slice::from_ref;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use mini_hdfs::block::{Block, DatanodeId, DatanodeInfo, GenerationStamp, ReplicaState};
use mini_hdfs::datanode::peer_stats::PeerConfig;
use mini_hdfs::datanode::scanner::ScanConfig;
use mini_hdfs::datanode::storage;
use mini_hdfs::packet::{AckStatus, PACKET_DATA_MAX, Packet, PipelineAck, verify};
use mini_hdfs::protocol::{BlockEvent, BlockSynchronization, RecoveringBlock};
use mini_hdfs::server::connector::Connector;
use mini_hdfs::server::data_transfer::*;
use mini_hdfs::server::volumes::{self, VolumeSettings};
use mini_hdfs::server::xceiver::{DataEvent, DataServer, DataSettings};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);
const OK: AckStatus = AckStatus::Success;
const BLOCK: Block = Block::new(1_073_741_825, 1001, 0);

/// One DataNode, without its calls of a NameNode.
struct Datanode {
    server: DataServer,
    info: DatanodeInfo,
    events: Receiver<DataEvent>,
    dir: TempDir,
}

fn start(dir: TempDir) -> Datanode {
    start_with(dir, &VolumeSettings::default(), DataSettings::default())
}

fn start_with(dir: TempDir, volumes: &VolumeSettings, settings: DataSettings) -> Datanode {
    let settings = DataSettings {
        socket_timeout: Duration::from_secs(2),
        // Damage is to be found by who reads.
        scan: ScanConfig {
            bytes_per_second: 0,
            ..ScanConfig::default()
        },
        ..settings
    };
    let volumes = volumes::open(&[dir.path().to_owned()], volumes).unwrap();
    let id = volumes.id;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (sender, events) = channel();
    let tell = move |event| {
        // The test may be over.
        let _ = sender.send(event);
    };
    let connector = Connector::direct();
    let server = DataServer::start(listener, volumes, connector, settings, tell).unwrap();
    let info = DatanodeInfo {
        id,
        hostname: "localhost".into(),
        address: server.address().to_string(),
        rack: "/rack1".into(),
    };
    Datanode {
        server,
        info,
        events,
        dir,
    }
}

fn datanodes<const N: usize>() -> [Datanode; N] {
    std::array::from_fn(|_| start(tempfile::tempdir().unwrap()))
}

impl Datanode {
    fn restart(self) -> Datanode {
        drop(self.server);
        start(self.dir)
    }

    fn connect(&self) -> (BufReader<TcpStream>, TcpStream) {
        let socket = Connector::direct()
            .connect(&self.info.address, PATIENCE)
            .unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        (BufReader::new(socket.try_clone().unwrap()), socket)
    }

    fn event(&self) -> DataEvent {
        self.events
            .recv_timeout(PATIENCE)
            .expect("the DataNode tells what happened")
    }

    fn replica(&self) -> Option<(Block, ReplicaState)> {
        let report = self.server.report();
        report.first().map(|replica| (replica.block, replica.state))
    }

    /// Has this node send its replica to another one of its pipeline.
    fn send_on(&self, block: Block, target: &DatanodeInfo) -> OpReply {
        let (mut from, mut to) = self.connect();
        let op = Op::Transfer(TransferBlock {
            block,
            client: "test".to_owned(),
            targets: vec![target.clone()],
        });
        send_op(&mut to, &op).unwrap();
        loop {
            match receive_reply(&mut from).unwrap() {
                OpReply::InProgress => {}
                reply => return reply,
            }
        }
    }

    fn read(&self, block: Block, offset: u64, len: u64) -> Result<(u64, Vec<u8>), String> {
        let (mut from, mut to) = self.connect();
        let client = "test".to_owned();
        send_op(
            &mut to,
            &Op::Read(ReadBlock {
                block,
                offset,
                len,
                client,
            }),
        )
        .unwrap();
        match receive_reply(&mut from).unwrap() {
            OpReply::Refused { reason, .. } => return Err(reason),
            OpReply::Success { .. } => {}
            OpReply::InProgress => panic!("a read takes no while"),
        }
        let (mut data, mut start) = (Vec::new(), None);
        let mut packet = Packet::new(0, 0, Vec::new());
        loop {
            receive_packet(&mut from, &mut packet).unwrap();
            if packet.last {
                return Ok((start.unwrap_or(packet.offset), data));
            }
            verify(&packet.data, &packet.checksums)
                .map_err(|at| format!("damaged at {}", packet.offset + at as u64))?;
            start.get_or_insert(packet.offset);
            data.extend_from_slice(&packet.data);
        }
    }
}

/// A writer at the head of a pipeline.
struct Pipeline {
    from: BufReader<TcpStream>,
    to: TcpStream,
}

impl Pipeline {
    fn open(nodes: &[&Datanode], block: Block, stage: Stage) -> Result<Pipeline, OpReply> {
        let (mut from, mut to) = nodes[0].connect();
        let op = WriteBlock {
            block,
            stage,
            client: "test".into(),
            targets: nodes[1..].iter().map(|node| node.info.clone()).collect(),
        };
        send_op(&mut to, &Op::Write(op)).unwrap();
        match receive_reply(&mut from).unwrap() {
            OpReply::Success { .. } => Ok(Pipeline { from, to }),
            refused => Err(refused),
        }
    }

    fn send(&mut self, packet: &Packet) {
        send_packet(&mut self.to, packet).unwrap();
    }

    fn acks(&mut self) -> PipelineAck {
        receive_ack(&mut self.from).unwrap()
    }

    /// Writes `data` from `offset` on and ends the block.
    fn finish(&mut self, offset: usize, data: &[u8], nodes: usize) {
        let mut seqno = 0;
        for (i, piece) in data[offset..].chunks(PACKET_DATA_MAX).enumerate() {
            let at = (offset + i * PACKET_DATA_MAX) as u64;
            self.send(&Packet::new(seqno, at, piece));
            seqno += 1;
        }
        let mut last = Packet::new(seqno, data.len() as u64, Vec::new());
        last.last = true;
        self.send(&last);
        for seqno in 0..=seqno {
            let replies = vec![OK; nodes];
            assert_eq!(self.acks(), PipelineAck { seqno, replies });
        }
    }
}

fn data(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| u8::try_from(at * 7 % 251).unwrap())
        .collect()
}

fn finalized(data: &[u8], generation: u64) -> Option<(Block, ReplicaState)> {
    let block = Block {
        generation: GenerationStamp(generation),
        len: data.len() as u64,
        ..BLOCK
    };
    Some((block, ReplicaState::Finalized))
}

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

fn find(dir: &Path, name: &str) -> Option<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).ok()?.flatten();
    entries
        .filter_map(|entry| {
            let path = entry.path();
            let here = entry.file_name() == name;
            if here { Some(path) } else { find(&path, name) }
        })
        .next()
}
