//! Acknowledges acknowledgements: two packets for each that comes, and the network is full before the first message is delivered.
//! caught-by: total_order::an_acknowledgement_is_noted_and_not_acknowledged

impl<P: Ord + Clone, M: Clone> TotalOrder<P, M> {
    pub fn receive(&mut self, from: &P, packet: Packet<P, M>) -> Option<Packet<P, M>> {
        let time = match &packet {
            Packet::Message { place, .. } => place.time,
            Packet::Ack { time } => *time,
        };
        let heard = self.heard.get_mut(from).filter(|heard| **heard < time)?;
        *heard = time;
        self.time = self.time.max(time) + 1;
        if let Packet::Message { place, payload } = packet {
            self.queue.insert(place, payload);
        }
        Some(Packet::Ack { time: self.time })
    }
}
