//! A message is written down in the oldest snapshot that runs, and in no other: a second one loses what was under way.
//! caught-by: snapshot::two_snapshots_do_not_mix

impl<P: Ord + Clone, S: Clone, M: Clone> Snapshots<P, S, M> {
    pub fn message(&mut self, from: &P, message: &M) {
        let mut running = self.running.values_mut();
        if let Some(recording) = running.find(|recording| recording.open.contains(from))
            && let Some(channel) = recording.piece.channels.get_mut(from)
        {
            channel.push(message.clone());
        }
    }
}
