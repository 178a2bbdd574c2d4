//! A run: a world built from a seed, troubled, watched, then healed and asked for progress.

use std::any::Any;
use std::fmt::{self, Display};
use std::fs;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use node::{Node, Rng, Time};

use crate::fault::Schedule;
use crate::minimise::minimise;
use crate::observer::{Observer, Watch};
use crate::trace::{Clock, TRACE_VERSION, Trace, What};
use crate::world::World;

/// How many runs the search for fewer faults may cost.
const MINIMISE_RUNS_MAX: u32 = 300;

/// What does not hold when a node has panicked.
const PANIC: &str = "panic";

/// Something that must hold at every moment of every run.
pub trait Invariant<N: Node> {
    /// A short name, the same in every run: two failures of one name count as the same failure.
    fn name(&self) -> &'static str;

    /// What it promises, as a sentence for whoever watches a run.
    fn sentence(&self) -> &'static str {
        self.name()
    }

    /// Looks at the world; the error says in a sentence what is wrong.
    ///
    /// What clients were promised is not in the world, since a crash must not lose it: let nodes write it to a history
    /// that they share with the invariant (an `Rc<RefCell<…>>` that the factory hands out).
    ///
    /// # Errors
    /// When it does not hold.
    fn check(&mut self, world: &World<N>) -> Result<(), String>;
}

/// A world about to run, and what is asked of it.
pub struct Setup<N: Node> {
    /// The nodes, not started yet.
    pub world: World<N>,
    /// What will go wrong.
    pub schedule: Schedule,
    /// What must hold all along.
    pub invariants: Vec<Box<dyn Invariant<N>>>,
    /// What must come to hold after everything is mended, and ends the run then.
    pub progress: Box<dyn Invariant<N>>,
    /// When everything is mended.
    pub calm_at: Time,
    /// How long progress may take after that.
    pub patience: Duration,
    /// How much virtual time may pass between two checks; zero: they follow every event.
    pub check_every: Duration,
}

/// What is simulated: how to build a run from a seed.
pub trait Scenario: Sync {
    /// The type of the nodes.
    type Node: Node;

    /// A name that can be part of a file's name.
    fn name(&self) -> &str;

    /// The command that replays a seed, but for the seed at its end.
    fn replay_command(&self) -> &str;

    /// Builds a run. Everything that is drawn is drawn from `rng`.
    fn setup(&self, rng: &mut Rng) -> Setup<Self::Node>;

    /// The sort of a message, `heartbeat`, by which whoever watches a run tells messages apart; empty where there is none.
    fn label(_message: &<Self::Node as Node>::Message) -> &'static str
    where
        Self: Sized,
    {
        ""
    }

    /// Somebody who looks at a run of which a trace is kept, and writes into it what there is to see; if nobody does, only
    /// messages and faults are seen.
    fn observer(&self) -> Option<Box<dyn Observer<Self::Node>>> {
        None
    }
}

/// What does not hold, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The invariant; `panic` where a node panicked.
    pub invariant: String,
    /// In which way.
    pub text: String,
    /// Virtual time.
    pub at: Time,
}

/// A failed run, with all that is needed to see it again.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed of the run.
    pub seed: u64,
    /// What did not hold.
    pub violation: Violation,
    /// The command that replays it.
    pub replay: String,
    /// The faults that are needed for it; fewer of them, and it does not fail any more.
    pub schedule: Schedule,
    /// The trace of the run, as JSON lines.
    pub trace: PathBuf,
    /// The trace with only the needed faults.
    pub minimal_trace: PathBuf,
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation {
            invariant,
            text,
            at,
        } = &self.violation;
        writeln!(f, "{invariant} does not hold at {at}: {text}")?;
        writeln!(f, "replay: {}", self.replay)?;
        writeln!(f, "trace: {}", self.trace.display())?;
        let minimal = self.minimal_trace.display();
        writeln!(f, "watch it: cargo run --release -- replay {minimal}")?;
        let faults = self.schedule.len();
        writeln!(f, "it needs {faults} faults (trace: {minimal}):")?;
        for timed in &self.schedule {
            let fault = serde_json::to_string(timed).unwrap_or_default();
            writeln!(f, "  {fault}")?;
        }
        Ok(())
    }
}

/// Runs one seed.
///
/// # Errors
/// The first violation.
pub fn run<S: Scenario>(scenario: &S, seed: u64, trace: &Trace) -> Result<(), Violation> {
    run_with(scenario, seed, None, trace)
}

/// Runs one seed with the faults of `schedule`, or with its own if there is none.
///
/// # Errors
/// The first violation.
pub fn run_with<S: Scenario>(
    scenario: &S,
    seed: u64,
    schedule: Option<&Schedule>,
    trace: &Trace,
) -> Result<(), Violation> {
    let observer = scenario.observer().filter(|_| trace.is_on());
    trace.add(Time::ZERO, || What::Begin {
        version: TRACE_VERSION,
        system: observer.as_ref().map_or("", |o| o.system()).to_owned(),
        scenario: scenario.name().to_owned(),
        seed: format!("{seed:#x}"),
        clock: Clock::Virtual,
        epoch_ms: None,
    });
    let mut setup = scenario.setup(&mut Rng::new(seed));
    setup.world.set_trace(trace.clone());
    setup.world.set_label(S::label);
    let mut watch = observer.map(|observer| Watch::new(observer, setup.promises()));
    if let Some(schedule) = schedule {
        setup.schedule.clone_from(schedule);
    }
    let ran = catch_unwind(AssertUnwindSafe(|| setup.run(&mut watch)));
    let at = setup.world.now();
    let result = ran.unwrap_or_else(|panic| {
        Err(Violation {
            invariant: PANIC.to_owned(),
            text: panic_text(panic.as_ref()),
            at,
        })
    });
    // A world in which something panicked is not looked at any more.
    if let (Some(watch), Err(violation)) = (&mut watch, &result)
        && violation.invariant != PANIC
    {
        watch.violated(violation, &setup.world);
    }
    trace.add(at, || match &result {
        Ok(()) => What::End,
        Err(violation) => What::Violation {
            invariant: violation.invariant.clone(),
            text: violation.text.clone(),
        },
    });
    result
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a node panicked").to_owned()
}

