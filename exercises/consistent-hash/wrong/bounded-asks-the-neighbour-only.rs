//! Only the next bin is looked at. Where that is full of its own keys, what has passed both is behind it.
//! caught-by: bounded::who_has_passed_may_be_far_behind

pub fn refill(bins: &mut [Bin], hole: usize) -> usize {
    let (mut hole, mut moved) = (hole, 0);
    loop {
        let at = (hole + 1) % bins.len();
        let key = bins[at].farthest().cloned();
        match key.filter(|key| at != hole && passed(bins, key.position, hole, at)) {
            Some(key) => {
                bins[at].keys.remove(&key);
                bins[hole].keys.insert(key);
                (hole, moved) = (at, moved + 1);
            }
            None => return moved,
        }
    }
}
