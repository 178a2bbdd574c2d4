//! What members do, told here as they do it, and what must always hold of it. The first violation is kept.

use std::collections::BTreeMap;

use node::Disk;
use raft_kv::wal::{Position, Wal};

/// What all members have done so far.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// Who led in each term.
    leaders: BTreeMap<u64, u64>,
    /// What was applied at each index, and the revision and, at some, the hash of the store behind it.
    applied: BTreeMap<u64, (Vec<u8>, i64, Option<u32>)>,
    /// Of each entry that was in a log: what it said, and which one was before it.
    entries: BTreeMap<(u64, u64), (Vec<u8>, Option<Position>)>,
    /// What was wrong first.
    pub(crate) violation: Option<String>,
    /// What happened, in order.
    pub(crate) trace: Vec<String>,
}

impl Audit {
    /// Keeps the first thing that is wrong.
    pub(crate) fn violated(&mut self, what: String) {
        self.trace.push(format!("VIOLATION {what}"));
        self.violation.get_or_insert(what);
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

    /// A member applies a command, which brings its store from one revision to another one, with this hash.
    pub(crate) fn applies(
        &mut self,
        member: u64,
        index: u64,
        command: &[u8],
        revisions: (i64, i64),
        hash: Option<u32>,
    ) {
        let (before, after) = revisions;
        if after - before > 1 || after < before {
            self.violated(format!("revisions: the command at {index} took the store of {member} from {before} to {after}"));
        }
        let found = (command.to_vec(), after, hash);
        let known = self.applied.entry(index).or_insert_with(|| found.clone());
        if known.0 != found.0 {
            self.violated(format!("leader completeness: {member} applies another command at {index} than was applied there"));
        } else if *known != found {
            let known = (known.1, known.2);
            self.violated(format!("state machine safety: behind {index} {member} is at {:?}, others were at {known:?}", (after, hash)));
        }
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
    type Bad = (&'static str, fn(&mut Audit));
    let bad: [Bad; 6] = [
        ("election safety", |audit| {
            audit.leads(4, 1);
            audit.leads(4, 2);
        }),
        ("leader completeness", |audit| {
            audit.applies(1, 7, b"a", (1, 2), Some(9));
            audit.applies(2, 7, b"b", (1, 2), Some(9));
        }),
        ("state machine safety", |audit| {
            audit.applies(1, 7, b"a", (1, 2), Some(9));
            audit.applies(2, 7, b"a", (1, 2), Some(8));
        }),
        ("revisions", |audit| {
            audit.applies(1, 7, b"a", (1, 3), Some(9));
        }),
        ("log matching", |audit| {
            let at = |term, index| Position { term, index };
            audit.entry(1, at(2, 5), b"a".to_vec(), Some(at(1, 4)));
            audit.entry(2, at(2, 5), b"a".to_vec(), Some(at(2, 4)));
        }),
        ("log matching", |audit| {
            let at = |term, index| Position { term, index };
            audit.entry(1, at(2, 5), b"a".to_vec(), None);
            audit.entry(2, at(2, 5), b"b".to_vec(), None);
        }),
    ];
    for (what, happens) in bad {
        let mut audit = Audit::default();
        happens(&mut audit);
        let found = audit.violation.unwrap_or_default();
        if !found.starts_with(what) {
            return Err(format!("{what} was violated, and the audit says {found:?}"));
        }
    }
    let mut good = Audit::default();
    good.leads(1, 1);
    good.leads(2, 1);
    good.applies(1, 3, b"a", (1, 2), Some(5));
    good.applies(2, 3, b"a", (1, 2), Some(5));
    good.entry(1, at(1, 1), b"a".to_vec(), None);
    good.entry(2, at(1, 1), b"a".to_vec(), None);
    good.violation.map_or(Ok(()), Err)
}
