//! Of two points at one position the second is given a span from there to there, and that is the whole circle.
//! caught-by: ring::a_point_behind_another_at_its_position_owns_nothing

pub fn owned(points: &[Point], node: NodeId) -> Vec<Span> {
    let mut owned = Vec::new();
    let Some(mut before) = points.last().copied() else {
        return owned;
    };
    for point in points {
        if point.node == node {
            owned.push(Span {
                after: before.position,
                until: point.position,
            });
        }
        before = *point;
    }
    owned
}
