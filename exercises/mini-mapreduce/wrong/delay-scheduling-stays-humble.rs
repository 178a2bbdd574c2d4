//! Once it has taken something far, anything will do for ever: one busy minute, and the rest of the job reads over the network.
//! caught-by: delay::a_slot_near_data_makes_the_job_choosy_again

impl Delay {
    pub fn takes(&mut self, nearest: Locality, waits: &Waits, now: Time) -> bool {
        let waited = self.since.map_or(Duration::ZERO, |since| now.since(since));
        let needed = match (self.level, nearest) {
            (Locality::Node, Locality::Rack) => waits.node,
            (Locality::Node, Locality::Any) => waits.node + waits.rack,
            (Locality::Rack, Locality::Any) => waits.rack,
            _ => Duration::ZERO,
        };
        if waited >= needed {
            self.level = self.level.max(nearest);
            self.since = None;
            return true;
        }
        self.since.get_or_insert(now);
        false
    }
}
