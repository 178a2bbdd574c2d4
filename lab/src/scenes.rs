//! Scenes: demonstrations that tell what they do, do it, and check that what they told is true. Each is a small file
//! of its system: a list of steps through the same methods that the page's buttons call. They are played on the page, a step at a
//! time or by themselves, and from a shell. `CONTRIBUTING.md` says how to add one.

mod script;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use sim::{Level, Record, What};
use tokio::runtime::Handle;

use crate::lab::Lab;
use crate::recorder::Follower;
use crate::run::Run;
use crate::system::{Scenery, System};

pub use script::{Mode, Script};

/// How often an expectation is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Long enough for what should happen at once, on a machine that is busy with something else.
pub const SOON: Duration = Duration::from_secs(30);

/// A demonstration on the system `S`.
pub struct Scene<S: Scenery> {
    /// `SYSTEM/WHAT-HAPPENS`.
    pub name: &'static str,
    /// What it shows, in a sentence without its full stop.
    pub about: &'static str,
    /// The cluster that it needs.
    pub size: S::Size,
    /// Its steps.
    pub play: fn(&Stage<S>) -> Result<()>,
}

/// A demonstration, of whatever system.
pub trait Play: Sync {
    /// `SYSTEM/WHAT-HAPPENS`.
    fn name(&self) -> &'static str;

    /// What it shows, in a sentence without its full stop.
    fn about(&self) -> &'static str;

    /// Sets its cluster up in `run`, which has no nodes yet, and plays it there.
    ///
    /// # Errors
    /// When the cluster cannot be started, or an expectation is not met, or somebody has stopped it.
    fn play(&self, run: &Arc<Run>) -> Result<()>;
}

impl<S: Scenery> Play for Scene<S> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn play(&self, run: &Arc<Run>) -> Result<()> {
        run.script.begin(self.name, self.about);
        let set = S::set(&run.lab, &self.size);
        if let Err(e) = &set {
            run.failed(format!("{} cannot be set up: {e:#}", self.name));
        }
        let played = set.and_then(|cluster| {
            run.opened(cluster.clone());
            let run = run.clone();
            let stage = Stage { cluster, run };
            S::ready(&stage, &self.size)?;
            (self.play)(&stage)
        });
        if run.script.is_stopped() {
            bail!("{} was stopped", self.name);
        }
        let (ok, level, text) = match &played {
            Ok(()) => (true, Level::Good, "every expectation was met".to_owned()),
            Err(e) => (false, Level::Bad, format!("{e:#}")),
        };
        let entry = format!("{}: {text}", self.name);
        run.lab.recorder.event(level, None, entry);
        run.script.end(ok, &text);
        played
    }
}

