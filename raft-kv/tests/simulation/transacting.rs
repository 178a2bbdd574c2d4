//! Clients that do transactions over a few keys, and write down what they see: one history, since a transaction ties its keys together. As in
//! `load.rs` they take other keys after a while, for another history.

use std::collections::BTreeMap;
use std::slice::from_ref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use history::models::{
    Action, Answer, Compare, Entry, Range, Relation, Store, Target, Txn, TxnOutput,
};
use history::{History, Operation};
use node::Rng;
use raft_kv::store::{
    self, CompareResult, CompareTarget, DeleteRangeRequest, KeyRange, Op, OpResponse, PutRequest,
    RangeRequest, TxnRequest, TxnResponse,
};

use crate::audit::{Applied, Audit};
use crate::load::ask;
use crate::member::Shared;
use crate::service::{Ask, Told};
use crate::world::linearizable;

/// What was called and answered, with the revisions of the whole store, for each time that has keys of its own.
pub(crate) type Recorded = Arc<Mutex<BTreeMap<u64, History<Txn, TxnOutput>>>>;

/// How long the same keys are written.
const KEYS_FOR: Duration = Duration::from_secs(2);

fn key(time: u64, number: u64) -> String {
    format!("x{time}.{number}")
}

/// It only reads: whoever writes waits at a leader that the others do not hear, and would not see what that one makes of reads.
const READER: u64 = 1;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_millis(1500);

/// All keys of a time.
fn all(time: u64) -> Range {
    Range {
        key: key(time, 0),
        end: Some(key(time, 9)),
    }
}

/// One client, until `until` says so.
pub(crate) async fn transactor(
    shared: Shared,
    number: u64,
    hosts: u64,
    mut rng: Rng,
    history: Recorded,
    until: Arc<AtomicBool>,
) -> turmoil::Result {
    let mut host = 1 + rng.below(hosts);
    // What it has seen last: conditions are about that, so that many of them hold.
    let mut seen = BTreeMap::new();
    for n in 0.. {
        if until.load(Ordering::Relaxed) {
            break;
        }
        let now = turmoil::sim_elapsed().unwrap_or_default().as_secs() / KEYS_FOR.as_secs();
        let is_read = number == READER || rng.percent(30);
        let (time, txn) = if is_read {
            let time = if rng.percent(20) {
                rng.below(now + 1)
            } else {
                now
            };
            (time, Txn::from(Action::Get(all(time))))
        } else {
            (now, draw(&mut rng, now, &seen, &format!("{number}-{n}")))
        };
        let called = |history: &mut History<_, TxnOutput>| history.call(number, Txn::clone(&txn));
        let id = called(history.lock().unwrap().entry(time).or_default());
        let told = ask(host, &Ask::Txn(request(&txn)), PATIENCE).await;
        shared.trace(&format!("x{number} {txn:?} at m{host}: {told:?}"));
        match told {
            Told::Txn(response) => {
                let output = output(response);
                see(&mut seen, &txn, &output);
                history
                    .lock()
                    .unwrap()
                    .entry(time)
                    .or_default()
                    .returned(id, output);
            }
            told => {
                if let Told::Refused(_) = told {
                    history.lock().unwrap().entry(time).or_default().refused(id);
                }
                host = 1 + rng.below(hosts);
            }
        }
        tokio::time::sleep(Duration::from_millis(rng.below(80))).await;
    }
    Ok(())
}

fn draw(rng: &mut Rng, time: u64, seen: &BTreeMap<String, String>, value: &str) -> Txn {
    let mut keys = [0, 1, 2].map(|number| key(time, number));
    rng.shuffle(&mut keys);
    let [a, b, c] = keys;
    let get = |key: &String| Action::Get(Range::key(key));
    let put = |key: &String| Action::Put(key.clone(), value.to_owned());
    let delete = |key: &String| Action::Delete(Range::key(key));
    match 3 + rng.below(7) {
        3 => Txn::from(delete(&c)),
        kind => Txn {
            compare: vec![Compare {
                key: a.clone(),
                relation: if kind == 4 {
                    Relation::NotEqual
                } else {
                    Relation::Equal
                },
                target: seen
                    .get(&a)
                    .map_or(Target::Version(0), |value| Target::Value(value.clone())),
            }],
            then: match kind {
                4..7 => vec![put(&a), put(&b)],
                7 => vec![put(&a), get(&b), delete(&c)],
                _ => vec![get(&c), put(&b), get(&b)],
            },
            otherwise: match kind {
                4..8 => vec![get(&a), get(&b)],
                8 => vec![put(&c), get(&a)],
                _ => vec![Action::Get(all(time))],
            },
        },
    }
}

