//! Each point that was not there before is a move from whoever owned it, without a look whether that is the same node: a machine with one more
//! virtual node copies from itself.
//! caught-by: moves::a_new_point_of_the_same_node_moves_nothing

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
            let is_new = before.iter().all(|point| point.position != until);
            if from != to || is_new {
                let span = Span { after: last, until };
                moves.push(Move { span, from, to });
            }
        }
        last = until;
    }
    moves
}
