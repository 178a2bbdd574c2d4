//! A node is said to own what lies behind its points: that is the next one's.
//! caught-by: ring::a_node_owns_what_lies_before_its_points

pub fn owned(points: &[Point], node: NodeId) -> Vec<Span> {
    let mut owned = Vec::new();
    for (i, point) in points.iter().enumerate() {
        let next = points[(i + 1) % points.len()];
        if point.node == node {
            owned.push(Span {
                after: point.position,
                until: next.position,
            });
        }
    }
    owned
}
