//! raft-kv in the lab: members and clients as processes, what can be seen of them, and what can be done to them.

mod client;
mod deeds;
mod document;
mod ledger;
mod load;
mod roster;
mod scenes;
mod watch;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{ArgMatches, Args, Command, FromArgMatches, Parser};
use raft_kv::client::Client;
use raft_kv::server::explain::explain;
use serde_json::{Value, json};
use sim::Level;

use super::disks::Disks;
use super::lines;
use crate::lab::{Condition, Lab, NodeSpec, lock, quoted};
use crate::links::grpc;
use crate::links::recogniser::{Protocol, Way};
use crate::load::Load;
use crate::scenes::{Play, SOON, Stage, ensure};
use crate::system::{Cluster, Scenery, System};
use client::{Action, Outcome, Request};
use ledger::{Finding, Ledger, Ledgers, Proof};
use load::KeyLoad;
use roster::{Entry, Roster};
use watch::Watching;

pub(crate) use watch::View;

/// What clients write and read by hand.
const KEY: &str = "x";
/// How long a client tries what it is told by hand.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the lab itself tries, to whom nothing is cut.
const OWN_PATIENCE: Duration = Duration::from_secs(20);

/// Snapshots come sooner than in earnest, so that one is seen.
const SETTINGS: [&str; 2] = ["--snapshot-count", "1000"];

/// How large one is.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Size {
    /// How many members
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=9))]
    members: u32,
    /// How many clients
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=4))]
    clients: u32,
}

/// raft-kv, as a system of the lab.
pub(crate) struct RaftKv;

/// What a node is.
#[derive(Debug, Parser)]
#[command(name = "lab node raft")]
enum Node {
    /// A member
    Serve(Box<Member>),
    /// A client
    Client(client::Options),
}

#[derive(Debug, Args)]
struct Member {
    #[command(flatten)]
    options: raft_kv::server::settings::Options,
    /// Through which it dials
    #[arg(long)]
    socks: Option<SocketAddr>,
}

impl System for RaftKv {
    fn name(&self) -> &'static str {
        "raft"
    }

    fn title(&self) -> &'static str {
        "raft-kv"
    }

    fn options(&self, command: Command) -> Command {
        Size::augment_args(command)
    }

    fn start(&self, lab: &Arc<Lab>, options: &ArgMatches) -> Result<Arc<dyn Cluster>> {
        Ok(Raft::set(lab, &Size::from_arg_matches(options)?)?)
    }

    fn scenes(&self) -> &'static [&'static dyn Play] {
        scenes::SCENES
    }

    fn node(&self, args: Vec<OsString>) -> Result<()> {
        let name = OsString::from("lab node raft");
        match Node::parse_from([name].into_iter().chain(args)) {
            Node::Serve(member) => {
                raft_kv::server::log_to_stderr("info");
                let Member { mut options, socks } = *member;
                options.socks5 = socks;
                raft_kv::server::run(&options)
            }
            Node::Client(options) => client::run(&options),
        }
    }

    /// All of it is gRPC, but between members every message is the same call.
    fn protocols(&self) -> &'static [Protocol] {
        &[Protocol {
            begins: grpc::begins,
            recogniser: || {
                grpc::recogniser(|method, way, message| {
                    let explained = explain(method, way == Way::Back, message)?;
                    Some((explained.label.into(), explained.text))
                })
            },
        }]
    }
}

/// A cluster that runs, and its clients.
pub(crate) struct Raft {
    pub(crate) lab: Arc<Lab>,
    disks: Arc<Disks>,
    /// Members have data of an earlier time.
    is_kept: bool,
    roster: Mutex<Roster>,
    /// Held by whoever changes the membership.
    changing: Mutex<()>,
    clients: Vec<String>,
    load: Load,
    /// The load's reads promise nothing.
    serializable: Arc<AtomicBool>,
    /// What was done by hand, by key.
    ledgers: Mutex<Ledgers>,
    /// What each client heard last.
    heard: Mutex<BTreeMap<String, String>>,
    /// Why what the load saw makes no sense, if it does not.
    wrong: Mutex<Option<String>>,
    /// The calls that no order explains, those found last.
    proof: Mutex<Option<Proof>>,
    watching: Mutex<Watching>,
    seen: Mutex<(Instant, Arc<View>)>,
}

impl Scenery for Raft {
    type Size = Size;
    type View = View;

