//! A new epoch goes on with the old one's sequences: a producer that was started anew, and counts from 0, is refused.
//! caught-by: idempotence::a_new_epoch_begins_with_0

impl ProducerStates {
    pub fn check(&self, header: &BatchHeader) -> Result<Verdict, ProducerError> {
        let producer_id = header.producer_id;
        let Some(entry) = self.producers.get(&producer_id) else {
            return Ok(Verdict::Append);
        };
        if header.producer_epoch < entry.epoch {
            return Err(ProducerError::Fenced {
                producer_id,
                epoch: header.producer_epoch,
                latest: entry.epoch,
            });
        }
        let sequences = (header.base_sequence, header.last_sequence());
        let same = |batch: &&AppendedBatch| (batch.base_sequence, batch.last_sequence) == sequences;
        if let Some(batch) = entry.batches.iter().find(same) {
            return Ok(Verdict::Duplicate(*batch));
        }
        let last = entry.batches.back().map_or(-1, |batch| batch.last_sequence);
        let expected = if last == i32::MAX { 0 } else { last + 1 };
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
