//! The bin with the fewest keys gets the key: perfectly even, and nobody finds it again without asking all.
//! caught-by: bounded::a_key_goes_home_while_there_is_room

pub fn place(bins: &mut [Bin], from: usize, key: &Placed) -> Option<usize> {
    let _ = from;
    let room = |at: &usize| !bins[*at].is_full();
    let at = (0..bins.len())
        .filter(room)
        .min_by_key(|&at| bins[at].keys.len())?;
    bins[at].keys.insert(key.clone());
    Some(at)
}