    fn set(lab: &Arc<Lab>, size: &Size) -> Result<Arc<Raft>> {
        let is_kept = Roster::is_there(lab.root());
        let roster = Roster::find_or_make(lab.root(), size.members)?;
        for entry in &roster.members {
            add_member(lab, entry)?;
        }
        let clients: Vec<String> = (1..=size.clients).map(|n| format!("c{n}")).collect();
        let names = roster.members.iter().map(|entry| &entry.name);
        // Side by side: each waits a moment for the others.
        std::thread::scope(|scope| {
            let starting: Vec<_> = names
                .map(|name| scope.spawn(move || lab.start(name)))
                .collect();
            let started = starting.into_iter().map(|started| match started.join() {
                Ok(started) => started,
                Err(_) => anyhow::bail!("a thread panicked"),
            });
            started
                .collect::<Vec<_>>()
                .into_iter()
                .collect::<Result<()>>()
        })?;
        for name in &clients {
            let args = ["client", "--name", name];
            lines::add(lab, name, "client", "lab node raft", &args)?;
        }
        let run = getrandom::u32().context("the system gives no random number")?;
        let serializable = Arc::new(AtomicBool::new(false));
        let raft = Arc::new_cyclic(|raft| Raft {
            lab: lab.clone(),
            disks: Disks::of(lab),
            is_kept,
            roster: Mutex::new(roster),
            changing: Mutex::default(),
            clients,
            load: Load::new(KeyLoad::new(raft.clone(), run, serializable.clone())),
            serializable,
            ledgers: Mutex::default(),
            heard: Mutex::default(),
            wrong: Mutex::default(),
            proof: Mutex::default(),
            watching: Mutex::default(),
            seen: Mutex::new((Instant::now(), Arc::default())),
        });
        watch::start(&raft);
        Ok(raft)
    }

    fn ready(stage: &Stage<Raft>, size: &Size) -> Result<()> {
        stage.expect("all members follow one leader", SOON, |view| {
            let leader = view.leader().ok_or("nobody leads")?;
            let all = view.following(leader);
            ensure(all == size.members as usize, || {
                format!("{all} members agree that {leader} leads")
            })?;
            let named = view.members[leader].members.len();
            ensure(named == size.members as usize, || {
                format!("{named} are in the list of members")
            })
        })
    }

    fn seen_since(&self, then: Instant) -> Option<Arc<View>> {
        let (looked_at, seen) = &*lock(&self.seen);
        (*looked_at > then).then(|| seen.clone())
    }
}

fn add_member(lab: &Lab, entry: &Entry) -> Result<()> {
    let dir = lab.dir(&entry.name).display().to_string();
    let args = [
        "serve",
        "--name",
        &entry.name,
        "--data-dir",
        &dir,
        "--initial-cluster",
        &entry.initial_cluster,
        "--initial-cluster-state",
        entry.state(),
    ];
    let spec = NodeSpec {
        name: entry.name.clone(),
        role: "member",
        rack: None,
        program: "raft-kv",
        args: args
            .iter()
            .chain(&SETTINGS)
            .map(|&arg| arg.to_owned())
            .collect(),
        listens: &[
            ("--listen-client-urls", "client"),
            ("--listen-peer-urls", "peer"),
            ("--chaos", "chaos"),
        ],
    };
    let anywhere = "127.0.0.1:0".to_owned();
    lab.add_at(spec, &[entry.client_url(), entry.peer_url(), anywhere])
}

impl Raft {
    /// The clients' names.
    pub(crate) fn clients(&self) -> &[String] {
        &self.clients
    }

    /// Where the members listen for clients.
    fn endpoints(&self) -> Vec<String> {
        let members = &lock(&self.roster).members;
        members.iter().map(Entry::client_url).collect()
    }

    /// The flag that says so in a shell.
    fn endpoints_flag(&self) -> String {
        format!("--endpoints {}", self.endpoints().join(","))
    }

    fn found_wrong(&self, text: &str) {
        *lock(&self.wrong) = Some(text.to_owned());
    }

    /// Has the page draw calls that no order explains.
    fn show_proof(&self, proof: Proof) {
        *lock(&self.proof) = Some(proof);
    }

    /// Has a client do something, at one member or at whichever it likes. It tries for so many milliseconds.
    pub(crate) fn tell(
        &self,
        client: &str,
        key: &str,
        action: Action,
        at: Option<&str>,
        timeout_ms: u64,
    ) -> Outcome {
        let tell = || -> Result<Outcome> {
            let endpoints = match at {
                Some(member) => vec![self.lab.address(member, "client")?],
                None => self.endpoints(),
            };
            let request = Request {
                endpoints,
                timeout_ms,
                key: key.to_owned(),
                action,
            };
            let address = self.lab.address(client, "address")?.parse()?;
            let patience = Duration::from_millis(timeout_ms) + lines::PATIENCE;
            let said = lines::ask(None, address, "do", &json!(request), patience)?;
            Ok(serde_json::from_value(said)?)
        };
        // It may have been told, and have done it.
        tell().unwrap_or_else(|e| Outcome::Unknown(format!("{client} does not follow: {e:#}")))
    }

