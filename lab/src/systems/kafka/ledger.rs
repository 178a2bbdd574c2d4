//! What producers were told is safe, against what is in the log.

use std::collections::{BTreeMap, BTreeSet};

use super::TopicPartition;
use super::producer::{Ack, Sent};
use super::segments::Segment;

/// So many records of a partition are remembered; the oldest go.
const RECORDS_MAX: usize = 20_000;

type Records = BTreeMap<TopicPartition, BTreeMap<i64, Sent>>;

/// Where a partition begins and ends, how far it was read, and what there is of it if it is compacted.
pub(crate) struct Extent<'a> {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) read_to: i64,
    pub(crate) compacted: Option<&'a [Segment]>,
}

/// What was acknowledged and what was read, since the lab looks.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    acknowledged: Records,
    read: Records,
    /// Where each value was first read.
    places: BTreeMap<(String, String), (i32, i64)>,
    twice: BTreeSet<String>,
    lost: BTreeSet<String>,
    /// What a compacted log did not have at the last look: the cleaner may have been swapping files just then.
    suspects: BTreeSet<(TopicPartition, i64)>,
}

fn keep(records: &mut Records, partition: &TopicPartition, offset: i64, record: Sent) {
    let records = records.entry(partition.clone()).or_default();
    records.insert(offset, record);
    if records.len() > RECORDS_MAX {
        records.pop_first();
    }
}

fn shown(record: &Sent) -> &str {
    record.value.as_deref().unwrap_or("a tombstone")
}

fn named((topic, partition): &TopicPartition) -> String {
    format!("{topic}-{partition}")
}

impl Ledger {
    /// A producer was told where its record is.
    pub(crate) fn acknowledge(&mut self, ack: Ack) {
        let (partition, offset) = (ack.partition, ack.offset);
        let earlier = self
            .acknowledged
            .get(&partition)
            .and_then(|of| of.get(&offset));
        if let Some(earlier) = earlier.filter(|earlier| **earlier != ack.record) {
            let text = format!(
                "{} was acknowledged at offset {offset} of {}, where {} is now",
                shown(earlier),
                named(&partition),
                shown(&ack.record)
            );
            self.lost.insert(text);
        }
        keep(&mut self.acknowledged, &partition, offset, ack.record);
    }

    /// A record was read.
    pub(crate) fn read(&mut self, partition: &TopicPartition, offset: i64, record: Sent) {
        if let Some(value) = &record.value {
            let place = (partition.1, offset);
            let key = (partition.0.clone(), value.clone());
            let first = *self.places.entry(key).or_insert(place);
            if first != place {
                let first = format!("{}-{} at {}", partition.0, first.0, first.1);
                let text = format!(
                    "{value} is in {first}, and in {} at {offset}",
                    named(partition)
                );
                self.twice.insert(text);
            }
        }
        keep(&mut self.read, partition, offset, record);
    }

    /// Everything will be read again: the log may be another one than it was.
    pub(crate) fn read_anew(&mut self) {
        self.read.clear();
        self.places.clear();
        self.twice.clear();
    }

    /// Notes what was acknowledged and is not there.
    pub(crate) fn judge(&mut self, extents: &BTreeMap<TopicPartition, Extent<'_>>) {
        let suspects = std::mem::take(&mut self.suspects);
        for (partition, extent) in extents {
            let Some(acknowledged) = self.acknowledged.get(partition) else {
                continue;
            };
            let missing: Vec<(i64, String)> = match extent.compacted {
                Some(segments) => outdated(acknowledged, segments, &named(partition)),
                None => {
                    let nothing = BTreeMap::new();
                    let read = self.read.get(partition).unwrap_or(&nothing);
                    gone(acknowledged, read, extent, &named(partition))
                }
            };
            for (offset, text) in missing {
                let suspect = (partition.clone(), offset);
                if extent.compacted.is_some() && !suspects.contains(&suspect) {
                    self.suspects.insert(suspect);
                    continue;
                }
                self.lost.insert(text);
                // It is told once.
                if let Some(acknowledged) = self.acknowledged.get_mut(partition) {
                    acknowledged.remove(&offset);
                }
            }
        }
    }

    /// What was acknowledged and is not there, a sentence each.
    pub(crate) fn lost(&self) -> Vec<String> {
        self.lost.iter().cloned().collect()
    }

    /// What is there twice, a sentence each.
    pub(crate) fn twice(&self) -> Vec<String> {
        self.twice.iter().cloned().collect()
    }
}

/// Of a log that keeps everything: what is not where it should be.
fn gone(
    acknowledged: &BTreeMap<i64, Sent>,
    read: &BTreeMap<i64, Sent>,
    extent: &Extent<'_>,
    name: &str,
) -> Vec<(i64, String)> {
    let Extent {
        start,
        end,
        read_to,
        ..
    } = extent;
    // What is older than anything that is remembered cannot be compared.
    let first = read.keys().next().copied().unwrap_or(*read_to).max(*start);
    let due = acknowledged.range(first..);
    let gone = due.filter_map(|(offset, record)| {
        let what = shown(record);
        let text = if offset >= end {
            format!("{what} was acknowledged at offset {offset} of {name}, which ends at {end}")
        } else if offset < read_to && read.get(offset) != Some(record) {
            format!("{what} was acknowledged at offset {offset} of {name}, where something else is")
        } else {
            return None;
        };
        Some((*offset, text))
    });
    gone.collect()
}

