//! The owner is the point with the shortest way, found by looking at all. What is owned is found from behind, and neighbours
//! are joined to one span.

pub fn owner(points: &[Point], position: u64) -> Option<NodeId> {
    let way = |point: &&Point| point.position.wrapping_sub(position);
    points.iter().min_by_key(way).map(|point| point.node)
}

pub fn owned(points: &[Point], node: NodeId) -> Vec<Span> {
    let mut ends: Vec<(u64, NodeId)> = Vec::new();
    for point in points {
        if ends.last().is_none_or(|last| last.0 != point.position) {
            ends.push((point.position, point.node));
        }
    }
    let mut owned: Vec<Span> = Vec::new();
    for i in (0..ends.len()).rev() {
        let after = ends[(i + ends.len() - 1) % ends.len()].0;
        if ends[i].1 != node {
            continue;
        }
        match owned.last_mut() {
            Some(later) if later.after == ends[i].0 => later.after = after,
            _ => owned.push(Span {
                after,
                until: ends[i].0,
            }),
        }
    }
    owned
}
