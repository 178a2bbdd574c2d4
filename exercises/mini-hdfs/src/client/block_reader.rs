//! A verified read of one block, with failover (`BlockReader`, and the loop in `DFSInputStream` around it).
//!
//! Disks and networks flip bits, and a DataNode that sends a block does not look at it. So the reader checks the CRC32C
//! of every chunk before it hands a byte on, and goes on with the next replica at the place that it has reached:
//! whoever reads the file notices nothing. A replica whose bytes are wrong is reported to the NameNode, which has it
//! replaced. A node that cannot be reached is not asked again for this file until nothing else is left.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::Range;

use thiserror::Error;

use crate::block::{Block, DatanodeId, DatanodeInfo, LocatedBlock};
use crate::packet::Packet;

/// How often fresh locations are asked for when no replica can be read (`dfs.client.max.block.acquire.failures`).
pub const BLOCK_ACQUIRE_FAILURES_MAX: u32 = 3;

/// What a reader has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadAction {
    /// Ask this node for the block from `offset`, then hand its packets to [`BlockReader::on_packet`], or what went
    /// wrong to [`BlockReader::on_failure`]. While a node sends, the action stays the same but for the offset.
    Read {
        /// Whom to ask.
        from: DatanodeInfo,
        /// In which version.
        block: Block,
        /// The next byte wanted, in the block.
        offset: u64,
        /// Bytes wanted; more than there are while the block is under construction.
        len: u64,
    },
    /// Wait this many retry windows, ask the NameNode for the block's locations again, and call
    /// [`BlockReader::on_locations`].
    Refetch {
        /// Multiples of `dfs.client.retry.window.base`: none the first time, since locations are often only old.
        windows: u32,
    },
    /// All bytes wanted were handed on.
    Done,
    /// No replica can be read.
    Fail(ReadError),
}

/// No replica of a block could be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot read {block} from its byte {offset}: {reasons}")]
pub struct ReadError {
    /// The block.
    pub block: Block,
    /// The first byte that could not be read, in the block.
    pub offset: u64,
    /// Each node that was asked, and why it will not do.
    pub reasons: String,
}

/// Reads a range of one block, from one replica after another.
#[derive(Clone, Debug)]
pub struct BlockReader {
    block: Block,
    locations: Vec<DatanodeInfo>,
    /// The next byte to hand on, and where the wanted range ends, in the block.
    position: u64,
    wanted_end: u64,
    /// The block was still being written when it was located: it ends where the node says so.
    under_construction: bool,
    /// The node has said that the block ends here.
    ended: bool,
    /// Nodes not to ask until locations are fetched anew: those that failed, here or in an earlier block.
    dead: BTreeSet<DatanodeId>,
    corrupt: Vec<(Block, DatanodeId)>,
    /// The last failure of each node, by address.
    failures: BTreeMap<String, String>,
    /// How often locations were fetched anew.
    rounds: u32,
}

impl BlockReader {
    /// A read of `len` bytes of a block from `offset` in it. `dead` are nodes that failed in earlier blocks of the file.
    pub fn new(located: &LocatedBlock, offset: u64, len: u64, dead: BTreeSet<DatanodeId>) -> Self {
        BlockReader {
            block: located.block,
            locations: located.locations.clone(),
            position: offset,
            wanted_end: offset.saturating_add(len),
            under_construction: located.under_construction,
            ended: false,
            dead,
            corrupt: Vec::new(),
            failures: BTreeMap::new(),
            rounds: 0,
        }
    }

    /// What to do next. Asking changes nothing.
    pub fn action(&self) -> ReadAction {
        if self.position >= self.end() || self.ended {
            return ReadAction::Done;
        }
        if let Some(node) = self.replica() {
            return ReadAction::Read {
                from: node.clone(),
                block: self.block,
                offset: self.position,
                len: self.end() - self.position,
            };
        }
        if self.rounds < BLOCK_ACQUIRE_FAILURES_MAX {
            return ReadAction::Refetch {
                windows: self.rounds,
            };
        }
        ReadAction::Fail(ReadError {
            block: self.block,
            offset: self.position,
            reasons: self.reasons(),
        })
    }

    /// Hears a packet of the node that [`BlockReader::action`] named, and returns which part of its data to hand on: from
    /// `position` on, to the end of the packet or of what is wanted. `position` moves to where that ends.
    ///
    /// None: the packet is of no use, and neither is that replica; nothing of it may be handed on, nothing moves.
    /// - A chunk does not match its checksum, be it one that nobody wants (`packet::verify`). The replica is corrupt.
    /// - The packet neither holds nor touches `position`: bytes are missing. The node failed, as in
    ///   [`BlockReader::on_failure`]. An empty packet that is the last is good wherever it stands: its range is empty.
    ///
    /// When the last packet leaves wanted bytes over, what it holds is good all the same. A block that is under construction
    /// has `ended` here. Otherwise the replica is too short, and so it is corrupt, too.
    ///
    /// A corrupt replica is one to report ([`BlockReader::take_corrupt`]), and its node failed.
    pub fn on_packet(&mut self, packet: &Packet) -> Option<Range<usize>> {
        let _ = packet;
        todo!(
            "hdfs/read: verify first; then: which bytes are wanted, and was that all of the block?"
        )
    }

    /// The node that [`BlockReader::action`] named is of no use: it is not asked again before locations are fetched anew, and
    /// the reason, by the node's address, is kept for the error.
    pub fn on_failure(&mut self, reason: String) {
        let _ = reason;
        todo!("hdfs/read: leave that node alone, and remember why.")
    }

    /// The NameNode's newest answer, one more round: the block in its newest version, and every node that has it gets another
    /// chance. What was handed on stays so.
    pub fn on_locations(&mut self, located: &LocatedBlock) {
        let _ = located;
        todo!("hdfs/read: believe the newest answer, and forgive.")
    }

    /// The next byte to hand on, in the block.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Replicas found corrupt since this was last called: to be reported to the NameNode (`reportBadBlocks`).
    pub fn take_corrupt(&mut self) -> Vec<(Block, DatanodeId)> {
        std::mem::take(&mut self.corrupt)
    }

    /// Nodes to leave alone in the next block, too.
    pub fn into_dead(self) -> BTreeSet<DatanodeId> {
        self.dead
    }

    fn end(&self) -> u64 {
        if self.under_construction {
            self.wanted_end
        } else {
            self.wanted_end.min(self.block.len)
        }
    }

    /// The replica to read: the nearest one that has not failed.
    fn replica(&self) -> Option<&DatanodeInfo> {
        self.locations
            .iter()
            .find(|node| !self.dead.contains(&node.id))
    }

    fn reasons(&self) -> String {
        if self.failures.is_empty() {
            return "no live DataNode has it".to_owned();
        }
        let mut text = "every replica failed:".to_owned();
        for (address, reason) in &self.failures {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n  {address}: {reason}");
        }
        text
    }
}
