//! Scenes: demonstrations that tell what they do, do it, and check that what they told is true. Each is a small file
//! below this module: a list of steps through the same methods that the page's buttons call.
//! `CONTRIBUTING.md` says how to add one.

mod hdfs;

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::hdfs::{Hdfs, Size, Snapshot};
use crate::journal::{Kind, Log};
use crate::lab::Lab;

/// How often an expectation is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Long enough for what should happen at once, on a machine that is busy with something else.
const SOON: Duration = Duration::from_secs(30);

/// A demonstration.
pub(crate) struct Scene {
    /// `SYSTEM/WHAT-HAPPENS`.
    pub(crate) name: &'static str,
    /// What it shows, in a sentence without its full stop.
    pub(crate) about: &'static str,
    /// The cluster that it needs.
    size: Size,
    /// Its steps.
    play: fn(&Stage) -> Result<()>,
}

/// All scenes.
pub(crate) const SCENES: &[&Scene] = &[
    &hdfs::kill_datanode::SCENE,
    &hdfs::kill_two::SCENE,
    &hdfs::replace_datanode::SCENE,
    &hdfs::restart_namenode::SCENE,
    &hdfs::cut_off_rack::SCENE,
    &hdfs::bit_rot::SCENE,
    &hdfs::dead_writer::SCENE,
    &hdfs::decommission::SCENE,
];

/// The scene called `name`.
pub(crate) fn find(name: &str) -> Result<&'static Scene> {
    let found = SCENES.iter().find(|scene| scene.name == name);
    found.copied().with_context(|| {
        let names: Vec<&str> = SCENES.iter().map(|scene| scene.name).collect();
        format!("there is no scene {name}; there are: {}", names.join(", "))
    })
}

/// Starts a cluster in `lab`, plays `scene` on it, and writes what happens to `out`.
pub(crate) fn play(
    scene: &Scene,
    lab: &Arc<Lab>,
    runtime: &Handle,
    out: impl Write + Send + 'static,
) -> Result<()> {
    let narration = runtime.spawn(narrate(lab.journal.subscribe(), out));
    let played = Hdfs::start(lab.clone(), scene.size, runtime).and_then(|hdfs| {
        let stage = Stage { hdfs };
        stage.expect("every DataNode is there", SOON, |now| {
            let live = now.nodes.iter().filter(|node| node.state == Some("live"));
            let (live, all) = (live.count(), scene.size.datanodes);
            ensure(live == all as usize, || format!("{live} of {all} are live"))
        })?;
        (scene.play)(&stage)
    });
    let (kind, text) = match &played {
        Ok(()) => (Kind::Good, "every expectation was met".to_owned()),
        Err(e) => (Kind::Bad, format!("{e:#}")),
    };
    lab.journal
        .enter(kind, None, format!("{}: {text}", scene.name));
    lab.journal.close();
    runtime.block_on(narration)?;
    played
}

/// Writes each event of the journal as a line, until the journal is closed.
async fn narrate(mut journal: watch::Receiver<Log>, mut out: impl Write) {
    let mut last = 0;
    let mut begun_ms = None;
    while journal.changed().await.is_ok() {
        let (events, closed) = {
            let log = journal.borrow_and_update();
            (log.since(last), log.closed)
        };
        for event in events {
            last = event.seq;
            let since = event.at_ms - *begun_ms.get_or_insert(event.at_ms);
            let sign = match event.kind {
                Kind::Story => "\n==",
                Kind::Action => "->",
                Kind::Change => "  ",
                Kind::Good => "ok",
                Kind::Bad => "!!",
            };
            // A reader that went away does not stop the scene.
            let _ = writeln!(
                out,
                "{sign} {:>6.2}s  {}",
                since as f64 / 1000.0,
                event.text
            );
            if let Some(command) = &event.command {
                let _ = writeln!(out, "            $ {command}");
            }
        }
        let _ = out.flush();
        if closed {
            return;
        }
    }
}

/// What a scene is played on.
pub(crate) struct Stage {
    hdfs: Arc<Hdfs>,
}

/// Something that happens beside a scene's steps.
pub(crate) struct Meanwhile<T>(Receiver<Result<T>>);

impl Stage {
    /// Tells what comes next.
    fn say(&self, text: impl Into<String>) {
        self.hdfs.lab.journal.enter(Kind::Story, None, text);
    }

