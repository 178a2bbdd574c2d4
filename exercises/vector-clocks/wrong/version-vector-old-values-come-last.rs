//! A value is compared with those before it in one direction only: an old value that comes in last, from a slow replica, stays.
//! caught-by: version_vector::whatever_comes_first

pub fn reconcile<R: Ord + Clone, V: Clone>(values: &[Versioned<R, V>]) -> Vec<Versioned<R, V>> {
    let mut kept: Vec<Versioned<R, V>> = Vec::new();
    for value in values {
        kept.retain(|k| !value.version.includes(&k.version));
        kept.push(value.clone());
    }
    kept
}
