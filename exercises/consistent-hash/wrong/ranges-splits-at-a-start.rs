//! A split where a tablet begins already makes one without keys, and two of the same start: which of the two nodes is asked for
//! its first key?
//! caught-by: ranges::a_tablet_is_not_split_at_its_start

impl Table {
    pub fn split(&mut self, at: &[u8], node: NodeId) -> Result<Handover, RangeError> {
        let behind = self
            .tablets
            .partition_point(|tablet| tablet.start.as_slice() <= at);
        let cut = behind.checked_sub(1).ok_or(RangeError::Empty)?;
        let at = at.to_vec();
        let handover = Handover {
            start: at.clone(),
            end: self.tablets.get(behind).map(|next| next.start.clone()),
            from: self.tablets[cut].node,
            to: node,
        };
        self.tablets.insert(behind, Tablet { start: at, node });
        Ok(handover)
    }
}
