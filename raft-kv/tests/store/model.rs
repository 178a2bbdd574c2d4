//! A model of the store: a list of all changes ever made, and everything worked out from its beginning each time.

use std::collections::BTreeMap;

use proptest::prelude::*;
use raft_kv::store::{
    Bytes, Command, Compare, CompareResult, CompareTarget, DeleteRangeResponse, Event, EventKind,
    KeyRange, KeyValue, Op, OpResponse, PutResponse, RangeRequest, RangeResponse, Reply, Response,
    SortOrder, SortTarget, Store, StoreError, TxnRequest, TxnResponse,
};

use crate::random::{Step, range_request, steps};

#[derive(Clone, Debug)]
struct Change {
    main: i64,
    key: Bytes,
    /// Value and lease; none is a deletion.
    put: Option<(Bytes, i64)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    changes: Vec<Change>,
    revision: i64,
    compacted: i64,
    leases: BTreeMap<i64, i64>,
}

type State = BTreeMap<Bytes, KeyValue>;

impl Model {
    pub(crate) fn new() -> Model {
        Model {
            changes: Vec::new(),
            revision: 1,
            compacted: -1,
            leases: BTreeMap::new(),
        }
    }

    pub(crate) fn at(&self, revision: i64) -> State {
        let upto = self.changes.iter().filter(|c| c.main <= revision).count();
        self.behind(upto)
    }

    /// What is there behind the first `count` changes.
    fn behind(&self, count: usize) -> State {
        let mut state = State::new();
        for change in &self.changes[..count] {
            let key = change.key.clone();
            let Some((value, lease)) = change.put.clone() else {
                state.remove(&key);
                continue;
            };
            let before = state.get(&key);
            let kv = KeyValue {
                key: key.clone(),
                create_revision: before.map_or(change.main, |kv| kv.create_revision),
                mod_revision: change.main,
                version: before.map_or(1, |kv| kv.version + 1),
                value,
                lease,
            };
            state.insert(key, kv);
        }
        state
    }

    /// What a watcher of `range` hears from a revision on.
    pub(crate) fn events(&self, range: &KeyRange, from: i64) -> Vec<Event> {
        let event = |(i, change): (usize, &Change)| Event {
            kind: match change.put {
                Some(_) => EventKind::Put,
                None => EventKind::Delete,
            },
            kv: (self.behind(i + 1).remove(&change.key)).unwrap_or_else(|| KeyValue {
                key: change.key.clone(),
                mod_revision: change.main,
                ..KeyValue::default()
            }),
            prev_kv: self.at(change.main - 1).remove(&change.key),
        };
        let all = self.changes.iter().enumerate();
        let wanted = all.filter(|(_, c)| c.main >= from && range.contains(&c.key));
        wanted.map(event).collect()
    }

    pub(crate) fn revision(&self) -> i64 {
        self.revision
    }

    fn now(&self) -> State {
        self.at(i64::MAX)
    }

    fn range(&self, request: &RangeRequest, current: i64) -> Result<RangeResponse, StoreError> {
        let at = match request.revision {
            0 => current,
            revision => revision,
        };
        if at > current {
            return Err(StoreError::FutureRevision);
        }
        if at < self.compacted {
            return Err(StoreError::Compacted);
        }
        let state = self.at(at);
        let found = state.values().filter(|kv| request.range.contains(&kv.key));
        let found: Vec<KeyValue> = found.cloned().collect();
        let count = found.len() as i64;
        let or_max = |max| if max == 0 { i64::MAX } else { max };
        let modified = request.min_mod_revision..=or_max(request.max_mod_revision);
        let created = request.min_create_revision..=or_max(request.max_create_revision);
        let mut kvs: Vec<KeyValue> = found
            .into_iter()
            .filter(|kv| modified.contains(&kv.mod_revision))
            .filter(|kv| created.contains(&kv.create_revision))
            .collect();
        let limit = match request.limit {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap(),
        };
        let is_filtered = modified != (0..=i64::MAX) || created != (0..=i64::MAX);
        if request.sort_order == SortOrder::None && !is_filtered {
            // As etcd: no more is read than has to be, and then sorted.
            kvs.truncate(limit.saturating_add(1));
        }
        kvs.sort_by(|a, b| {
            let ordering = match request.sort_target {
                SortTarget::Key => a.key.cmp(&b.key),
                SortTarget::Version => a.version.cmp(&b.version),
                SortTarget::Create => a.create_revision.cmp(&b.create_revision),
                SortTarget::Mod => a.mod_revision.cmp(&b.mod_revision),
                SortTarget::Value => a.value.cmp(&b.value),
            };
            match request.sort_order {
                SortOrder::Descend => ordering.reverse(),
                _ => ordering,
            }
        });
        let more = kvs.len() > limit && !request.count_only;
        kvs.truncate(if request.count_only { 0 } else { limit });
        if request.keys_only {
            kvs.iter_mut().for_each(|kv| kv.value = Bytes::default());
        }
        Ok(RangeResponse {
            revision: current,
            kvs,
            more,
            count,
        })
    }

