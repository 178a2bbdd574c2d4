//! The marker that begins the snapshot does not close its channel: the piece waits for a marker that has come already.
//! caught-by: snapshot::the_channel_of_the_first_marker_is_empty

impl<P: Ord + Clone, S: Clone, M: Clone> Snapshots<P, S, M> {
    pub fn marker(&mut self, from: &P, id: SnapshotId, state: &S) -> bool {
        if self.start(id, state) {
            return true;
        }
        if let Some(recording) = self.running.get_mut(&id) {
            recording.open.remove(from);
        }
        self.finish_if_complete(id);
        false
    }
}
