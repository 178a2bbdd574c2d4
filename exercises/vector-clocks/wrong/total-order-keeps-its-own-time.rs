//! The clock counts what happens here, whatever it hears: an answer gets a place before its question, and others have delivered beyond it.
//! caught-by: total_order::a_message_is_acknowledged_later_than_it_was_sent

impl<P: Ord + Clone, M: Clone> TotalOrder<P, M> {
    pub fn receive(&mut self, from: &P, packet: Packet<P, M>) -> Option<Packet<P, M>> {
        let time = match &packet {
            Packet::Message { place, .. } => place.time,
            Packet::Ack { time } => *time,
        };
        let heard = self.heard.get_mut(from).filter(|heard| **heard < time)?;
        *heard = time;
        self.time += 1;
        match packet {
            Packet::Message { place, payload } => {
                self.queue.insert(place, payload);
                Some(Packet::Ack { time: self.time })
            }
            Packet::Ack { .. } => None,
        }
    }
}
