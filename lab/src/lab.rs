//! The lab: nodes as processes, the links between them, and everything that can be done to either. It knows nothing
//! of what the nodes do; a system says how its nodes are started and what can be seen of them.
//! The page's buttons and the scenes call the same methods, which block until the deed is done.

mod node;
mod shell;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};
use servers::Server;
use sim::Level;
use tokio::runtime::Handle;

use crate::links::recogniser::Protocol;
use crate::links::{Links, Rule};
use crate::reaper::Reaper;
use crate::recorder::{Limits, Recorder};

pub use node::{Condition, NodeSpec, NodeView};
pub use shell::quoted;

use node::Node;

/// How long a node may take to say that it is ready, and to end when it is asked to.
const READY_MAX: Duration = Duration::from_secs(30);
const ENDING_MAX: Duration = Duration::from_secs(2);

/// The name under which the lab's own client dials.
pub const CLIENT: &str = "client";

/// Real processes, and what can be done to them.
#[derive(Debug)]
pub struct Lab {
    /// What happened.
    pub recorder: Arc<Recorder>,
    /// The system whose nodes these are, for `lab node`.
    system: &'static str,
    runtime: Handle,
    links: Links,
    /// In the order in which they were added.
    nodes: Mutex<Vec<Arc<Node>>>,
    dir: PathBuf,
    // Last, so that it goes last: whatever is still there then, it ends.
    reaper: Mutex<Option<Reaper>>,
}

