//! The ring in the lab: stores as processes, each with a part of the keys, and what moves when one more joins. Beside it the same keys
//! are placed by the remainder of their hash, which moves nearly all of them.
//!
//! Who is a member, and what is handed over, the lab decides here by the library: it is the operator who types `nodetool join`. A store
//! that serves meanwhile would also send new writes to both ends of a move, and each key would have copies.

mod add_node;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{ArgMatches, Args, Command, FromArgMatches, Parser};
use consistent_hash::ring::moves::Move;
use consistent_hash::{Modulo, Node, NodeId, Partitioner, Ring};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::lines;
use crate::lab::{CLIENT, Lab, lock};
use crate::links::recogniser::Protocol;
use crate::scenes::{Play, SOON, Stage, ensure};
use crate::system::{Cluster, Deed, Order, Scenery, System, Target, When};
use store::{HandOver, Keys, Put, Rehash, Rule};

/// All of them hash alike. By this seed even so few virtual nodes give a fifth store about a fifth.
const SEED: u64 = 3;
/// Few enough to be seen one by one.
const VIRTUAL_NODES: u32 = 12;
/// Nodes that a picture can still show.
const NODES_MAX: u32 = 16;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The kind.
pub(crate) struct Hash;

/// How large one is.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Size {
    /// How many stores
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..16))]
    nodes: u32,
    /// How many keys they hold
    #[arg(long, value_name = "N", default_value_t = 240, value_parser = clap::value_parser!(u32).range(0..=1000))]
    keys: u32,
}

impl System for Hash {
    fn name(&self) -> &'static str {
        "hash"
    }

    fn title(&self) -> &'static str {
        "consistent hashing"
    }

    fn options(&self, command: Command) -> Command {
        Size::augment_args(command)
    }

    fn start(&self, lab: &Arc<Lab>, options: &ArgMatches) -> Result<Arc<dyn Cluster>> {
        let size = Size::from_arg_matches(options)?;
        let stores = Stores::set(lab, &size)?;
        stores.fill(size.keys)?;
        Ok(stores)
    }

    fn protocols(&self) -> &'static [Protocol] {
        &[lines::PROTOCOL]
    }

    fn scenes(&self) -> &'static [&'static dyn Play] {
        &[&add_node::SCENE]
    }

    fn node(&self, args: Vec<OsString>) -> Result<()> {
        let program = OsString::from("lab node hash");
        store::run(&store::Options::parse_from(
            [program].into_iter().chain(args),
        ))
    }
}

/// Who is a member, by either rule.
#[derive(Clone)]
struct Members {
    ring: Ring,
    modulo: Modulo,
}

impl Members {
    fn add(&mut self, id: u32) -> Result<()> {
        self.ring.add(Node::new(id))?;
        Ok(self.modulo.add(Node::new(id))?)
    }

    fn locate(&self, rule: Rule, key: &str) -> Option<u32> {
        let found = match rule {
            Rule::Ring => self.ring.locate(key.as_bytes()),
            Rule::Modulo => self.modulo.locate(key.as_bytes()),
        };
        found.map(|node| node.0)
    }

    fn ids(&self) -> Vec<u32> {
        self.ring.nodes().iter().map(|node| node.id.0).collect()
    }
}

/// The stores.
pub(crate) struct Stores {
    lab: Arc<Lab>,
    /// Through which the client dials.
    socks: SocketAddr,
    members: Mutex<Members>,
    /// How many keys were filled in.
    filled: Mutex<u32>,
    /// Held by whoever changes the membership.
    changing: Mutex<()>,
    seen: Mutex<(Instant, Arc<Seen>)>,
}

/// What a store holds, by either rule.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Held {
    ring: BTreeSet<String>,
    modulo: BTreeSet<String>,
}

/// What each store that answered holds, by its number.
pub(crate) type Seen = BTreeMap<u32, Held>;

/// Where each key is, once for each store that has it.
fn places(seen: &Seen, rule: Rule) -> impl Iterator<Item = (&String, u32)> {
    seen.iter().flat_map(move |(id, held)| {
        let keys = match rule {
            Rule::Ring => &held.ring,
            Rule::Modulo => &held.modulo,
        };
        keys.iter().map(move |key| (key, *id))
    })
}

fn name(id: u32) -> String {
    format!("s{id}")
}

/// The part of the circle up to a position.
fn part(position: u64) -> f64 {
    (position as f64 / (u64::MAX as f64) * 1e6).round() / 1e6
}

impl Scenery for Stores {
    type Size = Size;
    type View = Seen;

