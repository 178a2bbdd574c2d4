//! The point before the position decides, not the one behind it. It would be a ring as well, but not the one that everybody else knows.
//! caught-by: ring::a_position_belongs_to_the_next_point

pub fn owner(points: &[Point], position: u64) -> Option<NodeId> {
    let behind = points.partition_point(|point| point.position <= position);
    let before = behind.checked_sub(1).map(|at| &points[at]);
    before.or(points.last()).map(|point| point.node)
}
