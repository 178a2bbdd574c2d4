//! Begins a key by folding its first value into it: it counts twice.
//! caught-by: combiner::a_pair_alone_is_handed_on_as_it_is

impl NeighbourFold {
    pub fn take(
        &mut self,
        fold: &dyn RawFold,
        pair: Pair<'_>,
        out: &mut FoldedOut<'_>,
    ) -> Result<(), RecordError> {
        let (key, value) = pair;
        if self.held.as_ref().is_none_or(|(held, _)| held != key) {
            self.finish(out)?;
            self.held = Some((key.to_vec(), value.to_vec()));
        }
        if let Some((_, held)) = &mut self.held {
            self.folded.clear();
            fold.fold(held, value, &mut self.folded)?;
            std::mem::swap(held, &mut self.folded);
        }
        Ok(())
    }
}
