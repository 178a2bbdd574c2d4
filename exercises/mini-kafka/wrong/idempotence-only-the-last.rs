//! Knows the last batch only: with five under way, a lost answer to the first of them is a gap, and the producer gives up.
//! caught-by: idempotence::five_batches_are_remembered

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
            let last = entry.batches.back();
            let last = last.filter(|batch| {
                batch.base_sequence == header.base_sequence
                    && batch.last_sequence == header.last_sequence()
            });
            if let Some(batch) = last {
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
