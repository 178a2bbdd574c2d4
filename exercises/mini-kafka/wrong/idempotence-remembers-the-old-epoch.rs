//! The old epoch's batches stay: a batch of the new life with the same sequences is taken for a duplicate, and lost.
//! caught-by: idempotence::a_new_epoch_begins_with_0

impl ProducerStates {
    pub fn update(&mut self, header: &BatchHeader) {
        let fresh = || ProducerEntry {
            epoch: header.producer_epoch,
            batches: VecDeque::new(),
        };
        let entry = self
            .producers
            .entry(header.producer_id)
            .or_insert_with(fresh);
        entry.epoch = header.producer_epoch;
        if entry.batches.len() == WINDOW {
            entry.batches.pop_front();
        }
        entry.batches.push_back(AppendedBatch {
            base_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            timestamp: header.max_timestamp,
        });
    }
}
