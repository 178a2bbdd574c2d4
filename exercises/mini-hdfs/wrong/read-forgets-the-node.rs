//! Takes the lost node out of the locations of this block only: the next block begins with the same node, and waits for
//! its timeout again.
//! caught-by: read::read_goes_on_after_a_lost_connection_and_leaves_the_node_alone

impl BlockReader {
    pub fn on_failure(&mut self, reason: String) {
        if let Some(node) = self.replica().cloned() {
            self.locations.retain(|other| other.id != node.id);
            self.failures.insert(node.address, reason);
        }
    }
}
