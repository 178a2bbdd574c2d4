//! A replica of the register. It takes writes whether or not it hears the others, tells them at once, and tells them again from time to
//! time what it holds ("anti-entropy"). What it holds is on its disk before it answers: a replica that forgot would give a dot twice.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vector_clocks::dotted::Siblings;
use vector_clocks::lamport::Stamp;
use vector_clocks::lww::LwwRegister;
use vector_clocks::version_vector::{Dot, VersionVector};

use crate::lab::lock;
use crate::systems::lines::{self, PATIENCE, ask};

/// How often a replica tells the others what it holds.
const GOSSIP_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Parser)]
#[command(name = "lab node clocks")]
pub(super) struct Options {
    /// Its name
    #[arg(long)]
    name: String,
    /// Where it keeps what it holds
    #[arg(long)]
    dir: PathBuf,
    #[command(flatten)]
    node: lines::NodeOptions,
}

/// A version vector, as it is sent.
pub(super) type Counts = BTreeMap<String, u64>;

/// `put`: a value, and what its writer had read.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Write {
    pub(super) value: String,
    pub(super) context: Counts,
}

/// What `get` answers.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Read {
    pub(super) values: Vec<String>,
    pub(super) context: Counts,
}

/// What a replica holds, as it is kept, sent to others and shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Shown {
    /// The writes that were seen, of each replica.
    pub(super) seen: Counts,
    /// The values that are left, by the dots of their writes.
    pub(super) values: BTreeMap<String, String>,
    /// What is left where the last writer wins: time, process, value.
    pub(super) last: Option<(u64, String, String)>,
}

/// A context, for people.
pub(super) fn shown(counts: &Counts) -> String {
    version(counts).to_string()
}

fn version(counts: &Counts) -> VersionVector<String> {
    counts
        .iter()
        .map(|(replica, count)| (replica.clone(), *count))
        .collect()
}

fn counts(version: &VersionVector<String>) -> Counts {
    version
        .iter()
        .map(|(replica, count)| (replica.clone(), count))
        .collect()
}

/// The register by both rules.
#[derive(Debug, Default)]
struct Held {
    siblings: Siblings<String, String>,
    last: LwwRegister<String, String>,
    peers: BTreeMap<String, SocketAddr>,
}

impl Held {
    fn show(&self) -> Shown {
        let dot = |dot: &Dot<String>| format!("{} {}", dot.replica, dot.counter);
        let values = self
            .siblings
            .values
            .iter()
            .map(|(at, value)| (dot(at), value.clone()));
        let last = self.last.stamp().zip(self.last.read());
        Shown {
            seen: counts(&self.siblings.seen),
            values: values.collect(),
            last: last.map(|(stamp, value)| (stamp.time, stamp.process.clone(), value.clone())),
        }
    }

    /// Takes over what another replica holds, or what was kept.
    fn merge(&mut self, other: &Shown) -> Result<()> {
        let mut siblings = Siblings::new();
        siblings.seen = version(&other.seen);
        for (dot, value) in &other.values {
            let (replica, counter) = dot
                .split_once(' ')
                .with_context(|| format!("{dot:?} is no dot"))?;
            let (replica, counter) = (replica.to_owned(), counter.parse()?);
            siblings
                .values
                .insert(Dot { replica, counter }, value.clone());
        }
        self.siblings.merge(&siblings);
        if let Some((time, process, value)) = other.last.clone() {
            self.last.write(Stamp { time, process }, value);
        }
        Ok(())
    }
}

/// What is kept on the disk.
#[derive(Deserialize, Serialize)]
struct Kept {
    held: Shown,
    peers: BTreeMap<String, SocketAddr>,
}

fn keep(dir: &Path, held: &Held) -> Result<()> {
    let kept = Kept {
        held: held.show(),
        peers: held.peers.clone(),
    };
    let (new, file) = (dir.join("register.new"), dir.join("register"));
    fs::write(&new, serde_json::to_vec(&kept)?)?;
    fs::File::open(&new)?.sync_all()?;
    fs::rename(&new, &file)?;
    fs::File::open(dir)?.sync_all()?;
    Ok(())
}

fn kept(dir: &Path) -> Result<Held> {
    let mut held = Held::default();
    let file = dir.join("register");
    if file.exists() {
        let kept: Kept = serde_json::from_slice(&fs::read(&file)?)
            .with_context(|| format!("{} is not what a replica wrote", file.display()))?;
        held.merge(&kept.held)?;
        held.peers = kept.peers;
    }
    Ok(held)
}

/// Is a replica, until standard input ends.
pub(super) fn run(options: Options) -> Result<()> {
    fs::create_dir_all(&options.dir)
        .with_context(|| format!("cannot make {}", options.dir.display()))?;
    let held = Arc::new(Mutex::new(kept(&options.dir)?));
    let socks = options.node.socks;
    let gossiping = held.clone();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(GOSSIP_EVERY);
            tell(&gossiping, socks);
        }
    });
    let Options { name, dir, node } = options;
    lines::serve(&node, move |word, said| {
        answer(&held, &name, &dir, socks, word, said)
    })
}

fn answer(
    held: &Arc<Mutex<Held>>,
    name: &String,
    dir: &Path,
    socks: Option<SocketAddr>,
    word: &str,
    said: &Value,
) -> Result<Value> {
    match word {
        "show" => Ok(json!(lock(held).show())),
        "get" => {
            let (values, context) = lock(held).siblings.read();
            Ok(json!(Read {
                values,
                context: counts(&context)
            }))
        }
        "put" => {
            let Write { value, context } = Write::deserialize(said)?;
            let mut held_now = lock(held);
            let dot = held_now
                .siblings
                .write(name, &version(&context), value.clone());
            // Lamport's time: later than all that is known here.
            let time = held_now.last.stamp().map_or(0, |stamp| stamp.time) + 1;
            held_now.last.write(
                Stamp {
                    time,
                    process: name.clone(),
                },
                value,
            );
            keep(dir, &held_now)?;
            drop(held_now);
            let held = held.clone();
            std::thread::spawn(move || tell(&held, socks));
            Ok(json!(dot.counter))
        }
        "merge" => {
            let mut held = lock(held);
            let before = held.show();
            held.merge(&Shown::deserialize(said)?)?;
            if held.show() != before {
                keep(dir, &held)?;
            }
            Ok(Value::Null)
        }
        "peers" => {
            let mut held = lock(held);
            held.peers = BTreeMap::deserialize(said)?;
            keep(dir, &held)?;
            Ok(Value::Null)
        }
        _ => bail!("a replica knows no {word}"),
    }
}

/// Tells all others what is held here. Who is not reached hears it another time.
fn tell(held: &Mutex<Held>, socks: Option<SocketAddr>) {
    let (shown, peers) = {
        let held = lock(held);
        (json!(held.show()), held.peers.clone())
    };
    std::thread::scope(|scope| {
        for peer in peers.values() {
            scope.spawn(|| ask(socks, *peer, "merge", &shown, PATIENCE));
        }
    });
}
