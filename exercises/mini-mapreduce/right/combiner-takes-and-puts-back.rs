//! Takes what is held out, and puts one pair back.

impl NeighbourFold {
    pub fn take(
        &mut self,
        fold: &dyn RawFold,
        pair: Pair<'_>,
        out: &mut FoldedOut<'_>,
    ) -> Result<(), RecordError> {
        let (key, value) = pair;
        let next = match self.held.take() {
            Some((held_key, held)) if held_key == key => {
                let mut both = Vec::new();
                let folded = fold.fold(&held, value, &mut both);
                if let Err(error) = folded {
                    self.held = Some((held_key, held));
                    return Err(error);
                }
                both
            }
            Some((held_key, held)) => {
                out((&held_key, &held))?;
                value.to_vec()
            }
            None => value.to_vec(),
        };
        self.held = Some((key.to_vec(), next));
        Ok(())
    }

    pub fn finish(&mut self, out: &mut FoldedOut<'_>) -> Result<(), RecordError> {
        let last = self.held.take();
        last.map_or(Ok(()), |(key, value)| out((&key, &value)))
    }
}
