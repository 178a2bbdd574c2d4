//! What is done is forgotten: a late call begins the same snapshot again, with another state, and sends markers for it round and round.
//! caught-by: snapshot::a_snapshot_is_begun_once

impl<P: Ord + Clone, S: Clone, M: Clone> Snapshots<P, S, M> {
    pub fn start(&mut self, id: SnapshotId, state: &S) -> bool {
        if self.running.contains_key(&id) {
            return false;
        }
        let channels = self.incoming.iter().map(|from| (from.clone(), Vec::new()));
        let piece = Piece {
            state: state.clone(),
            channels: channels.collect(),
        };
        let open = self.incoming.clone();
        self.running.insert(id, Recording { piece, open });
        self.finish_if_complete(id);
        true
    }
}
