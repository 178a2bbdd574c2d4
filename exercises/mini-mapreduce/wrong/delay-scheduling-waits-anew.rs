//! Each task begins its waiting anew: a job none of whose data is in this cluster runs one task every few seconds.
//! caught-by: delay::patience_that_has_run_out_does_not_come_back_by_itself

impl Delay {
    pub fn takes(&mut self, nearest: Locality, waits: &Waits, now: Time) -> bool {
        let waited = self.since.map_or(Duration::ZERO, |since| now.since(since));
        let needed = match nearest {
            Locality::Node => Duration::ZERO,
            Locality::Rack => waits.node,
            Locality::Any => waits.node + waits.rack,
        };
        if waited >= needed {
            self.since = None;
            return true;
        }
        self.since.get_or_insert(now);
        false
    }
}
