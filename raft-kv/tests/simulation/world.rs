//! One run: hosts, links and clients, what goes wrong with them, and that all is well in the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use history::models::{Kv, Model, Store};
use history::{History, Verdict, check};
use node::Rng;
use raft_kv::store::KeyRange;
use turmoil::{Builder, Sim};

use crate::leasing::holder;
use crate::load::{CHANGED, Recorded, ask, changer, client};
use crate::member::{Shared, name, run as run_member};
use crate::service::{Ask, Told};
use crate::transacting::{self, project, transactor};
use crate::watching::watcher;

/// Hosts; the first three begin the cluster, the others are spare.
const HOSTS: u64 = 5;
const CLIENTS: u64 = 4;
const HOLDERS: u64 = 2;
const TRANSACTORS: u64 = 4;

/// How long things go wrong, and how long it may then take until all is well.
const FAULTS_FOR: Duration = Duration::from_secs(10);
const HEALED_WITHIN: Duration = Duration::from_secs(30);

/// What came of a run.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) faults: u64,
    pub(crate) changes: u64,
    pub(crate) operations: u64,
    pub(crate) answered: u64,
    pub(crate) snapshots: u64,
    pub(crate) terms: u64,
    pub(crate) leases: u64,
    /// Transactions whose condition held, and others.
    pub(crate) held: u64,
    pub(crate) failed: u64,
}

struct World<'a> {
    sim: Sim<'a>,
    rng: Rng,
    shared: Shared,
    /// When something is to be undone.
    due: BTreeMap<(Duration, u64), Undo>,
    faults: u64,
}

#[derive(Debug)]
enum Undo {
    Start(u64),
    Repair(Vec<u64>, Vec<u64>),
    Speed(u64, u64),
    NoLoss,
}

/// Lives through a seed, and says what happened; or what did not hold.
pub(crate) fn run(seed: u64) -> (Result<Outcome, String>, Vec<String>) {
    let shared = Shared::default();
    align_task_ids();
    let lived = live(seed, shared.clone());
    let trace = std::mem::take(&mut shared.lock().audit.trace);
    (lived, trace)
}

/// A runtime that is dropped ends its tasks in an order that depends on their ids modulo 4, and ids count through the whole process: so that a
/// crash is the same one whatever ran before, each run begins at a multiple of 4.
fn align_task_ids() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let next = || runtime.spawn(async {}).id().to_string().parse::<u64>();
    while next().unwrap() % 4 != 3 {}
}

fn live(seed: u64, shared: Shared) -> Result<Outcome, String> {
    let mut rng = Rng::new(seed);
    let sim = Builder::new()
        .rng_seed(rng.next_u64())
        .simulation_duration(Duration::from_secs(3600))
        .tick_duration(Duration::from_millis(2))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(8))
        .build();
    let mut world = World {
        sim,
        shared,
        due: BTreeMap::new(),
        faults: 0,
        rng,
    };
    let history = Recorded::default();
    let transactions = transacting::Recorded::default();
    let (calm, idle) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    world.begin(seed, &history, &transactions, &calm, &idle);
    world.go_wrong()?;
    world.heal(&calm)?;
    idle.store(true, Ordering::Relaxed);
    world.check(&history, &transactions)
}

