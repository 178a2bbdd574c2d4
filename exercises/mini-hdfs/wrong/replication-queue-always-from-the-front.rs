//! Every call begins at the most urgent block. A few blocks that cannot be copied, since their only source is busy, then
//! keep all others waiting for ever.
//! caught-by: replication_queue::replication_queue_passes_on_from_blocks_that_cannot_be_copied

impl ReplicationQueue {
    pub fn choose(&mut self, max: usize) -> Vec<BlockId> {
        self.order.values().take(max).copied().collect()
    }
}
