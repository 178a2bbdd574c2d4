//! Cuts each span of the one ring with each of the other, and joins nothing.

pub fn moves(before: &[Point], after: &[Point]) -> Vec<Move> {
    let spans = |points: &[Point]| -> Vec<(u64, u64, NodeId)> {
        let mut points = points.to_vec();
        points.dedup_by_key(|point| point.position);
        let mut spans = Vec::new();
        for (i, point) in points.iter().enumerate() {
            match i {
                0 => {
                    // What goes over the end, as two: first and last are the ends of positions, both included.
                    spans.push((0, point.position, point.node));
                    let last = points[points.len() - 1].position;
                    if last < u64::MAX {
                        spans.push((last + 1, u64::MAX, point.node));
                    }
                }
                _ => spans.push((points[i - 1].position + 1, point.position, point.node)),
            }
        }
        spans
    };
    let mut moves = Vec::new();
    for (first, last, from) in spans(before) {
        for (other_first, other_last, to) in spans(after) {
            let (begin, end) = (first.max(other_first), last.min(other_last));
            if begin <= end && from != to {
                let span = Span {
                    after: begin.wrapping_sub(1),
                    until: end,
                };
                moves.push(Move { span, from, to });
            }
        }
    }
    moves
}
