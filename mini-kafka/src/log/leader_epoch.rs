//! Which leader wrote which part of the log (`LeaderEpochFileCache`, KIP-101, KIP-320).
//!
//! Each life of a leader has a number of its own, its epoch; every batch bears that of the leader that appended it. From the
//! offset at which each epoch began follows where it ended. Who holds records of an old epoch asks for that, and so learns
//! whether the log has been cut below what it read. Here an epoch is a life of the broker in which it appended something;
//! with replication it will be an election.

/// The beginning of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEntry {
    /// The leader's epoch.
    pub epoch: i32,
    /// The offset of the first record of that epoch.
    pub start_offset: i64,
}

/// The epochs of a log, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaderEpochs {
    entries: Vec<EpochEntry>,
}

impl LeaderEpochs {
    /// Epochs as they stand in a file; none where they do not grow.
    pub fn new(entries: Vec<EpochEntry>) -> Option<LeaderEpochs> {
        let grows = |pair: &[EpochEntry]| {
            pair[0].epoch < pair[1].epoch && pair[0].start_offset <= pair[1].start_offset
        };
        entries
            .windows(2)
            .all(grows)
            .then_some(LeaderEpochs { entries })
    }

    /// Notes that a batch of `epoch` stands at `offset`; says whether that is news.
    pub fn assign(&mut self, epoch: i32, start_offset: i64) -> bool {
        let is_new = self.latest().is_none_or(|latest| latest < epoch);
        if is_new {
            self.entries.push(EpochEntry {
                epoch,
                start_offset,
            });
        }
        is_new
    }

    /// The latest epoch.
    pub fn latest(&self) -> Option<i32> {
        self.entries.last().map(|entry| entry.epoch)
    }

    /// The largest epoch that is not higher than `epoch`, and the offset behind its last record (`OffsetForLeaderEpoch`). None
    /// where the log knows of none as high.
    ///
    /// Of an epoch before the first one here all records are deleted: it is said to end where that one begins, as Kafka has it, so
    /// that who has read some of it goes on at the log's start rather than taking them for lost.
    pub fn end_offset_for(&self, epoch: i32, log_end_offset: i64) -> Option<(i32, i64)> {
        if epoch < 0 {
            // Who asks so has read nothing of any epoch.
            return None;
        }
        let behind = self.entries.partition_point(|entry| entry.epoch <= epoch);
        let found = self.entries[..behind].last().map(|found| found.epoch);
        match (found, self.entries.get(behind)) {
            (found, Some(next)) => Some((found.unwrap_or(epoch), next.start_offset)),
            (Some(found), None) if found == epoch => Some((epoch, log_end_offset)),
            (_, None) => None,
        }
    }

    /// Forgets epochs that begin at or behind the log's end.
    pub fn truncate_from_end(&mut self, end_offset: i64) {
        self.entries.retain(|entry| entry.start_offset < end_offset);
    }

    /// Forgets epochs that ended before the log's start; the one that holds it begins there.
    pub fn truncate_from_start(&mut self, start_offset: i64) {
        let behind = (self.entries).partition_point(|entry| entry.start_offset <= start_offset);
        if let Some(holds) = behind.checked_sub(1) {
            self.entries.drain(..holds);
            self.entries[0].start_offset = start_offset;
        }
    }

    /// The epochs, in order.
    pub fn entries(&self) -> &[EpochEntry] {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let mut epochs = LeaderEpochs::default();
        assert_eq!(epochs.end_offset_for(0, 10), None);
        assert!(epochs.assign(1, 0) && epochs.assign(4, 10) && !epochs.assign(4, 12));
        assert_eq!(epochs.end_offset_for(1, 20), Some((1, 10)));
        assert_eq!(epochs.end_offset_for(3, 20), Some((1, 10)));
        assert_eq!(epochs.end_offset_for(4, 20), Some((4, 20)));
        assert_eq!(epochs.end_offset_for(5, 20), None);
        assert_eq!(epochs.end_offset_for(-1, 20), None);
        epochs.truncate_from_start(12);
        assert_eq!(epochs.end_offset_for(1, 20), Some((1, 12)));
        assert_eq!(
            epochs.entries(),
            [EpochEntry {
                epoch: 4,
                start_offset: 12
            }]
        );
        epochs.truncate_from_end(12);
        assert_eq!(epochs.latest(), None);
    }
}
