//! Distinct nodes, in whatever zones: both copies may be behind the same switch.
//! caught-by: replicas::a_zone_has_one_copy_while_there_are_others

pub fn replicas(points: &[Point], start: usize, members: &Members, n: usize) -> Vec<NodeId> {
    let _ = members;
    let mut chosen = Vec::new();
    let (before, from) = points.split_at(start.min(points.len()));
    for point in from.iter().chain(before) {
        if chosen.len() < n && !chosen.contains(&point.node) {
            chosen.push(point.node);
        }
    }
    chosen
}
