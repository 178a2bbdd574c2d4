//! The right nodes, in the order in which they were asked: the first of them, to which everybody writes, is not the one with the
//! highest score.
//! caught-by: rendezvous::the_ranking_names_the_replicas

pub fn choose(candidates: &[Candidate], key: u64, n: usize) -> Vec<NodeId> {
    let score = |candidate: &Candidate| -f64::from(candidate.weight) / ln(candidate.draw(key));
    let mut sorted: Vec<&Candidate> = candidates.iter().collect();
    sorted.sort_by(|a, b| score(b).total_cmp(&score(a)));
    sorted.truncate(n);
    (candidates.iter())
        .filter(|candidate| sorted.iter().any(|best| best.id == candidate.id))
        .map(|candidate| candidate.id)
        .collect()
}
