//! Gives the fold the later value first. A sum does not mind; whatever keeps the first or the last does.
//! caught-by: combiner::a_value_meets_the_others_in_their_order

impl NeighbourFold {
    pub fn take(
        &mut self,
        fold: &dyn RawFold,
        pair: Pair<'_>,
        out: &mut FoldedOut<'_>,
    ) -> Result<(), RecordError> {
        let (key, value) = pair;
        if let Some((held_key, held)) = &mut self.held {
            if held_key == key {
                self.folded.clear();
                fold.fold(value, held, &mut self.folded)?;
                std::mem::swap(held, &mut self.folded);
                return Ok(());
            }
            out((held_key, held))?;
        }
        self.held = Some((key.to_vec(), value.to_vec()));
        Ok(())
    }
}
