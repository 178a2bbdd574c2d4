//! Looks for everything in the leases themselves, and treats the index as what it is: a copy.

impl LeaseManager {
    pub fn add(&mut self, holder: &str, file: InodeId, now: Time) {
        for lease in self.leases.values_mut() {
            lease.files.remove(&file);
        }
        let mut files = match self.leases.remove(holder) {
            Some(lease) => lease.files,
            None => BTreeSet::new(),
        };
        files.insert(file);
        self.holders.insert(file, holder.to_string());
        let renewed = now;
        self.leases.insert(holder.to_string(), Lease { renewed, files });
        self.leases.retain(|_, lease| !lease.files.is_empty());
    }

    pub fn renew(&mut self, holder: &str, now: Time) {
        for (_, lease) in self.leases.iter_mut().filter(|(name, _)| *name == holder) {
            lease.renewed = now;
        }
    }

    pub fn remove(&mut self, file: InodeId) {
        self.holders.retain(|other, _| *other != file);
        for lease in self.leases.values_mut() {
            lease.files.remove(&file);
        }
        self.leases.retain(|_, lease| !lease.files.is_empty());
    }

    pub fn claim(&self, file: InodeId, client: &str, now: Time) -> Claim {
        let covers = |(_, lease): &(&String, &Lease)| lease.files.contains(&file);
        match self.leases.iter().find(covers) {
            None => Claim::Free,
            Some((holder, _)) if holder == client => Claim::Own,
            Some((holder, lease)) if lease.renewed + self.soft_limit >= now => Claim::Held {
                holder: holder.clone(),
            },
            Some((holder, _)) => Claim::Expired {
                holder: holder.clone(),
            },
        }
    }

    pub fn over_hard_limit(&self, now: Time) -> Vec<InodeId> {
        let mut by_time: BTreeMap<(Time, &String), &BTreeSet<InodeId>> = BTreeMap::new();
        for (holder, lease) in &self.leases {
            if lease.renewed + self.hard_limit < now {
                by_time.insert((lease.renewed, holder), &lease.files);
            }
        }
        let mut files = Vec::new();
        for its in by_time.into_values() {
            files.extend(its.iter().copied());
        }
        files
    }
}
