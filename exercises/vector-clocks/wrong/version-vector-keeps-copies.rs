//! Only what is really older goes: three replicas that hold the same write make three siblings of it.
//! caught-by: version_vector::copies_of_one_write_are_one

pub fn reconcile<R: Ord + Clone, V: Clone>(values: &[Versioned<R, V>]) -> Vec<Versioned<R, V>> {
    let overwrites = |a: &Versioned<R, V>, b: &Versioned<R, V>| {
        a.version != b.version && a.version.includes(&b.version)
    };
    let is_left = |value: &&Versioned<R, V>| !values.iter().any(|other| overwrites(other, value));
    values.iter().filter(is_left).cloned().collect()
}
