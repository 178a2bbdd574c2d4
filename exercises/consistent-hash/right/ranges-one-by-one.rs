//! Looks through the tablets one by one from the last, and splits by overwriting a copy.

impl Table {
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        (self.tablets.iter()).rposition(|tablet| tablet.start[..] <= *key)
    }

    pub fn split(&mut self, at: &[u8], node: NodeId) -> Result<Handover, RangeError> {
        let starts_at = |tablet: &&Tablet| tablet.start == at;
        if self.tablets.iter().find(starts_at).is_some() {
            return Err(RangeError::AlreadySplit { at: at.to_vec() });
        }
        let Some(below) = self
            .tablets
            .iter()
            .rev()
            .find(|tablet| tablet.start[..] < *at)
        else {
            return Err(RangeError::Empty);
        };
        let from = below.node;
        let end = self.tablets.iter().find(|tablet| tablet.start[..] > *at);
        let handover = Handover {
            start: at.to_vec(),
            end: end.map(|tablet| tablet.start.clone()),
            from,
            to: node,
        };
        self.tablets.push(Tablet {
            start: at.to_vec(),
            node,
        });
        self.tablets.sort_by(|a, b| a.start.cmp(&b.start));
        Ok(handover)
    }

    pub fn merge(&mut self, at: &[u8]) -> Result<Handover, RangeError> {
        for i in 1..self.tablets.len() {
            if self.tablets[i].start == at {
                let end = self.tablets.get(i + 1).map(|tablet| tablet.start.clone());
                let handover = Handover {
                    start: at.to_vec(),
                    end,
                    from: self.tablets[i].node,
                    to: self.tablets[i - 1].node,
                };
                self.tablets.retain(|tablet| tablet.start != at);
                return Ok(handover);
            }
        }
        Err(RangeError::NoSplit { at: at.to_vec() })
    }
}
