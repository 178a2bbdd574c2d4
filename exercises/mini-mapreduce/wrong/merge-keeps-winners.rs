//! Writes the winner of each match into the tree: who has won stands in it several times, and those who lost nowhere.
//! caught-by: merge::each_player_but_the_winner_has_lost_once

pub fn build(count: usize, beats: &dyn Fn(usize, usize) -> bool) -> (Vec<usize>, usize) {
    let mut winners: Vec<usize> = (0..2 * count).map(|node| node.saturating_sub(count)).collect();
    for node in (1..count).rev() {
        let (left, right) = (winners[2 * node], winners[2 * node + 1]);
        winners[node] = if beats(left, right) { left } else { right };
    }
    let winner = if count == 1 { 0 } else { winners[1] };
    winners.truncate(count);
    (winners, winner)
}
