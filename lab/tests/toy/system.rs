//! What the lab is told of the toy: how it is started, what can be seen of it and done to it, and one scene.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use lab::lab::{CLIENT, Lab, NodeSpec};
use lab::links::Rule;
use lab::links::recogniser::Protocol;
use lab::scenes::{Play, SOON, Scene, Stage, ensure};
use lab::system::{Cluster, Deed, Order, Param, Scenery, System, Target, When};
use serde_json::{Value, json};

use crate::{messages, node};

/// The kind.
pub(crate) struct Toy;

/// How large one is.
#[derive(Debug, Args)]
pub(crate) struct Size {
    /// How many followers
    #[arg(long, default_value_t = 2)]
    followers: u32,
}

impl System for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn title(&self) -> &'static str {
        "a leader and its followers"
    }

    fn options(&self, command: Command) -> Command {
        Size::augment_args(command)
    }

    fn start(&self, lab: &Arc<Lab>, options: &ArgMatches) -> Result<Arc<dyn Cluster>> {
        Ok(Registers::set(lab, &Size::from_arg_matches(options)?)?)
    }

    fn scenes(&self) -> &'static [&'static dyn Play] {
        &[&CUT]
    }

    fn node(&self, args: Vec<OsString>) -> Result<()> {
        node::run(args)
    }

    fn protocols(&self) -> &'static [Protocol] {
        &[messages::LINES]
    }
}

/// One that runs.
pub(crate) struct Registers {
    lab: Arc<Lab>,
    /// Through which the client dials.
    socks: SocketAddr,
    /// What each register held when it was looked at, and when that look began.
    seen: Mutex<(Instant, Arc<Seen>)>,
}

/// What there is to see: the registers, by the names of their nodes; those that answered.
pub(crate) type Seen = BTreeMap<String, u64>;

const LEADER: &str = "leader";

/// A node that listens at one address, told by `--listen`, and known from the ready line as `address`.
fn add(lab: &Lab, name: &str, role: &'static str, mut args: Vec<String>) -> Result<()> {
    args.extend(["--dir".to_owned(), lab.dir(name).display().to_string()]);
    lab.add(NodeSpec {
        name: name.to_owned(),
        role,
        rack: None,
        program: "toy",
        args,
        listens: &[("--listen", "address")],
    })?;
    lab.start(name)
}

impl Scenery for Registers {
    type Size = Size;
    type View = Seen;

    fn set(lab: &Arc<Lab>, size: &Size) -> Result<Arc<Registers>> {
        let followers: Vec<String> = (1..=size.followers).map(|n| format!("f{n}")).collect();
        for name in &followers {
            add(lab, name, "follower", Vec::new())?;
        }
        let addresses = followers.iter().map(|name| lab.address(name, "address"));
        let addresses: Vec<String> = addresses.collect::<Result<_>>()?;
        let args = ["--followers".to_owned(), addresses.join(",")];
        add(lab, LEADER, "leader", args.into())?;
        let registers = Arc::new(Registers {
            lab: lab.clone(),
            socks: lab.dial_as(CLIENT)?,
            seen: Mutex::new((Instant::now(), Arc::default())),
        });
        let watched = Arc::downgrade(&registers);
        std::thread::spawn(move || watch(&watched));
        Ok(registers)
    }

    fn ready(stage: &Stage<Registers>, size: &Size) -> Result<()> {
        stage.expect("everybody answers", SOON, |seen| {
            ensure(seen.len() == size.followers as usize + 1, || {
                format!("{seen:?}")
            })
        })
    }

    fn seen_since(&self, then: Instant) -> Option<Arc<Seen>> {
        let (looked_at, seen) = &*lab::lab::lock(&self.seen);
        (*looked_at > then).then(|| seen.clone())
    }
}

