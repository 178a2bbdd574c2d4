//! Does not play the match at the root: the smallest of one half of the segments wins.
//! caught-by: merge::who_wins_again_after_a_change

pub fn replay(tree: &mut [usize], player: usize, beats: &dyn Fn(usize, usize) -> bool) -> usize {
    let mut winner = player;
    let mut node = (tree.len() + player) / 2;
    while node > 1 {
        if beats(tree[node], winner) {
            std::mem::swap(&mut tree[node], &mut winner);
        }
        node /= 2;
    }
    winner
}
