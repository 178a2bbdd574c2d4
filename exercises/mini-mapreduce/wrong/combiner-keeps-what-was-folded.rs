//! Does not empty the room in which a fold puts its result: the third value of a key is added to a sum with the second one's bytes before it.
//! caught-by: combiner::values_of_one_key_become_one

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
                fold.fold(held, value, &mut self.folded)?;
                held.clone_from(&self.folded);
                return Ok(());
            }
            out((held_key, held))?;
        }
        self.held = Some((key.to_vec(), value.to_vec()));
        Ok(())
    }
}