fn see(seen: &mut BTreeMap<String, String>, txn: &Txn, output: &TxnOutput) {
    let done = if output.succeeded {
        &txn.then
    } else {
        &txn.otherwise
    };
    for (action, answer) in done.iter().zip(&output.answers) {
        match (action, answer) {
            (Action::Put(key, value), _) => {
                seen.insert(key.clone(), value.clone());
            }
            (Action::Get(range) | Action::Delete(range), answer) => {
                let end = range.end.as_ref();
                seen.retain(|key, _| {
                    *key != range.key && end.is_none_or(|end| *key < range.key || end <= key)
                });
                if let Answer::Got(entries) = answer {
                    let entries = entries.iter();
                    seen.extend(entries.map(|(key, entry)| (key.clone(), entry.value.clone())));
                }
            }
        }
    }
}

/// The request for what the model calls so.
pub(crate) fn request(txn: &Txn) -> TxnRequest {
    let ops = |actions: &[Action]| actions.iter().map(op).collect();
    TxnRequest {
        compare: txn.compare.iter().map(compare).collect(),
        success: ops(&txn.then),
        failure: ops(&txn.otherwise),
    }
}

fn compare(compare: &Compare) -> store::Compare {
    let number = |number: u64| i64::try_from(number).unwrap();
    store::Compare {
        range: KeyRange::single(compare.key.as_str()),
        target: match &compare.target {
            Target::Value(value) => CompareTarget::Value(value.as_str().into()),
            Target::Created(revision) => CompareTarget::Create(number(*revision)),
            Target::Modified(revision) => CompareTarget::Mod(number(*revision)),
            Target::Version(version) => CompareTarget::Version(number(*version)),
        },
        result: match compare.relation {
            Relation::Equal => CompareResult::Equal,
            Relation::NotEqual => CompareResult::NotEqual,
            Relation::Less => CompareResult::Less,
            Relation::Greater => CompareResult::Greater,
        },
    }
}

fn range(range: &Range) -> KeyRange {
    match &range.end {
        None => KeyRange::single(range.key.as_str()),
        Some(end) => KeyRange::new(range.key.as_str(), end.as_str()),
    }
}

fn op(action: &Action) -> Op {
    match action {
        Action::Get(keys) => Op::Range(RangeRequest {
            range: range(keys),
            ..RangeRequest::default()
        }),
        Action::Put(key, value) => Op::Put(PutRequest {
            key: key.as_str().into(),
            value: value.as_str().into(),
            ..PutRequest::default()
        }),
        Action::Delete(keys) => Op::DeleteRange(DeleteRangeRequest {
            range: range(keys),
            prev_kv: false,
        }),
    }
}

/// The answer, as the model has it.
fn output(response: TxnResponse) -> TxnOutput {
    let number = |number: i64| u64::try_from(number).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let entry = |kv: store::KeyValue| Entry {
        value: text(&kv.value),
        created: number(kv.create_revision),
        modified: number(kv.mod_revision),
        version: number(kv.version),
    };
    let answer = |response| match response {
        OpResponse::Range(range) => {
            let kvs = range.kvs.into_iter();
            Answer::Got(kvs.map(|kv| (text(&kv.key), entry(kv))).collect())
        }
        OpResponse::Put(_) => Answer::Put,
        OpResponse::DeleteRange(deletion) => Answer::Deleted(number(deletion.deleted)),
        OpResponse::Txn(_) => unreachable!("none was nested"),
    };
    TxnOutput {
        succeeded: response.succeeded,
        revision: number(response.revision),
        answers: response.responses.into_iter().map(answer).collect(),
    }
}

/// The history of a store that has the keys of one time alone: its revisions are those that changed one of them, numbered from 2 on. The others come
/// of clients of whom the model knows nothing.
pub(crate) fn project(
    time: u64,
    history: &History<Txn, TxnOutput>,
    audit: &Audit,
) -> History<Txn, TxnOutput> {
    let keys = range(&all(time));
    let changes = audit.changes(&keys, 1, i64::MAX).into_iter();
    let mut revisions: Vec<u64> = changes
        .map(|(revision, ..)| u64::try_from(revision).unwrap())
        .collect();
    revisions.dedup();
    let at = |revision: u64| 1 + revisions.partition_point(|change| *change <= revision) as u64;
    // 0, which nothing is explained by, where nothing was written then.
    let written = |revision: u64| match revisions.binary_search(&revision) {
        Ok(_) => at(revision),
        Err(_) => 0,
    };
    let project = |mut operation: Operation<Txn, TxnOutput>| {
        if let Some(output) = &mut operation.output {
            let mut has_written = false;
            for answer in &mut output.answers {
                match answer {
                    Answer::Got(entries) => {
                        for (_, entry) in entries {
                            entry.created = written(entry.created);
                            entry.modified = written(entry.modified);
                        }
                    }
                    Answer::Put => has_written = true,
                    Answer::Deleted(count) => has_written |= *count > 0,
                }
            }
            output.revision = if has_written {
                written(output.revision)
            } else {
                at(output.revision)
            };
        }
        operation
    };
    history.operations().cloned().map(project).collect()
}

