//! A node's part in a write pipeline (`BlockReceiver`).
//!
//! ```text
//!              packets ▶            packets ▶
//!   upstream ───────────── this node ───────────── downstream
//!              ◀ acks                ◀ acks
//! ```
//!
//! The thread of the connection receives packets, forwards each before it writes it, and syncs where that is asked
//! for. A second thread hears the acknowledgements from below. Both feed the [`PacketResponder`], which says what may
//! go up.

use std::collections::VecDeque;
use std::io::BufReader;
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use tracing::{debug, info, warn};

use super::connection::{Upstream, drain, refuse};
use super::dataset::{OnVolume, Writing};
use super::{BUFFER, Shared, lock};
use crate::block::{Block, DatanodeId};
use crate::datanode::PacketResponder;
use crate::datanode::block_file::BlockFileError;
use crate::packet::{AckStatus, BYTES_PER_CHECKSUM, Packet, PipelineAck};
use crate::protocol::BlockEvent;
use crate::server::data_transfer::{
    Op, OpReply, Stage, WriteBlock, pipeline_timeout, receive_ack, receive_packet, receive_reply,
    send_ack, send_op, send_packet, send_reply,
};

/// The pipeline could not be set up below this node.
struct BadLink {
    reason: String,
    node: DatanodeId,
}

pub(super) fn receive_block(shared: &Shared, up: &mut Upstream, op: WriteBlock) -> Result<()> {
    let timeout = shared.settings.socket_timeout;
    let mut writing = match shared.dataset.begin(&op, &up.sockets, timeout) {
        Ok(writing) => writing,
        Err(e) => {
            shared.look_at_volume_of(&e);
            let reason = format!("{}: {e:#}", shared.name());
            return Ok(refuse(up, reason, Some(shared.id))?);
        }
    };
    let stage = op.stage;
    // The node below is the last one: its time is its own.
    let measured = match op.targets.as_slice() {
        [last] if lock(&shared.peers).enabled() => Some(last.id),
        _ => None,
    };
    let down = match connect_downstream(shared, up, op) {
        Ok(down) => down,
        Err(BadLink { reason, node }) => {
            if !matches!(stage, Stage::Recovery { .. }) {
                writing.discard();
            }
            return Ok(refuse(up, reason, Some(node))?);
        }
    };
    let visible_len = writing.parts()?.0.block().len;
    send_reply(&mut up.socket, &OpReply::Success { visible_len })?;
    if matches!(stage, Stage::Create | Stage::Recovery { .. }) {
        shared.tell(BlockEvent::Receiving(writing.block));
    }
    let streamed = stream(shared, up, down.as_ref(), measured, &mut writing, stage);
    let volume = writing.volume;
    streamed.map_err(|e| {
        let e = OnVolume::wrap(volume, e);
        shared.look_at_volume_of(&e);
        e
    })
}

/// Sets up the rest of the pipeline, if there is any.
fn connect_downstream(
    shared: &Shared,
    up: &Upstream,
    mut op: WriteBlock,
) -> Result<Option<TcpStream>, BadLink> {
    if op.targets.is_empty() {
        return Ok(None);
    }
    let next = op.targets.remove(0);
    // The nodes below need time to set up theirs, and to give up on each other.
    let timeout = pipeline_timeout(shared.settings.socket_timeout, op.targets.len() + 1);
    let connect = || {
        let connect_timeout = shared.settings.socket_timeout;
        let mut down = shared.connector.connect(&next.address, connect_timeout)?;
        up.sockets.add(&down)?;
        down.set_read_timeout(Some(timeout))?;
        down.set_write_timeout(Some(timeout))?;
        send_op(&mut down, &Op::Write(op))?;
        Ok::<_, std::io::Error>((receive_reply(&mut &down)?, down))
    };
    match connect() {
        Ok((OpReply::Success { .. }, down)) => Ok(Some(down)),
        Ok((
            OpReply::Refused {
                reason, bad_link, ..
            },
            _,
        )) => Err(BadLink {
            reason,
            node: bad_link.unwrap_or(next.id),
        }),
        Ok((OpReply::InProgress, _)) => Err(BadLink {
            reason: format!("DataNode {} answered out of turn", next.id),
            node: next.id,
        }),
        Err(e) => Err(BadLink {
            reason: format!(
                "{} cannot reach DataNode {} at {}: {e}",
                shared.name(),
                next.id,
                next.address
            ),
            node: next.id,
        }),
    }
}

