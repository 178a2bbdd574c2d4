//! Never two copies in one zone, even where there are more copies than zones: three copies are wanted, two are made.
//! caught-by: replicas::nodes_that_were_left_out_follow_in_their_order

pub fn replicas(points: &[Point], start: usize, members: &Members, n: usize) -> Vec<NodeId> {
    let mut chosen = Vec::new();
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
    chosen
}
