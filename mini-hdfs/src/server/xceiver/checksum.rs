//! Digests of replicas, for comparing files without reading them (`BlockChecksumHelper`).

use anyhow::{Result, ensure};
use md5::{Digest, Md5};

use super::Shared;
use super::connection::{Upstream, refuse};
use crate::block::{Block, ReplicaState};
use crate::datanode::replica_writer;
use crate::packet::BYTES_PER_CHECKSUM;
use crate::server::data_transfer::send_checksum;

/// Checksums read from the disk at a time.
const PIECE: u64 = 16 << 10;

/// Sends the MD5 of a finalised replica's checksums. None of its data is read for that.
pub(super) fn serve(shared: &Shared, up: &mut Upstream, block: Block) -> Result<()> {
    match digest(shared, block) {
        Ok(md5) => Ok(send_checksum(&mut up.socket, md5)?),
        Err(e) => Ok(refuse(up, format!("{}: {e:#}", shared.name()), None)?),
    }
}

fn digest(shared: &Shared, block: Block) -> Result<[u8; 16]> {
    let replica = shared.dataset.readable(block)?;
    let disk = shared.dataset.disk(replica.volume)?;
    ensure!(
        replica.state == ReplicaState::Finalized && replica.block.len == block.len,
        "the replica of {block} has {} bytes, and those of {} were asked for",
        replica.block.len,
        block.len
    );
    let (mut md5, mut at) = (Md5::new(), 0);
    let all = block.len.div_ceil(BYTES_PER_CHECKSUM as u64);
    while at < all {
        let sums = replica_writer::read_checksums(&disk, &replica, at, PIECE)?;
        ensure!(!sums.is_empty(), "the checksums of {block} end after {at}");
        at += sums.len() as u64;
        let bytes: Vec<u8> = sums.iter().flat_map(|sum| sum.to_be_bytes()).collect();
        md5.update(&bytes);
    }
    Ok(md5.finalize().into())
}
