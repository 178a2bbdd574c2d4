//! Anybody behind the hole is moved into it, also who has never passed it: the key is now before its home, and nobody on the way from there comes
//! by.
//! caught-by: bounded::a_hole_that_nobody_has_passed_stays

pub fn refill(bins: &mut [Bin], hole: usize) -> usize {
    let (mut hole, mut moved) = (hole, 0);
    for _ in 1..bins.len() {
        let at = (hole + 1) % bins.len();
        let Some(key) = bins[at].farthest().cloned() else {
            break;
        };
        bins[at].keys.remove(&key);
        bins[hole].keys.insert(key);
        (hole, moved) = (at, moved + 1);
    }
    moved
}
