//! Behind the last point nobody is responsible: with few virtual nodes, that is a good part of all keys.
//! caught-by: ring::behind_the_last_point_is_the_first

pub fn owner(points: &[Point], position: u64) -> Option<NodeId> {
    let at = points.partition_point(|point| point.position < position);
    points.get(at).map(|point| point.node)
}
