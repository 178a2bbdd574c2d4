//! What the log knows of idempotent producers (`ProducerStateManager`): whose batch comes next, and which came before.
//!
//! A producer that hears no answer sends its batch again; nobody knows whether the first one arrived. So each batch of an
//! idempotent producer bears the producer's id and a sequence number that counts its records. The leader appends a batch only
//! if its sequence follows the last one. What it has already is answered as if it had been appended just now, with the
//! offsets of then. A producer has at most five batches under way, so remembering the last five of each is enough.
//!
//! The state follows from the log alone: replaying the headers of all batches gives it. Snapshots shorten that.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::record::batch::BatchHeader;

/// How many batches of each producer are remembered: as many as it may have under way
/// (`max.in.flight.requests.per.connection`).
pub const WINDOW: usize = 5;

/// A batch that was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendedBatch {
    /// The sequence of its first record.
    pub base_sequence: i32,
    /// The sequence of its last record.
    pub last_sequence: i32,
    /// The offset of its first record.
    pub base_offset: i64,
    /// The offset of its last record.
    pub last_offset: i64,
    /// Its highest timestamp, in milliseconds.
    pub timestamp: i64,
}

/// What is known of one producer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProducerEntry {
    /// Its latest epoch.
    pub epoch: i16,
    /// Its last batches of that epoch, the oldest first; never empty.
    pub batches: VecDeque<AppendedBatch>,
}

/// What is known of all producers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProducerStates {
    producers: BTreeMap<i64, ProducerEntry>,
}

/// What is to be done with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is new: append it.
    Append,
    /// It was appended before: answer with these offsets.
    Duplicate(AppendedBatch),
}

/// Why a producer's batch is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProducerError {
    /// A later life of the producer has been seen.
    #[error("producer {producer_id} has epoch {epoch}, but epoch {latest} of it has been seen")]
    Fenced {
        /// The producer.
        producer_id: i64,
        /// The batch's epoch.
        epoch: i16,
        /// The latest epoch.
        latest: i16,
    },
    /// A batch before this one is missing, or this one is older than those that are remembered.
    #[error("producer {producer_id} sent sequence {sequence}, but {expected} comes next")]
    OutOfOrder {
        /// The producer.
        producer_id: i64,
        /// The batch's first sequence.
        sequence: i32,
        /// The one that would follow.
        expected: i32,
    },
}

impl ProducerStates {
    /// What is to be done with a batch of this header, of an idempotent producer. Its offsets mean nothing yet.
    ///
    /// A batch whose epoch is that of its producer, and whose first and last sequence are those of one that is remembered, is a
    /// duplicate. Otherwise its first sequence has to follow the last one; behind `i32::MAX` comes 0. A new epoch begins
    /// with 0. Of a producer that is not known any sequence is taken: it may be that its records are too old to be there.
    ///
    /// # Errors
    /// [`ProducerError::Fenced`] of an epoch lower than the producer's; [`ProducerError::OutOfOrder`] of any other sequence
    /// than the next.
    pub fn check(&self, header: &BatchHeader) -> Result<Verdict, ProducerError> {
        // EXERCISE(kafka/idempotence): older epoch, duplicate, next in order, or a gap?
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

    /// Notes a batch of an idempotent producer that is in the log, with the offsets that it has there. In replay too, so it takes
    /// what [`ProducerStates::check`] would not: what is in the log is so.
    pub fn update(&mut self, header: &BatchHeader) {
        // EXERCISE(kafka/idempotence): remember the last five batches of the producer's latest epoch.
        let entry = (self.producers.entry(header.producer_id)).or_insert_with(|| ProducerEntry {
            epoch: header.producer_epoch,
            batches: VecDeque::new(),
        });
        if entry.epoch != header.producer_epoch {
            entry.epoch = header.producer_epoch;
            entry.batches.clear();
        }
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

    /// Keeps these producers alone.
    pub fn retain(&mut self, stays: impl Fn(i64) -> bool) {
        self.producers.retain(|id, _| stays(*id));
    }

    /// The producers, by id.
    pub fn producers(&self) -> &BTreeMap<i64, ProducerEntry> {
        &self.producers
    }

    /// The last sequence of each producer that has one: compaction keeps the batch that ends with it, though it be empty.
    pub(super) fn last_offsets(&self) -> BTreeMap<i64, i64> {
        (self.producers.iter())
            .filter_map(|(id, entry)| Some((*id, entry.batches.back()?.last_offset)))
            .collect()
    }

    /// A snapshot: a CRC32C of what follows, then the state.
    pub fn encode(&self) -> Vec<u8> {
        let state = postcard::to_stdvec(self).unwrap_or_default();
        [&crc32c::crc32c(&state).to_be_bytes(), &state[..]].concat()
    }

    /// The state of a snapshot; none if it is torn or damaged.
    pub fn decode(bytes: &[u8]) -> Option<ProducerStates> {
        let (crc, state) = bytes.split_first_chunk()?;
        if u32::from_be_bytes(*crc) != crc32c::crc32c(state) {
            return None;
        }
        postcard::from_bytes(state).ok()
    }
}
