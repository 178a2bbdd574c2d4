//! Stops at the end of a packet and not at the end of what is wanted: the caller gets more than he asked for.
//! caught-by: read::read_hands_on_exactly_the_range

impl BlockReader {
    pub fn on_packet(&mut self, packet: &Packet) -> Option<Range<usize>> {
        if let Err(at) = crate::packet::verify(&packet.data, &packet.checksums) {
            let at = packet.offset + at as u64;
            self.replica_is_corrupt(&format!("checksum error at byte {at} of its replica"));
            return None;
        }
        let takes_up = packet.offset <= self.position && self.position <= packet.end();
        if !takes_up && !(packet.last && packet.data.is_empty()) {
            self.on_failure("bytes are missing".to_owned());
            return None;
        }
        let from = usize::try_from(self.position.saturating_sub(packet.offset)).ok()?;
        let to_hand_on = from.min(packet.data.len())..packet.data.len();
        self.position += to_hand_on.len() as u64;
        if packet.last && self.position < self.end() {
            if self.under_construction {
                self.ended = true;
            } else {
                self.replica_is_corrupt("its replica is too short");
            }
        }
        Some(to_hand_on)
    }
}
