//! Multi-version concurrency control: a key's old versions stay until a compaction, so that one may read as of a revision,
//! and hear what changed since one (etcd's `mvcc` package).
//!
//! Two structures: `keys`, all versions by key, and `log`, which key each revision changed. Compaction says at once what nobody may
//! ask for any more; [`Mvcc::scrub`] gives the room back afterwards, in steps, so that nothing waits for it.

use std::collections::btree_map;
use std::collections::{BTreeMap, VecDeque};

use super::bytes::Bytes;
use super::command::{Event, EventKind, KeyValue, LeaseId, RangeRequest, RangeResponse};
use super::error::StoreError;
use super::history::{KeyHistory, Revision, Version};
use super::key_range::KeyRange;
use super::leases::Leases;
use super::pins::{Pin, Pins};
use super::range::RangeScan;

/// All versions of all keys.
#[derive(Debug)]
pub struct Mvcc {
    pub(super) keys: BTreeMap<Bytes, KeyHistory>,
    /// What each revision from `scrubbed` on changed, oldest first.
    log: VecDeque<(Revision, Bytes)>,
    revision: i64,
    compacted: i64,
    /// Up to which compaction the room has been given back.
    scrubbed: i64,
    /// What the versions take of the quota.
    bytes: u64,
    pins: Pins,
}

/// Some of what happened since a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// In the order of their revisions; of each revision all or none.
    pub events: Vec<Event>,
    /// The revision to go on from.
    pub next: i64,
}

impl Default for Mvcc {
    /// Empty: revision 1, never compacted (which etcd calls −1).
    fn default() -> Mvcc {
        Mvcc::from_versions(1, -1, Vec::new())
    }
}

impl Mvcc {
    /// A store at `revision`, last compacted at `compacted`, with these keys, which ascend.
    pub fn from_versions(revision: i64, compacted: i64, keys: Vec<(Bytes, KeyHistory)>) -> Mvcc {
        let mut log = Vec::new();
        let mut bytes = 0;
        for (key, history) in &keys {
            for version in history.versions() {
                bytes += version.bytes(key);
                if version.modified.main >= compacted {
                    log.push((version.modified, key.clone()));
                }
            }
        }
        log.sort_unstable_by_key(|(revision, _)| *revision);
        Mvcc {
            keys: keys.into_iter().collect(),
            log: log.into(),
            revision,
            compacted,
            scrubbed: compacted,
            bytes,
            pins: Pins::default(),
        }
    }

    /// The last revision.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The revision of the last compaction; −1 before the first. What is older cannot be read.
    pub fn compacted(&self) -> i64 {
        self.compacted
    }

    /// What keys and values take, in bytes, those included that a compaction has not yet given back.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many versions are kept, tombstones included.
    pub fn versions(&self) -> usize {
        let histories = self.keys.values();
        histories.map(|history| history.versions().len()).sum()
    }

    pub(super) fn pin(&self, revision: i64) -> Pin {
        self.pins.pin(revision)
    }

    /// Whether what this pin keeps is here, and stays.
    pub(super) fn holds(&self, pin: &Pin) -> bool {
        self.pins.holds(pin)
    }

    /// The keys of a range with their histories; whether they are there, their histories know.
    pub(super) fn select(&self, range: &KeyRange) -> btree_map::Range<'_, Bytes, KeyHistory> {
        self.keys.range::<[u8], _>(range.bounds())
    }

    /// Those keys of a range that are there at a revision.
    pub(super) fn at<'a>(
        &'a self,
        range: &KeyRange,
        revision: i64,
    ) -> impl Iterator<Item = KeyValue> + use<'a> {
        self.select(range)
            .filter_map(move |(key, history)| history.at(revision)?.key_value(key))
    }

    /// Reads.
    ///
    /// # Errors
    /// `Compacted` and `FutureRevision`.
    pub fn range(&self, request: &RangeRequest) -> Result<RangeResponse, StoreError> {
        self.range_in(request, self.revision)
    }

    /// Reads in a transaction, for which `current` is the last revision.
    fn range_in(&self, request: &RangeRequest, current: i64) -> Result<RangeResponse, StoreError> {
        let mut scan = RangeScan::begin(request.clone(), current, self.compacted)?;
        scan.step(self, usize::MAX);
        Ok(scan.finish())
    }

    /// Begins a transaction that writes.
    pub(super) fn write<'a>(&'a mut self, leases: &'a mut Leases) -> Write<'a> {
        Write {
            mvcc: self,
            leases,
            events: Vec::new(),
        }
    }

    /// From now on nothing before `revision` can be asked for.
    ///
    /// # Errors
    /// `Compacted` where that was so before, `FutureRevision`.
    pub fn compact(&mut self, revision: i64) -> Result<(), StoreError> {
        let _ = revision;
        todo!("raft/compaction: not twice, not in the future; what goes goes later, in `scrub`.")
    }

    /// Gives back some of the room of what compactions made obsolete: looks at up to `changes_max` changes. Says whether more is
    /// left that nobody reads.
    ///
    /// Only a key that was changed since the last compaction can have something obsolete, and the log knows which those are.
    pub fn scrub(&mut self, changes_max: usize) -> bool {
        let pinned = self.pins.oldest().unwrap_or(i64::MAX);
        let floor = self.compacted.min(pinned);
        if floor <= self.scrubbed {
            return false;
        }
        for _ in 0..changes_max {
            match self.log.front() {
                Some((revision, _)) if revision.main < floor => {}
                _ => {
                    // What changed at the floor itself can still be watched from there, so it stays in the log.
                    let at_floor = |(revision, _): &&(Revision, Bytes)| revision.main == floor;
                    let keys = self.log.iter().take_while(at_floor);
                    for key in keys.map(|(_, key)| key.clone()).collect::<Vec<_>>() {
                        self.forget(&key, floor);
                    }
                    self.scrubbed = floor;
                    self.log.shrink_to(2 * self.log.len());
                    return false;
                }
            }
            if let Some((_, key)) = self.log.pop_front() {
                self.forget(&key, floor);
            }
        }
        true
    }

    /// Removes what of a key is obsolete at `floor`, and the key with its last version.
    fn forget(&mut self, key: &Bytes, floor: i64) {
        let Some(history) = self.keys.get_mut(key) else {
            return;
        };
        let count = history.obsolete(floor);
        if count == 0 {
            return;
        }
        let versions = &history.versions()[..count];
        self.bytes -= versions.iter().map(|v| v.bytes(key)).sum::<u64>();
        if count == history.versions().len() {
            self.keys.remove(key);
        } else {
            history.forget(count);
        }
    }

    /// What happened to the keys of `range` from revision `from` on, in the order in which it happened: a page of `events_max` events,
    /// and more where that would end within a revision. A page may end with fewer, since it looks at no more than 64 changes for each.
    ///
    /// # Errors
    /// `Compacted` where some of it may be gone.
    pub fn events_since(
        &self,
        range: &KeyRange,
        from: i64,
        events_max: usize,
    ) -> Result<EventPage, StoreError> {
        let _ = (range, from, events_max);
        todo!(
            "raft/watch: the log from `from` on (of a single key: its versions), cut only between revisions."
        )
    }

    pub(super) fn version(&self, key: &Bytes, revision: Revision) -> Option<&Version> {
        let versions = self.keys.get(key)?.versions();
        let search = versions.binary_search_by_key(&revision, |version| version.modified);
        versions.get(search.ok()?)
    }

    /// What the change of `key` at `revision` was.
    pub fn event(&self, key: &Bytes, revision: Revision) -> Option<Event> {
        let versions = self.keys.get(key)?.versions();
        let search = versions.binary_search_by_key(&revision, |version| version.modified);
        let index = search.ok()?;
        let before = versions[..index].iter().rev();
        let prev = before
            .skip_while(|version| version.modified.main == revision.main)
            .find(|_| revision.main > self.compacted)
            .and_then(|version| version.key_value(key));
        Some(event(key, &versions[index], prev))
    }
}

