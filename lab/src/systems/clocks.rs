//! Conflicts in the lab: a register with three replicas, any of which takes writes (Dynamo, Riak). What two people write without knowing
//! of each other becomes siblings, by dotted version vectors; a register beside it keeps the last write alone, and shows what that loses.

mod conflict;
mod replica;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{ArgMatches, Args, Command, FromArgMatches, Parser};
use serde::Deserialize;
use serde_json::{Value, json};

use super::lines;
use crate::lab::{CLIENT, Lab, lock, quoted};
use crate::links::recogniser::Protocol;
use crate::scenes::{Play, SOON, Stage, ensure};
use crate::system::{Cluster, Deed, Order, Scenery, System, Target, When};
use replica::{Counts, Read, Shown, Write};

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The kind.
pub(crate) struct Clocks;

/// How large one is.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Size {
    /// How many replicas
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=7))]
    replicas: u32,
}

impl System for Clocks {
    fn name(&self) -> &'static str {
        "clocks"
    }

    fn title(&self) -> &'static str {
        "a register with siblings"
    }

    fn options(&self, command: Command) -> Command {
        Size::augment_args(command)
    }

    fn start(&self, lab: &Arc<Lab>, options: &ArgMatches) -> Result<Arc<dyn Cluster>> {
        Ok(Register::set(lab, &Size::from_arg_matches(options)?)?)
    }

    fn protocols(&self) -> &'static [Protocol] {
        &[lines::PROTOCOL]
    }

    fn scenes(&self) -> &'static [&'static dyn Play] {
        &[&conflict::SCENE]
    }

    fn node(&self, args: Vec<OsString>) -> Result<()> {
        let program = OsString::from("lab node clocks");
        let args = [program].into_iter().chain(args);
        replica::run(replica::Options::parse_from(args))
    }
}

/// The register.
pub(crate) struct Register {
    lab: Arc<Lab>,
    /// Through which its clients dial.
    socks: SocketAddr,
    seen: Mutex<(Instant, Arc<Seen>)>,
    /// How many times the page's buttons have written.
    written: Mutex<u32>,
}

/// What the replicas that answered hold, by name.
pub(crate) type Seen = BTreeMap<String, Shown>;

fn name(id: u32) -> String {
    format!("r{id}")
}

impl Scenery for Register {
    type Size = Size;
    type View = Seen;

    fn set(lab: &Arc<Lab>, size: &Size) -> Result<Arc<Register>> {
        let names: Vec<String> = (1..=size.replicas).map(name).collect();
        for name in &names {
            let dir = lab.dir(name).display().to_string();
            lines::add(
                lab,
                name,
                "replica",
                "lab node clocks",
                &["--name", name, "--dir", &dir],
            )?;
        }
        let register = Arc::new(Register {
            lab: lab.clone(),
            socks: lab.dial_as(CLIENT)?,
            seen: Mutex::new((Instant::now(), Arc::default())),
            written: Mutex::default(),
        });
        // Where the others listen is known once all have started. A replica keeps it, with the rest.
        let addresses = names
            .iter()
            .map(|name| Ok((name.clone(), register.address(name)?)));
        let addresses: BTreeMap<String, SocketAddr> = addresses.collect::<Result<_>>()?;
        for name in &names {
            let peers = addresses.iter().filter(|(peer, _)| *peer != name);
            let peers: BTreeMap<_, _> = peers.collect();
            register.look_into(name, "peers", &json!(peers))?;
        }
        let watched = Arc::downgrade(&register);
        std::thread::spawn(move || watch(&watched));
        Ok(register)
    }

    fn ready(stage: &Stage<Register>, size: &Size) -> Result<()> {
        stage.expect("every replica answers", SOON, |seen| {
            ensure(seen.len() == size.replicas as usize, || format!("{seen:?}"))
        })
    }

    fn seen_since(&self, then: Instant) -> Option<Arc<Seen>> {
        let (looked_at, seen) = &*lock(&self.seen);
        (*looked_at > then).then(|| seen.clone())
    }
}

/// Looks for as long as there is something to look at.
fn watch(register: &Weak<Register>) {
    while let Some(register) = register.upgrade().filter(|r| r.lab.is_open()) {
        register.look();
        drop(register);
        std::thread::sleep(LOOK_EVERY);
    }
}

impl Register {
    fn address(&self, name: &str) -> Result<SocketAddr> {
        Ok(self.lab.address(name, "address")?.parse()?)
    }