    fn set(lab: &Arc<Lab>, size: &Size) -> Result<Arc<Stores>> {
        let (ring, modulo) = (Ring::new(VIRTUAL_NODES, SEED), Modulo::new(SEED));
        let mut members = Members { ring, modulo };
        for id in 1..=size.nodes {
            start(lab, id)?;
            members.add(id)?;
        }
        let stores = Arc::new(Stores {
            lab: lab.clone(),
            socks: lab.dial_as(CLIENT)?,
            members: Mutex::new(members),
            filled: Mutex::default(),
            changing: Mutex::default(),
            seen: Mutex::new((Instant::now(), Arc::default())),
        });
        let watched = Arc::downgrade(&stores);
        std::thread::spawn(move || watch(&watched));
        Ok(stores)
    }

    fn ready(stage: &Stage<Stores>, size: &Size) -> Result<()> {
        stage.expect("every store answers", SOON, |seen| {
            ensure(seen.len() == size.nodes as usize, || {
                format!("{} do", seen.len())
            })
        })?;
        stage.cluster.fill(size.keys)
    }

    fn seen_since(&self, then: Instant) -> Option<Arc<Seen>> {
        let (looked_at, seen) = &*lock(&self.seen);
        (*looked_at > then).then(|| seen.clone())
    }
}

fn start(lab: &Lab, id: u32) -> Result<()> {
    let number = id.to_string();
    lines::add(lab, &name(id), "store", "lab node hash", &["--id", &number])
}

/// Looks for as long as there is something to look at.
fn watch(stores: &Weak<Stores>) {
    while let Some(stores) = stores.upgrade().filter(|stores| stores.lab.is_open()) {
        stores.look();
        drop(stores);
        std::thread::sleep(LOOK_EVERY);
    }
}

impl Stores {
    fn address(&self, id: u32) -> Result<SocketAddr> {
        Ok(self.lab.address(&name(id), "address")?.parse()?)
    }

    /// Asks a store, as the lab's client.
    fn ask(&self, id: u32, word: &str, said: &Value) -> Result<Value> {
        let answer = lines::ask(Some(self.socks), self.address(id)?, word, said, SOON);
        answer.with_context(|| format!("{} does not {word}", name(id)))
    }

    /// Puts keys where they belong by either rule.
    fn fill(&self, keys: u32) -> Result<()> {
        let members = lock(&self.members).clone();
        let text = format!("the client puts {keys} keys");
        self.lab
            .recorder
            .event(sim::Level::Action, Some(CLIENT), text);
        for rule in [Rule::Ring, Rule::Modulo] {
            let mut due: BTreeMap<u32, Keys> = BTreeMap::new();
            for key in (1..=keys).map(|n| format!("user:{n}")) {
                let to = members.locate(rule, &key).context("there is no store")?;
                due.entry(to).or_default().insert(key, "…".to_owned());
            }
            for (to, keys) in due {
                self.ask(to, "put", &json!(Put { rule, keys }))?;
            }
        }
        *lock(&self.filled) = keys;
        Ok(())
    }

    /// One more store joins: its part of the ring is handed over to it, range by range, and every store hands over what by the new
    /// remainder is no longer its own.
    fn join(&self) -> Result<()> {
        let _changing = lock(&self.changing);
        let before = lock(&self.members).clone();
        let id = before.ids().last().map_or(1, |last| last + 1);
        if id > NODES_MAX {
            bail!("{NODES_MAX} stores are as many as a picture can show");
        }
        // One that failed has left its store, with what had been handed over to it.
        match self.lab.role(&name(id)) {
            Ok(_) if self.lab.pid(&name(id)).is_ok() => {}
            Ok(_) => self.lab.start(&name(id))?,
            Err(_) => start(&self.lab, id)?,
        }
        let mut after = before.clone();
        after.add(id)?;
        let moves = before.ring.moves(&after.ring);
        self.lab.recorder.put("plan", plan(&moves));
        let mut sources: BTreeMap<u32, Vec<(u64, u64)>> = BTreeMap::new();
        for one in &moves {
            let span = (one.span.after, one.span.until);
            sources.entry(one.from.0).or_default().push(span);
        }
        let to = self.address(id)?;
        let mut moved = BTreeMap::from([("ring", 0), ("modulo", 0)]);
        for (from, spans) in sources {
            let gone = self.ask(from, "hand-over", &json!(HandOver { spans, to }))?;
            *moved.entry("ring").or_default() += gone.as_u64().unwrap_or(0);
        }
        let addresses = after
            .ids()
            .into_iter()
            .map(|id| Ok((id, self.address(id)?)));
        let rehash = json!(Rehash {
            members: addresses.collect::<Result<_>>()?
        });
        for from in before.ids() {
            let gone = self.ask(from, "rehash", &rehash)?;
            *moved.entry("modulo").or_default() += gone.as_u64().unwrap_or(0);
        }
        let text = format!(
            "{} has joined: {} keys have moved on the ring, {} by the remainder",
            name(id),
            moved["ring"],
            moved["modulo"]
        );
        *lock(&self.members) = after;
        let recorder = &self.lab.recorder;
        recorder.put_all([("plan", Value::Null), ("moved", json!(moved))]);
        recorder.event(sim::Level::Change, Some(&name(id)), text);
        Ok(())
    }

