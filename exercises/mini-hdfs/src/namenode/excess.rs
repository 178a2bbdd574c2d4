//! Which replicas to delete when a block has too many (`chooseReplicasToDelete`): after a lost DataNode came
//! back, or when a file's replication was lowered.

use crate::block::DatanodeId;

/// A good replica of a block, as the choice sees it.
#[derive(Clone, Copy, Debug)]
pub struct Replica<'a> {
    /// Where it is.
    pub datanode: DatanodeId,
    /// The path of that DataNode's rack.
    pub rack: &'a str,
    /// The bytes that are free there.
    pub remaining: u64,
    /// The DataNode has not been heard for a while.
    pub stale: bool,
    /// The DataNode has sent a full block report since it registered. Until then it is not sure that it still has
    /// the replica.
    pub reported: bool,
}

/// Chooses which of the good replicas of one block to delete, so that `expected` are left.
///
/// Replicas on DataNodes that have not `reported` neither count nor are chosen. At least one of the others always
/// stays, even if `expected` is 0.
///
/// One is chosen after the other, each time from the racks that have more than one of the replicas still left, so
/// that no rack loses its last one without need; when every rack has just one, from all. Among those: a stale
/// DataNode's before any other, then that of the DataNode with the fewest bytes remaining, then that with the
/// lowest id.
pub fn choose_excess(replicas: &[Replica<'_>], expected: usize) -> Vec<DatanodeId> {
    let _ = (replicas, expected);
    todo!(
        "hdfs/excess: one after the other, from the racks that can spare one, until `expected` are left."
    )
}
