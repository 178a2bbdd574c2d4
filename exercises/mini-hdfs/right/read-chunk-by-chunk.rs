//! Verifies chunk by chunk, counts in offsets of the block, and cuts the packet down to them at the end.

impl BlockReader {
    pub fn on_packet(&mut self, packet: &Packet) -> Option<Range<usize>> {
        let reader = self.replica().map(|node| node.id);
        for (i, chunk) in packet.data.chunks(512).enumerate() {
            if packet.checksums.get(i).copied() != Some(crc32c::crc32c(chunk)) {
                self.on_failure(format!("chunk {i} of packet {} is damaged", packet.seqno));
                self.corrupt.extend(reader.map(|id| (self.block, id)));
                return None;
            }
        }
        let empty_end = packet.last && packet.data.is_empty();
        if (self.position < packet.offset || self.position > packet.end()) && !empty_end {
            self.on_failure("not the bytes that were asked for".into());
            return None;
        }
        let before = self.position;
        let after = if empty_end {
            before
        } else {
            packet.end().min(self.end()).max(before)
        };
        self.position = after;
        match (packet.last && after < self.end(), self.under_construction) {
            (true, true) => self.ended = true,
            (true, false) => {
                self.on_failure("has not all of the block".into());
                self.corrupt.extend(reader.map(|id| (self.block, id)));
            }
            (false, _) => {}
        }
        if before == after {
            return Some(0..0);
        }
        let in_data = |at: u64| usize::try_from(at - packet.offset).ok();
        Some(in_data(before)?..in_data(after)?)
    }

    pub fn on_failure(&mut self, reason: String) {
        let failed = self
            .locations
            .iter()
            .find(|node| !self.dead.contains(&node.id));
        if let Some(DatanodeInfo { id, address, .. }) = failed {
            self.failures.insert(address.clone(), reason);
            self.dead.insert(*id);
        }
    }

    pub fn on_locations(&mut self, located: &LocatedBlock) {
        self.rounds += 1;
        for node in &located.locations {
            self.dead.remove(&node.id);
        }
        self.locations = located.locations.clone();
        (self.block, self.under_construction) = (located.block, located.under_construction);
    }
}
