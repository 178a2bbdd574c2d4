//! `inconsistent-offsets`: an offset of a leader epoch belongs to one record, whoever looks, whenever.

use crate::history::{Entry, Past};

pub(crate) const NAME: &str = "inconsistent-offsets";
pub(crate) const SENTENCE: &str = "No offset is reused with other bytes";

/// Notes entries that somebody has seen; an error where another one was seen in the place of one. In a topic that syncs always nothing
/// is seen that a crash takes back, so there the epoch makes no difference.
pub(crate) fn judge(past: &mut Past, entries: &[Entry]) -> Result<(), String> {
    for entry in entries {
        let epoch = if past.topic.syncs_always {
            0
        } else {
            entry.epoch
        };
        let seen = past.seen.entry((entry.offset, epoch)).or_insert(entry.id);
        if *seen != entry.id {
            return Err(format!(
                "{entry:?} stands where record {seen} was seen, in {}",
                past.topic.name
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::made::{log, past};

    #[test]
    fn another_record_at_a_known_offset_is_noticed() {
        let mut past = past("");
        assert_eq!(judge(&mut past, &log("a1 a2 a3").entries), Ok(()));
        assert_eq!(judge(&mut past, &log("_ a2 a3 a4").entries), Ok(()));
        let mut other = log("_ a2 a9").entries;
        assert!(judge(&mut past, &other).is_err());
        other[1].epoch = 1;
        assert_eq!(judge(&mut past, &other), Ok(()), "a later epoch");
        past.topic.syncs_always = true;
        past.seen.clear();
        assert_eq!(judge(&mut past, &log("a1 a2 a3").entries), Ok(()));
        assert!(judge(&mut past, &other).is_err(), "not here");
    }
}
