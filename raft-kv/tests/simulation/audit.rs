//! What members do, told here as they do it, and what must always hold of it. The first violation is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use node::Disk;
use raft_kv::store::{Bytes, KeyRange};
use raft_kv::wal::{Position, Wal};

use crate::leasing::Leases;
use crate::service::Heard;
use crate::watching::Watch;

/// A key, and its value if it has one now.
pub(crate) type Change = (Bytes, Option<Bytes>);

/// What a command came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Applied {
    pub(crate) command: Vec<u8>,
    /// The store's revision behind it.
    pub(crate) revision: i64,
    /// What it changed, in the order of keys.
    pub(crate) changes: Vec<Change>,
    /// The store's hash behind it, at some.
    pub(crate) hash: Option<u32>,
}

/// What all members have done so far.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// Who led in each term.
    leaders: BTreeMap<u64, u64>,
    /// What was applied at each index.
    applied: BTreeMap<u64, Applied>,
    /// What happened at each revision.
    history: BTreeMap<i64, Vec<Change>>,
    /// What became of leases.
    pub(crate) leases: Leases,
    /// Of each entry that was in a log: what it said, and which one was before it.
    entries: BTreeMap<(u64, u64), (Vec<u8>, Option<Position>)>,
    /// What was wrong first.
    violation: Option<String>,
    /// What happened, in order.
    pub(crate) trace: Vec<String>,
}

impl Audit {
    /// Keeps the first thing that is wrong.
    pub(crate) fn violated(&mut self, what: String) {
        self.trace.push(format!("VIOLATION {what}"));
        self.violation.get_or_insert(what);
    }

    /// What was wrong first, if anything.
    pub(crate) fn violation(&self) -> Option<String> {
        let leases = self.leases.violation.as_ref();
        self.violation.as_ref().or(leases).cloned()
    }

    /// Somebody takes `leader` for the leader of a term.
    pub(crate) fn leads(&mut self, term: u64, leader: u64) {
        let known = *self.leaders.entry(term).or_insert(leader);
        if known != leader {
            self.violated(format!(
                "election safety: {known} and {leader} lead in term {term}"
            ));
        }
    }

    /// How many terms had a leader.
    pub(crate) fn terms(&self) -> u64 {
        self.leaders.len() as u64
    }

    /// A member whose store was at revision `before` applies a command.
    pub(crate) fn applies(&mut self, member: u64, index: u64, before: i64, applied: &Applied) {
        let after = applied.revision;
        if after - before > 1 || after < before || (after > before) == applied.changes.is_empty() {
            self.violated(format!("revisions: the command at {index} took the store of {member} from {before} to {after}, with {:?}", applied.changes));
        }
        if after > before {
            self.history
                .entry(after)
                .or_insert_with(|| applied.changes.clone());
        }
        let known = self.applied.entry(index).or_insert_with(|| applied.clone());
        if known.command != applied.command {
            self.violated(format!("leader completeness: {member} applies another command at {index} than was applied there"));
        } else if known != applied {
            let text = format!(
                "state machine safety: behind {index} {member} is at {applied:?}, others were at {known:?}"
            );
            self.violated(text);
        }
    }

    /// The last revision that anybody has applied.
    pub(crate) fn revision(&self) -> i64 {
        self.history.last_key_value().map_or(1, |(last, _)| *last)
    }

    /// What happened to the keys of a range from a revision on, up to another one.
    pub(crate) fn changes(
        &self,
        range: &KeyRange,
        from: i64,
        upto: i64,
    ) -> Vec<(i64, Bytes, Option<Bytes>)> {
        let history = self.history.range(from..);
        let history = history.take_while(|(revision, _)| **revision <= upto);
        let changes = history.flat_map(|(revision, changes)| {
            changes
                .iter()
                .map(|(key, value)| (*revision, key.clone(), value.clone()))
        });
        changes.filter(|(_, key, _)| range.contains(key)).collect()
    }

    /// A log as a crash left it.
    pub(crate) fn log(&mut self, member: u64, disk: &mut dyn Disk) {
        let (wal, _) = match Wal::open(disk, 1 << 20) {
            Ok(opened) => opened,
            Err(error) => {
                return self.violated(format!("the log of {member} cannot be opened: {error}"));
            }
        };
        let mut before = wal.purged();
        for location in wal.locations(0, u64::MAX) {
            match location.read(disk) {
                Ok(entry) => self.entry(member, entry.position, entry.payload, before),
                Err(error) => {
                    self.violated(format!("an entry of {member} cannot be read: {error}"));
                }
            }
            before = Some(location.position);
        }
    }

    fn entry(
        &mut self,
        member: u64,
        position: Position,
        payload: Vec<u8>,
        before: Option<Position>,
    ) {
        let found = (payload, before);
        let known = self
            .entries
            .entry((position.term, position.index))
            .or_insert_with(|| found.clone());
        if *known != found {
            self.violated(format!("log matching: {position:?} of {member} is another entry, or follows another one, than elsewhere"));
        }
    }
}