    /// The same by hand: it stands in the journal, and in the key's ledger.
    fn act(
        &self,
        client: &str,
        key: &str,
        action: &Action,
        at: Option<&str>,
        patience: Duration,
    ) -> Result<Outcome> {
        let endpoints = match at {
            Some(member) => format!("--endpoints {}", self.lab.address(member, "client")?),
            None => self.endpoints_flag(),
        };
        let place = at.map_or(String::new(), |member| format!(" at {member}"));
        let (text, words) = match action {
            Action::Put(value) => (
                format!("{client} writes {key} = {value}{place}"),
                format!("put {} {}", quoted(key), quoted(value)),
            ),
            Action::Get {
                serializable: false,
            } => (
                format!("{client} reads {key}{place}"),
                format!("get {}", quoted(key)),
            ),
            Action::Get { serializable: true } => (
                format!("{client} reads {key}{place}, whatever is known there (serializable)"),
                format!("get {} --consistency=s", quoted(key)),
            ),
        };
        let command = format!("raft-kv {words} {endpoints}");
        self.lab.recorder.action(Some(client), text, &command);
        let number = self
            .clients
            .iter()
            .zip(1..)
            .find(|(name, _)| *name == client);
        let (_, number) = number.with_context(|| format!("{client} is no client"))?;
        let ledger = |ledgers: &mut Ledgers, with: &mut dyn FnMut(&mut Ledger)| {
            let known = || match self.is_kept {
                true => Ledger::open(),
                false => Ledger::default(),
            };
            with(ledgers.entry(key.to_owned()).or_insert_with(known));
        };
        let mut call = None;
        ledger(&mut lock(&self.ledgers), &mut |ledger| {
            call = Some(ledger.call(number, action));
        });
        let timeout_ms = u64::try_from(patience.as_millis())?;
        let outcome = self.tell(client, key, action.clone(), at, timeout_ms);
        let mut finding = Finding::Linearizable;
        ledger(&mut lock(&self.ledgers), &mut |ledger| {
            if let Some(call) = call.take() {
                ledger.ended(call, &outcome);
            }
            finding = ledger.promised();
        });
        let (level, heard) = match (&outcome, action) {
            (Outcome::Done { revision, .. }, Action::Put(value)) => (
                Level::Good,
                format!("{key} = {value} is written, at revision {revision}"),
            ),
            (Outcome::Done { value, revision }, Action::Get { .. }) => {
                let value = value.as_deref().unwrap_or("nothing");
                (
                    Level::Good,
                    format!("{key} is {value}, as of revision {revision}"),
                )
            }
            (Outcome::Refused(why), _) => (Level::Bad, format!("not done: {why}")),
            (Outcome::Unknown(why), _) => (Level::Bad, format!("nobody knows: {why}")),
        };
        let text = format!("{client} hears: {heard}");
        self.lab.recorder.event(level, Some(client), text);
        let is_first = lock(&self.wrong).is_none();
        if let Finding::Violation(proof) = finding
            && is_first
        {
            let text = format!("no order explains what was done to {key}: {}", proof.words);
            self.show_proof(proof);
            self.lab.recorder.event(Level::Bad, None, text.clone());
            self.found_wrong(&text);
        }
        lock(&self.heard).insert(client.to_owned(), heard);
        Ok(outcome)
    }

    /// A client writes; it may ask any member.
    pub(crate) fn put(&self, client: &str, key: &str, value: &str) -> Result<Outcome> {
        self.act(client, key, &Action::Put(value.to_owned()), None, PATIENCE)
    }

    /// A client reads, at this member or at any.
    pub(crate) fn get(
        &self,
        client: &str,
        key: &str,
        at: Option<&str>,
        serializable: bool,
        patience: Duration,
    ) -> Result<Outcome> {
        self.act(client, key, &Action::Get { serializable }, at, patience)
    }

    /// What was done by hand to this key, as far as it is known.
    pub(crate) fn ledger<T>(&self, key: &str, look: impl FnOnce(&Ledger) -> T) -> T {
        look(lock(&self.ledgers).entry(key.to_owned()).or_default())
    }

    /// Asks the cluster something, past all links.
    fn ask<T>(&self, ask: impl AsyncFnOnce(Client) -> Result<T>) -> Result<T> {
        let endpoints = self.endpoints();
        self.lab.runtime().block_on(async {
            let client = Client::new(&endpoints)?;
            // One that is down or paused is not waited for.
            let soon = client.clone().with_timeout(Duration::from_secs(1));
            soon.find_leader().await;
            ask(client.with_timeout(OWN_PATIENCE)).await
        })
    }

