//! Does not look whether a packet is a copy: what has been delivered is put into the queue, and delivered, a second time.
//! caught-by: total_order::a_copy_changes_nothing

impl<P: Ord + Clone, M: Clone> TotalOrder<P, M> {
    pub fn receive(&mut self, from: &P, packet: Packet<P, M>) -> Option<Packet<P, M>> {
        let time = match &packet {
            Packet::Message { place, .. } => place.time,
            Packet::Ack { time } => *time,
        };
        let heard = self.heard.get_mut(from)?;
        *heard = time.max(*heard);
        self.time = self.time.max(time) + 1;
        match packet {
            Packet::Message { place, payload } => {
                self.queue.insert(place, payload);
                Some(Packet::Ack { time: self.time })
            }
            Packet::Ack { .. } => None,
        }
    }
}
