//! A value takes the place of the first that it overwrites: where it was written to end a conflict, the other sibling stays.
//! caught-by: version_vector::one_value_can_overwrite_several

pub fn reconcile<R: Ord + Clone, V: Clone>(values: &[Versioned<R, V>]) -> Vec<Versioned<R, V>> {
    let mut kept: Vec<Versioned<R, V>> = Vec::new();
    for value in values {
        if kept.iter().any(|k| k.version.includes(&value.version)) {
            continue;
        }
        if let Some(at) = kept.iter().position(|k| value.version.includes(&k.version)) {
            kept.remove(at);
        }
        kept.push(value.clone());
    }
    kept
}
