//! Goes on with the next replica and tells nobody of the bad one: it stays on its disk until the others are lost.
//! caught-by: read::read_never_hands_on_a_bad_chunk_and_reports_its_replica

impl BlockReader {
    pub fn on_packet(&mut self, packet: &Packet) -> Option<Range<usize>> {
        if crate::packet::verify(&packet.data, &packet.checksums).is_err() {
            self.on_failure("checksum error".to_owned());
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
            }
        }
        Some(to_hand_on)
    }
}
