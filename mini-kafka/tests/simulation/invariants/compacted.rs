//! `compacted`: of each key the last value is there, and no deleted key comes back. `tombstone`: that a key is deleted can be seen for
//! `delete.retention.ms` at least.

use std::collections::BTreeMap;
use std::time::Duration;

use node::Time;

use crate::history::{Entry, LogView, Past};

pub(crate) const NAME: &str = "compacted";
pub(crate) const SENTENCE: &str =
    "Compaction never loses the last value of a key, nor revives a deleted one";

pub(crate) const TOMBSTONE_NAME: &str = "tombstone";
pub(crate) const TOMBSTONE_SENTENCE: &str = "A tombstone stays for its time";
/// `delete.retention.ms` of topics that are compacted.
pub(crate) const DELETE_RETENTION: Duration = Duration::from_millis(700);

/// The tombstone of this offset, if it has gone though nothing has replaced it.
fn gone<'a>(past: &'a Past, log: &LogView, offset: i64) -> Option<&'a Entry> {
    let written = past.written.get(&offset)?;
    let mut later = past.written.range(offset + 1..log.end.max(offset + 1));
    let is_replaced = later.any(|(_, later)| later.key == written.key);
    let is_there = log.entries.iter().any(|entry| entry.offset == offset);
    (!is_there && !is_replaced).then_some(written)
}

/// Whether there was anything to judge: tombstones have gone.
pub(crate) fn some_have_gone(past: &Past, log: &LogView) -> bool {
    let offsets = past.tombstones.range(log.start..log.end.max(log.start));
    offsets
        .into_iter()
        .any(|(offset, _)| gone(past, log, *offset).is_some())
}

/// Whether a tombstone has gone that nothing has replaced, before a consumer had the time to see it.
pub(crate) fn judge_tombstones(past: &Past, log: &LogView, now: Time) -> Result<(), String> {
    let young = past.tombstones.range(log.start..log.end.max(log.start));
    for (offset, at) in young.filter(|(_, at)| now.since(**at) < DELETE_RETENTION) {
        if let Some(written) = gone(past, log, *offset) {
            return Err(format!("{written:?}, of {at}, has gone by {now}"));
        }
    }
    Ok(())
}

/// Judges a log that is compacted.
pub(crate) fn judge(past: &Past, log: &LogView) -> Result<(), String> {
    if !past.topic.compacts {
        return Ok(());
    }
    let by_key = |entries: &mut dyn Iterator<Item = Entry>| -> BTreeMap<u8, Entry> {
        entries.map(|entry| (entry.key, entry)).collect()
    };
    let written = past.written.range(log.start..log.end.max(log.start));
    let last = by_key(&mut written.map(|(_, entry)| *entry));
    let found = by_key(&mut log.entries.iter().copied());
    for (key, last) in &last {
        match found.get(key) {
            Some(entry) if entry == last => {}
            None if last.is_tombstone => {}
            found if last.is_tombstone => {
                return Err(format!("{last:?} deleted its key, and {found:?} is there"));
            }
            found => {
                return Err(format!(
                    "{last:?} is the last of its key; there is {found:?}"
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::made::{log, past};

    #[test]
    fn a_tombstone_that_goes_too_early_is_noticed() {
        let mut past = past("a1- b2 c3- b4 c5");
        past.tombstones = BTreeMap::from([(0, Time::from_millis(10)), (2, Time::ZERO)]);
        let judge = |words, now| judge_tombstones(&past, &log(words), Time::from_millis(now));
        assert_eq!(judge("a1- _ _ b4 c5", 500), Ok(()));
        assert!(judge("_ _ _ b4 c5", 709).is_err());
        assert_eq!(judge("_ _ _ b4 c5", 710), Ok(()));
    }

    #[test]
    fn lost_values_and_revived_keys_are_noticed() {
        let mut past = past("a1 b2 a3 b4- c5");
        past.topic.compacts = true;
        for right in ["a1 b2 a3 b4- c5", "_ _ a3 b4- c5", "_ _ a3 _ c5"] {
            assert_eq!(judge(&past, &log(right)), Ok(()), "{right}");
        }
        for wrong in ["a1 _ _ b4- c5", "_ b2 a3 _ c5", "_ _ a3 b4- _ d9"] {
            assert!(judge(&past, &log(wrong)).is_err(), "{wrong}");
        }
    }
}
