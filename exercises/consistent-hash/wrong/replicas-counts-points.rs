//! The next n points hold the copies, whosever they are: two copies on one machine are one when it burns.
//! caught-by: replicas::a_machine_is_no_second_copy_of_itself

pub fn replicas(points: &[Point], start: usize, members: &Members, n: usize) -> Vec<NodeId> {
    let mut chosen = Vec::new();
    let mut left_out = Vec::new();
    let mut zones = Vec::new();
    let (before, from) = points.split_at(start.min(points.len()));
    for point in from
        .iter()
        .chain(before)
        .take(points.len().min(members.len()))
    {
        match members.zone(point.node) {
            Some(zone) if zones.contains(&zone) => left_out.push(point.node),
            zone => {
                zones.extend(zone);
                chosen.push(point.node);
            }
        }
    }
    chosen.extend(left_out);
    chosen.truncate(n);
    chosen
}