/// Looks for as long as there is something to look at.
fn watch(registers: &Weak<Registers>) {
    while let Some(registers) = registers.upgrade().filter(|r| r.lab.is_open()) {
        registers.look();
        drop(registers);
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Registers {
    fn look(&self) {
        let began = Instant::now();
        let nodes = self.lab.nodes();
        let mut shown = Lab::nodes_document(&nodes);
        let mut seen = Seen::new();
        for name in nodes.into_iter().map(|node| node.name) {
            // The lab looks on from outside: no fault of its network hides the nodes from it.
            let Ok(value) = self.ask(None, &name, "get", node::PATIENCE) else {
                continue;
            };
            shown[&name]["value"] = json!(value);
            seen.insert(name, value);
        }
        let same = seen.values().all(|value| Some(value) == seen.get(LEADER));
        let lamps = json!({"same": {
            "order": 1,
            "sentence": "Everybody holds what the leader holds",
            "holds": same,
            "reason": format!("{seen:?}"),
        }});
        // What the page draws; only what has changed is recorded.
        let nodes = Value::Object(shown);
        self.lab
            .recorder
            .put_all([("nodes", nodes), ("lamps", lamps)]);
        *lab::lab::lock(&self.seen) = (began, Arc::new(seen));
    }

    fn ask(
        &self,
        socks: Option<SocketAddr>,
        name: &str,
        question: &str,
        patience: Duration,
    ) -> Result<u64> {
        let address = self.lab.address(name, "address")?.parse()?;
        let answer = node::ask(socks, address, question, patience);
        Ok(answer
            .with_context(|| format!("{name} does not answer"))?
            .parse()?)
    }

    /// What a client does: it goes through its own links. Returns how many registers have the number now.
    fn put(&self, number: u64) -> Result<u64> {
        let address = self.lab.address(LEADER, "address")?;
        let command = format!("echo put {number} | nc {}", address.replace(':', " "));
        let text = format!("the client puts {number}");
        self.lab.recorder.action(Some(LEADER), text, &command);
        self.ask(Some(self.socks), LEADER, &format!("put {number}"), SOON)
    }
}

impl Cluster for Registers {
    fn deeds(&self) -> Vec<Deed> {
        vec![Deed {
            id: "put",
            label: "Put",
            title: "Have the leader take a number, and tell its followers",
            group: None,
            on: Target::Cluster,
            roles: &[],
            when: When::default(),
            param: Some(Param {
                name: "number",
                label: "Number",
                unit: "",
                min: 0.0,
                max: 99.0,
                value: 7.0,
            }),
        }]
    }

    fn perform(&self, deed: &str, order: &Order) -> Result<()> {
        anyhow::ensure!(deed == "put", "there is no deed {deed}");
        let number = order.value.context("say which number")?;
        self.put(format!("{number:.0}").parse()?)?;
        Ok(())
    }
}

/// The whole of a scene.
const CUT: Scene<Registers> = Scene {
    name: "toy/cut",
    about: "a follower is cut off, and holds an old number until it is told a new one",
    size: Size { followers: 2 },
    play: |stage| {
        stage.say("The link to f1 is cut, and a number is put");
        let cut = Rule {
            cut: true,
            ..Rule::default()
        };
        stage.lab().set_link(LEADER, "f1", cut)?;
        let putting = stage.meanwhile(|toy| toy.put(7));
        stage.expect("f1 has not heard of it", SOON, |seen| {
            let (f1, leader) = (seen.get("f1"), seen.get(LEADER));
            ensure(f1 == Some(&0) && leader == Some(&7), || format!("{seen:?}"))
        })?;
        stage.expect_end("the others have it", SOON, &putting)?;
        stage.say("The link is mended, and another number is put");
        stage.lab().heal();
        let putting = stage.meanwhile(|toy| toy.put(8));
        stage.expect_end("the write is acknowledged", SOON, &putting)?;
        stage.expect("all are the same", SOON, |seen| {
            ensure(seen.values().all(|value| *value == 8), || {
                format!("{seen:?}")
            })
        })
    },
};
