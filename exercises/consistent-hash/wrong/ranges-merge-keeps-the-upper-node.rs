//! The node of the upper tablet gets both: the keys that have to move are those of the lower one, and nobody is told of it.
//! caught-by: ranges::a_merge_gives_a_tablet_to_the_one_before

impl Table {
    pub fn merge(&mut self, at: &[u8]) -> Result<Handover, RangeError> {
        let found = self
            .tablets
            .binary_search_by(|tablet| tablet.start.as_slice().cmp(at));
        let (Ok(gone), false) = (found, at.is_empty()) else {
            return Err(RangeError::NoSplit { at: at.to_vec() });
        };
        let tablet = self.tablets.remove(gone);
        let below = &mut self.tablets[gone - 1];
        let to = below.node;
        below.node = tablet.node;
        Ok(Handover {
            start: tablet.start,
            end: self.tablets.get(gone).map(|next| next.start.clone()),
            from: tablet.node,
            to,
        })
    }
}
