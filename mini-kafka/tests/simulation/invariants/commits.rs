//! `committed`: an offset that a consumer was told is committed is there until a later one takes its place.

use crate::history::Past;

pub(crate) const NAME: &str = "committed";
pub(crate) const SENTENCE: &str = "A group's commits survive";

/// Whether what the coordinator has is the last commit that was acknowledged, or one that came later.
pub(crate) fn judge(past: &Past, found: Option<i64>) -> Result<(), String> {
    let Some(last) = past.commits_acknowledged.checked_sub(1) else {
        return Ok(());
    };
    let may_be = &past.commits[last..];
    if may_be.iter().any(|commit| Some(commit.offset) == found) {
        return Ok(());
    }
    Err(format!(
        "{} was committed for {}, and {found:?} is there",
        past.commits[last].offset, past.topic.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Commit;

    #[test]
    fn a_lost_commit_is_noticed() {
        let commit = |offset| Commit { request: 0, offset };
        let mut past = Past {
            commits: [5, 9, 7, 12].map(commit).to_vec(),
            ..Past::default()
        };
        assert_eq!(judge(&past, None), Ok(()), "nothing was promised");
        past.commits_acknowledged = 3;
        assert_eq!(judge(&past, Some(7)), Ok(()));
        assert_eq!(judge(&past, Some(12)), Ok(()));
        for lost in [None, Some(5), Some(9)] {
            assert!(judge(&past, lost).is_err());
        }
    }
}
