//! Moves of replicas for the balancer (`DataXceiver.replaceBlock`, `copyBlock`): no faster than they may be, and not too many at
//! a time.

use std::io::BufReader;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use tracing::{info, warn};

use super::connection::{Upstream, refuse};
use super::reading::pieces;
use super::transfer::read_to_copy;
use super::{BUFFER, DataEvent, Shared, lock};
use crate::block::{Block, ReplicaState};
use crate::datanode::throttler::Throttler;
use crate::packet::{Packet, verify};
use crate::protocol::BlockEvent;
use crate::server::clock::Clock;
use crate::server::data_transfer::{
    CopyBlock, MoveReply, Op, OpReply, ReplaceBlock, Stage, WriteBlock, receive_packet,
    receive_reply, send_data, send_move_reply, send_op, send_packet, send_reply,
};

/// What all moves of a DataNode share.
pub(super) struct Balancing {
    clock: Clock,
    throttler: Mutex<Throttler>,
    under_way: AtomicU32,
}

impl Balancing {
    pub(super) fn new(bytes_per_second: u64) -> Balancing {
        Balancing {
            clock: Clock::start(),
            throttler: Mutex::new(Throttler::new(bytes_per_second)),
            under_way: AtomicU32::new(0),
        }
    }

    /// So many bytes have moved: waits as long as they may take.
    fn throttle(&self, bytes: usize) {
        let wait = lock(&self.throttler).take(bytes as u64, self.clock.now());
        thread::sleep(wait);
    }
}

/// Counts a move while it is under way.
struct Moving<'a>(&'a Balancing);

impl Moving<'_> {
    /// None where there are as many as may be.
    fn begin(shared: &Shared) -> Option<Moving<'_>> {
        let balancing = &shared.balancing;
        let before = balancing.under_way.fetch_add(1, Ordering::Relaxed);
        let counted = Moving(balancing);
        (before < shared.settings.balance_moves_max).then_some(counted)
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Fetches a replica from the proxy, and tells the NameNode that another one may go.
pub(super) fn replace(shared: &Shared, up: &mut Upstream, op: &ReplaceBlock) -> Result<()> {
    let reply = match fetch(shared, up, op) {
        Ok(block) => {
            info!("fetched {block} for the balancer");
            shared.tell(BlockEvent::Moved {
                block,
                delete: op.delete,
            });
            MoveReply::Done(block.len)
        }
        Err(e) => {
            warn!("cannot fetch {} for the balancer: {e:#}", op.block);
            MoveReply::Failed(format!("{}: {e:#}", shared.name()))
        }
    };
    Ok(send_move_reply(&mut up.socket, &reply)?)
}

fn fetch(shared: &Shared, up: &mut Upstream, op: &ReplaceBlock) -> Result<Block> {
    let Some(_counted) = Moving::begin(shared) else {
        let max = shared.settings.balance_moves_max;
        bail!("it moves {max} replicas already, as many as it may at a time");
    };
    let timeout = shared.settings.socket_timeout;
    let write = WriteBlock {
        block: op.block,
        stage: Stage::Transfer,
        client: shared.name(),
        targets: Vec::new(),
    };
    // Dropped before it is finalised, it leaves no trace.
    let mut writing = shared.dataset.begin(&write, &up.sockets, timeout)?;
    let mut from = connect(shared, up, op)?;
    let mut packet = Packet::new(0, 0, Vec::new());
    let mut said = Instant::now();
    loop {
        receive_packet(&mut from, &mut packet).context("receiving a packet")?;
        let (writer, disk) = writing.parts()?;
        writer.write_packet(disk, packet.offset, &packet.data, &packet.checksums)?;
        if packet.last {
            break;
        }
        shared.balancing.throttle(packet.data.len());
        if said.elapsed() > timeout / 4 {
            // The balancer waits, and shall not take us for dead.
            send_move_reply(&mut up.socket, &MoveReply::UnderWay(packet.end()))?;
            said = Instant::now();
        }
    }
    ensure!(
        packet.offset == op.block.len,
        "{} bytes came, of {}",
        packet.offset,
        op.block.len
    );
    writing.finalize(shared.settings.sync_on_close)
}

/// Asks the proxy for the replica.
fn connect(shared: &Shared, up: &Upstream, op: &ReplaceBlock) -> Result<BufReader<TcpStream>> {
    let timeout = shared.settings.socket_timeout;
    let address = &op.proxy.address;
    let mut proxy = shared
        .connector
        .connect(address, timeout)
        .with_context(|| format!("cannot reach {address}"))?;
    up.sockets.add(&proxy)?;
    proxy.set_read_timeout(Some(timeout))?;
    proxy.set_write_timeout(Some(timeout))?;
    send_op(&mut proxy, &Op::Copy(CopyBlock { block: op.block }))?;
    let mut from = BufReader::with_capacity(BUFFER, proxy);
    match receive_reply(&mut from)? {
        OpReply::Success { visible_len } if visible_len == op.block.len => Ok(from),
        OpReply::Success { visible_len } => {
            bail!(
                "its replica has {visible_len} bytes instead of {}",
                op.block.len
            )
        }
        OpReply::Refused { reason, .. } => bail!("{reason}"),
        OpReply::InProgress => bail!("it answered as if it had been asked for something else"),
    }
}

/// Sends all of a finalised replica to whoever fetches it.
pub(super) fn copy(shared: &Shared, up: &mut Upstream, op: CopyBlock) -> Result<()> {
    let Some(_counted) = Moving::begin(shared) else {
        let reason = format!("{} moves as many replicas as it may already", shared.name());
        return Ok(refuse(up, reason, None)?);
    };
    let replica = match shared.dataset.readable(op.block) {
        Ok(replica) if replica.state == ReplicaState::Finalized => replica,
        Ok(_) => {
            let reason = format!("{}: the replica here is not finalised", shared.name());
            return Ok(refuse(up, reason, None)?);
        }
        Err(e) => return Ok(refuse(up, format!("{}: {e:#}", shared.name()), None)?),
    };
    let len = replica.block.len;
    send_reply(&mut up.socket, &OpReply::Success { visible_len: len })?;
    let disk = shared.dataset.disk(replica.volume)?;
    let (mut seqno, mut at) = (0, 0);
    while at < len {
        let chunks = read_to_copy(shared, &disk, &replica, at)?;
        if let Err(wrong) = verify(&chunks.data, &chunks.checksums) {
            (shared.on_event)(DataEvent::Corrupt(replica.block));
            bail!("the replica here is damaged at {}", at + wrong as u64);
        }
        for (data, checksums) in pieces(&chunks) {
            send_data(&mut up.socket, seqno, at, checksums, data)?;
            shared.balancing.throttle(data.len());
            seqno += 1;
            at += data.len() as u64;
        }
    }
    let mut last = Packet::new(seqno, at, Vec::new());
    last.last = true;
    Ok(send_packet(&mut up.socket, &last)?)
}
