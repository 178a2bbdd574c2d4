//! A lease outlives its last file. It is renewed when the client calls again, and never goes away.
//! caught-by: leases::leases_end_with_their_last_file

impl LeaseManager {
    pub fn remove(&mut self, file: InodeId) {
        let Some(holder) = self.holders.remove(&file) else {
            return;
        };
        if let Some(lease) = self.leases.get_mut(&holder) {
            lease.files.remove(&file);
        }
    }
}