    fn look(&self) {
        let began = Instant::now();
        let members = lock(&self.members).clone();
        let nodes = self.lab.nodes();
        let mut shown = Lab::nodes_document(&nodes);
        let mut seen = Seen::new();
        for view in &nodes {
            let id = view.name.trim_start_matches('s').parse();
            // The lab looks on from outside: no fault of its network hides the nodes from it.
            let held = id.ok().and_then(|id: u32| {
                let said = lines::ask(
                    None,
                    self.address(id).ok()?,
                    "keys",
                    &Value::Null,
                    lines::PATIENCE,
                );
                Some((id, Held::deserialize(said.ok()?).ok()?))
            });
            let Some((id, held)) = held else {
                continue;
            };
            let facts = format!(
                "{} keys; {} by the remainder",
                held.ring.len(),
                held.modulo.len()
            );
            shown[&view.name]["facts"] = json!(facts);
            seen.insert(id, held);
        }
        self.lab.recorder.put_all([
            ("nodes", Value::Object(shown)),
            ("ring", ring(&members.ring)),
            ("keys", keys(&seen)),
            ("lamps", lamps(&members, &seen, *lock(&self.filled))),
        ]);
        *lock(&self.seen) = (began, Arc::new(seen));
    }
}

/// The spans of each member, as parts of the circle.
fn ring(ring: &Ring) -> Value {
    let spans = |id: NodeId| -> Vec<(f64, f64)> {
        let owned = ring.owned(id).into_iter();
        owned
            .map(|span| (part(span.after), part(span.until)))
            .collect()
    };
    let nodes = ring.nodes().into_iter();
    let nodes = nodes.map(|node| (name(node.id.0), json!(spans(node.id))));
    Value::Object(nodes.collect())
}

/// What is to move, with source and target, as parts of the circle.
fn plan(moves: &[Move]) -> Value {
    let one = |one: &Move| json!({"after": part(one.span.after), "until": part(one.span.until), "from": name(one.from.0), "to": name(one.to.0)});
    json!(moves.iter().map(one).collect::<Vec<_>>())
}

/// Where each key stands on the circle, and who has it by either rule.
fn keys(seen: &Seen) -> Value {
    let mut keys: Map<String, Value> = Map::new();
    for (rule, member) in [(Rule::Ring, "ring"), (Rule::Modulo, "modulo")] {
        for (key, id) in places(seen, rule) {
            let position = consistent_hash::hash::key(SEED, key.as_bytes());
            let shown = keys
                .entry(key.clone())
                .or_insert_with(|| json!({"at": part(position)}));
            shown[member] = json!(name(id));
        }
    }
    Value::Object(keys)
}

fn lamps(members: &Members, seen: &Seen, filled: u32) -> Value {
    let lamp = |order: u32, rule, who: &str| {
        let placed = check(members, seen, rule, filled);
        let reason = placed.as_ref().err().cloned().unwrap_or_default();
        json!({"order": order, "sentence": format!("Each key is with one store: the one that {who} names"), "holds": placed.is_ok(), "reason": reason})
    };
    json!({"ring": lamp(1, Rule::Ring, "the ring"), "modulo": lamp(2, Rule::Modulo, "the remainder")})
}

/// Whether each of the keys that were filled in is with its owner alone.
fn check(members: &Members, seen: &Seen, rule: Rule, filled: u32) -> Result<(), String> {
    let mut met = BTreeSet::new();
    for (key, id) in places(seen, rule) {
        let owner = members.locate(rule, key);
        if owner != Some(id) {
            let owner = owner.map_or("nobody".to_owned(), name);
            return Err(format!(
                "{key} is with {}, and should be with {owner}",
                name(id)
            ));
        }
        if !met.insert(key) {
            return Err(format!("{key} is there twice"));
        }
    }
    let silent = members
        .ids()
        .into_iter()
        .filter(|id| !seen.contains_key(id));
    let silent: Vec<String> = silent.map(name).collect();
    let why = match silent.is_empty() {
        true => String::new(),
        false => format!("; no answer from {}", silent.join(" and ")),
    };
    ensure(met.len() == filled as usize, || {
        format!("of {filled} keys {} are there{why}", met.len())
    })
}

impl Cluster for Stores {
    fn deeds(&self) -> Vec<Deed> {
        vec![Deed {
            id: "join",
            label: "Add a store",
            title: "Start one more store, and hand its part of the keys over to it",
            group: None,
            on: Target::Cluster,
            roles: &[],
            when: When::default(),
            param: None,
        }]
    }

    fn perform(&self, deed: &str, _order: &Order) -> Result<()> {
        match deed {
            "join" => self.join(),
            _ => bail!("there is no deed {deed}"),
        }
    }

    fn shell(&self) -> Vec<String> {
        let store = self.lab.address("s1", "address").unwrap_or_default();
        vec![format!("echo keys | nc {}", store.replace(':', " "))]
    }
}
