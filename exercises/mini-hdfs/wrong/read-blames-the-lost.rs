//! Reports the replica of a node that cannot be reached as corrupt: a network that fails for a second costs good replicas.
//! caught-by: read::read_goes_on_after_a_lost_connection_and_leaves_the_node_alone

impl BlockReader {
    pub fn on_failure(&mut self, reason: String) {
        if let Some(node) = self.replica().cloned() {
            self.dead.insert(node.id);
            self.corrupt.push((self.block, node.id));
            self.failures.insert(node.address, reason);
        }
    }
}
