//! `nonmonotonic-poll` and `poll-skip`: a consumer sees offsets ascend from where it asked, and none is left out. `unsynced-poll`: of a
//! topic that syncs always it sees nothing that a crash could still take back.

use crate::history::{Entry, Past, Serving};

pub(crate) const NAME: &str = "nonmonotonic-poll";
pub(crate) const SENTENCE: &str = "A consumer never sees an offset go back";
pub(crate) const SKIP_NAME: &str = "poll-skip";
pub(crate) const SKIP_SENTENCE: &str = "A consumer skips no record";

pub(crate) const UNSYNCED_NAME: &str = "unsynced-poll";
pub(crate) const UNSYNCED_SENTENCE: &str =
    "What a consumer sees of a topic that syncs always is durable";

/// Whether all that is served, up to `end`, has been synced.
pub(crate) fn judge_synced(past: &Past, end: i64) -> Result<(), String> {
    if !past.topic.syncs_always || end <= past.synced {
        return Ok(());
    }
    Err(format!(
        "{} is shown up to {end}, and is synced up to {}",
        past.topic.name, past.synced
    ))
}

/// Whether what was polled lies behind where it was asked for, and ascends.
pub(crate) fn judge(serving: &Serving, polled: &[Entry]) -> Result<(), String> {
    let mut last = serving.from - 1;
    for entry in polled {
        if entry.offset <= last {
            return Err(format!(
                "{entry:?} of partition {} comes behind offset {last}",
                serving.partition
            ));
        }
        last = entry.offset;
    }
    Ok(())
}

/// Whether all that had to be in the answer was.
pub(crate) fn judge_skip(serving: &Serving, polled: &[Entry]) -> Result<(), String> {
    let mut polled = polled.iter().map(|entry| entry.offset);
    let missing = (serving.expected.iter()).find(|offset| !polled.any(|found| found == **offset));
    match missing {
        Some(offset) => Err(format!(
            "offset {offset} of partition {} was left out",
            serving.partition
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::made::{log, past};

    #[test]
    fn what_is_shown_too_early_is_noticed() {
        let mut past = past("a1 a2 a3");
        past.synced = 2;
        assert_eq!(judge_synced(&past, 3), Ok(()), "nothing was promised");
        past.topic.syncs_always = true;
        assert_eq!(judge_synced(&past, 2), Ok(()));
        assert!(judge_synced(&past, 3).is_err());
    }

    #[test]
    fn steps_back_and_gaps_are_noticed() {
        let serving = Serving {
            partition: 0,
            from: 1,
            expected: vec![1, 3],
        };
        let entries = log("a1 a2 a3 a4").entries;
        assert_eq!(judge(&serving, &entries[1..]), Ok(()));
        assert!(judge(&serving, &entries).is_err(), "before the start");
        let back = [entries[2], entries[1]];
        assert!(judge(&serving, &back).is_err());
        assert_eq!(judge_skip(&serving, &entries[1..]), Ok(()));
        assert_eq!(judge_skip(&serving, &[entries[1], entries[3]]), Ok(()));
        assert!(judge_skip(&serving, &entries[2..]).is_err());
        assert!(judge_skip(&serving, &entries[1..3]).is_err());
    }
}
