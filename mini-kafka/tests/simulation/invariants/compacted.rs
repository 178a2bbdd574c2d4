//! `compacted`: of each key the last value is there, and no deleted key comes back.

use std::collections::BTreeMap;

use crate::history::{Entry, LogView, Past};

pub(crate) const NAME: &str = "compacted";
pub(crate) const SENTENCE: &str =
    "Compaction never loses the last value of a key, nor revives a deleted one";

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
