//! Which nodes hold the copies of a key: distinct nodes, and distinct zones as long as there are any.
//!
//! Dynamo's preference list (DeCandia et al. 2007, §4.3 and §4.6) and Cassandra's `NetworkTopologyStrategy`, whose
//! racks are the zones here.

use crate::members::Members;
use crate::partitioner::NodeId;
use crate::ring::Point;

/// The `n` nodes that hold a copy of a key, the first of which is that of `points[start]`, which owns the key. Fewer
/// where there are fewer nodes; none where there are no points.
///
/// Walk clockwise from `start`, once around. A node that was met before is passed over: a virtual node of the same
/// machine is no second copy. A node is taken if none of its zone ([`Members::zone`]) has been taken; a node in no zone
/// is taken in any case. If the walk has not found `n`, the nodes that were left out because of their zones follow, in
/// the order in which they were met.
///
/// Of a point there may be copies, one behind the other: the ring's table is so ([`super::table`]).
///
/// A ring has many points. It should not walk on once what is still to come cannot change the answer:
/// [`Members::zones`] and [`Members::len`] say how many zones and nodes there are.
pub fn replicas(points: &[Point], start: usize, members: &Members, n: usize) -> Vec<NodeId> {
    let _ = (points, start, members, n);
    todo!(
        "hash/replicas: walk clockwise; first one node of each zone, then those that were left out."
    )
}
