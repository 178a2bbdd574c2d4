//! The walk ends at the last point instead of going around: keys near the end have fewer copies than they should, and nobody notices until
//! one is needed.
//! caught-by: replicas::the_walk_goes_around_the_end

pub fn replicas(points: &[Point], start: usize, members: &Members, n: usize) -> Vec<NodeId> {
    let mut chosen = Vec::new();
    let mut left_out = Vec::new();
    let mut zones = Vec::new();
    for point in points.iter().skip(start) {
        if chosen.contains(&point.node) || left_out.contains(&point.node) {
            continue;
        }
        match members.zone(point.node) {
            Some(zone) if zones.contains(&zone) => left_out.push(point.node),
            zone => {
                zones.extend(zone);
                chosen.push(point.node);
            }
        }
    }
    chosen.truncate(n);
    chosen.extend(left_out);
    chosen.truncate(n);
    chosen
}
