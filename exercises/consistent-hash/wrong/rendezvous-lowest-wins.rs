//! The sign is forgotten: the score is below 0, and the highest of those has the lowest draw.
//! caught-by: rendezvous::among_equals_the_highest_draw_wins

pub fn choose(candidates: &[Candidate], key: u64, n: usize) -> Vec<NodeId> {
    let score = |candidate: &Candidate| f64::from(candidate.weight) / ln(candidate.draw(key));
    let mut sorted: Vec<&Candidate> = candidates.iter().collect();
    sorted.sort_by(|a, b| score(b).total_cmp(&score(a)));
    sorted
        .iter()
        .take(n)
        .map(|candidate| candidate.id)
        .collect()
}
