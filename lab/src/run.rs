//! A run: a system's processes in a lab, and what is recorded of them, from the first start to the end of all. The page shows one
//! at a time; a scene begins another.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;

use anyhow::{Context, Result, bail};
use clap::ArgMatches;
use sim::Level;
use tokio::runtime::Handle;

use crate::lab::{Lab, lock};
use crate::recorder;
use crate::scenes::Script;
use crate::system::{Cluster, System};
use crate::unwritten;

/// A system that runs, or is just being started.
pub struct Run {
    /// Which.
    pub system: &'static dyn System,
    /// Its processes, links and recording.
    pub lab: Arc<Lab>,
    /// Where the scene stands that is played on it, if one is.
    pub script: Script,
    /// The system, or why it could not be started.
    cluster: OnceLock<Result<Arc<dyn Cluster>, String>>,
    saving: Mutex<Option<JoinHandle<()>>>,
}

impl Run {
    /// A run without nodes; `scene` is what will be played on it.
    ///
    /// # Errors
    /// When the lab's directory cannot be made.
    pub fn new(
        system: &'static dyn System,
        scene: &str,
        dir: Option<PathBuf>,
        runtime: Handle,
    ) -> Result<Arc<Run>> {
        let lab = Lab::new(system.name(), scene, dir, runtime)?;
        lab.watch_links(system.protocols());
        unwritten::enter_it(&lab);
        Ok(Arc::new(Run {
            system,
            script: Script::new(&lab),
            lab,
            cluster: OnceLock::new(),
            saving: Mutex::default(),
        }))
    }

    /// Saves everything that happens in `file`, from the beginning to the end. That it cannot go on becomes an event.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn save(&self, file: &Path) -> Result<()> {
        let cannot = format!("cannot write {}", file.display());
        let out = BufWriter::new(File::create(file).with_context(|| cannot.clone())?);
        let (lab, recording) = (self.lab.clone(), self.lab.recorder.follow());
        let saving = std::thread::spawn(move || {
            let saved = lab.runtime().block_on(recorder::save(recording, out));
            if let Err(e) = saved {
                let text = format!("{cannot} any longer: {e}");
                lab.recorder.event(Level::Bad, None, text);
            }
        });
        *lock(&self.saving) = Some(saving);
        Ok(())
    }

    /// Starts the system as the `options` say.
    ///
    /// # Errors
    /// When a node cannot be started.
    pub fn start(&self, options: &ArgMatches) -> Result<()> {
        let started = self.system.start(&self.lab, options);
        if let Err(e) = &started {
            let text = format!("{} cannot be started: {e:#}", self.system.title());
            self.lab.recorder.event(Level::Bad, None, text.clone());
            self.failed(text);
        }
        self.opened(started?);
        Ok(())
    }

    /// Says that all nodes are there.
    pub fn opened(&self, cluster: Arc<dyn Cluster>) {
        // A run is opened once.
        let _ = self.cluster.set(Ok(cluster));
    }

    /// Says that the nodes will never be there; `text` says why.
    pub(crate) fn failed(&self, text: String) {
        let _ = self.cluster.set(Err(text));
    }

    /// Whether the nodes are still being started.
    pub fn is_opening(&self) -> bool {
        self.cluster.get().is_none()
    }

    /// The system, once all its nodes have been started.
    ///
    /// # Errors
    /// When they have not, or cannot be.
    pub fn cluster(&self) -> Result<&Arc<dyn Cluster>> {
        match self.cluster.get() {
            Some(Ok(cluster)) => Ok(cluster),
            Some(Err(text)) => bail!("{text}"),
            None => bail!("the nodes are still being started; wait a moment"),
        }
    }

    /// Ends everything: the scene, and all nodes.
    pub fn stop(&self) {
        self.script.abandon();
        self.lab.stop();
        if let Some(saving) = lock(&self.saving).take() {
            // It has said itself what went wrong.
            let _ = saving.join();
        }
    }
}
