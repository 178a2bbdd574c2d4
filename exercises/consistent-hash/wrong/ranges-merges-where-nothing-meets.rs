//! A merge within a tablet takes that tablet for the upper one: a mistyped key makes two tablets one that nobody has named.
//! caught-by: ranges::a_merge_needs_a_place_where_tablets_meet

impl Table {
    pub fn merge(&mut self, at: &[u8]) -> Result<Handover, RangeError> {
        let behind = self
            .tablets
            .partition_point(|tablet| tablet.start.as_slice() <= at);
        if behind < 2 {
            return Err(RangeError::NoSplit { at: at.to_vec() });
        }
        let gone = behind - 1;
        let tablet = self.tablets.remove(gone);
        Ok(Handover {
            start: tablet.start,
            end: self.tablets.get(gone).map(|next| next.start.clone()),
            from: tablet.node,
            to: self.tablets[gone - 1].node,
        })
    }
}
