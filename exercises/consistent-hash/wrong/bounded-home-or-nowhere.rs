//! A key is placed at home, full or not: the bound is no bound.
//! caught-by: bounded::a_key_passes_bins_that_are_full

pub fn place(bins: &mut [Bin], from: usize, key: &Placed) -> Option<usize> {
    if bins.iter().all(Bin::is_full) {
        return None;
    }
    bins[from].keys.insert(key.clone());
    Some(from)
}
