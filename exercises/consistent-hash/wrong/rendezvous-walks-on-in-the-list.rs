//! The winner has the highest score, and the other replicas are those behind it in the list: it depends on the order of the list, and what a dead node
//! had all goes to one neighbour.
//! caught-by: rendezvous::the_ranking_names_the_replicas

pub fn choose(candidates: &[Candidate], key: u64, n: usize) -> Vec<NodeId> {
    let score = |candidate: &Candidate| -f64::from(candidate.weight) / ln(candidate.draw(key));
    let best = (0..candidates.len())
        .max_by(|a, b| score(&candidates[*a]).total_cmp(&score(&candidates[*b])));
    let Some(best) = best else {
        return Vec::new();
    };
    let walk = candidates[best..].iter().chain(&candidates[..best]);
    walk.take(n).map(|candidate| candidate.id).collect()
}
