//! A binary search stops at any of the points of the same position: who is responsible depends on how many there are.
//! caught-by: ring::of_two_points_at_one_position_the_first_counts

pub fn owner(points: &[Point], position: u64) -> Option<NodeId> {
    // Of equal points the last.
    let same = points.iter().rposition(|point| point.position == position);
    let at = same.unwrap_or(points.partition_point(|point| point.position < position));
    points.get(at).or(points.first()).map(|point| point.node)
}
