//! The hole is filled, and the one that this leaves is not: a key farther on has passed it, and is not found there any more.
//! caught-by: bounded::the_hole_that_is_left_behind_is_filled_as_well

pub fn refill(bins: &mut [Bin], hole: usize) -> usize {
    for at in (hole + 1..bins.len()).chain(0..hole) {
        let key = (bins[at].farthest()).filter(|key| passed(bins, key.position, hole, at));
        if let Some(key) = key.cloned() {
            bins[at].keys.remove(&key);
            bins[hole].keys.insert(key);
            return 1;
        }
        if !bins[at].is_full() {
            break;
        }
    }
    0
}