    /// Asks a replica from outside: no fault of the lab's network hides it.
    fn look_into(&self, name: &str, word: &str, said: &Value) -> Result<Value> {
        lines::ask(None, self.address(name)?, word, said, lines::PATIENCE)
    }

    /// Reads at a replica, as the lab's client: all values, and the context to hand back.
    fn read(&self, replica: &str) -> Result<Read> {
        let read = lines::ask(
            Some(self.socks),
            self.address(replica)?,
            "get",
            &Value::Null,
            SOON,
        );
        Ok(Read::deserialize(
            read.with_context(|| format!("{replica} does not answer"))?,
        )?)
    }

    /// `writer` writes at a replica, having read `context`.
    fn write(&self, writer: &str, replica: &str, value: &str, context: &Counts) -> Result<()> {
        let address = self.address(replica)?;
        let write = json!(Write {
            value: value.to_owned(),
            context: context.clone()
        });
        let command = format!(
            "echo {} | nc {}",
            quoted(&format!("put {write}")),
            address.to_string().replace(':', " ")
        );
        let text = format!(
            "{writer} writes {value:?} at {replica}, having read {}",
            replica::shown(context)
        );
        self.lab.recorder.action(Some(replica), text, &command);
        let written = lines::ask(Some(self.socks), address, "put", &write, SOON);
        written.with_context(|| format!("{replica} does not take the write"))?;
        Ok(())
    }

    fn look(&self) {
        let began = Instant::now();
        let nodes = self.lab.nodes();
        let mut shown = Lab::nodes_document(&nodes);
        let mut seen = Seen::new();
        for view in &nodes {
            let held = self.look_into(&view.name, "show", &Value::Null);
            let Some(held) = held.ok().and_then(|held| Shown::deserialize(held).ok()) else {
                continue;
            };
            let values = held.values.len();
            shown[&view.name]["facts"] = json!(match values {
                0 => "nothing was written yet".to_owned(),
                1 => "one value".to_owned(),
                _ => format!("{values} siblings"),
            });
            shown[&view.name]["holds"] = json!(held);
            seen.insert(view.name.clone(), held);
        }
        self.lab
            .recorder
            .put_all([("nodes", Value::Object(shown)), ("lamps", lamps(&seen))]);
        *lock(&self.seen) = (began, Arc::new(seen));
    }
}

fn lamps(seen: &Seen) -> Value {
    let mut states = seen.values().map(|held| (&held.values, &held.seen));
    let same = states
        .next()
        .is_none_or(|first| states.all(|other| other == first));
    let reason = |holds: bool, why: &str| if holds { String::new() } else { why.to_owned() };
    let most = seen
        .values()
        .map(|held| held.values.len())
        .max()
        .unwrap_or(0);
    json!({
        "same": {"order": 1, "sentence": "All replicas hold the same", "holds": same,
            "reason": reason(same, "they have not heard of each other's writes yet")},
        "one": {"order": 2, "sentence": "Nobody has to choose between siblings", "holds": most <= 1,
            "reason": reason(most <= 1, &format!("a replica holds {most} values, of which none was written by somebody who knew the others"))},
    })
}

impl Cluster for Register {
    fn deeds(&self) -> Vec<Deed> {
        let deed = |id, label, title| Deed {
            id,
            label,
            title,
            group: None,
            on: Target::Node,
            roles: &["replica"],
            when: When { process: &["up"] },
            param: None,
        };
        vec![
            deed(
                "write",
                "Read and write",
                "Read here, and write a new value in place of what was read",
            ),
            deed(
                "write-blindly",
                "Write blindly",
                "Write here without having read: nothing is replaced",
            ),
        ]
    }

    fn perform(&self, deed: &str, order: &Order) -> Result<()> {
        let replica = order.node()?;
        let context = match deed {
            "write" => self.read(replica)?.context,
            "write-blindly" => Counts::new(),
            _ => bail!("there is no deed {deed}"),
        };
        let number = {
            let mut written = lock(&self.written);
            *written += 1;
            *written
        };
        self.write("the client", replica, &format!("value {number}"), &context)
    }

    fn shell(&self) -> Vec<String> {
        let replica = self.lab.address("r1", "address").unwrap_or_default();
        vec![format!("echo get | nc {}", replica.replace(':', " "))]
    }
}
