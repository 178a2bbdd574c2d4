//! Each marker records the state anew: what was under way is in the state as well, and counts twice.
//! caught-by: snapshot::the_state_is_that_of_the_beginning

impl<P: Ord + Clone, S: Clone, M: Clone> Snapshots<P, S, M> {
    pub fn marker(&mut self, from: &P, id: SnapshotId, state: &S) -> bool {
        let is_first = self.start(id, state);
        if let Some(recording) = self.running.get_mut(&id) {
            recording.piece.state = state.clone();
            recording.open.remove(from);
        }
        self.finish_if_complete(id);
        is_first
    }
}
