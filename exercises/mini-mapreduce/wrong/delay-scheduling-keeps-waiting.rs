//! Takes a slot near its data and goes on waiting as if it had not: the longer the job runs, the sooner anything will do.
//! caught-by: delay::a_slot_near_data_makes_the_job_choosy_again

impl Delay {
    pub fn takes(&mut self, nearest: Locality, waits: &Waits, now: Time) -> bool {
        if nearest <= self.level {
            self.level = nearest;
            return true;
        }
        let waited = self.since.map_or(Duration::ZERO, |since| now.since(since));
        let needed = match (self.level, nearest) {
            (Locality::Node, Locality::Rack) => waits.node,
            (Locality::Node, _) => waits.node + waits.rack,
            _ => waits.rack,
        };
        if waited >= needed {
            self.level = nearest;
            self.since = None;
            return true;
        }
        self.since.get_or_insert(now);
        false
    }
}
