//! DataNodes without a NameNode, and a writer.

use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use mini_hdfs::block::{Block, DatanodeInfo, GenerationStamp, ReplicaState};
use mini_hdfs::datanode::scanner::ScanConfig;
use mini_hdfs::packet::{AckStatus, PACKET_DATA_MAX, Packet, PipelineAck, verify};
use mini_hdfs::server::connector::Connector;
use mini_hdfs::server::data_transfer::*;
use mini_hdfs::server::volumes::{self, VolumeSettings};
use mini_hdfs::server::xceiver::{DataEvent, DataServer, DataSettings};
use tempfile::TempDir;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const OK: AckStatus = AckStatus::Success;
pub(crate) const BLOCK: Block = Block::new(1_073_741_825, 1001, 0);

/// One DataNode, without its calls of a NameNode.
pub(crate) struct Datanode {
    pub(crate) server: DataServer,
    pub(crate) info: DatanodeInfo,
    pub(crate) events: Receiver<DataEvent>,
    pub(crate) dir: TempDir,
}

pub(crate) fn start(dir: TempDir) -> Datanode {
    start_with(dir, &VolumeSettings::default(), DataSettings::default())
}

pub(crate) fn start_with(
    dir: TempDir,
    volumes: &VolumeSettings,
    settings: DataSettings,
) -> Datanode {
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

pub(crate) fn datanodes<const N: usize>() -> [Datanode; N] {
    std::array::from_fn(|_| start(tempfile::tempdir().unwrap()))
}

impl Datanode {
    pub(crate) fn restart(self) -> Datanode {
        drop(self.server);
        start(self.dir)
    }

    pub(crate) fn connect(&self) -> (BufReader<TcpStream>, TcpStream) {
        let socket = Connector::direct()
            .connect(&self.info.address, PATIENCE)
            .unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        (BufReader::new(socket.try_clone().unwrap()), socket)
    }

    pub(crate) fn event(&self) -> DataEvent {
        self.events
            .recv_timeout(PATIENCE)
            .expect("the DataNode tells what happened")
    }

    pub(crate) fn replica(&self) -> Option<(Block, ReplicaState)> {
        let report = self.server.report();
        report.first().map(|replica| (replica.block, replica.state))
    }

    /// Has this node send its replica to another one of its pipeline.
    pub(crate) fn send_on(&self, block: Block, target: &DatanodeInfo) -> OpReply {
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

    pub(crate) fn read(
        &self,
        block: Block,
        offset: u64,
        len: u64,
    ) -> Result<(u64, Vec<u8>), String> {
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
pub(crate) struct Pipeline {
    pub(crate) from: BufReader<TcpStream>,
    pub(crate) to: TcpStream,
}

impl Pipeline {
    pub(crate) fn open(
        nodes: &[&Datanode],
        block: Block,
        stage: Stage,
    ) -> Result<Pipeline, OpReply> {
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

    pub(crate) fn send(&mut self, packet: &Packet) {
        send_packet(&mut self.to, packet).unwrap();
    }

    pub(crate) fn acks(&mut self) -> PipelineAck {
        receive_ack(&mut self.from).unwrap()
    }

    /// Writes `data` from `offset` on and ends the block.
    pub(crate) fn finish(&mut self, offset: usize, data: &[u8], nodes: usize) {
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

pub(crate) fn data(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| u8::try_from(at * 7 % 251).unwrap())
        .collect()
}

pub(crate) fn finalized(data: &[u8], generation: u64) -> Option<(Block, ReplicaState)> {
    let block = Block {
        generation: GenerationStamp(generation),
        len: data.len() as u64,
        ..BLOCK
    };
    Some((block, ReplicaState::Finalized))
}

pub(crate) fn find(dir: &Path, name: &str) -> Option<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).ok()?.flatten();
    entries
        .filter_map(|entry| {
            let path = entry.path();
            let here = entry.file_name() == name;
            if here { Some(path) } else { find(&path, name) }
        })
        .next()
}
