//! Compares points in time instead of durations, and names the dead in another order.

pub fn datanode_state(
    last_contact: Time,
    now: Time,
    stale_after: Duration,
    dead_after: Duration,
) -> DatanodeState {
    match (
        now <= last_contact + dead_after,
        now <= last_contact + stale_after,
    ) {
        (false, _) => DatanodeState::Dead,
        (true, false) => DatanodeState::Stale,
        (true, true) => DatanodeState::Live,
    }
}

impl DatanodeManager {
    pub fn heartbeat(&mut self, heartbeat: &Heartbeat, now: Time) -> bool {
        match self.nodes.get_mut(&heartbeat.id) {
            Some(node) if node.alive && node.registration == heartbeat.registration => {
                node.last_contact = now;
                node.heartbeat = *heartbeat;
                true
            }
            _ => false,
        }
    }

    pub fn check(&self, id: DatanodeId, registration: RegistrationId) -> Result<(), FsError> {
        let refused = || FsError::UnregisteredNode(id.to_string());
        let node = self.alive(id).ok_or_else(refused)?;
        if node.registration == registration {
            Ok(())
        } else {
            Err(refused())
        }
    }

    pub fn find_dead(&mut self, now: Time) -> Vec<DatanodeId> {
        let mut dead = Vec::new();
        for (id, node) in self.nodes.iter().rev() {
            let silence = now.since(node.last_contact);
            if node.alive && silence > self.dead_after {
                dead.push(*id);
            }
        }
        for id in dead.clone() {
            self.set_alive(id, false);
        }
        dead
    }
}
