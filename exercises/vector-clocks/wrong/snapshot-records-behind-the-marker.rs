//! Messages are recorded until the whole piece is complete: what was sent after the sender's own record is in both, and money is made.
//! caught-by: snapshot::what_comes_before_the_marker_was_under_way

impl<P: Ord + Clone, S: Clone, M: Clone> Snapshots<P, S, M> {
    pub fn message(&mut self, from: &P, message: &M) {
        for recording in self.running.values_mut() {
            if let Some(channel) = recording.piece.channels.get_mut(from) {
                channel.push(message.clone());
            }
        }
    }
}