/// The way up, shared by the two threads.
struct Acks<'a> {
    responder: PacketResponder,
    /// Of packets that are not acknowledged yet: where they end in the block, if they have data, and the checksum of a
    /// short last chunk.
    unacked: VecDeque<Option<(u64, Option<u32>)>>,
    last: Option<u64>,
    up: TcpStream,
    shared: &'a Shared,
    block: Block,
    /// The node below, if its time is measured, and when the packets that it has not acknowledged came.
    measured: Option<DatanodeId>,
    forwarded: VecDeque<Instant>,
}

impl Acks<'_> {
    fn received(&mut self, packet: &Packet, sync: bool) {
        self.responder.received(packet.seqno, sync);
        if self.measured.is_some() {
            self.forwarded.push_back(Instant::now());
        }
        let whole = packet.data.len().is_multiple_of(BYTES_PER_CHECKSUM);
        let last_checksum = packet.checksums.last().copied().filter(|_| !whole);
        let entry = (packet.end(), last_checksum);
        self.unacked
            .push_back((!packet.data.is_empty()).then_some(entry));
        if packet.last {
            self.last = Some(packet.seqno);
        }
    }

    /// The node below has acknowledged the oldest packet that it has.
    fn measure(&mut self) {
        if let (Some(peer), Some(since)) = (self.measured, self.forwarded.pop_front()) {
            let (shared, latency) = (self.shared, since.elapsed());
            lock(&shared.peers).record(peer, latency, shared.clock.now());
        }
    }

    fn send(&mut self, acks: Vec<PipelineAck>) -> Result<()> {
        for ack in acks {
            let packet = self.unacked.pop_front();
            if let Some(Some((end, last_checksum))) = packet
                && ack.replies.iter().all(|r| *r == AckStatus::Success)
            {
                let dataset = &self.shared.dataset;
                dataset.acknowledged(self.block, end, last_checksum);
            }
            send_ack(&mut self.up, &ack).context("acknowledging")?;
        }
        Ok(())
    }
}

fn stream(
    shared: &Shared,
    up: &mut Upstream,
    down: Option<&TcpStream>,
    measured: Option<DatanodeId>,
    writing: &mut Writing<'_>,
    stage: Stage,
) -> Result<()> {
    let acks = Mutex::new(Acks {
        responder: PacketResponder::new(down.is_some()),
        unacked: VecDeque::new(),
        last: None,
        up: up.socket.try_clone()?,
        shared,
        block: writing.block,
        measured,
        forwarded: VecDeque::new(),
    });
    let listening = down.map(TcpStream::try_clone).transpose()?;
    thread::scope(|scope| {
        let acks = &acks;
        let below = listening.map(|from| scope.spawn(move || hear_acks(from, acks)));
        let received = receive_packets(shared, up, down, writing, acks);
        if received.is_err()
            && let Some(down) = down
        {
            // It ends the other thread too. The other side may have closed already.
            let _ = down.shutdown(Shutdown::Both);
        }
        let all_below = below.is_none_or(|below| below.join().unwrap_or(false));
        let last = received?;
        if all_below {
            finish(shared, writing, stage)?;
        }
        let mut acks = lock(acks);
        let ready = acks.responder.local_synced(last);
        acks.send(ready)
    })
}

