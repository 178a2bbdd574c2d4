//! A lease is dated from its first file: a client that opens one file after another, and so is known to live, is over the limit all the same.
//! caught-by: leases::leases_are_renewed_for_all_files_of_a_client_at_once

impl LeaseManager {
    pub fn add(&mut self, holder: &str, file: InodeId, now: Time) {
        self.remove(file);
        let new = Lease {
            renewed: now,
            files: BTreeSet::new(),
        };
        let lease = self.leases.entry(holder.to_owned()).or_insert(new);
        lease.files.insert(file);
        self.holders.insert(file, holder.to_owned());
    }
}
