//! mini-mapreduce in the lab: a coordinator, and workers on machines with disks of their own. Jobs read what lies on those disks, fetch each
//! other's map outputs, and what comes of them is compared with what a sequential program makes of the same input.

mod deeds;
mod document;
mod load;
mod machines;
mod messages;
mod process;
mod report;
mod scenes;
mod watch;
mod work;

use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{ArgMatches, Args, Command, FromArgMatches, Parser};
use mini_mapreduce::job::JobSpec;
use mini_mapreduce::server::client::Client;
use serde::Serialize;
use sim::Level;

use super::disks::Disks;
use crate::lab::{CLIENT, Lab, NodeSpec, lock, quoted};
use crate::links::grpc;
use crate::links::recogniser::Protocol;
use crate::load::Load;
use crate::scenes::{Play, SOON, Stage, ensure};
use crate::system::{Cluster, Scenery, System};
use load::JobLoad;
use watch::View;
use work::Work;

/// The coordinator's name.
const COORDINATOR: &str = "coord";
/// Time runs faster than in earnest: a silent worker is lost, and an attempt may have another one beside it, after so many seconds.
const SETTINGS: [&str; 4] = ["--worker-timeout", "5", "--speculative-after", "2"];
/// How often a worker reports, in milliseconds.
const HEARTBEAT: &str = "200";
/// So many runs are kept to be compared.
const RUNS_MAX: usize = 8;

/// How large one is.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Size {
    /// How many workers, with a slot for a map and one for a reduce each
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=9))]
    workers: u32,
    /// On how many racks
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=9))]
    racks: u32,
}

/// mini-mapreduce, as a system of the lab.
pub(crate) struct MiniMapReduce;

impl System for MiniMapReduce {
    fn name(&self) -> &'static str {
        "mapreduce"
    }

    fn title(&self) -> &'static str {
        "mini-mapreduce"
    }

    fn options(&self, command: Command) -> Command {
        Size::augment_args(command)
    }

    fn start(&self, lab: &Arc<Lab>, options: &ArgMatches) -> Result<Arc<dyn Cluster>> {
        Ok(MapReduce::set(lab, &Size::from_arg_matches(options)?)?)
    }

    fn scenes(&self) -> &'static [&'static dyn Play] {
        scenes::SCENES
    }

    fn node(&self, args: Vec<OsString>) -> Result<()> {
        let name = OsString::from("lab node mapreduce");
        process::Node::parse_from([name].into_iter().chain(args)).run()
    }

    fn protocols(&self) -> &'static [Protocol] {
        &[
            Protocol {
                begins: grpc::begins,
                recogniser: || grpc::recogniser(messages::explain),
            },
            machines::PROTOCOL,
        ]
    }
}

/// A cluster that runs.
pub(crate) struct MapReduce {
    pub(crate) lab: Arc<Lab>,
    this: Weak<MapReduce>,
    disks: Arc<Disks>,
    workers: Vec<String>,
    /// Through which the client dials.
    socks: SocketAddr,
    load: Load,
    /// Tells the files of one job from those of others.
    next: AtomicU32,
    /// What was run by hand or in a scene, the newest last.
    runs: Mutex<Vec<Run>>,
    /// Why an output is not what it must be, if one was not.
    wrong: Mutex<Option<String>>,
    seen: Mutex<(Instant, Arc<View>)>,
}

/// A job that was run to be looked at, and what it cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Run {
    /// What is special about it.
    pub(crate) title: String,
    /// Its output, by which it is known.
    #[serde(skip)]
    pub(crate) output: String,
    /// How many seconds it has taken, so far or in all.
    pub(crate) seconds: f64,
    pub(crate) is_over: bool,
    /// Attempts beside the first ones of their tasks.
    pub(crate) again: u64,
    /// Bytes that went from one machine to another meanwhile, and those of them that left a rack.
    pub(crate) between_nodes: u64,
    pub(crate) between_racks: u64,
    /// How many lines each part of the output has.
    pub(crate) parts: Vec<u64>,
    #[serde(skip)]
    before: (u64, u64),
    #[serde(skip)]
    began: Option<Instant>,
}

impl Scenery for MapReduce {
    type Size = Size;
    type View = View;

