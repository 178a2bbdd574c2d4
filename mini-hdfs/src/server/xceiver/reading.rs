//! Replicas read and sent (`BlockSender`).

use std::sync::atomic::Ordering;

use anyhow::{Result, ensure};
use node::FileDisk;

use super::Shared;
use super::connection::Upstream;
use super::trouble::read_suspecting;
use crate::datanode::block_file::Chunks;
use crate::datanode::replica_map::ReplicaError;
use crate::datanode::{Replica, replica_writer};
use crate::packet::{BYTES_PER_CHECKSUM, PACKET_DATA_MAX, Packet};
use crate::server::data_transfer::{OpReply, ReadBlock, send_data, send_packet, send_reply};

/// Bytes read from the disk at a time; they leave as several packets.
pub(super) const READ_AHEAD: usize = 8 * PACKET_DATA_MAX;

/// Sends a range of a replica.
pub(super) fn serve_read(shared: &Shared, up: &mut Upstream, op: &ReadBlock) -> Result<()> {
    let found = shared.dataset.readable(op.block).and_then(|replica| {
        let disk = shared.dataset.disk(replica.volume)?;
        let end = op.offset.saturating_add(op.len).min(replica.block.len);
        let first = read_suspecting(shared, &disk, &replica, op.offset, end)?;
        Ok((replica, disk, end, first))
    });
    let (replica, disk, end, mut chunks) = match found {
        Ok(found) => found,
        Err(e) => {
            let reply = OpReply::Refused {
                reason: format!("{}: {e:#}", shared.name()),
                bad_link: None,
                no_replica: matches!(e.downcast_ref(), Some(ReplicaError::NotFound(_))),
            };
            return Ok(send_reply(&mut up.socket, &reply)?);
        }
    };
    let visible_len = replica.block.len;
    send_reply(&mut up.socket, &OpReply::Success { visible_len })?;
    let (mut seqno, mut at) = (0, chunks.offset);
    loop {
        for piece in pieces(&chunks) {
            send_data(&mut up.socket, seqno, at, piece.1, piece.0)?;
            seqno += 1;
            at += piece.0.len() as u64;
            let sent = piece.0.len() as u64;
            shared.bytes_read.fetch_add(sent, Ordering::Relaxed);
        }
        if at >= end {
            break;
        }
        chunks = read_suspecting(shared, &disk, &replica, at, end)?;
    }
    let mut last = Packet::new(seqno, at, Vec::new());
    last.last = true;
    Ok(send_packet(&mut up.socket, &last)?)
}

/// Reads some chunks from that at `offset` on, to `end` at most but for the rest of its chunk.
pub(super) fn read_ahead(
    disk: &FileDisk,
    replica: &Replica,
    offset: u64,
    end: u64,
) -> Result<Chunks> {
    let len = end.saturating_sub(offset).min(READ_AHEAD as u64);
    let chunks = replica_writer::read(disk, replica, offset, len)?;
    ensure!(
        !(chunks.data.is_empty() && len > 0)
            && chunks.checksums.len() == chunks.data.len().div_ceil(BYTES_PER_CHECKSUM),
        "{}: the files of the replica are shorter than they were",
        replica.block
    );
    Ok(chunks)
}

/// The data and checksums of a packet each.
pub(super) fn pieces(chunks: &Chunks) -> impl Iterator<Item = (&[u8], &[u32])> {
    let data = chunks.data.chunks(PACKET_DATA_MAX);
    data.zip(
        chunks
            .checksums
            .chunks(PACKET_DATA_MAX / BYTES_PER_CHECKSUM),
    )
}
