//! Nobody is fenced: a producer that was thought dead goes on writing beside the one that took its place.
//! caught-by: idempotence::an_old_epoch_is_fenced

impl ProducerStates {
    pub fn check(&self, header: &BatchHeader) -> Result<Verdict, ProducerError> {
        let producer_id = header.producer_id;
        let Some(entry) = self.producers.get(&producer_id) else {
            return Ok(Verdict::Append);
        };
        let expected = if header.producer_epoch > entry.epoch {
            0
        } else {
            let sequences = (header.base_sequence, header.last_sequence());
            let same =
                |batch: &&AppendedBatch| (batch.base_sequence, batch.last_sequence) == sequences;
            if let Some(batch) = entry.batches.iter().find(same) {
                return Ok(Verdict::Duplicate(*batch));
            }
            let last = entry.batches.back().map_or(-1, |batch| batch.last_sequence);
            if last == i32::MAX { 0 } else { last + 1 }
        };
        if header.base_sequence == expected {
            Ok(Verdict::Append)
        } else {
            Err(ProducerError::OutOfOrder {
                producer_id,
                sequence: header.base_sequence,
                expected,
            })
        }
    }
}
