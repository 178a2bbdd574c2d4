//! One value is kept, the latest that overwrites what was kept before: a sibling is dropped, and nobody is told.
//! caught-by: version_vector::siblings_stay_in_their_order

pub fn reconcile<R: Ord + Clone, V: Clone>(values: &[Versioned<R, V>]) -> Vec<Versioned<R, V>> {
    let mut kept: Option<&Versioned<R, V>> = None;
    for value in values {
        if kept.is_none_or(|k| value.version.includes(&k.version)) {
            kept = Some(value);
        }
    }
    kept.into_iter().cloned().collect()
}
