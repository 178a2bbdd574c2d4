//! A node that was declared dead may go on with a heartbeat: it never reports its blocks again, and nobody counts them.
//! caught-by: dead_nodes::dead_nodes_must_register_before_they_are_heard

impl DatanodeManager {
    pub fn check(&self, id: DatanodeId, registration: RegistrationId) -> Result<(), FsError> {
        match self.nodes.get(&id) {
            Some(node) if node.registration == registration => Ok(()),
            _ => Err(FsError::UnregisteredNode(id.to_string())),
        }
    }
}
