//! Reports a dead node at every look: its replicas are queued for copying again and again.
//! caught-by: dead_nodes::dead_nodes_are_found_once

impl DatanodeManager {
    pub fn find_dead(&mut self, now: Time) -> Vec<DatanodeId> {
        let dead: Vec<DatanodeId> = self
            .iter()
            .filter(|node| self.state_of(node, now) == DatanodeState::Dead)
            .map(|node| node.info.id)
            .collect();
        for id in &dead {
            self.set_alive(*id, false);
        }
        dead
    }
}
