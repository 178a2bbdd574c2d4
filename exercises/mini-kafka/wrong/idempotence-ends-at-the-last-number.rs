//! Behind the last sequence comes one more: after two billion records the producer is refused, or the broker ends.
//! caught-by: idempotence::sequences_go_around

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
        let expected = if header.producer_epoch > entry.epoch {
            0
        } else {
            let sequences = (header.base_sequence, header.last_sequence());
            let same =
                |batch: &&AppendedBatch| (batch.base_sequence, batch.last_sequence) == sequences;
            if let Some(batch) = entry.batches.iter().find(same) {
                return Ok(Verdict::Duplicate(*batch));
            }
            entry
                .batches
                .back()
                .map_or(0, |batch| batch.last_sequence.wrapping_add(1))
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
