//! Chunks, checksums and packets: the units in which block data travels and is checked.
//!
//! A block is a sequence of 512-byte *chunks*, each with its CRC32C. A *packet* carries some
//! consecutive chunks with their checksums, about 64 KiB of data; it is what a pipeline forwards and
//! acknowledges. A packet always begins on a chunk boundary: after an hflush in the middle of a chunk
//! the next packet carries that chunk's beginning again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Bytes that one checksum covers (`dfs.bytes-per-checksum`).
pub const BYTES_PER_CHECKSUM: usize = 512;

/// Bytes of data in a full packet (`dfs.client-write-packet-size`): 128 chunks.
pub const PACKET_DATA_MAX: usize = 128 * BYTES_PER_CHECKSUM;

/// Some consecutive chunks of a block on their way down a pipeline (`DFSPacket`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Counts the packets of a block from 0.
    pub seqno: u64,
    /// Where the data begins in the block, a multiple of [`BYTES_PER_CHECKSUM`].
    pub offset: u64,
    /// The data; none in the packet that ends a block. Shared, because it waits for its
    /// acknowledgement while it is sent.
    pub data: Arc<[u8]>,
    /// CRC32C of each chunk of the data; the last chunk may be short.
    pub checksums: Vec<u32>,
    /// Ends the block: finalise the replica.
    pub last: bool,
    /// Acknowledge only once everything so far is on the disk (`syncBlock`).
    pub sync: bool,
}

impl Packet {
    /// A packet with the checksums of `data`.
    pub fn new(seqno: u64, offset: u64, data: impl Into<Arc<[u8]>>) -> Packet {
        let data = data.into();
        let checksums = checksums(&data);
        Packet {
            seqno,
            offset,
            data,
            checksums,
            last: false,
            sync: false,
        }
    }

    /// Where the data ends in the block.
    pub fn end(&self) -> u64 {
        self.offset + self.data.len() as u64
    }
}

/// The answer to a packet, gathered on its way up the pipeline (`PipelineAck`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineAck {
    /// Which packet.
    pub seqno: u64,
    /// What became of it on each node, in pipeline order from the node that sends this answer. A node
    /// that could not hear the one after it ends the list with that one's [`AckStatus::Error`].
    pub replies: Vec<AckStatus>,
}

/// What became of a packet on one node (`Status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AckStatus {
    /// The node has it; on its disk, if the packet asked for that.
    Success,
    /// The node failed, or could not be heard.
    Error,
    /// The node found that the data does not match its checksums.
    ErrorChecksum,
}

/// CRC32C of each chunk of `data`, which begins on a chunk boundary.
pub fn checksums(data: &[u8]) -> Vec<u32> {
    data.chunks(BYTES_PER_CHECKSUM)
        .map(crc32c::crc32c)
        .collect()
}

/// Checks `data`, which begins on a chunk boundary, against `checksums`: `Err` holds the offset in
/// `data` of the first chunk that does not match, or of the first byte that no checksum covers.
pub fn verify(data: &[u8], checksums: &[u32]) -> Result<(), usize> {
    for (i, chunk) in data.chunks(BYTES_PER_CHECKSUM).enumerate() {
        if checksums.get(i) != Some(&crc32c::crc32c(chunk)) {
            return Err(i * BYTES_PER_CHECKSUM);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_is_found_in_its_chunk() {
        let mut data = vec![7; 1300];
        let sums = checksums(&data);
        assert_eq!(sums.len(), 3);
        assert_eq!(verify(&data, &sums), Ok(()));
        assert_eq!(verify(&data, &sums[..2]), Err(1024));
        data[600] ^= 1;
        assert_eq!(verify(&data, &sums), Err(512));
    }
}
