//! Every slot that it leaves restarts the clock: where slots become free all the time, it waits for ever.
//! caught-by: delay::waiting_counts_from_the_first_slot_that_was_left

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
            self.level = nearest;
            self.since = None;
            return true;
        }
        self.since = Some(now);
        false
    }
}
