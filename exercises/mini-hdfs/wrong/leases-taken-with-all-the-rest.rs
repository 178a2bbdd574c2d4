//! With one file the old holder loses all of them: a client whose one file was taken over can write none of the others any more.
//! caught-by: leases::leases_pass_to_another_holder_one_file_at_a_time

impl LeaseManager {
    pub fn add(&mut self, holder: &str, file: InodeId, now: Time) {
        if let Some(old) = self.holders.get(&file).cloned()
            && let Some(lease) = self.leases.remove(&old)
        {
            for file in lease.files {
                self.holders.remove(&file);
            }
        }
        let lease = self.leases.entry(holder.to_owned()).or_default();
        lease.renewed = now;
        lease.files.insert(file);
        self.holders.insert(file, holder.to_owned());
    }
}