    fn set(lab: &Arc<Lab>, size: &Size) -> Result<Arc<MapReduce>> {
        let workers: Vec<String> = (1..=size.workers).map(|n| format!("w{n}")).collect();
        // Each has to know where all disks are before any is there.
        let ports = servers::free_ports(workers.len())?;
        let disks: Vec<String> = ports
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        let named = workers.iter().zip(&disks);
        let machines =
            named.flat_map(|(name, disk)| ["--machine".to_owned(), format!("{name}={disk}")]);
        let machines: Vec<String> = machines.collect();
        add_coordinator(lab, &machines)?;
        lab.start(COORDINATOR)?;
        let coordinator = lab.address(COORDINATOR, "rpc")?;
        for (n, (name, disk)) in workers.iter().zip(&disks).enumerate() {
            let rack = format!("/r{}", n * size.racks as usize / workers.len() + 1);
            add_worker(lab, name, &rack, &coordinator, &machines, disk)?;
            lab.start(name)?;
        }
        let socks = lab.dial_as(CLIENT)?;
        let map_reduce = Arc::new_cyclic(|map_reduce| MapReduce {
            lab: lab.clone(),
            this: map_reduce.clone(),
            disks: Disks::of(lab),
            workers,
            socks,
            load: Load::new(JobLoad::new(map_reduce.clone())),
            next: AtomicU32::new(1),
            runs: Mutex::default(),
            wrong: Mutex::default(),
            seen: Mutex::new((Instant::now(), Arc::default())),
        });
        watch::start(&map_reduce);
        Ok(map_reduce)
    }

    fn ready(stage: &Stage<MapReduce>, size: &Size) -> Result<()> {
        stage.expect("all workers are registered", SOON, |view| {
            let there = view.report.workers.len();
            ensure(there == size.workers as usize, || format!("{there} are"))
        })
    }

    fn seen_since(&self, then: Instant) -> Option<Arc<View>> {
        let (looked_at, seen) = &*lock(&self.seen);
        (*looked_at > then).then(|| seen.clone())
    }
}

fn add_coordinator(lab: &Lab, machines: &[String]) -> Result<()> {
    let dir = lab.dir(COORDINATOR).display().to_string();
    let args = ["coordinator", "--dir", &dir].into_iter().chain(SETTINGS);
    let args = args.map(str::to_owned).chain(machines.iter().cloned());
    lab.add(NodeSpec {
        name: COORDINATOR.to_owned(),
        role: "coordinator",
        rack: None,
        program: "lab node mapreduce",
        args: args.collect(),
        listens: &[("--listen", "rpc"), ("--http", "http")],
    })
}

fn add_worker(
    lab: &Lab,
    name: &str,
    rack: &str,
    coordinator: &str,
    machines: &[String],
    disk: &str,
) -> Result<()> {
    let (dir, disk_dir) = (lab.dir(name), disk_dir(lab, name));
    fs::create_dir_all(&disk_dir).with_context(|| format!("cannot make {}", disk_dir.display()))?;
    let (dir, disk_dir) = (dir.display().to_string(), disk_dir.display().to_string());
    let args = [
        "worker",
        "--coordinator",
        coordinator,
        "--dir",
        &dir,
        "--host",
        name,
        "--rack",
        rack,
        "--map-slots",
        "1",
        "--reduce-slots",
        "1",
        "--heartbeat",
        HEARTBEAT,
        "--disk-dir",
        &disk_dir,
    ];
    let args = args
        .map(str::to_owned)
        .into_iter()
        .chain(machines.iter().cloned());
    let spec = NodeSpec {
        name: name.to_owned(),
        role: "worker",
        rack: Some(rack.to_owned()),
        program: "lab node mapreduce",
        args: args.collect(),
        listens: &[
            ("--listen", "shuffle"),
            ("--disk", "disk"),
            ("--chaos", "chaos"),
        ],
    };
    let anywhere = "127.0.0.1:0".to_owned();
    lab.add_at(spec, &[anywhere.clone(), disk.to_owned(), anywhere])
}

/// The directory that is the disk of a worker's machine, for input.
fn disk_dir(lab: &Lab, worker: &str) -> PathBuf {
    lab.root().join("disks").join(worker)
}

impl MapReduce {
    /// The workers' names.
    pub(crate) fn workers(&self) -> &[String] {
        &self.workers
    }

