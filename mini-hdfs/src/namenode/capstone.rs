//! The capstone: a replication manager of your own, from an empty file ([`manager`]).
//!
//! It is told what happens in a cluster, and says what is to be copied and what deleted. It does the work of
//! [`block_manager`](crate::namenode::block_manager) over again, but for writing files, and nothing else of this system uses
//! it: you choose the state, and how it is kept. It is judged by what it orders alone.
//!
//! # What it may count on
//!
//! - What one DataNode says arrives in the order in which it was said, late by up to some seconds. Nothing is lost while the
//!   DataNode lives. When it registers anew, all that it said and was told before is void.
//! - A DataNode that registers sends its [`Event::BlockReport`] next, and further ones from time to time. A report lists all
//!   finalised replicas on its disk, in the version that is there: a disk may have lost some, or changed them.
//! - An order reaches its DataNode late, or never. A copy takes a while, and may fail without a word. What has not been
//!   confirmed [`ORDER_TIMEOUT`] after it was ordered has come to nothing, and will not happen any more. A copy is
//!   confirmed by [`Event::BlockReceived`] of its target, a deletion by [`Event::BlockDeleted`].
//! - Each DataNode sends a heartbeat every [`ROUND`].
//!
//! # What counts
//!
//! A replica is *good* while its DataNode, registered and not dead, is known by its own word to hold the block in exactly the
//! version (id, generation and length) of the last [`Event::BlockClosed`], and nobody has found it corrupt. All
//! others are *bad*: of another version, or corrupt; and they stay so, whatever is reported of that version on that DataNode,
//! until they are gone. A good replica whose deletion was ordered is *going*, and neither counts nor is copied, until that is
//! confirmed (then there is none) or has timed out (then it is good again).
//!
//! # The rules
//!
//! 1. A good replica is deleted only while at least as many others that are good and not going are left as the
//!    block should have, and at least one.
//! 2. A bad one of a block that exists is deleted only while a good one that is not going is left. Those of a block
//!    that does not exist are deleted in any case.
//! 3. A deletion names the version that the DataNode holds, as far as is known, and is not ordered again before it is confirmed
//!    or has timed out.
//! 4. A copy is made from a good replica that is not going, to a DataNode that is alive, has reported, has no replica of the
//!    block, good or bad, is not about to get one and has no unconfirmed deletion of one, and has room: its last `remaining`
//!    less what is on its way there.
//! 5. A DataNode takes part in at most [`STREAMS_MAX`] copies at a time, those that it sends and those that it receives.
//! 6. No copy without need: good replicas (without those that are going) and copies on their way together are fewer than the
//!    block should have; or they are enough but all in one rack, and the copy goes to another one.
//! 7. A block of two or more replicas stands in two racks, where there are two with living DataNodes. A deletion does not
//!    undo that: while two replicas are left, they are not all in one rack if they were not before.
//! 8. The fewer good replicas are left of a block, the sooner it is copied. One with a single replica does not wait behind
//!    thousands with two.
//! 9. Once nothing fails any more, in the end each block has exactly the replicas that it should have, or one on each
//!    living DataNode if those are fewer; and no bad one is left. (Where no good one is left there is nothing to be done.)
//! 10. Then nothing is ordered any more.

use std::time::Duration;

use node::Time;

use crate::block::{Block, BlockId, DatanodeId};

pub mod manager;

/// How often [`ReplicationManager::tick`] is called.
pub const ROUND: Duration = Duration::from_secs(3);

/// The copies in which a DataNode takes part at a time, as source or as target.
pub const STREAMS_MAX: usize = 3;

/// An order that is not confirmed this long after it was given has come to nothing.
pub const ORDER_TIMEOUT: Duration = Duration::from_secs(60);

/// What a replication manager is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A file's block was closed: a new one, or one that was appended to and so has a new generation. The
    /// [`Event::BlockReceived`] of the DataNodes that wrote it come right after, before the next tick.
    BlockClosed {
        /// The version that counts from now on.
        block: Block,
        /// How many replicas it should have; at least 1.
        replication: usize,
    },
    /// The block should have more or fewer replicas than before.
    ReplicationChanged {
        /// Which block.
        block: BlockId,
        /// How many it should have now; at least 1.
        replication: usize,
    },
    /// The block's file was deleted: the block does not exist any more.
    BlockRemoved {
        /// Which block. Its id is never used again.
        block: BlockId,
    },
    /// A DataNode has come up: for the first time, or after a restart, declared dead meanwhile or not. What was known of
    /// it does not count any more, what it was told is void, and copies from it or to it have failed.
    Registered {
        /// Which DataNode.
        datanode: DatanodeId,
        /// The path of its rack: `/rack1`.
        rack: String,
    },
    /// A DataNode lives.
    Heartbeat {
        /// Which DataNode.
        datanode: DatanodeId,
        /// The bytes that are free there.
        remaining: u64,
    },
    /// All the replicas on a DataNode's disk. A replica known to be corrupt may be among them: a report reads no bytes.
    BlockReport {
        /// Which DataNode.
        datanode: DatanodeId,
        /// In the version that is on the disk.
        replicas: Vec<Block>,
    },
    /// A DataNode has finalised a replica, whatever it had of that block before.
    BlockReceived {
        /// Which DataNode.
        datanode: DatanodeId,
        /// The replica.
        block: Block,
    },
    /// A DataNode was told to delete a replica, and has none of that block any more.
    BlockDeleted {
        /// Which DataNode.
        datanode: DatanodeId,
        /// Which block.
        block: BlockId,
    },
    /// A replica's bytes do not match their checksums, as a reader or its DataNode has found.
    ReplicaCorrupt {
        /// Where it is.
        datanode: DatanodeId,
        /// Which block.
        block: BlockId,
    },
    /// A DataNode has been silent for so long that it is taken for dead, with all that it held. Copies from it or to it
    /// have failed. If it comes back, it registers.
    NodeDead {
        /// Which DataNode.
        datanode: DatanodeId,
    },
}

/// What a replication manager orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Copy a good replica.
    Copy {
        /// The block in the version that counts.
        block: Block,
        /// The DataNode that has it.
        from: DatanodeId,
        /// The DataNode that shall have it too.
        to: DatanodeId,
    },
    /// Delete a replica.
    Delete {
        /// The replica in the version that the DataNode was last known to hold. One of a newer generation is left alone.
        block: Block,
        /// Where it is.
        datanode: DatanodeId,
    },
}

// ANCHOR: trait
/// What you write; [`manager::replication_manager`] returns it.
pub trait ReplicationManager {
    /// Takes note of an event.
    fn handle(&mut self, event: &Event, now: Time);

    /// Says what is to be done now; called every [`ROUND`]. What it returns is on its way at once, so the next call must
    /// know of it. With some thousands of blocks in need it should take well below a second.
    fn tick(&mut self, now: Time) -> Vec<Command>;
}
// ANCHOR_END: trait
