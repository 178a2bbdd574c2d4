//! Cuts what a writer writes into packets (`FSOutputSummer`, and `DFSOutputStream` above it).
//!
//! Checksums cover chunks of 512 bytes, so a packet always begins on the boundary of a chunk. A writer that flushes in
//! the middle of a chunk has that piece sent at once; the packet after it carries the piece again, now as the beginning
//! of a longer chunk, and the DataNodes write it over the old one.

use crate::packet::{BYTES_PER_CHECKSUM, PACKET_DATA_MAX, Packet};

/// The packets of one file, block after block. It leaves [`Packet::seqno`] at 0: packets are counted when they are
/// queued, by [`AckQueue::push`](super::ack_queue::AckQueue::push).
#[derive(Clone, Debug)]
pub struct Packetizer {
    block_size: u64,
    /// Where `buffer` begins in the block, a multiple of the chunk size.
    offset: u64,
    buffer: Vec<u8>,
    /// So much of the beginning of `buffer` was in an earlier packet.
    flushed: usize,
}

impl Packetizer {
    /// For a file with blocks of `block_size` bytes, a multiple of [`BYTES_PER_CHECKSUM`].
    pub fn new(block_size: u64) -> Packetizer {
        Packetizer {
            block_size,
            offset: 0,
            buffer: Vec::with_capacity(PACKET_DATA_MAX),
            flushed: 0,
        }
    }

    /// Bytes written to the current block so far.
    pub fn block_len(&self) -> u64 {
        self.offset + self.buffer.len() as u64
    }

    /// Whether the current block takes no more: [`Packetizer::end_block`] comes next.
    pub fn block_is_full(&self) -> bool {
        self.block_len() >= self.block_size
    }

    /// Takes from the front of `bytes` what fits into the packet being filled, and returns that packet once it is full
    /// or the block is. Call it until `bytes` is empty or the block is full.
    pub fn write(&mut self, bytes: &mut &[u8]) -> Option<Packet> {
        let room_in_block = self.block_size.saturating_sub(self.block_len());
        let room = (PACKET_DATA_MAX - self.buffer.len())
            .min(usize::try_from(room_in_block).unwrap_or(usize::MAX));
        let (taken, rest) = bytes.split_at(room.min(bytes.len()));
        self.buffer.extend_from_slice(taken);
        *bytes = rest;
        if self.buffer.len() == PACKET_DATA_MAX || self.block_is_full() {
            self.cut()
        } else {
            None
        }
    }

    /// A packet with what no packet has carried yet. With `sync` there is always one, if need be without data: it says
    /// that everything so far must be on the disks (`hsync`).
    pub fn flush(&mut self, sync: bool) -> Option<Packet> {
        let mut packet = self.cut();
        if sync {
            packet.get_or_insert_with(|| empty(self.block_len())).sync = true;
        }
        packet
    }

    /// The packets that end the current block: what was left, and an empty one marked as the last. With `sync` it is
    /// acknowledged only when the block is on the disks (`dfs.datanode.synconclose`). The next byte written begins the
    /// next block.
    pub fn end_block(&mut self, sync: bool) -> Vec<Packet> {
        let mut packets: Vec<Packet> = self.cut().into_iter().collect();
        packets.push(Packet {
            last: true,
            sync,
            ..empty(self.block_len())
        });
        self.buffer.clear();
        (self.offset, self.flushed) = (0, 0);
        packets
    }

    fn cut(&mut self) -> Option<Packet> {
        if self.buffer.len() == self.flushed {
            return None;
        }
        let packet = Packet::new(0, self.offset, self.buffer.as_slice());
        let partial = self.buffer.len() % BYTES_PER_CHECKSUM;
        let whole = self.buffer.len() - partial;
        self.buffer.drain(..whole);
        self.offset += whole as u64;
        self.flushed = partial;
        Some(packet)
    }
}

/// A packet without data at the end of a block of `len` bytes so far: to sync, to end the block, or only to be answered.
pub fn empty(len: u64) -> Packet {
    Packet::new(0, len, [])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spans(packets: &[Packet]) -> Vec<(u64, usize)> {
        packets.iter().map(|p| (p.offset, p.data.len())).collect()
    }

    #[test]
    fn a_flush_in_the_middle_of_a_chunk_sends_its_beginning_again() {
        let mut packetizer = Packetizer::new(1 << 20);
        assert_eq!(packetizer.write(&mut &[1; 700][..]), None);
        let first = packetizer.flush(false).unwrap();
        assert_eq!(packetizer.flush(false), None);
        assert_eq!(packetizer.write(&mut &[2; 100][..]), None);
        let packets = [
            first,
            packetizer.flush(true).unwrap(),
            packetizer.flush(true).unwrap(),
        ];
        assert_eq!(spans(&packets), [(0, 700), (512, 288), (800, 0)]);
        assert!(packets[2].sync && !packets[2].last);
    }

    proptest! {
        #[test]
        fn packets_replayed_in_order_are_the_bytes(
            writes in prop::collection::vec((0usize..200_000, 0u8..4), 1..8),
            block_chunks in 1u64..400,
        ) {
            let block_size = block_chunks * BYTES_PER_CHECKSUM as u64;
            let (mut packetizer, mut written, mut blocks) = (Packetizer::new(block_size), Vec::new(), vec![Vec::new()]);
            let take = |packet: Packet, blocks: &mut Vec<Vec<u8>>| {
                let block = blocks.last_mut().unwrap();
                let offset = usize::try_from(packet.offset).unwrap();
                assert!(packet.data.len() <= PACKET_DATA_MAX && offset <= block.len());
                assert!(packet.data.is_empty() || offset % BYTES_PER_CHECKSUM == 0);
                assert!(packet.end() >= block.len() as u64 && packet.end() <= block_size);
                block.splice(offset.., packet.data.iter().copied());
                if packet.last {
                    blocks.push(Vec::new());
                }
            };
            for (i, (len, then)) in writes.into_iter().enumerate() {
                let data = vec![u8::try_from(i).unwrap(); len];
                written.extend_from_slice(&data);
                let mut rest = data.as_slice();
                while !rest.is_empty() {
                    if packetizer.block_is_full() {
                        packetizer.end_block(true).into_iter().for_each(|p| take(p, &mut blocks));
                    }
                    packetizer.write(&mut rest).into_iter().for_each(|p| take(p, &mut blocks));
                }
                if then > 0 {
                    packetizer.flush(then > 1).into_iter().for_each(|p| take(p, &mut blocks));
                }
            }
            packetizer.end_block(true).into_iter().for_each(|p| take(p, &mut blocks));
            prop_assert_eq!(blocks.concat(), written);
        }
    }
}
