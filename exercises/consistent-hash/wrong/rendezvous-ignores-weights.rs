//! All nodes win as often: the machine that is three times as large is two thirds empty.
//! caught-by: rendezvous::a_candidate_of_weight_three_wins_three_times_as_often

pub fn choose(candidates: &[Candidate], key: u64, n: usize) -> Vec<NodeId> {
    let mut sorted: Vec<&Candidate> = candidates.iter().collect();
    sorted.sort_by_key(|candidate| std::cmp::Reverse(candidate.draw(key)));
    sorted
        .iter()
        .take(n)
        .map(|candidate| candidate.id)
        .collect()
}
