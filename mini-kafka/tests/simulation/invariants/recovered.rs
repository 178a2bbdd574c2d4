//! `recovered`: recovery gives a prefix of what was written, holes of compaction aside, and all that was synced.

use crate::history::{LogView, Past};

pub(crate) const NAME: &str = "recovered";
pub(crate) const SENTENCE: &str =
    "Recovery yields a prefix of what was written, and all that was synced";

/// Judges a log as it was found after a crash.
pub(crate) fn judge(past: &Past, log: &LogView) -> Result<(), String> {
    let (name, synced) = (&past.topic.name, past.synced);
    if log.end < synced {
        return Err(format!(
            "{name} was synced up to {synced}, and ends at {}",
            log.end
        ));
    }
    if log.start < past.deleted_to {
        return Err(format!(
            "{name} was deleted up to {}, and begins at {}",
            past.deleted_to, log.start
        ));
    }
    if log.start > past.deletable_to && !past.topic.has_retention {
        return Err(format!(
            "nobody has deleted {name} up to {}, where it begins",
            log.start
        ));
    }
    for entry in &log.entries {
        let written = past.written.get(&entry.offset);
        if written != Some(entry) {
            return Err(format!("{name} has {entry:?}; written was {written:?}"));
        }
    }
    let mut there = log.entries.iter().map(|entry| entry.offset).peekable();
    for (offset, written) in past.written.range(log.start..log.end.max(log.start)) {
        if there.next_if_eq(offset).is_none() && !past.may_be_compacted(written) {
            return Err(format!("{written:?} is missing in the middle of {name}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::made::{log, past};

    #[test]
    fn what_is_no_prefix_is_noticed() {
        let mut past = past("a1 b2 a3 c4");
        past.synced = 2;
        for right in ["a1 b2", "a1 b2 a3", "a1 b2 a3 c4"] {
            assert_eq!(judge(&past, &log(right)), Ok(()), "{right}");
        }
        for wrong in ["a1", "", "a1 _ a3", "a1 b2 a9", "a1 b2 a3 c4 d5"] {
            assert!(judge(&past, &log(wrong)).is_err(), "{wrong}");
        }
        past.topic.compacts = true;
        assert_eq!(judge(&past, &log("_ b2 a3")), Ok(()));
        assert!(judge(&past, &log("_ _ a3")).is_err());
        let mut later = log("_ b2 a3");
        later.start = 1;
        assert!(judge(&past, &later).is_err(), "nobody deleted it");
        past.deletable_to = 1;
        assert_eq!(judge(&past, &later), Ok(()));
        past.deleted_to = 2;
        assert!(judge(&past, &later).is_err(), "it has come back");
    }
}