/// Checkers that find nothing in what is bad are worth nothing.
pub(crate) fn checks_find_what_is_bad() -> Result<(), String> {
    let at = |term, index| Position { term, index };
    let applied = |command: &str, revision, hash| Applied {
        command: command.into(),
        revision,
        changes: vec![("k".into(), Some("v".into()))],
        hash: Some(hash),
    };
    type Bad<'a> = (&'static str, &'a dyn Fn(&mut Audit));
    let bad: [Bad<'_>; 8] = [
        ("election safety", &|audit| {
            audit.leads(4, 1);
            audit.leads(4, 2);
        }),
        ("leader completeness", &|audit| {
            audit.applies(1, 7, 1, &applied("a", 2, 9));
            audit.applies(2, 7, 1, &applied("b", 2, 9));
        }),
        ("state machine safety", &|audit| {
            audit.applies(1, 7, 1, &applied("a", 2, 9));
            audit.applies(2, 7, 1, &applied("a", 2, 8));
        }),
        ("revisions", &|audit| {
            audit.applies(1, 7, 1, &applied("a", 3, 9));
        }),
        ("revisions", &|audit| {
            audit.applies(1, 7, 1, &applied("a", 1, 9));
        }),
        ("log matching", &|audit| {
            audit.entry(1, at(2, 5), b"a".to_vec(), Some(at(1, 4)));
            audit.entry(2, at(2, 5), b"a".to_vec(), Some(at(2, 4)));
        }),
        ("log matching", &|audit| {
            audit.entry(1, at(2, 5), b"a".to_vec(), None);
            audit.entry(2, at(2, 5), b"b".to_vec(), None);
        }),
        ("leases", &|audit| {
            audit.leases.lasts(5, Duration::from_secs(3), 2);
            audit.leases.ended(5, Duration::from_millis(4999));
        }),
    ];
    for (what, happens) in bad {
        let mut audit = Audit::default();
        happens(&mut audit);
        let found = audit.violation().unwrap_or_default();
        if !found.starts_with(what) {
            return Err(format!("{what} was violated, and the audit says {found:?}"));
        }
    }
    let mut good = Audit::default();
    good.leads(1, 1);
    good.leads(2, 1);
    good.applies(1, 3, 1, &applied("a", 2, 5));
    good.applies(2, 3, 1, &applied("a", 2, 5));
    good.entry(1, at(1, 1), b"a".to_vec(), None);
    good.entry(2, at(1, 1), b"a".to_vec(), None);
    good.leases.lasts(5, Duration::from_secs(3), 2);
    good.leases.ended(5, Duration::from_secs(5));
    watches_find_what_is_bad()?;
    good.violation().map_or(Ok(()), Err)
}

fn watches_find_what_is_bad() -> Result<(), String> {
    let mut audit = Audit::default();
    let put = |key: &str| (Bytes::from(key), Some(Bytes::from("v")));
    audit.history = BTreeMap::from([
        (2, vec![put("a"), put("b")]),
        (3, vec![put("z")]),
        (4, vec![put("a")]),
    ]);
    let event = |(revision, key): &(i64, &str)| (*revision, (*key).into(), Some("v".into()));
    let heard = |revision, events: &[(i64, &str)]| Heard {
        revision,
        events: events.iter().map(event).collect(),
        ..Heard::default()
    };
    let ended = Heard {
        canceled: Some((String::new(), 2)),
        ..Heard::default()
    };
    let all = [(2, "a"), (2, "b"), (4, "a")];
    let created = Heard {
        is_created: true,
        ..heard(4, &[])
    };
    let part = Heard {
        is_part: true,
        ..heard(4, &all[..2])
    };
    let cases = [
        (
            true,
            vec![created, heard(2, &all[..2]), heard(4, &all[2..])],
        ),
        (true, vec![part.clone(), heard(4, &all[2..]), heard(4, &[])]),
        (true, vec![ended.clone(), heard(4, &all)]),
        (false, vec![heard(4, &[(4, "a"), (2, "a"), (2, "b")])]),
        (false, vec![heard(2, &all[..2]), heard(4, &all)]),
        (false, vec![heard(2, &all[..1])]),
        (false, vec![heard(2, &all[..2]), heard(4, &[])]),
        (false, vec![heard(3, &[(2, "a"), (2, "b"), (3, "z")])]),
        (false, vec![heard(4, &all), part]),
        (false, vec![heard(2, &all[..2]), ended]),
    ];
    for (number, (good, answers)) in cases.into_iter().enumerate() {
        let mut watch = Watch::new(KeyRange::new("a", "c"));
        let last = Heard {
            revision: 4,
            ..Heard::default()
        };
        let mut answers = answers.into_iter().chain([last]);
        let found = answers.try_for_each(|answer| watch.hear(answer, &audit).map(drop));
        if found.is_ok() != good {
            return Err(format!("what watcher {number} hears is judged {found:?}"));
        }
    }
    Ok(())
}
