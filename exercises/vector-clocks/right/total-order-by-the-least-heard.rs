//! The least time that was heard from anybody is a line across the queue: what is not above it is split off at once. The clock goes two
//! steps on, one for the receipt and one for the acknowledgement.

impl<P: Ord + Clone, M: Clone> TotalOrder<P, M> {
    pub fn receive(&mut self, from: &P, packet: Packet<P, M>) -> Option<Packet<P, M>> {
        match packet {
            Packet::Ack { time } => {
                let is_new = self.heard.get(from).is_some_and(|heard| time > *heard);
                if is_new {
                    self.heard.insert(from.clone(), time);
                    self.time = self.time.max(time) + 1;
                }
                None
            }
            Packet::Message { place, payload } => {
                let time = place.time;
                let is_new = self.heard.get(from).is_some_and(|heard| time > *heard);
                if !is_new {
                    return None;
                }
                self.heard.insert(from.clone(), time);
                self.time = self.time.max(time) + 2;
                self.queue.entry(place).or_insert(payload);
                Some(Packet::Ack { time: self.time })
            }
        }
    }

    pub fn deliver(&mut self) -> Vec<(Place<P>, M)> {
        let least = self.heard.values().copied().min().unwrap_or(u64::MAX);
        let (due, waiting): (Vec<(Place<P>, M)>, Vec<(Place<P>, M)>) =
            std::mem::take(&mut self.queue).into_iter().partition(|(place, _)| place.time <= least);
        self.queue.extend(waiting);
        due
    }
}
