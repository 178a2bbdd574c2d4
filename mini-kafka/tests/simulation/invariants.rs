//! What must hold in every run, each in a file of its own. Anomalies have the names by which Jepsen's tests of Kafka know them.
//!
//! | invariant | in a sentence |
//! | --- | --- |
//! | [`lost_write`] | What was acknowledged and synced is in the log. |
//! | [`exactly_once`] | A record of an idempotent producer is in the log once, and in its order. |
//! | [`inconsistent_offsets`] | No offset is reused with other bytes. |
//! | [`polls`] | A consumer never sees an offset go back, skips no record, and sees nothing that may yet be lost where all is synced. |
//! | [`recovered`] | Recovery yields a prefix of what was written, and all that was synced. |
//! | [`compacted`] | Compaction never loses the last value of a key, nor revives a deleted one; a tombstone stays for its time. |
//! | [`owners`] | In a generation a partition has one owner. |
//! | [`commits`] | A group's commits survive. |
//! | [`progress`] | Once all is mended, all is sent and acknowledged, and all that is in the logs is read. |
//!
//! Processes judge at the moment when something can be seen -- a log that was opened, an answer that came -- and note what does not
//! hold in the history.

pub(crate) mod commits;
pub(crate) mod compacted;
pub(crate) mod exactly_once;
pub(crate) mod inconsistent_offsets;
pub(crate) mod lost_write;
pub(crate) mod owners;
pub(crate) mod polls;
pub(crate) mod progress;
pub(crate) mod recovered;

use sim::{Invariant, World};

use crate::cluster::Member;
use crate::history::{History, LogView, Shared};

/// Judges a whole log, as it has just been read.
pub(crate) fn judge_log(history: &mut History, partition: usize, log: &LogView) {
    let senders = std::mem::take(&mut history.senders);
    let past = &mut history.partitions[partition];
    let mut findings = vec![
        (recovered::NAME, recovered::judge(past, log)),
        (lost_write::NAME, lost_write::judge(past, log)),
        (compacted::NAME, compacted::judge(past, log)),
        (
            inconsistent_offsets::NAME,
            inconsistent_offsets::judge(past, &log.entries),
        ),
    ];
    // What a producer was told of and a crash has taken back, it cannot number any more.
    if past.topic.syncs_always {
        findings.push((exactly_once::NAME, exactly_once::judge(&senders, log)));
        let order = exactly_once::judge_order(&senders, log);
        findings.push((exactly_once::ORDER_NAME, order));
    }
    history.senders = senders;
    for (invariant, judged) in findings {
        history.find(invariant, judged);
    }
}

/// An invariant that processes judge.
struct Finding {
    name: &'static str,
    sentence: &'static str,
    history: Shared,
}

impl Invariant<Member> for Finding {
    fn name(&self) -> &'static str {
        self.name
    }

    fn sentence(&self) -> &'static str {
        self.sentence
    }

    fn check(&mut self, _world: &World<Member>) -> Result<(), String> {
        match self.history.borrow().findings.get(self.name) {
            Some(text) => Err(text.clone()),
            None => Ok(()),
        }
    }
}

/// All that must hold all along.
pub(crate) fn all(history: &Shared) -> Vec<Box<dyn Invariant<Member>>> {
    let names = [
        (lost_write::NAME, lost_write::SENTENCE),
        (exactly_once::NAME, exactly_once::SENTENCE),
        (exactly_once::ORDER_NAME, exactly_once::ORDER_SENTENCE),
        (inconsistent_offsets::NAME, inconsistent_offsets::SENTENCE),
        (polls::NAME, polls::SENTENCE),
        (polls::SKIP_NAME, polls::SKIP_SENTENCE),
        (polls::UNSYNCED_NAME, polls::UNSYNCED_SENTENCE),
        (recovered::NAME, recovered::SENTENCE),
        (compacted::NAME, compacted::SENTENCE),
        (compacted::TOMBSTONE_NAME, compacted::TOMBSTONE_SENTENCE),
        (owners::NAME, owners::SENTENCE),
        (commits::NAME, commits::SENTENCE),
    ];
    let finding = |(name, sentence)| -> Box<dyn Invariant<Member>> {
        Box::new(Finding {
            name,
            sentence,
            history: history.clone(),
        })
    };
    names.map(finding).into()
}

/// States made by hand, for the tests of invariants.
#[cfg(test)]
pub(crate) mod made {
    use crate::history::{Entry, LogView, Past};

    /// A log of a word for each offset: a key and an id, `-` for a tombstone; `_` where there is none.
    pub(crate) fn log(words: &str) -> LogView {
        let words: Vec<&str> = words.split_whitespace().collect();
        let entry = |(offset, word): (usize, &&str)| {
            let id = word[1..].trim_end_matches('-').parse().ok()?;
            Some(Entry {
                offset: i64::try_from(offset).ok()?,
                epoch: 0,
                id,
                key: word.as_bytes()[0],
                is_tombstone: word.ends_with('-'),
            })
        };
        LogView {
            start: 0,
            end: i64::try_from(words.len()).unwrap_or(0),
            entries: words.iter().enumerate().filter_map(entry).collect(),
        }
    }

    /// A past in which that was written.
    pub(crate) fn past(words: &str) -> Past {
        let entries = log(words).entries.into_iter();
        Past {
            written: entries.map(|entry| (entry.offset, entry)).collect(),
            ..Past::default()
        }
    }
}
