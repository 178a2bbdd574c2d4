//! Copies of replicas to other DataNodes, on the NameNode's word, or on that of a writer whose pipeline gets a new node
//! (`DataTransfer`).

use std::io::{self, BufReader};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use node::FileDisk;
use thiserror::Error;
use tracing::{info, warn};

use super::connection::{Transferring, Upstream, refuse};
use super::reading::{READ_AHEAD, pieces};
use super::trouble::read_suspecting;
use super::{BUFFER, DataEvent, Shared};
use crate::block::{Block, DatanodeInfo, ReplicaState};
use crate::datanode::Replica;
use crate::datanode::block_file::{BlockFileError, Chunks};
use crate::datanode::replica_map::ReplicaError;
use crate::packet::{AckStatus, Packet, verify};
use crate::server::data_transfer::{
    Op, OpReply, Stage, TransferBlock, WriteBlock, pipeline_timeout, receive_ack, receive_reply,
    send_data, send_op, send_packet, send_reply,
};

/// Sends a copy. Where it fails, the NameNode will notice, and ask somebody again.
pub(super) fn transfer(shared: &Shared, block: Block, targets: &[DatanodeInfo]) {
    let _counted = Transferring::begin(shared);
    let copied = finalized(shared, block)
        .and_then(|replica| send(shared, &replica, Stage::Transfer, targets, &mut || Ok(())));
    match copied {
        Ok(()) => info!("copied {block}"),
        Err(e) => warn!("cannot copy {block}: {e:#}"),
    }
}

fn finalized(shared: &Shared, block: Block) -> Result<Replica> {
    let replica = shared.dataset.readable(block)?;
    ensure!(
        replica.state == ReplicaState::Finalized,
        "the replica here is not finalised"
    );
    Ok(replica)
}

/// What is wrong is on this node.
#[derive(Debug, Error)]
#[error("the replica here is damaged at {0}")]
struct Damaged(u64);

/// Sends a replica to the new node of its pipeline, and tells the writer how that goes.
pub(super) fn serve(shared: &Shared, up: &mut Upstream, op: &TransferBlock) -> Result<()> {
    let mut told = Instant::now();
    let mut socket = up.socket.try_clone()?;
    let mut progress = || {
        if told.elapsed() > shared.settings.socket_timeout / 4 {
            told = Instant::now();
            send_reply(&mut socket, &OpReply::InProgress)?;
        }
        Ok(())
    };
    let sent = shared.dataset.to_send(op.block).and_then(|replica| {
        send(
            shared,
            &replica,
            Stage::TransferRbw,
            &op.targets,
            &mut progress,
        )
        .map(|()| replica.block)
    });
    match sent {
        Ok(block) => {
            info!("sent {block} to the new node of {}'s pipeline", op.client);
            let visible_len = block.len;
            Ok(send_reply(
                &mut up.socket,
                &OpReply::Success { visible_len },
            )?)
        }
        Err(e) => {
            let ours = e.is::<ReplicaError>() || e.is::<BlockFileError>() || e.is::<Damaged>();
            let target = op.targets.first().map(|target| target.id);
            let bad = if ours { Some(shared.id) } else { target };
            Ok(refuse(up, format!("{}: {e:#}", shared.name()), bad)?)
        }
    }
}

fn send(
    shared: &Shared,
    replica: &Replica,
    stage: Stage,
    targets: &[DatanodeInfo],
    progress: &mut dyn FnMut() -> Result<()>,
) -> Result<()> {
    let Some((first, rest)) = targets.split_first() else {
        bail!("no target was named");
    };
    let timeout = pipeline_timeout(shared.settings.socket_timeout, targets.len());
    let mut down = shared
        .connector
        .connect(&first.address, shared.settings.socket_timeout)
        .with_context(|| format!("cannot reach {}", first.address))?;
    progress()?;
    down.set_read_timeout(Some(timeout))?;
    down.set_write_timeout(Some(timeout))?;
    let op = WriteBlock {
        block: replica.block,
        stage,
        client: shared.name(),
        targets: rest.to_vec(),
    };
    send_op(&mut down, &Op::Write(op))?;
    match receive_reply(&mut &down)? {
        OpReply::Success { .. } => {}
        OpReply::Refused { reason, .. } => bail!("{reason}"),
        OpReply::InProgress => bail!("{} answered out of turn", first.address),
    }
    let listening = down.try_clone()?;
    thread::scope(|scope| {
        // They must be read while we send, or the buffers on the way fill up.
        let acks = scope.spawn(|| hear_acks(listening));
        let sent = send_replica(shared, &mut down, replica, progress);
        if sent.is_err() {
            // It ends the other thread too.
            let _ = down.shutdown(Shutdown::Both);
        }
        let heard = acks.join().unwrap_or_else(|_| bail!("a thread panicked"));
        let (last, heard) = (sent?, heard?);
        ensure!(heard == Some(last), "the connection was lost");
        Ok(())
    })
}

/// The next part of a replica that is copied from here.
pub(super) fn read_to_copy(
    shared: &Shared,
    disk: &FileDisk,
    replica: &Replica,
    at: u64,
) -> Result<Chunks> {
    let end = replica.block.len.min(at + READ_AHEAD as u64);
    let chunks = read_suspecting(shared, disk, replica, at, end);
    chunks.inspect_err(|_| {
        // Its volume is well, so its files are gone, or shorter than they were. Unsaid, this copy would be asked for
        // again and again.
        if shared.dataset.readable(replica.block).is_ok() {
            (shared.on_event)(DataEvent::Corrupt(replica.block));
        }
    })
}

/// Returns the number of the last packet.
fn send_replica(
    shared: &Shared,
    down: &mut TcpStream,
    replica: &Replica,
    progress: &mut dyn FnMut() -> Result<()>,
) -> Result<u64> {
    let disk = shared.dataset.disk(replica.volume)?;
    let len = replica.block.len;
    let (mut seqno, mut at) = (0, 0);
    while at < len {
        let chunks = read_to_copy(shared, &disk, replica, at)?;
        if let Err(wrong) = verify(&chunks.data, &chunks.checksums) {
            (shared.on_event)(DataEvent::Corrupt(replica.block));
            return Err(Damaged(at + wrong as u64).into());
        }
        progress()?;
        for (data, checksums) in pieces(&chunks) {
            send_data(down, seqno, at, checksums, data)?;
            seqno += 1;
            at += data.len() as u64;
        }
    }
    let mut last = Packet::new(seqno, at, Vec::new());
    last.last = true;
    send_packet(down, &last)?;
    Ok(seqno)
}

/// Hears acknowledgements until the receivers close the connection, which they do after the last one. Returns the number
/// of the last packet that was acknowledged.
fn hear_acks(from: TcpStream) -> Result<Option<u64>> {
    let mut from = BufReader::with_capacity(BUFFER, from);
    let mut last = None;
    loop {
        match receive_ack(&mut from) {
            Ok(ack) => {
                let success = ack.replies.iter().all(|r| *r == AckStatus::Success);
                ensure!(success, "a receiver failed: {:?}", ack.replies);
                last = Some(ack.seqno);
            }
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(last),
            Err(e) => return Err(e.into()),
        }
    }
}