    /// The id of a member, as the cluster knows it by its peer URL: one that never started has no name yet.
    async fn id(&self, client: &Client, name: &str) -> Result<u64> {
        let url = lock(&self.roster).get(name)?.peer_url();
        let members = client.members().await?.members;
        let member = members
            .iter()
            .find(|member| member.peer_ur_ls.contains(&url));
        Ok(member.with_context(|| format!("{name} is no member"))?.id)
    }

    /// One more member. Returns its name.
    pub(crate) fn add_member(&self) -> Result<String> {
        let _changing = lock(&self.changing);
        let mut entry = lock(&self.roster).next()?;
        let flag = self.endpoints_flag();
        let added =
            self.ask(async |client| Ok(client.member_add(vec![entry.peer_url()], false).await?))?;
        let named = added.members.iter().flat_map(|member| {
            let name = if member.name.is_empty() {
                &entry.name
            } else {
                &member.name
            };
            let urls = member.peer_ur_ls.iter();
            urls.map(move |url| format!("{name}={url}"))
        });
        let cluster: Vec<String> = named.collect();
        entry.initial_cluster = cluster.join(",");
        entry.joins = true;
        let name = entry.name.clone();
        let text = format!("{name} is added to the cluster");
        let url = entry.peer_url();
        let command = format!("raft-kv member add {name} --peer-urls {url} {flag}");
        self.lab.recorder.action(Some(&name), text, &command);
        let id = added.member.map(|member| member.id);
        self.start_member(entry).inspect_err(|_| {
            // A member that never comes would count for majorities. Whoever asked hears of the first error.
            let _ = lock(&self.roster).remove(&name);
            let _ = self.lab.remove(&name);
            let _ = self.ask(async |client| Ok(client.member_remove(id.unwrap_or(0)).await?));
            let text = format!("{name} cannot be started, and is removed again");
            self.lab.recorder.event(Level::Bad, None, text);
        })?;
        Ok(name)
    }

    /// Starts a member that the cluster knows.
    fn start_member(&self, entry: Entry) -> Result<()> {
        let name = entry.name.clone();
        add_member(&self.lab, &entry)?;
        lock(&self.roster).push(entry)?;
        self.lab.start(&name)
    }

    /// A member leaves for good, and its process with it.
    pub(crate) fn remove_member(&self, name: &str) -> Result<()> {
        let _changing = lock(&self.changing);
        let flag = self.endpoints_flag();
        let id = self.ask(async |client| {
            let id = self.id(&client, name).await?;
            client.member_remove(id).await?;
            Ok(id)
        })?;
        let command = format!("raft-kv member remove {id:x} {flag}");
        let text = format!("{name} is removed from the cluster");
        self.lab.recorder.action(Some(name), text, &command);
        lock(&self.roster).remove(name)?;
        self.lab.remove(name)
    }

    /// Has a member lead.
    pub(crate) fn move_leader(&self, name: &str) -> Result<()> {
        let flag = self.endpoints_flag();
        let id = self.ask(async |client| {
            let id = self.id(&client, name).await?;
            for (_, member) in client.each() {
                let soon = member.clone().with_timeout(Duration::from_secs(1));
                let leads = |status: &raft_kv::client::pb::StatusResponse| {
                    let header = status.header.as_ref();
                    header.is_some_and(|header| header.member_id == status.leader)
                };
                if soon.status().await.is_ok_and(|status| leads(&status)) {
                    member.move_leader(id).await?;
                    return Ok(id);
                }
            }
            anyhow::bail!("nobody leads who could hand over")
        })?;
        let command = format!("raft-kv move-leader {id:x} {flag}");
        let text = format!("{name} is to lead");
        self.lab.recorder.action(Some(name), text, &command);
        Ok(())
    }

    /// From now on the load's reads ask nobody but the member that they reach, or a majority by way of the leader.
    fn read_serializably(&self, serializable: bool) {
        self.serializable.store(serializable, Ordering::Relaxed);
        let text = match serializable {
            true => "the load reads whatever the member that is asked has (serializable)",
            false => "the load reads what is so now (linearizable)",
        };
        self.lab.recorder.event(Level::Change, None, text);
    }
}

/// Whether something can be asked of a process.
fn is_up(process: Condition) -> bool {
    process == Condition::Up
}

/// What a member says at `path` of its client port.
async fn http(url: &str, path: &str) -> Result<Value> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = url.trim_start_matches("http://");
    let mut socket = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    let (_, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    Ok(serde_json::from_str(body)?)
}
