//! Notes a heartbeat before it asks whether the node may speak: a node that has restarted is kept live by the
//! last words of its earlier life.
//! caught-by: dead_nodes::dead_nodes_are_not_kept_alive_by_an_earlier_life

impl DatanodeManager {
    pub fn heartbeat(&mut self, heartbeat: &Heartbeat, now: Time) -> bool {
        if let Some(node) = self.nodes.get_mut(&heartbeat.id) {
            node.heartbeat = *heartbeat;
            node.last_contact = now;
        }
        self.check(heartbeat.id, heartbeat.registration).is_ok()
    }
}
