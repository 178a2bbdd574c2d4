//! Each value is held against all others, and of equal versions the first place decides.

impl<R: Ord> VersionVector<R> {
    pub fn includes(&self, other: &VersionVector<R>) -> bool {
        for (replica, count) in &other.counts {
            if self.counts.get(replica).is_none_or(|mine| mine < count) {
                return false;
            }
        }
        true
    }
}

pub fn reconcile<R: Ord + Clone, V: Clone>(values: &[Versioned<R, V>]) -> Vec<Versioned<R, V>> {
    let mut left = Vec::new();
    'values: for (i, value) in values.iter().enumerate() {
        for (j, other) in values.iter().enumerate() {
            let copy = value.version.includes(&other.version);
            if other.version.includes(&value.version) && (!copy || j < i) {
                continue 'values;
            }
        }
        left.push(value.clone());
    }
    left
}
