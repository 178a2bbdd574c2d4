//! Compares epochs once, with a match; the window is cut from the front after each batch.

impl ProducerStates {
    pub fn check(&self, header: &BatchHeader) -> Result<Verdict, ProducerError> {
        let Some(entry) = self.producers.get(&header.producer_id) else {
            return Ok(Verdict::Append);
        };
        let next = match header.producer_epoch.cmp(&entry.epoch) {
            std::cmp::Ordering::Less => {
                return Err(ProducerError::Fenced {
                    producer_id: header.producer_id,
                    epoch: header.producer_epoch,
                    latest: entry.epoch,
                });
            }
            std::cmp::Ordering::Greater => 0,
            std::cmp::Ordering::Equal => {
                for batch in entry.batches.iter().rev() {
                    if batch.base_sequence == header.base_sequence
                        && batch.last_offset - batch.base_offset
                            == i64::from(header.last_offset_delta)
                    {
                        return Ok(Verdict::Duplicate(*batch));
                    }
                }
                let last = entry
                    .batches
                    .iter()
                    .next_back()
                    .map(|batch| batch.last_sequence);
                last.map_or(0, |last| last.checked_add(1).unwrap_or(0))
            }
        };
        if header.base_sequence != next {
            return Err(ProducerError::OutOfOrder {
                producer_id: header.producer_id,
                sequence: header.base_sequence,
                expected: next,
            });
        }
        Ok(Verdict::Append)
    }

    pub fn update(&mut self, header: &BatchHeader) {
        let batch = AppendedBatch {
            base_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            timestamp: header.max_timestamp,
        };
        let same_life = (self.producers.get_mut(&header.producer_id))
            .filter(|entry| entry.epoch == header.producer_epoch);
        if let Some(entry) = same_life {
            entry.batches.push_back(batch);
            while entry.batches.len() > WINDOW {
                entry.batches.pop_front();
            }
        } else {
            let entry = ProducerEntry {
                epoch: header.producer_epoch,
                batches: VecDeque::from([batch]),
            };
            self.producers.insert(header.producer_id, entry);
        }
    }
}
