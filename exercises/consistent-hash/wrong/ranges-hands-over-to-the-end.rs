//! What is handed over is said to go on to the last key of all: the store copies what other nodes have, and the source deletes
//! nothing of it, or all.
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
        let handover = Handover {
            start: at.clone(),
            end: None,
            from: self.tablets[cut].node,
            to: node,
        };
        self.tablets.insert(behind, Tablet { start: at, node });
        Ok(handover)
    }
}
