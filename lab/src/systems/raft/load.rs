//! The load: the lab's clients write and read a few keys at once, and after each read it is looked for an order that explains all that was
//! done to its key. Keys are used for a while and then left, so that no history grows long.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use node::Rng;
use sim::Level;

use super::Raft;
use super::client::{Action, Outcome as Answer};
use super::ledger::{Finding, Ledger};
use crate::lab::lock;
use crate::load::{Outcome, Worker, Workload};

/// The load's keys begin so, which sorts them behind everything that people write.
pub(super) const PREFIX: &str = "~load/";
/// So many keys are in use at a time, and each for so many calls, or until so many of its writes are in doubt.
const KEYS: usize = 5;
const CALLS_MAX: usize = 60;
const UNKNOWN_MAX: usize = 6;
/// How long a client tries.
const PATIENCE_MS: u64 = 3000;

/// A key in use.
struct Key {
    name: String,
    ledger: Mutex<Ledger>,
}

/// What its workers have in common.
pub(super) struct Shared {
    raft: Weak<Raft>,
    keys: Mutex<Vec<Arc<Key>>>,
    /// Tells the keys of this run from those of others; and the values from each other.
    run: u32,
    next: AtomicU64,
    /// Reads take what the member that is asked has.
    pub(super) serializable: Arc<AtomicBool>,
}

pub(super) struct KeyLoad(Arc<Shared>);

impl KeyLoad {
    pub(super) fn new(raft: Weak<Raft>, run: u32, serializable: Arc<AtomicBool>) -> KeyLoad {
        KeyLoad(Arc::new(Shared {
            raft,
            keys: Mutex::default(),
            run,
            next: AtomicU64::new(1),
            serializable,
        }))
    }
}

impl Workload for KeyLoad {
    fn worker(&self, number: u64) -> Box<dyn Worker> {
        Box::new(Caller {
            shared: self.0.clone(),
            number,
            rng: Rng::new(number),
        })
    }

    fn wrong(&self, text: &str) {
        if let Some(raft) = self.0.raft.upgrade() {
            raft.found_wrong(text);
            raft.lab.recorder.event(Level::Bad, None, text);
        }
    }
}

struct Caller {
    shared: Arc<Shared>,
    number: u64,
    rng: Rng,
}

impl Shared {
    /// One of the keys in use.
    fn key(&self, at: usize) -> Arc<Key> {
        let mut keys = lock(&self.keys);
        keys.retain(|key| {
            let ledger = lock(&key.ledger);
            ledger.len() < CALLS_MAX && ledger.unknown < UNKNOWN_MAX
        });
        while keys.len() < KEYS {
            let (run, number) = (self.run, self.next.fetch_add(1, Ordering::Relaxed));
            keys.push(Arc::new(Key {
                name: format!("{PREFIX}{run:08x}/{number}"),
                ledger: Mutex::default(),
            }));
        }
        keys[at % KEYS].clone()
    }

    /// What was done to this key makes no sense: it is left.
    fn give_up(&self, key: &Arc<Key>) {
        lock(&self.keys).retain(|other| !Arc::ptr_eq(other, key));
    }
}

impl Worker for Caller {
    fn operate(&mut self) -> Outcome {
        let shared = &self.shared;
        let Some(raft) = shared.raft.upgrade() else {
            return Outcome::Failed("the cluster is gone".to_owned());
        };
        let clients = raft.clients();
        let number = usize::try_from(self.number).unwrap_or(0);
        let Some(client) = clients.get(number % clients.len().max(1)) else {
            return Outcome::Failed("there is no client".to_owned());
        };
        let key = shared.key(self.rng.index(KEYS));
        let action = if self.rng.below(2) == 0 {
            Action::Put(shared.next.fetch_add(1, Ordering::Relaxed).to_string())
        } else {
            let serializable = shared.serializable.load(Ordering::Relaxed);
            Action::Get { serializable }
        };
        // A read that the user wanted to be quick is judged as if it had promised something: that is what there is to see.
        let judged = match &action {
            Action::Get { .. } => Action::Get {
                serializable: false,
            },
            put => put.clone(),
        };
        let call = lock(&key.ledger).call(self.number, &judged);
        let is_read = matches!(action, Action::Get { .. });
        let answer = raft.tell(client, &key.name, action, None, PATIENCE_MS);
        let mut ledger = lock(&key.ledger);
        ledger.ended(call, &answer);
        match answer {
            Answer::Done { value, .. } if is_read => match ledger.promised() {
                Finding::Linearizable => {
                    Outcome::Checked(value.map_or(0, |value| value.len()) as u64)
                }
                Finding::Violation(proof) => {
                    drop(ledger);
                    shared.give_up(&key);
                    let words = proof.words.clone();
                    raft.show_proof(proof);
                    Outcome::Wrong(format!("no order explains what clients saw: {words}"))
                }
                Finding::Unknown => Outcome::Failed("too much to check".to_owned()),
            },
            Answer::Done { .. } => Outcome::Acknowledged(key.name.len() as u64),
            Answer::Refused(why) => Outcome::Failed(reason(&why)),
            Answer::Unknown(why) => Outcome::Failed(reason(&why)),
        }
    }
}

/// Why it failed, without what is different each time.
fn reason(why: &str) -> String {
    let known = [
        ("no leader", "there is no leader"),
        ("leader", "the leader was lost"),
        ("timed out", "it was not decided in time"),
        ("no answer in time", "the member is silent"),
        ("cannot connect", "the member cannot be reached"),
        ("does not follow", "the client does not answer"),
    ];
    let known = known.into_iter().find(|(part, _)| why.contains(part));
    known
        .map_or("the connection broke", |(_, words)| words)
        .to_owned()
}
