//! Nodes in no zone are taken to be in one together: where zones are not given for some, those are put behind for no reason.
//! caught-by: replicas::a_node_in_no_zone_stands_in_nobodys_way

pub fn replicas(points: &[Point], start: usize, members: &Members, n: usize) -> Vec<NodeId> {
    let mut chosen = Vec::new();
    let mut left_out = Vec::new();
    let mut zones = Vec::new();
    let (before, from) = points.split_at(start.min(points.len()));
    for point in from.iter().chain(before) {
        if chosen.contains(&point.node) || left_out.contains(&point.node) {
            continue;
        }
        let zone = members.zone(point.node);
        if zones.contains(&zone) {
            left_out.push(point.node);
        } else {
            zones.push(zone);
            chosen.push(point.node);
        }
    }
    chosen.truncate(n);
    chosen.extend(left_out);
    chosen.truncate(n);
    chosen
}
