//! `lost-write`: what a producer was told of, of a topic that syncs always, is in the log for ever.

use crate::history::{LogView, Past};

pub(crate) const NAME: &str = "lost-write";
pub(crate) const SENTENCE: &str = "What was acknowledged and synced is in the log";

/// Whether all that was acknowledged is there, but for what was deleted or compacted since.
pub(crate) fn judge(past: &Past, log: &LogView) -> Result<(), String> {
    if !past.topic.syncs_always {
        return Ok(());
    }
    for (offset, id) in &past.acknowledged {
        if *offset < log.start {
            continue;
        }
        let at = log.entries.partition_point(|entry| entry.offset < *offset);
        let found = log.entries.get(at).filter(|entry| entry.offset == *offset);
        let written = past.written.get(offset);
        let is_obsolete = written.is_some_and(|entry| past.may_be_compacted(entry));
        match found {
            Some(entry) if entry.id == *id => {}
            None if is_obsolete => {}
            found => {
                return Err(format!(
                    "record {id} was acknowledged at offset {offset} of {}; there is {found:?}",
                    past.topic.name
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
    fn a_lost_write_is_noticed() {
        let mut past = past("a1 b2 a3");
        past.topic.syncs_always = true;
        past.acknowledged = vec![(0, 1), (2, 3)];
        assert_eq!(judge(&past, &log("a1 b2 a3")), Ok(()));
        assert!(judge(&past, &log("a1 b2")).is_err());
        assert!(judge(&past, &log("a1 b2 a7")).is_err(), "another one");
        assert!(judge(&past, &log("_ b2 a3")).is_err());
        let mut deleted = log("_ b2 a3");
        deleted.start = 1;
        assert_eq!(judge(&past, &deleted), Ok(()));
        past.topic.compacts = true;
        assert_eq!(judge(&past, &log("_ b2 a3")), Ok(()), "a3 took its place");
        assert!(judge(&past, &log("a1 b2 _")).is_err());
        past.topic.syncs_always = false;
        assert_eq!(judge(&past, &log("")), Ok(()), "nothing was promised");
    }
}
