//! Whoever is known and alive may speak, in whatever registration: a heartbeat that was delayed since before a restart
//! counts for the life after it.
//! caught-by: dead_nodes::dead_nodes_and_strangers_have_no_registration

impl DatanodeManager {
    pub fn check(&self, id: DatanodeId, registration: RegistrationId) -> Result<(), FsError> {
        let _ = registration;
        match self.alive(id) {
            Some(_) => Ok(()),
            None => Err(FsError::UnregisteredNode(id.to_string())),
        }
    }
}
