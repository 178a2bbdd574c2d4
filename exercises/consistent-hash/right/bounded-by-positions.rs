//! Looks at every key of every bin, asks for its home, and begins again until nothing can be moved.

pub fn place(bins: &mut [Bin], from: usize, key: &Placed) -> Option<usize> {
    for step in 0..bins.len() {
        let at = (from + step) % bins.len();
        if bins[at].keys.len() < bins[at].capacity {
            bins[at].keys.insert(key.clone());
            return Some(at);
        }
    }
    None
}

pub fn refill(bins: &mut [Bin], hole: usize) -> usize {
    let count = bins.len();
    for step in 1..count {
        let at = (hole + step) % count;
        let has_passed = |key: &&Placed| {
            let home = home(bins, key.position);
            // Both counted from home.
            (hole + count - home) % count < (at + count - home) % count
        };
        let found = bins[at].keys.iter().rev().find(has_passed).cloned();
        if let Some(key) = found {
            bins[at].keys.remove(&key);
            bins[hole].keys.insert(key);
            return 1 + refill(bins, at);
        }
    }
    0
}
