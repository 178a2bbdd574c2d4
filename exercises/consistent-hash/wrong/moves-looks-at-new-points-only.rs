//! Only the points that are there after are looked at: what a node that goes leaves behind is put together with what is around it.
//! caught-by: moves::a_node_that_goes_leaves_its_part_to_the_next

pub fn moves(before: &[Point], after: &[Point]) -> Vec<Move> {
    let owner = |points: &[Point], position: u64| {
        let at = points.partition_point(|point| point.position < position);
        points.get(at).or(points.first()).map(|point| point.node)
    };
    let mut moves = Vec::new();
    let mut last = after.last().map_or(0, |point| point.position);
    for point in after {
        let (span, to) = (
            Span {
                after: last,
                until: point.position,
            },
            point.node,
        );
        match owner(before, point.position) {
            Some(from) if from != to => moves.push(Move { span, from, to }),
            _ => {}
        }
        last = point.position;
    }
    moves
}