impl World<'_> {
    fn begin(
        &mut self,
        seed: u64,
        history: &Recorded,
        transactions: &transacting::Recorded,
        calm: &Arc<AtomicBool>,
        idle: &Arc<AtomicBool>,
    ) {
        for host in 1..=HOSTS {
            self.shared.lock().hosts.entry(host).or_default().id = host;
            let shared = self.shared.clone();
            self.sim.host(name(host), move || {
                run_member(shared.clone(), host, seed, vec![1, 2, 3])
            });
        }
        for number in 1..=CLIENTS {
            let rng = self.rng.fork();
            let hosts = (1..=HOSTS).collect();
            let running = client(
                self.shared.clone(),
                number,
                hosts,
                rng,
                history.clone(),
                idle.clone(),
            );
            self.sim.client(format!("c{number}"), running);
        }
        let changing = changer(self.shared.clone(), HOSTS, self.rng.fork(), idle.clone());
        self.sim.client("changer", changing);
        for number in 1..=HOLDERS {
            let (shared, rng) = (self.shared.clone(), self.rng.fork());
            let holding = holder(shared, number, HOSTS, rng, idle.clone());
            self.sim.client(format!("h{number}"), holding);
        }
        for number in 1..=TRANSACTORS {
            let (shared, rng) = (self.shared.clone(), self.rng.fork());
            let history = transactions.clone();
            let transacting = transactor(shared, number, HOSTS, rng, history, idle.clone());
            self.sim.client(format!("x{number}"), transacting);
        }
        for (number, range) in (1..).zip(watched()) {
            let (shared, rng) = (self.shared.clone(), self.rng.fork());
            let watching = watcher(shared, number, range, HOSTS, rng, idle.clone());
            self.sim.client(format!("w{number}"), watching);
        }
        let admin = administrate(self.shared.clone(), self.rng.fork(), calm.clone());
        self.sim.client("admin", admin);
    }

    fn step(&mut self) -> Result<(), String> {
        self.sim
            .step()
            .map_err(|e| format!("the simulation broke: {e}"))?;
        let (violation, failed) = {
            let shared = self.shared.lock();
            let failed = shared.hosts.iter().filter(|(_, host)| host.has_failed);
            let failed: Vec<u64> = failed.map(|(host, _)| *host).collect();
            (shared.audit.violation(), failed)
        };
        for host in failed {
            self.crash(host);
        }
        violation.map_or(Ok(()), Err)
    }

    fn note(&self, line: &str) {
        let at = self.sim.elapsed().as_millis();
        self.shared.lock().audit.trace.push(format!("{at} {line}"));
    }

    fn later(&mut self, after_ms: u64, undo: Undo) {
        let at = self.sim.elapsed() + Duration::from_millis(after_ms);
        self.faults += 1;
        self.due.insert((at, self.faults), undo);
    }

    /// Ends what runs on a host; its disk loses what was not synced.
    fn crash(&mut self, host: u64) {
        if !self.sim.is_host_running(name(host)) {
            return;
        }
        self.note(&format!("m{host} crashes"));
        self.sim.crash(name(host));
        let (disk, id) = {
            let mut shared = self.shared.lock();
            let host = shared.hosts.entry(host).or_default();
            host.has_failed = false;
            (host.disk.clone(), host.id)
        };
        disk.lock().crash(&mut self.rng);
        // What the log is now, looked at without touching it.
        let mut copy = disk.lock().clone();
        self.shared.lock().audit.log(id, &mut copy);
        let after = self.rng.below(1500);
        self.later(after, Undo::Start(host));
    }

    fn start(&mut self, host: u64) {
        if self.sim.is_host_running(name(host)) {
            return;
        }
        {
            let mut shared = self.shared.lock();
            let host = shared.hosts.entry(host).or_default();
            if host.is_removed {
                // Its id is never used again, and its disk no more.
                (host.id, host.is_removed) = (host.id + 10, false);
                host.disk.lock().lose();
            }
        }
        self.sim.bounce(name(host));
    }

    fn undo(&mut self) {
        while let Some(first) = self.due.first_entry()
            && first.key().0 <= self.sim.elapsed()
        {
            match first.remove() {
                Undo::Start(host) => self.start(host),
                Undo::Repair(some, others) => {
                    self.note(&format!("{some:?} and {others:?} hear each other again"));
                    for (a, b) in pairs(&some, &others) {
                        self.sim.repair(name(a), name(b));
                    }
                }
                Undo::Speed(a, b) => {
                    self.sim.set_link_max_message_latency(
                        name(a),
                        name(b),
                        Duration::from_millis(8),
                    );
                }
                Undo::NoLoss => self.sim.set_fail_rate(0.0),
            }
        }
        let removed: Vec<u64> = {
            let shared = self.shared.lock();
            let removed = shared.hosts.iter().filter(|(_, host)| host.is_removed);
            removed.map(|(host, _)| *host).collect()
        };
        for host in removed {
            self.crash(host);
        }
    }

    fn fault(&mut self) {
        let mut hosts: Vec<u64> = (1..=HOSTS).collect();
        self.rng.shuffle(&mut hosts);
        let (one, other) = (hosts[0], hosts[1]);
        let long = 200 + self.rng.below(1800);
        match self.rng.below(100) {
            0..25 => self.crash(one),
            25..45 => {
                let calls = u32::try_from(self.rng.below(150)).unwrap();
                self.note(&format!("the disk of m{one} fails after {calls} calls"));
                let disk = self.shared.lock().hosts[&one].disk.clone();
                disk.lock().set_fuse(Some(calls));
                self.faults += 1;
            }
            45..70 => {
                let some = hosts.split_off(1 + self.rng.index(hosts.len() - 1));
                self.note(&format!("{some:?} and {hosts:?} do not hear each other"));
                for (a, b) in pairs(&some, &hosts) {
                    self.sim.partition(name(a), name(b));
                }
                self.later(long, Undo::Repair(some, hosts));
            }
            70..82 => {
                self.note(&format!("m{other} does not hear m{one}"));
                self.sim.partition_oneway(name(one), name(other));
                self.later(long, Undo::Repair(vec![one], vec![other]));
            }
            82..92 => {
                self.note(&format!("m{one} and m{other} are slow to each other"));
                self.sim.set_link_max_message_latency(
                    name(one),
                    name(other),
                    Duration::from_millis(400),
                );
                self.later(long, Undo::Speed(one, other));
            }
            _ => {
                self.note("links fail at random");
                self.sim.set_fail_rate(0.002);
                self.later(long, Undo::NoLoss);
            }
        }
    }

    fn go_wrong(&mut self) -> Result<(), String> {
        let mut next = Duration::from_millis(1500);
        while self.sim.elapsed() < FAULTS_FOR {
            self.step()?;
            self.undo();
            if self.sim.elapsed() >= next {
                self.fault();
                next = self.sim.elapsed() + Duration::from_millis(50 + self.rng.below(700));
            }
        }
        Ok(())
    }

    /// Repairs everything, and demands that writes and reads go through.
    fn heal(&mut self, calm: &Arc<AtomicBool>) -> Result<(), String> {
        self.note("all is healed");
        calm.store(true, Ordering::Relaxed);
        self.sim.set_fail_rate(0.0);
        self.due.clear();
        let hosts: Vec<u64> = (1..=HOSTS).collect();
        for (a, b) in pairs(&hosts, &hosts) {
            if a < b {
                self.sim.repair(name(a), name(b));
                self.sim
                    .set_link_max_message_latency(name(a), name(b), Duration::from_millis(8));
            }
        }
        for host in hosts {
            let disk = self.shared.lock().hosts[&host].disk.clone();
            if disk.lock().is_crashed() {
                self.crash(host);
            }
            disk.lock().set_fuse(None);
            self.start(host);
        }
        self.due.clear();
        let done = Arc::new(Mutex::new(None));
        self.sim.client("final", finish(done.clone()));
        let deadline = self.sim.elapsed() + HEALED_WITHIN;
        while done.lock().unwrap().is_none() {
            self.step()?;
            self.undo();
            if self.sim.elapsed() > deadline {
                return Err(format!(
                    "no progress within {HEALED_WITHIN:?} after all was healed"
                ));
            }
        }
        Ok(())
    }

    fn check(
        mut self,
        history: &Recorded,
        transactions: &transacting::Recorded,
    ) -> Result<Outcome, String> {
        // Answers that are under way, and what watchers have not heard yet.
        let deadline = self.sim.elapsed() + HEALED_WITHIN;
        for _ in 0..100 {
            self.step()?;
        }
        let all = watched().len() as u64;
        while self.shared.lock().watchers_done < all {
            self.step()?;
            if self.sim.elapsed() > deadline {
                return Err("reliable: watchers do not catch up".to_owned());
            }
        }
        let ids: Vec<(u64, crate::member::SharedDisk)> = {
            let shared = self.shared.lock();
            shared
                .hosts
                .values()
                .map(|host| (host.id, host.disk.clone()))
                .collect()
        };
        for (id, disk) in ids {
            let mut copy = disk.lock().clone();
            self.shared.lock().audit.log(id, &mut copy);
        }
        let history = history.lock().unwrap().clone();
        linearizable(&Kv::default(), &history)?;
        let shared = self.shared.lock();
        let mut answers = Vec::new();
        for (time, history) in &*transactions.lock().unwrap() {
            let history = project(*time, history, &shared.audit);
            linearizable(&Store, &history)?;
            let conditional = history
                .operations()
                .filter(|operation| !operation.input.compare.is_empty());
            answers.extend(conditional.filter_map(|operation| operation.output.clone()));
        }
        let (held, failed): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|output| output.succeeded);
        if let Some(violation) = shared.audit.violation() {
            return Err(violation);
        }
        let answered = history
            .operations()
            .filter(|operation| operation.output.is_some());
        Ok(Outcome {
            faults: self.faults,
            changes: shared.changes,
            operations: history.len() as u64,
            answered: answered.count() as u64,
            snapshots: shared.hosts.values().map(|host| host.restored).sum(),
            terms: shared.audit.terms(),
            leases: shared.audit.leases.count(),
            held: held.len() as u64,
            failed: failed.len() as u64,
        })
    }
}

