//! The lower half goes to the new node and the upper one stays: what is handed over is not what was said to be.
//! caught-by: ranges::a_split_gives_the_upper_part_away

impl Table {
    pub fn split(&mut self, at: &[u8], node: NodeId) -> Result<Handover, RangeError> {
        let behind = self
            .tablets
            .partition_point(|tablet| tablet.start.as_slice() <= at);
        let cut = behind.checked_sub(1).ok_or(RangeError::Empty)?;
        let at = at.to_vec();
        if self.tablets[cut].start == at {
            return Err(RangeError::AlreadySplit { at });
        }
        let from = self.tablets[cut].node;
        let handover = Handover {
            start: self.tablets[cut].start.clone(),
            end: Some(at.clone()),
            from,
            to: node,
        };
        self.tablets[cut].node = node;
        let upper = Tablet {
            start: at,
            node: from,
        };
        self.tablets.insert(behind, upper);
        Ok(handover)
    }
}
