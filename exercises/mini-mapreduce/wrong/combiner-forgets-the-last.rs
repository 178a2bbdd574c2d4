//! At the end, hands on nothing: the last key of each segment is lost.
//! caught-by: combiner::the_last_pair_comes_at_the_end

impl NeighbourFold {
    pub fn finish(&mut self, out: &mut FoldedOut<'_>) -> Result<(), RecordError> {
        let _ = out;
        self.held = None;
        Ok(())
    }
}
