//! What goes over the end of the circle is forgotten: a node that has the lowest point never gets what lies before it.
//! caught-by: moves::what_moves_may_go_over_the_end

pub fn moves(before: &[Point], after: &[Point]) -> Vec<Move> {
    let owner = |points: &[Point], position: u64| {
        let at = points.partition_point(|point| point.position < position);
        points.get(at).or(points.first()).map(|point| point.node)
    };
    let mut all: Vec<u64> = before.iter().chain(after).map(|p| p.position).collect();
    all.sort_unstable();
    all.dedup();
    let mut moves = Vec::new();
    for pair in all.windows(2) {
        let (after_position, until) = (pair[0], pair[1]);
        if let (Some(from), Some(to)) = (owner(before, until), owner(after, until))
            && from != to
        {
            let span = Span {
                after: after_position,
                until,
            };
            moves.push(Move { span, from, to });
        }
    }
    moves
}
