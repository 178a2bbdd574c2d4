//! Those that were left out follow by number instead of in the order of the walk: the nodes with low numbers get all second copies.
//! caught-by: replicas::copies_are_as_the_rule_says_in_any_case

pub fn replicas(points: &[Point], start: usize, members: &Members, n: usize) -> Vec<NodeId> {
    let mut chosen: Vec<NodeId> = Vec::new();
    let mut zones = Vec::new();
    let (before, from) = points.split_at(start.min(points.len()));
    for point in from.iter().chain(before) {
        let zone = members.zone(point.node);
        let taken = zone.is_some_and(|zone| zones.contains(&zone));
        if chosen.len() < n && !chosen.contains(&point.node) && !taken {
            zones.extend(zone);
            chosen.push(point.node);
        }
    }
    for node in members.nodes() {
        let has_points = points.iter().any(|point| point.node == node.id);
        if chosen.len() < n && !chosen.contains(&node.id) && has_points {
            chosen.push(node.id);
        }
    }
    chosen
}