pub(crate) fn linearizable<M: Model>(
    model: &M,
    history: &History<M::Input, M::Output>,
) -> Result<(), String> {
    match check(model, history, 20_000_000) {
        Verdict::Linearizable { .. } => Ok(()),
        Verdict::Violation(violation) => Err(violation.to_string()),
        Verdict::Unknown { steps } => Err(format!(
            "whether it is linearizable is not known after {steps} steps"
        )),
    }
}

/// What is watched: everything, several keys, a single one.
fn watched() -> [KeyRange; 4] {
    [
        KeyRange::prefix([].as_slice()),
        KeyRange::prefix(CHANGED),
        KeyRange::single(format!("{CHANGED}1")),
        KeyRange::new("k", "n"),
    ]
}

fn pairs(some: &[u64], others: &[u64]) -> Vec<(u64, u64)> {
    let pairs = some
        .iter()
        .flat_map(|a| others.iter().map(move |b| (*a, *b)));
    pairs.filter(|(a, b)| a != b).collect()
}

/// Adds members and removes others, until `calm` says so.
async fn administrate(shared: Shared, mut rng: Rng, calm: Arc<AtomicBool>) -> turmoil::Result {
    let patience = Duration::from_millis(1000);
    while !calm.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(200 + rng.below(1500))).await;
        let mut hosts: Vec<u64> = (1..=HOSTS).collect();
        rng.shuffle(&mut hosts);
        let mut leader = None;
        while leader.is_none()
            && let Some(host) = hosts.pop()
        {
            if let Told::Members(voters, all) = ask(host, &Ask::Members, patience).await {
                leader = Some((host, voters, all));
            }
        }
        let Some((host, voters, all)) = leader else {
            continue;
        };
        let spare: Vec<(u64, u64)> = {
            let shared = shared.lock();
            let ids = shared.hosts.iter().filter(|(_, host)| !host.is_removed);
            let ids = ids.map(|(host, at)| (*host, at.id));
            ids.filter(|(_, id)| !all.contains(id)).collect()
        };
        let question = match rng.below(10) {
            0..2 => Ask::Transfer {
                to: *rng.choose(&voters).unwrap(),
            },
            2..6 if all.len() > 3 && voters.len() > 2 => Ask::Remove {
                id: *rng.choose(&all).unwrap(),
            },
            _ => match rng.choose(&spare) {
                Some((host, id)) => Ask::Add {
                    host: *host,
                    id: *id,
                },
                None => continue,
            },
        };
        let told = ask(host, &question, patience).await;
        shared.trace(&format!("{question:?} is answered {told:?}"));
        if told == Told::Done {
            let mut shared = shared.lock();
            shared.changes += 1;
            if let Ask::Remove { id } = question
                && let Some(host) = shared.hosts.values_mut().find(|host| host.id == id)
            {
                host.is_removed = true;
            }
        }
    }
    Ok(())
}

/// Writes, and reads that at each member.
async fn finish(done: Arc<Mutex<Option<()>>>) -> turmoil::Result {
    let patience = Duration::from_millis(1000);
    let put = Ask::Put {
        key: "final".to_owned(),
        value: "written".to_owned(),
        lease: 0,
    };
    let get = Ask::Get {
        key: "final".to_owned(),
    };
    let written = Told::Value(Some("written".to_owned()));
    for host in (1..=HOSTS).cycle() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if ask(host, &put, patience).await != Told::Done {
            continue;
        }
        let Told::Members(_, all) = ask(host, &Ask::Members, patience).await else {
            continue;
        };
        let mut read = 0;
        for id in &all {
            read += usize::from(ask(id % 10, &get, patience).await == written);
        }
        // Where one does not answer, it may just have been removed.
        if read == all.len() {
            break;
        }
    }
    *done.lock().unwrap() = Some(());
    Ok(())
}