/// The changes of one key from a revision on.
#[allow(dead_code, reason = "nobody calls it before the exercise is done")]
fn changes_of<'a>(
    key: &'a Bytes,
    history: &'a KeyHistory,
    from: i64,
) -> impl Iterator<Item = (Revision, &'a Bytes)> {
    let versions = history.versions();
    let first = versions.partition_point(|version| version.modified.main < from);
    versions[first..]
        .iter()
        .map(move |version| (version.modified, key))
}

fn event(key: &Bytes, version: &Version, prev_kv: Option<KeyValue>) -> Event {
    let deleted = || KeyValue {
        key: key.clone(),
        mod_revision: version.modified.main,
        ..KeyValue::default()
    };
    Event {
        kind: match version.value {
            Some(_) => EventKind::Put,
            None => EventKind::Delete,
        },
        kv: version.key_value(key).unwrap_or_else(deleted),
        prev_kv,
    }
}

/// A transaction that writes: all of it gets one revision, the next, if it changes anything.
#[derive(Debug)]
pub(super) struct Write<'a> {
    mvcc: &'a mut Mvcc,
    leases: &'a mut Leases,
    events: Vec<Event>,
}

impl Write<'_> {
    /// The last revision, as the transaction sees it.
    pub(super) fn revision(&self) -> i64 {
        self.mvcc.revision + i64::from(!self.events.is_empty())
    }

    /// What the key is now.
    pub(super) fn get(&self, key: &[u8]) -> Option<KeyValue> {
        let (key, history) = self.mvcc.keys.get_key_value(key)?;
        history.at(self.revision())?.key_value(key)
    }

    pub(super) fn range(&self, request: &RangeRequest) -> Result<RangeResponse, StoreError> {
        self.mvcc.range_in(request, self.revision())
    }

    /// Writes `key`.
    pub(super) fn put(&mut self, key: &Bytes, value: &Bytes, lease: LeaseId) {
        self.change(key, |history, revision| {
            history.put(revision, value.clone(), lease);
        });
    }

    /// Deletes what is there of `range`; says what that was.
    pub(super) fn delete_range(&mut self, range: &KeyRange) -> Vec<KeyValue> {
        let deleted: Vec<KeyValue> = self.mvcc.at(range, self.revision()).collect();
        for kv in &deleted {
            self.change(&kv.key, KeyHistory::delete);
        }
        deleted
    }

    fn change(&mut self, key: &Bytes, add_version: impl FnOnce(&mut KeyHistory, Revision)) {
        let main = self.mvcc.revision + 1;
        let sub = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        let entry = self.mvcc.keys.entry(key.clone());
        let key = entry.key().clone();
        let history = entry.or_default();
        // Nearly always the last version, and a search through many would fetch each that it looks at from memory.
        let before = history.versions().iter().rev();
        let prev = before.skip_while(|version| version.modified.main == main);
        let prev_kv = prev.take(1).find_map(|prev| prev.key_value(&key));
        let lease = history.versions().last().map_or(0, |last| last.lease);
        add_version(history, Revision { main, sub });
        if let Some(version) = history.versions().last() {
            self.leases.attach(&key, lease, version.lease);
            self.mvcc.bytes += version.bytes(&key);
            self.events.push(event(&key, version, prev_kv));
        }
        self.mvcc.log.push_back((Revision { main, sub }, key));
    }

    /// Ends the transaction; says what it changed.
    pub(super) fn end(self) -> Vec<Event> {
        self.mvcc.revision = self.revision();
        self.events
    }
}
