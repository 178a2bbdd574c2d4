//! A piece is looked at only when a marker comes: that of a process without incoming channels is never complete.
//! caught-by: snapshot::without_incoming_channels_it_is_complete_at_once

impl<P: Ord + Clone, S: Clone, M: Clone> Snapshots<P, S, M> {
    pub fn start(&mut self, id: SnapshotId, state: &S) -> bool {
        if self.running.contains_key(&id) || self.done.contains(&id) {
            return false;
        }
        let channels = self.incoming.iter().map(|from| (from.clone(), Vec::new()));
        let piece = Piece {
            state: state.clone(),
            channels: channels.collect(),
        };
        let open = self.incoming.clone();
        self.running.insert(id, Recording { piece, open });
        true
    }
}
