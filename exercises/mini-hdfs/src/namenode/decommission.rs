//! When a DataNode that shall leave the service may go (`DatanodeAdminManager`).
//!
//! An operator who wants to take a machine away says so first. From then on its replicas do not count, although they can be read
//! and copied from; so the blocks look as if they had lost a replica, and the NameNode has others made, as always. What is
//! left is the question that this file answers: is the machine still needed? Who asks too early takes away the last replica of
//! something; who asks for too much waits for ever.
//!
//! The caller, [`block_manager`](super::block_manager), walks over the DataNode's blocks, a slice at a time, and asks about each.

/// A block of which a DataNode that shall leave has a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeavingBlock {
    /// Good replicas that count: on DataNodes that stay in service, and not chosen to be deleted. Of a block that is being
    /// written: nodes of its pipeline that stay in service.
    pub live: usize,
    /// How many should count.
    pub expected: usize,
    /// It is being written now.
    pub open: bool,
}

/// What is demanded of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Replicas without which a file cannot be closed (`dfs.namenode.replication.min`).
    pub min: usize,
    /// Replicas of a file whose writer does not say (`dfs.replication`).
    pub default: usize,
}

/// A DataNode that shall leave the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeavingNode {
    /// It has not been declared dead.
    pub alive: bool,
    /// It has sent a full block report since it registered.
    pub reported: bool,
    /// Every block that it holds has just been looked at.
    pub scanned: bool,
    /// How many of its blocks were not [sufficient](is_sufficient) when they were last looked at.
    pub waiting: usize,
    /// Blocks of the whole file system that have fewer replicas than they should, or are being copied.
    pub endangered: u64,
}

/// Whether a block can do without the replica on the DataNode that shall leave (`isSufficient`).
///
/// - It can when as many replicas count as should.
/// - A block that is being written changes every moment, and its pipeline may go on for days. Its replicas are made up for once
///   it is finished, so [`Limits::min`] will do until then.
/// - A file may want more replicas than the cluster has DataNodes left. For other blocks, [`Limits::default`] will do, too.
pub fn is_sufficient(block: &LeavingBlock, limits: &Limits) -> bool {
    let _ = (block, limits);
    todo!(
        "hdfs/decommission: as many as should count; or else the least that will do for such a block."
    )
}

/// Whether a DataNode may leave now (`isNodeHealthyForDecommissionOrMaintenance`, and what follows from it).
///
/// - One that is alive has all its say: it must have reported what it holds, every block of it must have been looked at, and
///   none of them may be waiting.
/// - Of one that is dead nobody knows what it holds. It may leave when no block of the whole file system lacks a replica or
///   is being copied: then nothing that it might bring back is needed.
pub fn may_leave(node: &LeavingNode) -> bool {
    let _ = node;
    todo!("hdfs/decommission: what must be known of a living one, and what of a dead one?")
}