    fn check_lease(&self, id: i64) -> Result<(), StoreError> {
        let known = id == 0 || self.leases.contains_key(&id);
        known.then_some(()).ok_or(StoreError::LeaseNotFound)
    }

    fn changed(&self) -> bool {
        self.changes.last().is_some_and(|c| c.main > self.revision)
    }

    fn visible(&self) -> i64 {
        self.revision + i64::from(self.changed())
    }

    fn op(&mut self, op: &Op, before: &State) -> Result<OpResponse, StoreError> {
        Ok(match op {
            // What may be read is settled before anything is done.
            Op::Range(request) if request.revision > self.revision => {
                return Err(StoreError::FutureRevision);
            }
            Op::Range(request) => OpResponse::Range(self.range(request, self.visible())?),
            Op::Put(put) => {
                let old = self.now().remove(&put.key);
                let (mut value, mut lease) = (put.value.clone(), put.lease);
                if (put.ignore_value || put.ignore_lease) && old.is_none() {
                    return Err(StoreError::KeyNotFound);
                }
                self.check_lease(lease)?;
                if put.ignore_value {
                    value = old.as_ref().ok_or(StoreError::KeyNotFound)?.value.clone();
                }
                if put.ignore_lease {
                    lease = old.as_ref().ok_or(StoreError::KeyNotFound)?.lease;
                }
                self.changes.push(Change {
                    main: self.revision + 1,
                    key: put.key.clone(),
                    put: Some((value, lease)),
                });
                OpResponse::Put(PutResponse {
                    revision: self.visible(),
                    prev_kv: old.filter(|_| put.prev_kv),
                })
            }
            Op::DeleteRange(delete) => {
                let prev_kvs: Vec<KeyValue> = (self.now().into_values())
                    .filter(|kv| delete.range.contains(&kv.key))
                    .collect();
                for kv in &prev_kvs {
                    self.changes.push(Change {
                        main: self.revision + 1,
                        key: kv.key.clone(),
                        put: None,
                    });
                }
                OpResponse::DeleteRange(DeleteRangeResponse {
                    revision: self.visible(),
                    deleted: prev_kvs.len() as i64,
                    prev_kvs: if delete.prev_kv { prev_kvs } else { Vec::new() },
                })
            }
            Op::Txn(txn) => OpResponse::Txn(self.txn(txn, before)?),
        })
    }

    fn txn(&mut self, txn: &TxnRequest, before: &State) -> Result<TxnResponse, StoreError> {
        let succeeded = txn.compare.iter().all(|compare| holds(compare, before));
        let ops = if succeeded {
            &txn.success
        } else {
            &txn.failure
        };
        let mut responses = Vec::new();
        for op in ops {
            responses.push(self.op(op, before)?);
        }
        Ok(TxnResponse {
            revision: 0,
            succeeded,
            responses,
        })
    }

    /// Does one operation by itself: all of it, or nothing.
    fn alone(&mut self, op: &Op) -> Result<(OpResponse, i64), StoreError> {
        let mut copy = self.clone();
        let response = copy.op(op, &self.now())?;
        copy.revision = copy.visible();
        *self = copy;
        Ok((response, self.revision))
    }

    pub(crate) fn apply(&mut self, command: &Command) -> Response {
        let done = |model: &Model| {
            Ok(Reply::Done {
                revision: model.revision,
            })
        };
        match command {
            Command::Put(put) => {
                self.check_lease(put.lease)?;
                match self.alone(&Op::Put(put.clone()))?.0 {
                    OpResponse::Put(response) => Ok(Reply::Put(response)),
                    _ => unreachable!(),
                }
            }
            Command::DeleteRange(delete) => match self.alone(&Op::DeleteRange(delete.clone()))?.0 {
                OpResponse::DeleteRange(response) => Ok(Reply::DeleteRange(response)),
                _ => unreachable!(),
            },
            Command::Txn(txn) => match self.alone(&Op::Txn(txn.clone()))? {
                (OpResponse::Txn(response), revision) => Ok(Reply::Txn(TxnResponse {
                    revision,
                    ..response
                })),
                _ => unreachable!(),
            },
            Command::Compact(revision) => {
                if *revision <= self.compacted {
                    return Err(StoreError::Compacted);
                }
                if *revision > self.revision {
                    return Err(StoreError::FutureRevision);
                }
                self.compacted = *revision;
                done(self)
            }
            Command::LeaseGrant { id, ttl } => {
                if self.leases.insert(*id, *ttl).is_some() {
                    return Err(StoreError::LeaseExists);
                }
                done(self)
            }
            Command::LeaseRevoke(id) => {
                self.leases.remove(id).ok_or(StoreError::LeaseNotFound)?;
                let main = self.revision + 1;
                for kv in self.now().into_values().filter(|kv| kv.lease == *id) {
                    self.changes.push(Change {
                        main,
                        key: kv.key,
                        put: None,
                    });
                }
                self.revision = self.visible();
                done(self)
            }
            Command::Alarm { .. } => unreachable!("not generated"),
        }
    }
}

