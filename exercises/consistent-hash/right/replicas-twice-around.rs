//! Goes around twice: the first time for zones, the second for those that are missing. It asks for each point whether its node is
//! the first of its zone by comparing zones of nodes.

pub fn replicas(points: &[Point], start: usize, members: &Members, n: usize) -> Vec<NodeId> {
    let mut walk: Vec<NodeId> = Vec::new();
    for step in 0..points.len() {
        let node = points[(start + step) % points.len()].node;
        if !walk.contains(&node) {
            walk.push(node);
        }
    }
    let together = |a: NodeId, b: NodeId| {
        let zone = members.zone(a);
        zone.is_some() && zone == members.zone(b)
    };
    let mut copies: Vec<NodeId> = Vec::new();
    for first_time in [true, false] {
        for node in &walk {
            let beside = copies.iter().any(|copy| together(*copy, *node));
            if copies.len() < n && !copies.contains(node) && !(first_time && beside) {
                copies.push(*node);
            }
        }
    }
    copies
}
