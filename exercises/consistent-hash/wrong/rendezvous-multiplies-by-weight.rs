//! The draw times the weight, which looks right and is not: beside a node of weight 1, one of weight 3 wins five of six keys.
//! caught-by: rendezvous::a_candidate_of_weight_three_wins_three_times_as_often

pub fn choose(candidates: &[Candidate], key: u64, n: usize) -> Vec<NodeId> {
    let score =
        |candidate: &Candidate| u128::from(candidate.draw(key)) * u128::from(candidate.weight);
    let mut sorted: Vec<&Candidate> = candidates.iter().collect();
    sorted.sort_by_key(|candidate| (std::cmp::Reverse(score(candidate)), candidate.id));
    sorted
        .iter()
        .take(n)
        .map(|candidate| candidate.id)
        .collect()
}
