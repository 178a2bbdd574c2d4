//! The way ends at the last bin: a key of the last one, which is full, has no place, though there is room.
//! caught-by: bounded::the_way_goes_around_the_end

pub fn place(bins: &mut [Bin], from: usize, key: &Placed) -> Option<usize> {
    let at = (from..bins.len()).find(|&at| !bins[at].is_full())?;
    bins[at].keys.insert(key.clone());
    Some(at)
}
