//! Stamps are compared as pairs, and an arrival is a tick after a jump.

impl<P: Ord> Ord for Stamp<P> {
    fn cmp(&self, other: &Stamp<P>) -> Ordering {
        (self.time, &self.process).cmp(&(other.time, &other.process))
    }
}

impl<P: Clone> LamportClock<P> {
    pub fn tick(&mut self) -> Stamp<P> {
        if let Some(next) = self.time.checked_add(1) {
            self.time = next;
        }
        let process = self.process.clone();
        let time = self.time;
        Stamp { time, process }
    }

    pub fn observe(&mut self, sent: u64) -> Stamp<P> {
        if sent > self.time {
            self.time = sent;
        }
        self.tick()
    }
}
