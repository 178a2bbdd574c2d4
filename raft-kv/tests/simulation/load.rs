//! Clients that read and write a few keys, and write down what they see. After a while they take other keys, and only look at the old ones now
//! and then: a key with a long history, in which many writes were not answered, takes the checker too long.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use history::models::{Action, Range, RegisterInput, RegisterOutput, Txn};
use history::{History, OperationId};
use node::Rng;
use raft_kv::store::TxnResponse;

use crate::member::{Shared, name};
use crate::service::{Ask, Told};
use crate::transacting::request;
use crate::wire::{self, CLIENTS};

/// What was called and answered.
pub(crate) type Recorded = Arc<Mutex<History<(String, RegisterInput), RegisterOutput>>>;

/// How long the same keys are written.
const KEYS_FOR: Duration = Duration::from_secs(2);

/// How many keys are written at a time.
const KEYS: u64 = 3;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What a member says, if anything: refused is what certainly had no effect.
pub(crate) async fn ask(host: u64, ask: &Ask, patience: Duration) -> Told {
    let frame = postcard::to_stdvec(ask).unwrap();
    let name = name(host);
    let answered = tokio::time::timeout(patience, wire::ask(&name, CLIENTS, &frame)).await;
    match answered {
        Ok(Ok(told)) => postcard::from_bytes(&told).unwrap(),
        Ok(Err((false, error))) => Told::Refused(error.to_string()),
        Ok(Err((true, _))) | Err(_) => Told::Unknown,
    }
}

/// One client, until `until` says so.
pub(crate) async fn client(
    shared: Shared,
    number: u64,
    hosts: Vec<u64>,
    mut rng: Rng,
    history: Recorded,
    until: Arc<std::sync::atomic::AtomicBool>,
) -> turmoil::Result {
    let mut host = *rng.choose(&hosts).unwrap();
    let mut written = 0;
    while !until.load(std::sync::atomic::Ordering::Relaxed) {
        let is_read = rng.percent(50);
        let key = key(&mut rng, is_read);
        let (input, question) = if is_read {
            (RegisterInput::Read, Ask::Get { key: key.clone() })
        } else {
            written += 1;
            let value = format!("{number}-{written}");
            let input = RegisterInput::write(value.clone());
            (
                input,
                Ask::Put {
                    key: key.clone(),
                    value,
                    lease: 0,
                },
            )
        };
        let id = history.lock().unwrap().call(number, (key, input));
        let told = ask(host, &question, PATIENCE).await;
        shared.trace(&format!("c{number} {question:?} at m{host}: {told:?}"));
        let is_answered = record(&history, id, told);
        if !is_answered {
            host = *rng.choose(&hosts).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(rng.below(40))).await;
    }
    Ok(())
}

/// A key of now; or, to be read, of any time before.
fn key(rng: &mut Rng, is_read: bool) -> String {
    let elapsed = turmoil::sim_elapsed().unwrap_or_default();
    let now = elapsed.as_secs() / KEYS_FOR.as_secs();
    let time = if is_read && rng.percent(20) {
        rng.below(now + 1)
    } else {
        now
    };
    format!("k{}", time * KEYS + rng.below(KEYS))
}

/// Writes down what a member said; whether it was an answer.
fn record(history: &Recorded, id: OperationId, told: Told) -> bool {
    let mut history = history.lock().unwrap();
    match told {
        Told::Done => history.returned(id, RegisterOutput::Written),
        Told::Value(value) => history.returned(id, RegisterOutput::Value(value)),
        Told::Refused(_) => {
            history.refused(id);
            return false;
        }
        _ => return false,
    }
    true
}

/// Keys that [`changer`] changes.
pub(crate) const CHANGED: &str = "t";

/// Changes several keys at a time, and compacts now and then, until `until` says so.
pub(crate) async fn changer(
    shared: Shared,
    hosts: u64,
    mut rng: Rng,
    until: Arc<std::sync::atomic::AtomicBool>,
) -> turmoil::Result {
    let mut host = 1;
    for n in 0.. {
        if until.load(std::sync::atomic::Ordering::Relaxed) {
            break;
        }
        let mut keys: Vec<String> = (0..5).map(|key| format!("{CHANGED}{key}")).collect();
        rng.shuffle(&mut keys);
        let delete = keys.split_off(1 + rng.index(4));
        let value = format!("{n}");
        let puts = keys.into_iter().map(|key| Action::Put(key, value.clone()));
        let deletes = (delete.into_iter()).map(|key| Action::Delete(Range::key(key)));
        let change = Txn {
            then: puts.chain(deletes).collect(),
            ..Txn::default()
        };
        match ask(host, &Ask::Txn(request(&change)), PATIENCE).await {
            Told::Txn(TxnResponse { revision, .. }) if rng.percent(10) => {
                let revision = revision - i64::try_from(rng.below(60)).unwrap();
                let compact = Ask::Compact { revision };
                let told = ask(host, &compact, PATIENCE).await;
                shared.trace(&format!("{compact:?}: {told:?}"));
            }
            Told::Txn(_) => {}
            _ => host = 1 + rng.below(hosts),
        }
        tokio::time::sleep(Duration::from_millis(rng.below(60))).await;
    }
    Ok(())
}
