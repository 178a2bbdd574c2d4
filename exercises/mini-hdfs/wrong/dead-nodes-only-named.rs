//! Names the dead ones without declaring them dead: they are named at every look, and their next heartbeat is accepted
//! though their replicas were given up.
//! caught-by: dead_nodes::dead_nodes_are_found_once

impl DatanodeManager {
    pub fn find_dead(&mut self, now: Time) -> Vec<DatanodeId> {
        self.iter()
            .filter(|node| node.alive && self.state_of(node, now) == DatanodeState::Dead)
            .map(|node| node.info.id)
            .collect()
    }
}
