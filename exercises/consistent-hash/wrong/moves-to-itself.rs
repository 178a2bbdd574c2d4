//! Names moves from a node to itself: a store would copy onto itself what it has, and forget it afterwards as what it has handed over.
//! caught-by: moves::where_nothing_changes_nothing_moves

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
        if let (Some(from), Some(to)) = (owner(before, until), owner(after, until)) {
            let span = Span { after: last, until };
            moves.push(Move { span, from, to });
        }
        last = until;
    }
    moves
}