/// Of a compacted log: keys whose last value is older than the one that was acknowledged.
fn outdated(
    acknowledged: &BTreeMap<i64, Sent>,
    segments: &[Segment],
    name: &str,
) -> Vec<(i64, String)> {
    let mut last: BTreeMap<&str, (i64, &Sent)> = BTreeMap::new();
    for (offset, record) in acknowledged {
        last.insert(&record.key, (*offset, record));
    }
    let records = segments.iter().flat_map(|segment| &segment.records);
    let there: BTreeMap<&str, i64> = records.map(|(at, held)| (held.key.as_str(), *at)).collect();
    let outdated = last.into_iter().filter_map(|(key, (offset, record))| {
        let is_there = there.get(key).is_some_and(|at| *at >= offset);
        // A tombstone goes in the end.
        let may_be_gone = record.value.is_none() && !there.contains_key(key);
        let text = format!(
            "{} was acknowledged as {key} in {name}, and is not there",
            shown(record)
        );
        (!is_there && !may_be_gone).then_some((offset, text))
    });
    outdated.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::kafka::segments::Held;

    fn sent(key: &str, value: Option<&str>) -> Sent {
        Sent {
            key: key.to_owned(),
            value: value.map(str::to_owned),
        }
    }

    fn at(partition: i32) -> TopicPartition {
        ("orders".to_owned(), partition)
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        for offset in 0..3 {
            let record = sent("k", Some(&format!("p1:{offset}")));
            ledger.acknowledge(Ack {
                partition: at(0),
                offset,
                record: record.clone(),
            });
            ledger.read(&at(0), offset, record);
        }
        ledger
    }

    fn judge(ledger: &mut Ledger, end: i64) -> usize {
        let extent = Extent {
            start: 0,
            end,
            read_to: end,
            compacted: None,
        };
        ledger.judge(&BTreeMap::from([(at(0), extent)]));
        ledger.lost().len()
    }

    #[test]
    fn what_is_there_is_not_lost() {
        let mut ledger = ledger();
        assert_eq!(judge(&mut ledger, 3), 0);
        assert!(ledger.twice().is_empty());
    }

    #[test]
    fn a_log_that_is_shorter_than_what_was_acknowledged_has_lost_it() {
        let mut ledger = ledger();
        assert_eq!(judge(&mut ledger, 2), 1);
        assert!(ledger.lost()[0].starts_with("p1:2 was acknowledged at offset 2"));
        // It stays lost, whatever comes to its place.
        ledger.read_anew();
        ledger.read(&at(0), 2, sent("k", Some("p1:3")));
        assert_eq!(judge(&mut ledger, 3), 1);
    }

    #[test]
    fn another_record_in_its_place_is_a_loss() {
        let mut one = ledger();
        one.read(&at(0), 1, sent("k", Some("p2:1")));
        assert_eq!(judge(&mut one, 3), 1);
        let mut two = ledger();
        let record = sent("k", Some("p2:1"));
        two.acknowledge(Ack {
            partition: at(0),
            offset: 1,
            record,
        });
        assert_eq!(two.lost().len(), 1);
    }

    #[test]
    fn a_value_at_two_offsets_is_there_twice() {
        let mut ledger = ledger();
        ledger.read(&at(1), 0, sent("k", Some("p1:1")));
        assert_eq!(
            ledger.twice(),
            ["p1:1 is in orders-0 at 1, and in orders-1 at 0"]
        );
    }

    #[test]
    fn compaction_keeps_the_last_value_of_each_key() {
        let mut ledger = Ledger::default();
        for (offset, key, value) in [(0, "a", Some("1")), (1, "a", Some("2")), (2, "b", None)] {
            ledger.acknowledge(Ack {
                partition: at(0),
                offset,
                record: sent(key, value),
            });
        }
        let mut judge = |records: &[(i64, &str)]| {
            let held = |key: &str| Held {
                key: key.to_owned(),
                value: None,
            };
            let segments = [Segment {
                records: records.iter().map(|(at, key)| (*at, held(key))).collect(),
                ..Segment::default()
            }];
            let extent = Extent {
                start: 0,
                end: 3,
                read_to: 3,
                compacted: Some(&segments),
            };
            let extents = BTreeMap::from([(at(0), extent)]);
            ledger.judge(&extents);
            assert!(ledger.lost().is_empty(), "nobody judges by one look");
            ledger.judge(&extents);
            ledger.lost().len()
        };
        assert_eq!(judge(&[(1, "a"), (2, "b")]), 0);
        assert_eq!(judge(&[(1, "a")]), 0, "a tombstone may be gone");
        assert_eq!(judge(&[(0, "a")]), 1, "an older value is none");
    }
}
