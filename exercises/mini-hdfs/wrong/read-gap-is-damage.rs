//! Reports the replica of a node that sent other bytes than it was asked for: the bytes on its disk may be perfect, and
//! they are given up.
//! caught-by: read::read_notices_a_gap_and_a_short_replica

impl BlockReader {
    pub fn on_packet(&mut self, packet: &Packet) -> Option<Range<usize>> {
        if let Err(at) = crate::packet::verify(&packet.data, &packet.checksums) {
            let at = packet.offset + at as u64;
            self.replica_is_corrupt(&format!("checksum error at byte {at} of its replica"));
            return None;
        }
        let takes_up = packet.offset <= self.position && self.position <= packet.end();
        if !takes_up && !(packet.last && packet.data.is_empty()) {
            self.replica_is_corrupt("bytes are missing");
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