/// The replica is whole: puts it where it belongs, and tells of it.
fn finish(shared: &Shared, writing: &mut Writing<'_>, stage: Stage) -> Result<()> {
    if stage == Stage::TransferRbw {
        let block = writing.keep_as_rbw()?;
        info!("joined the pipeline of {block} with {} bytes", block.len);
        shared.tell(BlockEvent::Receiving(block));
    } else {
        let block = writing.finalize(shared.settings.sync_on_close)?;
        info!("received {block}, {} bytes", block.len);
        shared.tell(BlockEvent::Received(block));
    }
    Ok(())
}

/// Hears the acknowledgements from below, until that of the last packet. Says whether it is one of success: then all
/// nodes below have the whole block.
fn hear_acks(from: TcpStream, acks: &Mutex<Acks<'_>>) -> bool {
    let mut from = BufReader::with_capacity(BUFFER, from);
    let mut hear = || loop {
        let ack = receive_ack(&mut from)?;
        let success = ack.replies.iter().all(|r| *r == AckStatus::Success);
        let mut acks = lock(acks);
        let is_last = acks.last == Some(ack.seqno);
        acks.measure();
        let ready = acks.responder.downstream_ack(ack)?;
        acks.send(ready)?;
        if is_last {
            return Ok(success);
        }
    };
    hear().unwrap_or_else(|e: anyhow::Error| {
        let mut acks = lock(acks);
        debug!("{}: lost the node below: {e:#}", acks.block);
        let ready = acks.responder.downstream_failed();
        // Where the writer is lost too, the other thread will see it.
        let _ = acks.send(ready);
        false
    })
}

/// Receives, forwards and writes packets. Returns the number of the last one when it is written, and on the disk if it
/// has to be, but not yet acknowledged.
fn receive_packets(
    shared: &Shared,
    up: &mut Upstream,
    mut down: Option<&TcpStream>,
    writing: &mut Writing<'_>,
    acks: &Mutex<Acks<'_>>,
) -> Result<u64> {
    let mut packet = Packet::new(0, 0, Vec::new());
    loop {
        receive_packet(&mut up.reader, &mut packet).context("receiving a packet")?;
        let sync = packet.sync || (packet.last && shared.settings.sync_on_close);
        lock(acks).received(&packet, sync || packet.last);
        if let Some(mut socket) = down
            && let Err(e) = send_packet(&mut socket, &packet)
        {
            debug!("{}: cannot forward: {e}", writing.block);
            down = None;
            // The other thread notices, and tells the writer.
            let _ = socket.shutdown(Shutdown::Both);
        }
        let received = packet.data.len() as u64;
        shared.bytes_written.fetch_add(received, Ordering::Relaxed);
        let volume = writing.volume;
        if let Err(e) = shared.timed(volume, || write(writing, &packet, sync)) {
            warn!("cannot write {}: {e:#}", writing.block);
            fail(up, acks, packet.seqno, &e)?;
            return Err(e);
        }
        if packet.last {
            return Ok(packet.seqno);
        }
        let mut acks = lock(acks);
        let ready = if sync {
            acks.responder.local_synced(packet.seqno)
        } else {
            acks.responder.local_written(packet.seqno)
        };
        acks.send(ready)?;
    }
}

fn write(writing: &mut Writing<'_>, packet: &Packet, sync: bool) -> Result<()> {
    let (writer, disk) = writing.parts()?;
    writer.write_packet(disk, packet.offset, &packet.data, &packet.checksums)?;
    if sync {
        writer.sync(disk)?;
    }
    Ok(())
}

/// Tells the writer that this node has failed.
fn fail(
    up: &mut Upstream,
    acks: &Mutex<Acks<'_>>,
    seqno: u64,
    reason: &anyhow::Error,
) -> Result<()> {
    let status = match reason.downcast_ref() {
        Some(BlockFileError::Checksum { .. }) => AckStatus::ErrorChecksum,
        _ => AckStatus::Error,
    };
    let mut acks = lock(acks);
    let ready = acks.responder.local_failed(seqno, status);
    acks.send(ready)?;
    drop(acks);
    drain(up)
}