    /// A directory that nobody has used.
    pub(crate) fn new_dir(&self, name: &str) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lab
            .root()
            .join("jobs")
            .join(format!("{name}-{number}"))
    }

    /// Puts a file on the disks of some machines; the path under which jobs read it. `scheme` is `disk` where whoever schedules is to know where it lies,
    /// else `store`.
    pub(crate) fn put(
        &self,
        scheme: &str,
        hosts: &[&str],
        name: &str,
        bytes: &[u8],
    ) -> Result<String> {
        for host in hosts {
            let file = disk_dir(&self.lab, host).join(name);
            fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(format!("{scheme}://{}/{name}", hosts.join(",")))
    }

    /// Has a job run, as the lab's client, waits for its end, and looks whether its output is what it must be. What it cost is kept under `title`.
    pub(crate) fn run(&self, title: &str, work: &Work) -> Result<Run> {
        let spec = &work.spec;
        let address = self.lab.address(COORDINATOR, "rpc")?;
        let text = format!("{CLIENT} submits {} ({title})", spec.program);
        if spec.inputs.iter().any(|path| path.contains("://")) {
            // Only the lab's nodes know these disks.
            self.lab.recorder.event(Level::Action, Some(CLIENT), text);
        } else {
            self.lab
                .recorder
                .action(Some(CLIENT), text, &command(&address, work));
        }
        let before = watch::Crossed::of(&self.lab).total();
        let run = Run {
            title: title.to_owned(),
            output: spec.output.clone(),
            began: Some(Instant::now()),
            before,
            ..Run::default()
        };
        let mut runs = lock(&self.runs);
        runs.push(run);
        let surplus = runs.len().saturating_sub(RUNS_MAX);
        runs.drain(..surplus);
        drop(runs);
        let ran = self.submit(spec);
        let crossed = watch::Crossed::of(&self.lab).total();
        self.change_run(&spec.output, |run| {
            run.measure(crossed);
            run.is_over = true;
        })?;
        // Looking at the output takes time too, which is none of the job's.
        let checked = ran.and_then(|()| check(work));
        let parts = checked.inspect_err(|e| self.judge(e))?;
        let run = self.change_run(&spec.output, |run| run.parts = parts)?;
        let text = format!(
            "{} was done after {:.1} s ({title}), and its output is right",
            spec.program, run.seconds
        );
        self.lab.recorder.event(Level::Good, None, text);
        Ok(run)
    }

    /// Changes what is kept of the run that writes to `output`; what that is then.
    fn change_run(&self, output: &str, change: impl FnOnce(&mut Run)) -> Result<Run> {
        let mut runs = lock(&self.runs);
        let run = runs.iter_mut().find(|run| run.output == output);
        let run = run.context("so many jobs have begun since that nobody knows this one")?;
        change(run);
        Ok(run.clone())
    }

    /// Has a job run, and waits for its end.
    fn submit(&self, spec: &JobSpec) -> Result<()> {
        let address = self.lab.address(COORDINATOR, "rpc")?;
        self.lab.runtime().block_on(async {
            let mut client = Client::through(&address, Some(self.socks))?;
            client.run(spec, |_| {}).await
        })?;
        Ok(())
    }

    /// The same as [`MapReduce::run`], of which nobody is told. How many lines each part of the output has.
    pub(crate) fn run_quietly(&self, work: &Work) -> Result<Vec<u64>> {
        self.submit(&work.spec)?;
        check(work)
    }

    /// An output that is wrong is remembered; a job that merely failed is none.
    fn judge(&self, error: &anyhow::Error) {
        if error.is::<Wrong>() {
            self.found_wrong(&format!("{error:#}"));
        }
    }

    fn found_wrong(&self, text: &str) {
        lock(&self.wrong).get_or_insert_with(|| text.to_owned());
        self.lab.recorder.event(Level::Bad, None, text);
    }
}

/// Looks at an output that must be right.
fn check(work: &Work) -> Result<Vec<u64>> {
    work::check(work).map_err(|e| e.context(Wrong))
}

impl Run {
    /// Takes the time, and what has crossed links since it began.
    fn measure(&mut self, (nodes, racks): (u64, u64)) {
        if let Some(began) = self.began.filter(|_| !self.is_over) {
            let passed = began.elapsed().max(Duration::from_millis(1));
            self.seconds = (passed.as_secs_f64() * 10.0).round() / 10.0;
            self.between_nodes = nodes.saturating_sub(self.before.0);
            self.between_racks = racks.saturating_sub(self.before.1);
        }
    }
}

/// Marks an error: the job was done, and its output is not what it must be.
#[derive(Clone, Copy, Debug)]
struct Wrong;

impl Display for Wrong {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a job that succeeded left something else")
    }
}

/// What one would type to run it.
fn command(coordinator: &str, work: &Work) -> String {
    let spec = &work.spec;
    let mut words = vec!["mini-mapreduce".to_owned(), "run".to_owned()];
    words.extend(["--coordinator".to_owned(), coordinator.to_owned()]);
    words.push(spec.program.clone());
    words.extend(["-r".to_owned(), spec.reduces.to_string()]);
    for (name, value) in &spec.settings.0 {
        words.extend(["-D".to_owned(), format!("{name}={value}")]);
    }
    for arg in &spec.args {
        words.extend(["-a".to_owned(), arg.clone()]);
    }
    words.extend(spec.inputs.iter().chain([&spec.output]).cloned());
    let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}
