//! The marker looks first whether the snapshot is known, and begins it if not; a message is written down by the entry of its channel.

impl<P: Ord + Clone, S: Clone, M: Clone> Snapshots<P, S, M> {
    pub fn start(&mut self, id: SnapshotId, state: &S) -> bool {
        use std::collections::btree_map::Entry;

        if self.done.contains(&id) {
            return false;
        }
        let Entry::Vacant(entry) = self.running.entry(id) else {
            return false;
        };
        let channels = BTreeMap::new();
        let state = state.clone();
        let recording = entry.insert(Recording {
            piece: Piece { state, channels },
            open: BTreeSet::new(),
        });
        for from in &self.incoming {
            recording.open.insert(from.clone());
            recording.piece.channels.insert(from.clone(), Vec::with_capacity(1));
        }
        if self.incoming.is_empty() {
            self.finish_if_complete(id);
        }
        true
    }

    pub fn marker(&mut self, from: &P, id: SnapshotId, state: &S) -> bool {
        let is_known = self.running.contains_key(&id) || self.done.contains(&id);
        if !is_known {
            self.start(id, state);
        }
        let closed = match self.running.get_mut(&id) {
            Some(recording) => recording.open.remove(from),
            None => false,
        };
        if closed {
            self.finish_if_complete(id);
        }
        !is_known
    }

    pub fn message(&mut self, from: &P, message: &M) {
        let running = self.running.iter_mut().filter(|(_, recording)| recording.open.contains(from));
        for (_, recording) in running {
            let channel = recording.piece.channels.entry(from.clone()).or_default();
            channel.push(message.clone());
        }
    }
}
