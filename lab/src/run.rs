//! A run: a system's processes in a lab, and what is recorded of them, from the first start to the end of all. The page shows one
//! at a time; a scene begins another.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use clap::ArgMatches;
use tokio::runtime::Handle;

use crate::lab::Lab;
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
    cluster: OnceLock<Arc<dyn Cluster>>,
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
        }))
    }

    /// Starts the system as the `options` say.
    ///
    /// # Errors
    /// When a node cannot be started.
    pub fn start(&self, options: &ArgMatches) -> Result<()> {
        self.opened(self.system.start(&self.lab, options)?);
        Ok(())
    }

    /// Says that all nodes are there.
    pub fn opened(&self, cluster: Arc<dyn Cluster>) {
        // A run is opened once.
        let _ = self.cluster.set(cluster);
    }

    /// The system, once all its nodes have been started.
    ///
    /// # Errors
    /// When they have not.
    pub fn cluster(&self) -> Result<&Arc<dyn Cluster>> {
        let cluster = self.cluster.get();
        cluster.context("the nodes are still being started; wait a moment")
    }

    /// Ends everything: the scene, and all nodes.
    pub fn stop(&self) {
        self.script.stop();
        self.lab.stop();
    }
}
