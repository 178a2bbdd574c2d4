//! Who beats the newcomer goes on, but the newcomer is not written down where he lost: he, and his segment, is never seen again.
//! caught-by: merge::who_wins_again_after_a_change

pub fn replay(tree: &mut [usize], player: usize, beats: &dyn Fn(usize, usize) -> bool) -> usize {
    let mut winner = player;
    let mut node = (tree.len() + player) / 2;
    while node > 0 {
        if beats(tree[node], winner) {
            winner = tree[node];
        }
        node /= 2;
    }
    winner
}
