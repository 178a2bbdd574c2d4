//! Connections to DataNodes: to the first of a pipeline, and to one that is read from.

use std::io::{self, BufReader};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::ClientSettings;
use crate::block::{Block, DatanodeInfo};
use crate::client::ack_queue::BadNode;
use crate::client::data_streamer::Setup;
use crate::client::replace_datanode::Blame;
use crate::packet::Packet;
use crate::server::data_transfer::{
    self, Op, OpReply, ReadBlock, Stage, TransferBlock, WriteBlock,
};

/// A pipeline that stands.
#[derive(Debug)]
pub(super) struct Pipeline {
    /// Packets go down here.
    pub(super) down: TcpStream,
    /// Acknowledgements come up here.
    pub(super) up: BufReader<TcpStream>,
}

/// Sets up a pipeline. An error names the node that is in the way.
pub(super) fn set_up(
    settings: &ClientSettings,
    client: &str,
    setup: &Setup,
) -> Result<Pipeline, BadNode> {
    let first_failed = |reason: String| BadNode { index: 0, reason };
    let Some((first, targets)) = setup.nodes.split_first() else {
        return Err(first_failed("there is none".to_owned()));
    };
    let stage = match setup.recovery {
        None => Stage::Create,
        Some(generation) => Stage::Recovery {
            generation,
            acked_len: setup.block.len,
        },
    };
    let op = Op::Write(WriteBlock {
        block: setup.block,
        stage,
        client: client.to_owned(),
        targets: targets.to_vec(),
    });
    let timeout = data_transfer::pipeline_timeout(settings.socket_timeout, targets.len());
    let (down, up, reply) =
        ask(settings, first, &op, timeout).map_err(|e| first_failed(e.to_string()))?;
    match reply {
        OpReply::Success { .. } => Ok(Pipeline { down, up }),
        OpReply::Refused {
            reason, bad_link, ..
        } => {
            let bad = setup
                .nodes
                .iter()
                .position(|node| Some(node.id) == bad_link);
            Err(BadNode {
                index: bad.unwrap_or(0),
                reason,
            })
        }
        OpReply::InProgress => Err(first_failed("answered out of turn".to_owned())),
    }
}

/// Has one node of a pipeline send its replica to another. An error says who is to blame, and why.
pub(super) fn transfer(
    settings: &ClientSettings,
    client: &str,
    block: Block,
    source: &DatanodeInfo,
    target: &DatanodeInfo,
) -> Result<(), (Blame, String)> {
    let op = Op::Transfer(TransferBlock {
        block,
        client: client.to_owned(),
        targets: vec![target.clone()],
    });
    // The source waits for the target as long, and says now and then that it is alive.
    let timeout = 2 * settings.socket_timeout;
    let answer = ask(settings, source, &op, timeout).and_then(|(_, mut up, mut reply)| {
        while reply == OpReply::InProgress {
            reply = data_transfer::receive_reply(&mut up).map_err(|e| told(e, "sending on"))?;
        }
        Ok(reply)
    });
    match answer {
        Ok(OpReply::Refused {
            reason, bad_link, ..
        }) if bad_link == Some(target.id) => Err((Blame::Target, reason)),
        Ok(OpReply::Refused { reason, .. }) => Err((Blame::Source, reason)),
        Ok(_) => Ok(()),
        Err(error) => Err((Blame::Source, error.to_string())),
    }
}

/// A replica that is being read.
#[derive(Debug)]
pub(super) struct Replica {
    from: BufReader<TcpStream>,
    /// What can be read of it, in bytes.
    pub(super) visible_len: u64,
}

/// Why a replica cannot be read from a node.
pub(super) enum NoReplica {
    /// The node has answered: it has no replica of the block at all.
    NotFound(String),
    /// The node has answered: it has not this version, or cannot show it.
    Refused(String),
    /// The node cannot be reached or does not answer.
    Unreachable(String),
}

impl Replica {
    /// Asks `node` for a range of a block.
    pub(super) fn open(
        settings: &ClientSettings,
        node: &DatanodeInfo,
        block: Block,
        offset: u64,
        len: u64,
    ) -> Result<Replica, NoReplica> {
        let op = Op::Read(ReadBlock {
            block,
            offset,
            len,
            client: settings.user.clone(),
        });
        match ask(settings, node, &op, settings.socket_timeout) {
            Ok((_, from, OpReply::Success { visible_len })) => Ok(Replica { from, visible_len }),
            Ok((
                _,
                _,
                OpReply::Refused {
                    reason, no_replica, ..
                },
            )) => Err(if no_replica {
                NoReplica::NotFound(reason)
            } else {
                NoReplica::Refused(reason)
            }),
            Ok((_, _, OpReply::InProgress)) => {
                Err(NoReplica::Unreachable("answered out of turn".to_owned()))
            }
            Err(error) => Err(NoReplica::Unreachable(error.to_string())),
        }
    }

    /// The next packet, not verified yet.
    pub(super) fn receive(&mut self, packet: &mut Packet) -> io::Result<()> {
        data_transfer::receive_packet(&mut self.from, packet).map_err(|e| told(e, "sending"))
    }
}

/// Asks `node` for the MD5 of the checksums of a block; an error says why there is none.
pub(super) fn checksum(
    settings: &ClientSettings,
    node: &DatanodeInfo,
    block: Block,
) -> Result<[u8; 16], String> {
    let exchange = |(mut down, mut up): (TcpStream, BufReader<TcpStream>)| {
        data_transfer::send_op(&mut down, &Op::Checksum(block))?;
        data_transfer::receive_checksum(&mut up)
    };
    dial(settings, node, settings.socket_timeout)
        .and_then(exchange)
        .map_err(|e| told(e, "answering").to_string())?
}

type Answer = (TcpStream, BufReader<TcpStream>, OpReply);

fn ask(
    settings: &ClientSettings,
    node: &DatanodeInfo,
    op: &Op,
    timeout: Duration,
) -> io::Result<Answer> {
    let (mut down, mut up) = dial(settings, node, timeout)?;
    let mut exchange = || {
        data_transfer::send_op(&mut down, op)?;
        data_transfer::receive_reply(&mut up)
    };
    let reply = exchange().map_err(|e| told(e, "answering"))?;
    Ok((down, up, reply))
}

fn dial(
    settings: &ClientSettings,
    node: &DatanodeInfo,
    timeout: Duration,
) -> io::Result<(TcpStream, BufReader<TcpStream>)> {
    let down = settings
        .connector
        .connect(&node.address, settings.socket_timeout)
        .map_err(|e| told(e, "answering to a connection"))?;
    down.set_read_timeout(Some(timeout))?;
    down.set_write_timeout(Some(timeout))?;
    let up = BufReader::with_capacity(64 << 10, down.try_clone()?);
    Ok((down, up))
}

/// An error whose text says what happened, where the system's is short or odd.
pub(super) fn told(error: io::Error, doing: &str) -> io::Error {
    let text = match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("it was silent for too long instead of {doing}")
        }
        io::ErrorKind::UnexpectedEof => format!("it closed the connection instead of {doing}"),
        _ => return error,
    };
    io::Error::new(error.kind(), text)
}

/// Ends a connection at once, for whoever is waiting on it too.
pub(super) fn cut(stream: &TcpStream) {
    // It fails where the connection is gone already.
    let _ = stream.shutdown(Shutdown::Both);
}