impl<N: Node> Setup<N> {
    /// All that is promised.
    fn promises(&self) -> impl Iterator<Item = &dyn Invariant<N>> {
        let invariants = self.invariants.iter().chain([&self.progress]);
        invariants.map(|invariant| invariant.as_ref())
    }

    fn run(&mut self, watch: &mut Option<Watch<N>>) -> Result<(), Violation> {
        self.world.add_faults(&self.schedule);
        let mut next_check = Time::ZERO;
        while self
            .world
            .next_event()
            .is_some_and(|next| next <= self.calm_at)
        {
            self.step(watch);
            if self.world.now() >= next_check {
                self.check()?;
                next_check = self.world.now() + self.check_every;
            }
        }
        self.world.run_until(self.calm_at);
        self.world.calm();
        let deadline = self.calm_at + self.patience;
        while let Err(text) = self.progress.check(&self.world) {
            // Several events between two looks, where checks are spaced.
            let next_check = self.world.now() + self.check_every;
            let mut stuck = !self.step(watch);
            while !stuck && self.world.next_event().is_some_and(|at| at < next_check) {
                stuck = !self.step(watch);
            }
            self.check()?;
            if stuck || self.world.now() > deadline {
                return Err(self.violation(self.progress.name(), text));
            }
        }
        self.check()
    }

    /// Lets the next event happen, under whoever watches; false if there is none.
    fn step(&mut self, watch: &mut Option<Watch<N>>) -> bool {
        let stepped = self.world.step();
        if let Some(watch) = watch {
            watch.look(&self.world);
        }
        stepped
    }

    fn check(&mut self) -> Result<(), Violation> {
        for i in 0..self.invariants.len() {
            if let Err(text) = self.invariants[i].check(&self.world) {
                return Err(self.violation(self.invariants[i].name(), text));
            }
        }
        Ok(())
    }

    fn violation(&self, invariant: &str, text: String) -> Violation {
        Violation {
            invariant: invariant.to_owned(),
            text,
            at: self.world.now(),
        }
    }
}

/// Runs many seeds, on all processors.
///
/// # Errors
/// The failure of the smallest seed that fails, explained.
pub fn run_seeds<S: Scenario>(scenario: &S, seeds: Range<u64>) -> Result<(), Box<Failure>> {
    let next = AtomicU64::new(seeds.start);
    let failed: Mutex<Option<u64>> = Mutex::new(None);
    let lock = || failed.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            // Seeds are handed out in order: beyond one that failed there is nothing to look for.
            if seed >= seeds.end || lock().is_some_and(|first| first < seed) {
                return;
            }
            if run(scenario, seed, &Trace::off()).is_err() {
                let mut first = lock();
                *first = Some(first.map_or(seed, |first| first.min(seed)));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    match *lock() {
        Some(seed) => replay(scenario, seed).map(|_| ()),
        None => Ok(()),
    }
}

/// Runs a seed and writes its trace, whose path it returns. If the run fails, finds the faults that it needs.
///
/// # Errors
/// The failure, explained.
pub fn replay<S: Scenario>(scenario: &S, seed: u64) -> Result<PathBuf, Box<Failure>> {
    let file = |suffix: &str| format!("{}-{seed:#x}{suffix}.jsonl", scenario.name());
    let trace = Trace::on();
    let ran = run(scenario, seed, &trace);
    let trace = write(&file(""), &trace);
    let Err(violation) = ran else {
        return Ok(trace);
    };
    let full = scenario.setup(&mut Rng::new(seed)).schedule;
    let mut runs = 0;
    let schedule = minimise(&full, |schedule| {
        runs += 1;
        let again = run_with(scenario, seed, Some(&schedule.to_vec()), &Trace::off());
        runs <= MINIMISE_RUNS_MAX && again.is_err_and(|v| v.invariant == violation.invariant)
    });
    let minimal = Trace::on();
    // It fails: the minimiser has just seen that.
    let _ = run_with(scenario, seed, Some(&schedule), &minimal);
    Err(Box::new(Failure {
        seed,
        violation,
        replay: format!("{} {seed:#x}", scenario.replay_command()),
        schedule,
        trace,
        minimal_trace: write(&file("-minimal"), &minimal),
    }))
}

/// Writes a trace beside the build that made it. A trace that cannot be written must not hide the
/// failure that it shows, so that is not an error.
fn write(name: &str, trace: &Trace) -> PathBuf {
    let target = std::env::current_exe()
        .ok()
        .and_then(|exe| exe.ancestors().nth(3).map(|dir| dir.join("sim-traces")));
    let dir = target.unwrap_or_else(|| std::env::temp_dir().join("sim-traces"));
    let path = dir.join(name);
    let _ = fs::create_dir_all(&dir).and_then(|()| fs::write(&path, trace.to_json_lines()));
    path
}
