//! Takes the best of those that are left, n times, and compares 1/score: the least −ln(draw) / weight.

pub fn choose(candidates: &[Candidate], key: u64, n: usize) -> Vec<NodeId> {
    let mut left: Vec<Candidate> = candidates.to_vec();
    let mut chosen = Vec::new();
    while chosen.len() < n && !left.is_empty() {
        let mut best = 0;
        for i in 1..left.len() {
            let arrival =
                |candidate: &Candidate| -ln(candidate.draw(key)) / f64::from(candidate.weight);
            let (new, old) = (arrival(&left[i]), arrival(&left[best]));
            if new < old || new == old && left[i].id < left[best].id {
                best = i;
            }
        }
        chosen.push(left.swap_remove(best).id);
    }
    chosen
}
