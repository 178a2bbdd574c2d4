//! Compares the winner with all others: a merge of a thousand segments takes a thousand comparisons a pair.
//! caught-by: merge::a_replay_takes_few_comparisons

pub fn replay(tree: &mut [usize], player: usize, beats: &dyn Fn(usize, usize) -> bool) -> usize {
    let mut winner = player;
    for loser in tree.iter_mut().skip(1) {
        if beats(*loser, winner) {
            std::mem::swap(loser, &mut winner);
        }
    }
    winner
}