/// Locks what nobody leaves half changed, so that a panic elsewhere does not matter here.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lab {
    /// A lab for nodes of `system`, on which `scene` will be played, if one is. It keeps its files in `dir`; without one, in a new
    /// directory that goes with it.
    ///
    /// # Errors
    /// When the directory cannot be made, or the lab's own program cannot be run again.
    pub fn new(
        system: &'static str,
        scene: &str,
        dir: Option<PathBuf>,
        runtime: Handle,
    ) -> Result<Arc<Lab>> {
        let (dir, scratch) = match dir {
            Some(dir) => (dir, false),
            None => (
                tempfile::Builder::new().prefix("lab-").tempdir()?.keep(),
                true,
            ),
        };
        let reaper = Reaper::start(scratch.then_some(&dir))?;
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let lab = Lab {
            recorder: Arc::new(Recorder::new(system, scene, Limits::default())),
            system,
            links: Links::new(runtime.clone()),
            runtime,
            nodes: Mutex::default(),
            dir: dir.canonicalize()?,
            reaper: Mutex::new(Some(reaper)),
        };
        lab.recorder.start(CLIENT);
        Ok(Arc::new(lab))
    }

    /// Records messages on links from now on, of gRPC and of `protocols`. To be called before the first node is started.
    pub fn watch_links(&self, protocols: &[Protocol]) {
        self.links.watch(self.recorder.clone(), protocols);
    }

    /// What asynchronous work runs on.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Where everything is kept: a directory for each node, and its log beside it.
    pub fn root(&self) -> &Path {
        &self.dir
    }

    /// Where the node `name` keeps its files.
    pub fn dir(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Opens the listener through which `source` dials.
    pub fn dial_as(&self, source: &str) -> Result<SocketAddr> {
        let listened = self.links.listen(source);
        listened.with_context(|| format!("cannot listen for what {source} dials"))
    }

    /// Adds a node, which is not started yet. It is told where to dial.
    ///
    /// # Errors
    /// When there is a node of that name, or the lab is being closed.
    pub fn add(&self, spec: NodeSpec) -> Result<()> {
        let anywhere = vec!["127.0.0.1:0".to_owned(); spec.listens.len()];
        self.add_at(spec, &anywhere)
    }

    /// The same, where the system has chosen the `addresses`, one for each of [`NodeSpec::listens`]: nodes that must know each other before
    /// they start cannot wait for a ready line. They may be URLs.
    ///
    /// # Errors
    /// As [`Lab::add`]; and when there are not as many addresses as listeners.
    pub fn add_at(&self, spec: NodeSpec, addresses: &[String]) -> Result<()> {
        let name = spec.name.clone();
        ensure!(
            addresses.len() == spec.listens.len(),
            "{name}: an address for each of its listeners"
        );
        let group = match &*lock(&self.reaper) {
            Some(reaper) => reaper.group()?,
            None => bail!("the lab is being closed"),
        };
        let program = std::env::current_exe().context("cannot find the lab's own program")?;
        let socks = self.dial_as(&name)?.to_string();
        let args = ["node", self.system].map(str::to_owned).into_iter();
        let args = args.chain(spec.args.iter().cloned());
        let args = args.chain(["--exit-with-stdin", "--socks", &socks].map(str::to_owned));
        let mut server = Server::new(program, args)
            .in_group(group)
            .logging_to(self.dir.join(format!("{name}.log")));
        for ((flag, key), address) in spec.listens.iter().zip(addresses) {
            server = server.listening(flag, key, address);
        }
        let node = Node {
            server: Mutex::new(server),
            paused: AtomicBool::new(false),
            wanted: AtomicBool::new(false),
            address: Mutex::default(),
            spec,
        };
        let mut nodes = lock(&self.nodes);
        if nodes.iter().any(|node| node.spec.name == name) {
            bail!("there is a node {name} already");
        }
        nodes.push(Arc::new(node));
        Ok(())
    }

    fn node(&self, name: &str) -> Result<Arc<Node>> {
        let nodes = lock(&self.nodes);
        let node = nodes.iter().find(|node| node.spec.name == name).cloned();
        node.with_context(|| format!("there is no node {name}"))
    }

    /// What the node `name` is.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn role(&self, name: &str) -> Result<&'static str> {
        Ok(self.node(name)?.spec.role)
    }

    fn all(&self) -> Vec<Arc<Node>> {
        lock(&self.nodes).clone()
    }

    /// Starts the node `name`, anew if it runs already, on the addresses and files that it had.
    pub fn start(&self, name: &str) -> Result<()> {
        let node = self.node(name)?;
        let mut server = lock(&node.server);
        node.wanted.store(false, Ordering::Relaxed);
        server.kill();
        node.paused.store(false, Ordering::Relaxed);
        server
            .start(READY_MAX)
            .with_context(|| format!("cannot start {name}"))?;
        let keys = node.spec.listens.iter();
        let addresses = keys.filter_map(|(_, key)| server.address(key));
        let addresses: Vec<String> = addresses.map(str::to_owned).collect();
        let parsed = addresses.iter().map(|a| a.trim_start_matches("http://"));
        let parsed: Vec<SocketAddr> = parsed.filter_map(|a| a.parse().ok()).collect();
        self.links.register(name, &parsed);
        *lock(&node.address) = addresses.into_iter().next();
        node.wanted.store(true, Ordering::Relaxed);
        self.recorder.start(name);
        let command = node.shell_command(&server);
        self.recorder
            .action(Some(name), format!("{name} is started"), &command);
        Ok(())
    }

    /// Ends the node `name` at once, as a crash would.
    pub fn kill(&self, name: &str) -> Result<()> {
        let node = self.node(name)?;
        let mut server = lock(&node.server);
        let Some(id) = server.id() else {
            bail!("{name} does not run");
        };
        node.wanted.store(false, Ordering::Relaxed);
        server.kill();
        node.paused.store(false, Ordering::Relaxed);
        self.recorder.crash(name, "killed");
        self.recorder.action(
            Some(name),
            format!("{name} is killed"),
            &format!("kill -9 {id}"),
        );
        Ok(())
    }

    /// Takes the node `name` away for good; it is ended if it runs. What was wrong with its links goes with it.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn remove(&self, name: &str) -> Result<()> {
        let node = self.node(name)?;
        let mut server = lock(&node.server);
        node.wanted.store(false, Ordering::Relaxed);
        if server.id().is_some() {
            server.kill();
            self.recorder.crash(name, "taken away");
        }
        drop(server);
        lock(&self.nodes).retain(|other| other.spec.name != name);
        self.links.register(name, &[]);
        for (from, to) in self.rules().into_keys() {
            if from == name || to == name {
                self.links.set(&from, &to, Rule::default());
            }
        }
        self.show_links();
        Ok(())
    }

    /// Stops the node `name` in mid-step.
    pub fn pause(&self, name: &str) -> Result<()> {
        self.signal(name, true)
    }

    /// Lets the node `name` go on.
    pub fn resume(&self, name: &str) -> Result<()> {
        self.signal(name, false)
    }

    fn signal(&self, name: &str, pause: bool) -> Result<()> {
        let node = self.node(name)?;
        let mut server = lock(&node.server);
        let Some(id) = server.id() else {
            bail!("{name} does not run");
        };
        let (text, signal) = if pause {
            server.pause()?;
            (format!("{name} is paused"), "STOP")
        } else {
            server.resume()?;
            (format!("{name} goes on"), "CONT")
        };
        node.paused.store(pause, Ordering::Relaxed);
        self.recorder
            .action(Some(name), text, &format!("kill -{signal} {id}"));
        Ok(())
    }

    /// Makes `rule` hold for what flows from one node to another. `*` stands for every other node, the client included.
    pub fn set_link(&self, from: &str, to: &str, rule: Rule) -> Result<()> {
        let ends = |end: &str| -> Result<Vec<String>> {
            if end == "*" {
                let nodes = self.all().into_iter().map(|node| node.spec.name.clone());
                return Ok(nodes.chain([CLIENT.to_owned()]).collect());
            }
            if end != CLIENT {
                self.node(end)?;
            }
            Ok(vec![end.to_owned()])
        };
        let (sources, destinations) = (ends(from)?, ends(to)?);
        for source in &sources {
            for destination in destinations.iter().filter(|d| *d != source) {
                self.links.set(source, destination, rule);
            }
        }
        self.show_links();
        Ok(())
    }

    /// Cuts every link between nodes of different groups, and mends what was cut within a group. Links of nodes that are in none, of
    /// which the client may be one, stay as they are.
    ///
    /// # Errors
    /// When there is no such node, or one is in two groups.
    pub fn partition(&self, groups: &[Vec<String>]) -> Result<()> {
        let mut seen = BTreeSet::new();
        for name in groups.iter().flatten() {
            if name != CLIENT {
                self.node(name)?;
            }
            if !seen.insert(name) {
                bail!("{name} is in two groups");
            }
        }
        self.links.partition(groups);
        self.show_links();
        Ok(())
    }

    /// Mends every link.
    pub fn heal(&self) {
        self.links.heal();
        self.show_links();
    }

    fn show_links(&self) {
        let rules = self.links.rules().into_iter();
        let links = rules.map(|((from, to), rule)| (sim::link_key(&from, &to), json!(rule)));
        self.recorder.put("links", Value::Object(links.collect()));
    }

    /// Undoes every fault of links and processes: links are mended, what is paused goes on, what is down is started.
    ///
    /// # Errors
    /// When a node does not start; the others do nevertheless.
    pub fn undo(&self) -> Result<()> {
        self.heal();
        let nodes = self.nodes();
        std::thread::scope(|scope| {
            let undoing = nodes.iter().map(|node| {
                let name = node.name.as_str();
                scope.spawn(move || match node.process {
                    Condition::Paused => self.resume(name),
                    Condition::Down => self.start(name),
                    Condition::Up | Condition::Changing => Ok(()),
                })
            });
            let undoing: Vec<_> = undoing.collect();
            let undone = undoing.into_iter().map(|undoing| match undoing.join() {
                Ok(undone) => undone,
                Err(_) => bail!("a thread panicked"),
            });
            // All are waited for before the first error is told.
            undone.collect::<Vec<_>>().into_iter().collect()
        })
    }

    /// What is wrong with links, by source and destination.
    pub fn rules(&self) -> BTreeMap<(String, String), Rule> {
        self.links.rules()
    }

    /// How many bytes have got through each link so far, by source and destination.
    pub fn carried(&self) -> BTreeMap<(String, String), u64> {
        self.links.carried()
    }

    /// The address at which the node `name` serves what its ready line calls `key`.
    pub fn address(&self, name: &str, key: &str) -> Result<String> {
        let node = self.node(name)?;
        let server = lock(&node.server);
        let address = server.address(key).map(str::to_owned);
        address.with_context(|| format!("{name} has not said where it listens for {key}"))
    }

    /// The process id of the node `name`.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pid(&self, name: &str) -> Result<u32> {
        let node = self.node(name)?;
        let pid = lock(&node.server).id();
        pid.with_context(|| format!("{name} does not run"))
    }

    /// Every address at which the node `name` listens, with what its ready line calls it.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn addresses(&self, name: &str) -> Result<Vec<(&'static str, String)>> {
        let node = self.node(name)?;
        let server = lock(&node.server);
        let listens = node.spec.listens.iter();
        let found = listens.filter_map(|(_, key)| Some((*key, server.address(key)?.to_owned())));
        Ok(found.collect())
    }

    /// What there is to see of each process. A process that has ended of itself becomes an event.
    pub fn nodes(&self) -> Vec<NodeView> {
        self.all().iter().map(|node| self.look_at(node)).collect()
    }

    /// The member `nodes` of the state document, as far as the lab knows it; its own client is one of them. A system adds what
    /// it knows.
    pub fn nodes_document(nodes: &[NodeView]) -> Map<String, Value> {
        let client = json!({"role": CLIENT, "process": Condition::Up});
        let nodes = nodes
            .iter()
            .map(|node| (node.name.clone(), json!(node)))
            .chain([(CLIENT.to_owned(), client)]);
        nodes.collect()
    }

    fn look_at(&self, node: &Node) -> NodeView {
        let (process, pid) = match node.server.try_lock() {
            Err(TryLockError::WouldBlock) => (Condition::Changing, None),
            Err(TryLockError::Poisoned(_)) => (Condition::Down, None),
            Ok(mut server) => {
                if server.is_running() {
                    let paused = node.paused.load(Ordering::Relaxed);
                    let up = if paused {
                        Condition::Paused
                    } else {
                        Condition::Up
                    };
                    (up, server.id())
                } else {
                    if node.wanted.swap(false, Ordering::Relaxed) {
                        self.report_end(&node.spec.name, server.log());
                    }
                    (Condition::Down, None)
                }
            }
        };
        NodeView {
            name: node.spec.name.clone(),
            role: node.spec.role,
            rack: node.spec.rack.clone(),
            process,
            pid,
            address: lock(&node.address).clone(),
        }
    }

    fn report_end(&self, name: &str, log: Option<&Path>) {
        let text = log.and_then(|log| std::fs::read_to_string(log).ok());
        let last = text.as_deref().and_then(|text| text.lines().last());
        let said = last.map_or_else(String::new, |line| format!("; its last words: {line}"));
        let text = format!("{name} has ended of itself{said}");
        self.recorder.crash(name, "ended of itself");
        self.recorder.event(Level::Bad, Some(name), text);
    }

    /// Whether nobody has begun to end everything.
    pub fn is_open(&self) -> bool {
        lock(&self.reaper).is_some()
    }

    /// Ends everything. Paused nodes go on first, so that they can end properly; whatever is still there after a
    /// moment is killed.
    pub fn stop(&self) {
        let Some(reaper) = lock(&self.reaper).take() else {
            return;
        };
        std::thread::scope(|scope| {
            for node in self.all() {
                scope.spawn(move || {
                    // A node that is just being started is left to the reaper.
                    if let Ok(mut server) = node.server.try_lock() {
                        node.wanted.store(false, Ordering::Relaxed);
                        if node.paused.swap(false, Ordering::Relaxed) {
                            let _ = server.resume();
                        }
                        server.stop(ENDING_MAX);
                    }
                });
            }
        });
        drop(reaper);
        self.links.close();
        self.recorder.close();
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop();
    }
}
