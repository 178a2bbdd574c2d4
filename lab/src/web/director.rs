//! What is on the page: one run at a time. A scene takes the nodes of the run before it down and sets its own up.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use clap::{ArgMatches, Command};
use sim::Level;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::lab::lock;
use crate::run::Run;
use crate::scenes::{self, Mode};
use crate::system::System;

/// How the cluster is made that is there when no scene is.
pub(crate) struct Opening {
    /// Which.
    pub(crate) system: &'static dyn System,
    /// Its options.
    pub(crate) options: ArgMatches,
    /// Where it keeps everything.
    pub(crate) dir: Option<PathBuf>,
    /// Where it is recorded; what comes after it on the page is recorded beside it.
    pub(crate) trace: Option<PathBuf>,
}

/// What there has been.
#[derive(Default)]
struct Past {
    /// How many runs.
    runs: u32,
    /// There will be no other.
    closed: bool,
}

/// Knows what is on, and puts something else on.
pub(crate) struct Director {
    pub(super) systems: &'static [&'static dyn System],
    opening: Option<Opening>,
    runtime: Handle,
    on: watch::Sender<Option<Arc<Run>>>,
    /// Held while one run takes the place of another.
    past: Mutex<Past>,
}

impl Director {
    /// A director who will open with `opening`; without one nothing ever runs.
    pub(crate) fn new(
        systems: &'static [&'static dyn System],
        opening: Option<Opening>,
        runtime: Handle,
    ) -> Director {
        Director {
            systems,
            opening,
            runtime,
            on: watch::Sender::default(),
            past: Mutex::default(),
        }
    }

    /// What is on, now and later.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Arc<Run>>> {
        self.on.subscribe()
    }

    /// What is on.
    pub(crate) fn run(&self) -> Option<Arc<Run>> {
        self.on.borrow().clone()
    }

    /// Takes down what is on, and starts the cluster of the beginning.
    pub(crate) fn open(&self) -> Result<()> {
        self.start(self.opening()?)
    }

    /// Takes down what is on, and starts the system called `name`, as large as it is by itself.
    pub(crate) fn open_other(&self, name: &str) -> Result<()> {
        let opening = self.opening()?;
        if opening.system.name() == name {
            return self.start(opening);
        }
        let system = self.systems.iter().find(|system| system.name() == name);
        let system = system.with_context(|| format!("this lab has no system {name}"))?;
        let command = system.options(Command::new(system.name()));
        let opening = Opening {
            system: *system,
            options: command.no_binary_name(true).try_get_matches_from([""; 0])?,
            dir: None,
            trace: None,
        };
        self.start(&opening)
    }

    fn opening(&self) -> Result<&Opening> {
        let opening = self.opening.as_ref();
        opening.context("a recording is shown; nothing can be started")
    }

    fn start(&self, opening: &Opening) -> Result<()> {
        let run = Run::new(
            opening.system,
            "",
            opening.dir.clone(),
            self.runtime.clone(),
        )?;
        self.put_on(&run)?;
        run.start(&opening.options)
    }

    /// Takes down what is on, and begins to play the scene called `name`.
    pub(crate) fn play(&self, name: &str, mode: Mode) -> Result<()> {
        self.opening()?;
        let (run, scene) = scenes::find(self.systems, name, None, &self.runtime)?;
        run.script.set_mode(mode);
        self.put_on(&run)?;
        std::thread::spawn(move || {
            // What becomes of it stands in the state document; only a panic does not.
            let playing = std::panic::AssertUnwindSafe(|| scene.play(&run));
            if std::panic::catch_unwind(playing).is_err() {
                let text = format!(
                    "{} has panicked; the lab's terminal shows where",
                    scene.name()
                );
                run.lab.recorder.event(Level::Bad, None, text.clone());
                run.script.end(false, &text);
            }
        });
        Ok(())
    }

    /// Ends everything, for good.
    pub(crate) fn close(&self) {
        lock(&self.past).closed = true;
        if let Some(run) = self.run() {
            run.stop();
        }
    }

    fn put_on(&self, run: &Arc<Run>) -> Result<()> {
        let mut past = lock(&self.past);
        if past.closed {
            run.stop();
            bail!("the lab is being closed");
        }
        past.runs += 1;
        let trace = self
            .opening()
            .ok()
            .and_then(|opening| opening.trace.as_ref());
        if let Some(trace) = trace {
            run.save(&numbered(trace, past.runs))?;
        }
        if let Some(before) = self.on.send_replace(Some(run.clone())) {
            before.stop();
        }
        Ok(())
    }
}

/// The file of the `n`th recording: `run.jsonl`, `run-2.jsonl`, …
fn numbered(trace: &Path, n: u32) -> PathBuf {
    if n == 1 {
        return trace.to_owned();
    }
    let mut name = trace.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{n}"));
    if let Some(extension) = trace.extension() {
        name.push(".");
        name.push(extension);
    }
    trace.with_file_name(name)
}