/// A new run of the scene called `name`, and the scene.
///
/// # Errors
/// When no system has a scene of that name, or there is no directory for it.
pub fn find(
    systems: &[&'static dyn System],
    name: &str,
    dir: Option<PathBuf>,
    runtime: &Handle,
) -> Result<(Arc<Run>, &'static dyn Play)> {
    for system in systems {
        if let Some(scene) = system.scenes().iter().find(|scene| scene.name() == name) {
            let run = Run::new(*system, scene.name(), dir, runtime.clone())?;
            return Ok((run, *scene));
        }
    }
    let scenes = systems.iter().flat_map(|system| system.scenes());
    let names: Vec<&str> = scenes.map(|scene| scene.name()).collect();
    bail!("there is no scene {name}; there are: {}", names.join(", "))
}

/// Writes each event of a recording as a line, until its end.
pub(crate) async fn narrate(mut recording: Follower, mut out: impl Write) {
    while let Some(lines) = recording.next().await {
        for line in lines {
            let Ok(Record {
                time,
                what:
                    What::Event {
                        level,
                        text,
                        command,
                        ..
                    },
            }) = serde_json::from_str(&line)
            else {
                continue;
            };
            let sign = match level {
                Level::Story => "\n==",
                Level::Action => "->",
                Level::Change => "  ",
                Level::Good => "ok",
                Level::Bad => "!!",
            };
            // A reader that went away does not stop the scene.
            let seconds = time as f64 / 1e6;
            let _ = writeln!(out, "{sign} {seconds:>6.2}s  {text}");
            if let Some(command) = command {
                let _ = writeln!(out, "            $ {command}");
            }
        }
        let _ = out.flush();
    }
}

/// What a scene is played on.
pub struct Stage<S> {
    /// The system.
    pub cluster: Arc<S>,
    run: Arc<Run>,
}

/// Something that happens beside a scene's steps.
pub struct Meanwhile<T>(Receiver<Result<T>>);

impl<S: Scenery> Stage<S> {
    /// The processes and links.
    pub fn lab(&self) -> &Arc<Lab> {
        &self.run.lab
    }

    /// Tells what comes next, which begins a step: on the page, it may be that nothing happens before somebody says so.
    pub fn say(&self, text: impl Into<String>) {
        self.run.script.tell(text.into());
    }

    /// Begins `deed`, and goes on with the scene meanwhile.
    pub fn meanwhile<T: Send + 'static>(
        &self,
        deed: impl FnOnce(&S) -> Result<T> + Send + 'static,
    ) -> Meanwhile<T> {
        let (sender, receiver) = mpsc::channel();
        let cluster = self.cluster.clone();
        std::thread::spawn(move || sender.send(deed(&cluster)));
        Meanwhile(receiver)
    }

    /// Expects that what was begun `meanwhile` ends well `within` a time.
    ///
    /// # Errors
    /// When it does not.
    pub fn expect_end<T>(&self, what: &str, within: Duration, deed: &Meanwhile<T>) -> Result<T> {
        let begun = Instant::now();
        self.expecting(what, || {
            loop {
                self.check_stopped()?;
                match deed.0.recv_timeout(LOOK_EVERY) {
                    Ok(ended) => return ended.map_err(|e| format!("{e:#}")),
                    Err(RecvTimeoutError::Timeout) if begun.elapsed() < within => {}
                    Err(RecvTimeoutError::Timeout) => {
                        return Err(format!("it has not within {within:?}"));
                    }
                    Err(RecvTimeoutError::Disconnected) => return Err("it panicked".to_owned()),
                }
            }
        })
    }

    /// Expects that `holds` comes true of what there is to see, `within` a time, and returns what it finds.
    ///
    /// # Errors
    /// When it does not, with the last reason that `holds` gave.
    pub fn expect<T>(
        &self,
        what: &str,
        within: Duration,
        holds: impl Fn(&S::View) -> Result<T, String>,
    ) -> Result<T> {
        self.expecting(what, || {
            let begun = Instant::now();
            let mut reason = "nobody could look".to_owned();
            while begun.elapsed() < within {
                self.check_stopped()?;
                if let Some(now) = self.cluster.seen_since(begun) {
                    match holds(&now) {
                        Ok(found) => return Ok(found),
                        Err(why) => reason = why,
                    }
                }
                std::thread::sleep(LOOK_EVERY);
            }
            Err(format!("after {within:?}: {reason}"))
        })
    }

    /// Notes the expectation `what`, and what became of it.
    fn expecting<T>(&self, what: &str, wait: impl FnOnce() -> Result<T, String>) -> Result<T> {
        let script = &self.run.script;
        let expectation = script.expect(what);
        let ended = wait();
        script.settle(expectation, ended.as_ref().err().map(String::as_str));
        match ended {
            Ok(found) => {
                let text = format!("as expected: {what}");
                self.lab().recorder.event(Level::Good, None, text);
                Ok(found)
            }
            Err(reason) => Err(anyhow!("expected that {what}: {reason}")),
        }
    }

    fn check_stopped(&self) -> Result<(), String> {
        ensure(!self.run.script.is_stopped(), || {
            "the scene was stopped".to_owned()
        })
    }
}

/// What an expectation says: that something `holds`, or the reason why not.
///
/// # Errors
/// When it does not hold.
pub fn ensure(holds: bool, reason: impl Fn() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}