    /// Begins `deed`, and goes on with the scene meanwhile.
    fn meanwhile<T: Send + 'static>(
        &self,
        deed: impl FnOnce(&Hdfs) -> Result<T> + Send + 'static,
    ) -> Meanwhile<T> {
        let (sender, receiver) = mpsc::channel();
        let hdfs = self.hdfs.clone();
        std::thread::spawn(move || sender.send(deed(&hdfs)));
        Meanwhile(receiver)
    }

    /// Expects that what was begun `meanwhile` ends well `within` a time.
    fn expect_end<T>(&self, what: &str, within: Duration, deed: &Meanwhile<T>) -> Result<T> {
        match deed.0.recv_timeout(within) {
            Ok(Ok(done)) => {
                self.met(what);
                Ok(done)
            }
            Ok(Err(e)) => Err(failed(what, &format!("{e:#}"))),
            Err(_) => Err(failed(what, &format!("it has not within {within:?}"))),
        }
    }

    /// Expects that `holds` comes true of what there is to see, `within` a time, and returns what it finds.
    fn expect<T>(
        &self,
        what: &str,
        within: Duration,
        holds: impl Fn(&Snapshot) -> Result<T, String>,
    ) -> Result<T> {
        let begun = Instant::now();
        let mut reason = "nobody could look".to_owned();
        while begun.elapsed() < within {
            if let Some(now) = self.hdfs.since(begun) {
                match holds(&now) {
                    Ok(found) => {
                        self.met(what);
                        return Ok(found);
                    }
                    Err(why) => reason = why,
                }
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(failed(what, &format!("after {within:?}: {reason}")))
    }

    /// Expects that every block has all its replicas on running nodes.
    fn expect_replicated(&self, within: Duration) -> Result<()> {
        self.expect("every block has all its replicas", within, |now| {
            ensure(now.answered, || "the NameNode does not answer".to_owned())?;
            let mut blocks = now.complete_blocks();
            let under = blocks.find(|b| b.good() < usize::from(b.expected));
            match under {
                None => Ok(()),
                Some(b) => Err(format!("{} has {} of {}", b.id, b.good(), b.expected)),
            }
        })
    }

    /// Expects that no block has more replicas than it needs, of whatever sort.
    fn expect_nothing_too_much(&self, within: Duration) -> Result<()> {
        self.expect(
            "replicas too many, or out of date, are deleted",
            within,
            |now| {
                ensure(now.answered, || "the NameNode does not answer".to_owned())?;
                let mut blocks = now.complete_blocks();
                match blocks.find(|b| b.replicas.len() > usize::from(b.expected)) {
                    None => Ok(()),
                    Some(b) => Err(format!(
                        "{} has {} of {}",
                        b.id,
                        b.replicas.len(),
                        b.expected
                    )),
                }
            },
        )
    }

    /// Expects that the NameNode says `state` of each of `nodes`.
    fn expect_state(&self, nodes: &[&str], state: &str, within: Duration) -> Result<()> {
        let what = format!("the NameNode says that {} is {state}", nodes.join(", "));
        self.expect(&what, within, |now| {
            let said = nodes.iter().map(|name| now.node(name)?.state);
            let said: Vec<Option<&str>> = said.collect();
            let all = now.answered && said.iter().all(|said| *said == Some(state));
            ensure(all, || format!("it says: {said:?}"))
        })
    }

    /// Expects that the NameNode says that `node` is out of service in this way; none that it is in service.
    fn expect_service(&self, node: &str, service: Option<&str>, within: Duration) -> Result<()> {
        let word = service.unwrap_or("in service");
        let what = format!("the NameNode says that {node} is {word}");
        self.expect(&what, within, |now| {
            let said = now.node(node).and_then(|node| node.service);
            ensure(now.answered && said == service, || {
                format!("it says: {said:?}")
            })
        })
    }

    /// Expects that the file at `path` reads back as it was written.
    fn expect_reads_back(&self, path: &str) -> Result<()> {
        let what = format!("{path} reads back byte for byte");
        let path = path.to_owned();
        let reading = self.meanwhile(move |hdfs| hdfs.read_back(&path));
        let checked = self.expect_end(&what, SOON, &reading)?;
        let reason = || {
            format!(
                "{:?} instead of {:?}",
                checked.checksum, checked.acknowledged
            )
        };
        ensure(checked.same == Some(true), reason).map_err(|reason| failed(&what, &reason))
    }

    fn met(&self, what: &str) {
        self.hdfs
            .lab
            .journal
            .enter(Kind::Good, None, format!("as expected: {what}"));
    }
}

fn ensure(holds: bool, reason: impl Fn() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}

fn failed(what: &str, reason: &str) -> anyhow::Error {
    anyhow!("expected that {what}: {reason}")
}
