//! A lease that was renewed exactly one soft limit ago does not count any more: a client that renews just in time may lose its file.
//! caught-by: leases::leases_may_be_taken_from_those_who_are_silent_for_longer_than_the_soft_limit

impl LeaseManager {
    pub fn claim(&self, file: InodeId, client: &str, now: Time) -> Claim {
        let Some(holder) = self.holders.get(&file) else {
            return Claim::Free;
        };
        if holder == client {
            return Claim::Own;
        }
        let renewed = self.leases.get(holder).map(|lease| lease.renewed);
        let silent = renewed.is_none_or(|at| now.since(at) >= self.soft_limit);
        let holder = holder.clone();
        if silent {
            Claim::Expired { holder }
        } else {
            Claim::Held { holder }
        }
    }
}
