//! A store: a process that holds keys, and hands those over that are to be another one's. It holds each key twice, once where the ring
//! puts it and once where the remainder of its hash does, so that both can be seen on the same cluster.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use clap::Parser;
use consistent_hash::ring::lookup::Span;
use consistent_hash::{Modulo, Node, NodeId, Partitioner, hash};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::SEED;
use crate::lab::lock;
use crate::systems::lines::{self, PATIENCE, ask};

/// As many keys go over in one message.
const BATCH: usize = 8;

#[derive(Debug, Parser)]
#[command(name = "lab node hash")]
pub(super) struct Options {
    /// Its number
    #[arg(long)]
    id: u32,
    #[command(flatten)]
    node: lines::NodeOptions,
}

/// By which rule keys are placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Rule {
    Ring,
    Modulo,
}

/// Keys with their values.
pub(super) type Keys = BTreeMap<String, String>;

/// `put` and `take`: keys that come, from a client or from another store.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Put {
    pub(super) rule: Rule,
    pub(super) keys: Keys,
}

/// `hand-over`: positions of the ring that are another store's from now on.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct HandOver {
    /// Each behind the first, up to and with the second.
    pub(super) spans: Vec<(u64, u64)>,
    pub(super) to: SocketAddr,
}

/// `rehash`: all members by number, from now on.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Rehash {
    pub(super) members: BTreeMap<u32, SocketAddr>,
}

type Held = BTreeMap<Rule, Keys>;

/// Is a store, until standard input ends.
pub(super) fn run(options: &Options) -> Result<()> {
    let held = Arc::new(Mutex::new(Held::new()));
    let (id, socks) = (NodeId(options.id), options.node.socks);
    lines::serve(&options.node, move |word, said| {
        answer(&held, id, socks, word, said)
    })
}

fn answer(
    held: &Mutex<Held>,
    id: NodeId,
    socks: Option<SocketAddr>,
    word: &str,
    said: &Value,
) -> Result<Value> {
    match word {
        "put" | "take" => {
            let put = Put::deserialize(said)?;
            lock(held).entry(put.rule).or_default().extend(put.keys);
            Ok(Value::Null)
        }
        "keys" => {
            let held = lock(held);
            let names = |rule| held.get(&rule).map(|keys| keys.keys().collect::<Vec<_>>());
            Ok(
                json!({"ring": names(Rule::Ring).unwrap_or_default(), "modulo": names(Rule::Modulo).unwrap_or_default()}),
            )
        }
        "hand-over" => {
            let order = HandOver::deserialize(said)?;
            let spans = order
                .spans
                .iter()
                .map(|&(after, until)| Span { after, until });
            let spans: Vec<Span> = spans.collect();
            let goes = |key: &str| {
                let position = hash::key(SEED, key.as_bytes());
                spans
                    .iter()
                    .any(|span| span.contains(position))
                    .then_some(order.to)
            };
            give(held, Rule::Ring, socks, goes)
        }
        "rehash" => {
            let order = Rehash::deserialize(said)?;
            let mut modulo = Modulo::new(SEED);
            let members: Vec<Node> = order.members.keys().map(|id| Node::new(*id)).collect();
            modulo.add_all(&members)?;
            let goes = |key: &str| {
                let owner = modulo.locate(key.as_bytes()).filter(|owner| *owner != id)?;
                order.members.get(&owner.0).copied()
            };
            give(held, Rule::Modulo, socks, goes)
        }
        _ => bail!("a store knows no {word}"),
    }
}

/// Hands the keys over that `goes` has an address for. Each is deleted here once it is there, so a failure leaves some twice, and
/// none nowhere. Says how many went.
fn give(
    held: &Mutex<Held>,
    rule: Rule,
    socks: Option<SocketAddr>,
    goes: impl Fn(&str) -> Option<SocketAddr>,
) -> Result<Value> {
    let mut due: BTreeMap<SocketAddr, Vec<(String, String)>> = BTreeMap::new();
    for (key, value) in lock(held).entry(rule).or_default().iter() {
        if let Some(to) = goes(key) {
            due.entry(to)
                .or_default()
                .push((key.clone(), value.clone()));
        }
    }
    let mut gone = 0;
    for (to, keys) in due {
        for batch in keys.chunks(BATCH) {
            let keys = batch.iter().cloned().collect();
            let put = json!(Put { rule, keys });
            let taken = ask(socks, to, "take", &put, PATIENCE);
            taken.with_context(|| format!("{gone} keys are handed over, the next are not"))?;
            let mut held = lock(held);
            for (key, _) in batch {
                held.entry(rule).or_default().remove(key);
            }
            gone += batch.len();
        }
    }
    Ok(json!(gone))
}
