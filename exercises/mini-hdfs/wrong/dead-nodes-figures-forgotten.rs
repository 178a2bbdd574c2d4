//! Notes when a node was heard and not what it said: every node seems to have no room, and gets no replica.
//! caught-by: dead_nodes::dead_nodes_are_not_kept_alive_by_an_earlier_life

impl DatanodeManager {
    pub fn heartbeat(&mut self, heartbeat: &Heartbeat, now: Time) -> bool {
        if self.check(heartbeat.id, heartbeat.registration).is_err() {
            return false;
        }
        if let Some(node) = self.nodes.get_mut(&heartbeat.id) {
            node.last_contact = now;
        }
        true
    }
}
