//! Throws away the good bytes of a last packet that comes too early, though it has moved past them: they are missing from the file.
//! caught-by: read::read_hands_on_what_a_short_replica_still_had

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
        let from = self.position.saturating_sub(packet.offset);
        let to = self
            .end()
            .clamp(self.position, packet.end().max(self.position));
        let to = to
            .saturating_sub(packet.offset)
            .min(packet.data.len() as u64);
        let (from, to) = (usize::try_from(from).ok()?, usize::try_from(to).ok()?);
        let to_hand_on = from.min(to)..to;
        self.position += to_hand_on.len() as u64;
        if packet.last && self.position < self.end() {
            if self.under_construction {
                self.ended = true;
            } else {
                self.replica_is_corrupt("its replica is too short");
                return None;
            }
        }
        Some(to_hand_on)
    }
}