fn holds(compare: &Compare, state: &State) -> bool {
    let found: Vec<&KeyValue> = (state.values())
        .filter(|kv| compare.range.contains(&kv.key))
        .collect();
    let absent = KeyValue::default();
    let kvs = match (&compare.target, found.is_empty()) {
        (CompareTarget::Value(_), true) => return false,
        (_, true) => vec![&absent],
        _ => found,
    };
    kvs.into_iter().all(|kv| {
        let ordering = match &compare.target {
            CompareTarget::Version(n) => kv.version.cmp(n),
            CompareTarget::Create(n) => kv.create_revision.cmp(n),
            CompareTarget::Mod(n) => kv.mod_revision.cmp(n),
            CompareTarget::Lease(n) => kv.lease.cmp(n),
            CompareTarget::Value(value) => kv.value.cmp(value),
        };
        match compare.result {
            CompareResult::Equal => ordering.is_eq(),
            CompareResult::NotEqual => ordering.is_ne(),
            CompareResult::Greater => ordering.is_gt(),
            CompareResult::Less => ordering.is_lt(),
        }
    })
}

/// A snapshot of `store`, read into a new one.
pub(crate) fn copied(store: &Store) -> Store {
    let mut snapshot = store.begin_snapshot();
    let mut chunks = std::iter::from_fn(|| store.next_chunk(&mut snapshot).map(Ok));
    let mut copy = Store::default();
    copy.restore(&mut chunks).unwrap();
    copy
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever is asked, the store answers what the model answers; scrubbing and snapshots change nothing of it.
    #[test]
    fn the_store_is_the_model(steps in steps(60), reads in prop::collection::vec(range_request(40), 40)) {
        let (mut store, mut model) = (Store::default(), Model::new());
        let mut reads = reads.iter().cycle();
        for (index, step) in (1u64..).zip(&steps) {
            match step {
                Step::Apply(command) => {
                    let expected = match command.check(usize::MAX) {
                        Ok(()) => model.apply(command),
                        Err(error) => Err(error),
                    };
                    prop_assert_eq!(store.apply(index, command.clone()), expected, "{:?}", command);
                }
                Step::Scrub(changes) => { store.scrub(*changes); }
                Step::Copy => {
                    let copy = copied(&store);
                    prop_assert_eq!(copy.hash(), store.hash());
                    store = copy;
                }
            }
            let read = reads.next().unwrap();
            prop_assert_eq!(store.range(read), model.range(read, model.revision), "{:?}", read);
        }
        for lease in 1..4 {
            let keys = store.lease(lease).map(|lease| lease.keys.iter().cloned().collect());
            let held = model.now().into_values().filter(|kv| kv.lease == lease).map(|kv| kv.key);
            let expected = model.leases.get(&lease).map(|_| held.collect::<Vec<_>>());
            prop_assert_eq!(keys, expected, "the keys of lease {}", lease);
        }
        // Nothing that can be seen from the last compaction on is gone, and nothing else is left.
        while store.scrub(3) {}
        let all = KeyRange::prefix("");
        let page = store.mvcc().events_since(&all, store.compacted(), usize::MAX).unwrap();
        let expected = model.events(&all, store.compacted());
        let without_prev = |events: Vec<Event>| events.into_iter().map(|e| (e.kind, e.kv)).collect::<Vec<_>>();
        prop_assert_eq!(without_prev(page.events), without_prev(expected));
        let live = model.at(store.compacted());
        let old = live.values().filter(|kv| kv.mod_revision < store.compacted()).count();
        let since = model.changes.iter().filter(|c| c.main >= store.compacted()).count();
        prop_assert_eq!(store.mvcc().versions(), old + since, "versions that are kept");
    }

    /// A range that is read in steps, with writes, compactions and scrubbing between them, finds what it would have at once.
    #[test]
    fn a_long_range_does_not_move(before in steps(40), between in steps(40), read in range_request(30), pace in 1usize..3) {
        let mut store = Store::default();
        let mut index = 0;
        let mut step = |store: &mut Store, step: &Step| {
            index += 1;
            match step {
                Step::Apply(command) => { let _ = store.apply(index, command.clone()); }
                Step::Scrub(changes) => { store.scrub(*changes); }
                Step::Copy => {}
            }
        };
        before.iter().for_each(|one| step(&mut store, one));
        let expected = store.range(&read);
        let scan = store.begin_range(&read);
        prop_assert_eq!(scan.as_ref().err(), expected.as_ref().err());
        if let (Ok(mut scan), Ok(expected)) = (scan, expected) {
            let mut between = between.iter();
            while !store.step(&mut scan, pace).unwrap() {
                between.by_ref().take(5).for_each(|one| step(&mut store, one));
            }
            prop_assert_eq!(scan.finish(), expected);
        }
    }
}
