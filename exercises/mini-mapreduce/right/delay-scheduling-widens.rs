//! Works out how far the job would go by now, instead of how long it would have to wait.

impl Delay {
    pub fn takes(&mut self, nearest: Locality, waits: &Waits, now: Time) -> bool {
        let mut waited = self.since.map_or(Duration::ZERO, |since| now.since(since));
        let mut reach = self.level;
        if reach == Locality::Node && waited >= waits.node {
            waited -= waits.node;
            reach = Locality::Rack;
        }
        if reach == Locality::Rack && waited >= waits.rack {
            reach = Locality::Any;
        }
        if nearest > reach {
            if self.since.is_none() {
                self.since = Some(now);
            }
            return false;
        }
        self.level = nearest;
        self.since = None;
        true
    }
}
