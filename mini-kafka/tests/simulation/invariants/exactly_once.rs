//! `duplicate` and `nonmonotonic-send`: what an idempotent producer sent is in the log once, and in its order.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{LogView, Sender};

pub(crate) const NAME: &str = "duplicate";
pub(crate) const SENTENCE: &str = "A record of an idempotent producer is in the log once";
pub(crate) const ORDER_NAME: &str = "nonmonotonic-send";
pub(crate) const ORDER_SENTENCE: &str =
    "Records of an idempotent producer are in the log in the order in which it sent them";

/// Whether a record is there twice.
pub(crate) fn judge(senders: &BTreeMap<u64, Sender>, log: &LogView) -> Result<(), String> {
    let mut ids = BTreeSet::new();
    for entry in &log.entries {
        let is_idempotent = senders.get(&entry.id).is_some_and(|s| s.is_idempotent);
        if is_idempotent && !ids.insert(entry.id) {
            let twice = log.entries.iter().filter(|other| other.id == entry.id);
            let offsets: Vec<i64> = twice.map(|entry| entry.offset).collect();
            return Err(format!("record {} is there at {offsets:?}", entry.id));
        }
    }
    Ok(())
}

/// Whether one is before an earlier one of the same producer. Ids grow as they are sent.
pub(crate) fn judge_order(senders: &BTreeMap<u64, Sender>, log: &LogView) -> Result<(), String> {
    let mut last: BTreeMap<u64, u64> = BTreeMap::new();
    for entry in &log.entries {
        let sender = senders.get(&entry.id).filter(|s| s.is_idempotent);
        let Some(sender) = sender else { continue };
        let before = last.insert(sender.producer, entry.id);
        if before.is_some_and(|before| before > entry.id) {
            return Err(format!("{entry:?} stands behind record {before:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::made::log;

    #[test]
    fn duplicates_and_disorder_are_noticed() {
        let sender = |producer, is_idempotent| Sender {
            producer,
            is_idempotent,
        };
        let senders = BTreeMap::from([
            (1, sender(7, true)),
            (2, sender(7, true)),
            (3, sender(8, true)),
            (4, sender(9, false)),
        ]);
        assert_eq!(judge(&senders, &log("a3 a1 a2 a4 a4")), Ok(()));
        assert!(judge(&senders, &log("a1 a2 a1")).is_err());
        assert_eq!(judge_order(&senders, &log("a3 a1 a4 a2")), Ok(()));
        assert!(judge_order(&senders, &log("a2 a3 a1")).is_err());
    }
}
