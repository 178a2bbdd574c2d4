//! Whose a span is, is asked at the position before it: that belongs to the span before.
//! caught-by: moves::a_node_that_comes_takes_the_way_up_to_its_point

pub fn moves(before: &[Point], after: &[Point]) -> Vec<Move> {
    let owner = |points: &[Point], position: u64| {
        let at = points.partition_point(|point| point.position < position);
        points.get(at).or(points.first()).map(|point| point.node)
    };
    let mut all: Vec<u64> = before.iter().chain(after).map(|p| p.position).collect();
    all.sort_unstable();
    all.dedup();
    let mut moves = Vec::new();
    let mut last = all.last().copied().unwrap_or_default();
    for until in all {
        if let (Some(from), Some(to)) = (owner(before, last), owner(after, last))
            && from != to
        {
            let span = Span { after: last, until };
            moves.push(Move { span, from, to });
        }
        last = until;
    }
    moves
}
