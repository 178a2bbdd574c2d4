//! Builds by letting players in one after another: who comes first to a match waits there.

pub fn build(count: usize, beats: &dyn Fn(usize, usize) -> bool) -> (Vec<usize>, usize) {
    let nobody = usize::MAX;
    let mut tree = vec![nobody; count];
    let mut champion = 0;
    for player in 0..count {
        let mut winner = player;
        let mut node = (count + player) / 2;
        while node > 0 {
            if tree[node] == nobody {
                tree[node] = winner;
                winner = nobody;
                break;
            }
            if beats(tree[node], winner) {
                std::mem::swap(&mut tree[node], &mut winner);
            }
            node /= 2;
        }
        if winner != nobody {
            champion = winner;
        }
    }
    tree[0] = 0;
    (tree, champion)
}

pub fn replay(tree: &mut [usize], player: usize, beats: &dyn Fn(usize, usize) -> bool) -> usize {
    fn up(
        tree: &mut [usize],
        node: usize,
        winner: usize,
        beats: &dyn Fn(usize, usize) -> bool,
    ) -> usize {
        if node == 0 {
            return winner;
        }
        let other = tree[node];
        if beats(winner, other) {
            return up(tree, node / 2, winner, beats);
        }
        tree[node] = winner;
        up(tree, node / 2, other, beats)
    }
    let node = (tree.len() + player) / 2;
    up(tree, node, player, beats)
}
