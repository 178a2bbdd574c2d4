//! The file goes to its new holder, and stays in the lease of the old one: after the hard limit it is closed on account of somebody who has
//! not been writing it for long.
//! caught-by: leases::leases_pass_to_another_holder_one_file_at_a_time

impl LeaseManager {
    pub fn add(&mut self, holder: &str, file: InodeId, now: Time) {
        let lease = self.leases.entry(holder.to_owned()).or_default();
        lease.renewed = now;
        lease.files.insert(file);
        self.holders.insert(file, holder.to_owned());
    }
}
