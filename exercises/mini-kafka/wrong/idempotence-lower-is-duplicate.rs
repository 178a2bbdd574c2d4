//! Any sequence that is not higher than the last counts as a duplicate: records that never arrived are acknowledged, and lost.
//! caught-by: idempotence::only_the_whole_batch_is_a_duplicate

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
        let last = entry.batches.back().copied();
        if header.producer_epoch == entry.epoch
            && let Some(last) = last
            && header.base_sequence <= last.last_sequence
        {
            let same = |batch: &&AppendedBatch| batch.base_sequence == header.base_sequence;
            return Ok(Verdict::Duplicate(
                entry.batches.iter().find(same).copied().unwrap_or(last),
            ));
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
