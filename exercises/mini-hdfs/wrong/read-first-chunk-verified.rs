//! Verifies the first chunk of each packet and takes the others on trust: a packet has up to 128.
//! caught-by: read::read_checks_every_chunk_of_a_packet

impl BlockReader {
    pub fn on_packet(&mut self, packet: &Packet) -> Option<Range<usize>> {
        let first = packet.data.len().min(512);
        if crate::packet::verify(&packet.data[..first], &packet.checksums).is_err() {
            self.replica_is_corrupt("checksum error");
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
