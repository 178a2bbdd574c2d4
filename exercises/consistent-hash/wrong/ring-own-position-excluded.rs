//! A point does not own its own position: a key whose hash is exactly that of a virtual node is written to one node and, by whoever
//! does it right, looked for on another.
//! caught-by: ring::a_point_owns_its_own_position

pub fn owner(points: &[Point], position: u64) -> Option<NodeId> {
    let at = points.partition_point(|point| point.position <= position);
    points.get(at).or(points.first()).map(|point| point.node)
}