/// As in `audit.rs`: what is bad must be found. Revisions 3 and 6 wrote these keys, 2, 4 and 5 others.
pub(crate) fn checks_find_what_is_bad() -> Result<(), String> {
    let mut audit = Audit::default();
    let written = [("k", 2), ("x0.0", 3), ("k", 4), ("k", 5), ("x0.1", 6)];
    for (key, revision) in written {
        let applied = Applied {
            revision,
            changes: vec![(key.into(), Some("v".into()))],
            ..Applied::default()
        };
        let index = u64::try_from(revision).unwrap();
        audit.applies(1, index, revision - 1, &applied);
    }
    let get = |key: &str| Action::Get(Range::key(key));
    let put = |key: &str| Action::Put(key.to_owned(), "a".to_owned());
    let both = Txn {
        compare: vec![Compare {
            key: "x0.0".to_owned(),
            relation: Relation::Equal,
            target: Target::Version(0),
        }],
        then: vec![put("x0.0"), put("x0.1")],
        otherwise: vec![get("x0.0"), get("x0.1")],
    };
    let one = Txn::put("x0.1", "b");
    let range = Txn::from(Action::Get(all(0)));
    let told = |succeeded, revision, answers: &[Answer]| TxnOutput {
        succeeded,
        revision,
        answers: answers.to_vec(),
    };
    let entry = |key: &str, value: &str, modified, version| {
        let value = value.to_owned();
        let entry = Entry {
            value,
            created: 3,
            modified,
            version,
        };
        (key.to_owned(), entry)
    };
    let (x0, x1) = (entry("x0.0", "a", 3, 1), entry("x0.1", "a", 3, 1));
    let x1_then = |modified| entry("x0.1", "b", modified, 2);
    let got = |entries: &[(String, Entry)]| Answer::Got(entries.to_vec());
    let first = (&both, Some(told(true, 3, &[Answer::Put, Answer::Put])));
    let fails = told(false, 5, &[got(from_ref(&x0)), got(from_ref(&x1))]);
    let writes = |revision| (&one, Some(told(true, revision, &[Answer::Put])));
    let reads = |revision, entries| (&range, Some(told(true, revision, &[got(entries)])));
    let (before, after) = ([x0.clone(), x1], [x0.clone(), x1_then(6)]);
    let other = (&both, Some(fails));
    let again = (&both, Some(told(true, 6, &[Answer::Put, Answer::Put])));
    let halved = (&both, Some(told(false, 5, &[got(from_ref(&x0)), got(&[])])));
    let unknown = (&one, None);
    let cases = [
        (
            "all is well",
            true,
            vec![first.clone(), other.clone(), writes(6), reads(6, &after)],
        ),
        (
            "a write without an answer comes late",
            true,
            vec![
                first.clone(),
                unknown.clone(),
                other.clone(),
                reads(6, &after),
            ],
        ),
        (
            "or is not seen yet",
            true,
            vec![first.clone(), unknown, reads(5, &before)],
        ),
        ("the wrong branch", false, vec![first.clone(), again]),
        ("half of a transaction", false, vec![first.clone(), halved]),
        (
            "a stale read",
            false,
            vec![first.clone(), writes(6), reads(5, &before)],
        ),
        (
            "a stale read at a new revision",
            false,
            vec![first.clone(), writes(6), reads(6, &before)],
        ),
        (
            "a lost write",
            false,
            vec![first.clone(), reads(6, &before)],
        ),
        (
            "the revision of another write",
            false,
            vec![first.clone(), writes(5)],
        ),
        (
            "a value of such a revision",
            false,
            vec![first, writes(6), reads(6, &[x0, x1_then(5)])],
        ),
    ];
    for (what, is_good, operations) in cases {
        let mut history = History::new();
        for (client, (txn, output)) in (1..).zip(operations) {
            let id = history.call(client, txn.clone());
            if let Some(output) = output {
                history.returned(id, output);
            }
        }
        let found = linearizable(&Store, &project(0, &history, &audit));
        if found.is_ok() != is_good {
            return Err(format!("transactions, {what}: {found:?}"));
        }
    }
    Ok(())
}
