//! What a student runs in a handout: `cargo course status`, `hint`, `watch`, `update`.
//!
//! A handout is what `cargo course new` makes of the reference: the same workspace with stubs in place of solutions. The
//! file `course.toml` at its root marks it.

mod hint;
mod status;
pub(crate) mod stubs;
#[cfg(test)]
mod tests;
mod update;
mod watch;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, ExitCode};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::catalogue::{Catalogue, LIST};

/// The name of the file at a handout's root.
pub(crate) const MARKER: &str = "course.toml";

/// Where a handout keeps what git ignores.
const STATE: &str = ".course";

/// The branch of what was handed out, without what the student wrote since.
pub(crate) const VENDOR: &str = "handout";

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Show what is done, what comes next, and points
    Status(status::Args),
    /// Show one more hint for an exercise
    Hint(hint::Args),
    /// Run the tests again each time that a file is saved
    Watch(watch::Args),
    /// Bring this workspace to a newer release, without touching what you wrote
    Update(update::Args),
}

/// Runs a command in the handout around the current directory.
pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    let here = env::current_dir().context("cannot tell the current directory")?;
    let handout = Handout::find(&here)?;
    match command {
        Command::Status(args) => status::run(args, &handout),
        Command::Hint(args) => hint::run(args, &handout),
        Command::Watch(args) => watch::run(args, &handout),
        Command::Update(args) => update::run(args, &handout),
    }
}

/// What `course.toml` says: how a handout was made, so that a newer release makes it in the same way.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Marker {
    /// The version of the workspace that it was made from.
    pub(crate) release: String,
    pub(crate) title: String,
    /// The crates that were asked for; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) only: Vec<String>,
    /// Exercises before this one are solved in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    pub(crate) lab: bool,
    pub(crate) classroom: bool,
    /// For each exercise, how many bodies a student writes.
    #[serde(default)]
    pub(crate) stubs: BTreeMap<String, usize>,
}

/// A student's workspace.
pub(crate) struct Handout {
    pub(crate) root: PathBuf,
    pub(crate) marker: Marker,
    pub(crate) catalogue: Catalogue,
}

impl Handout {
    /// The handout that a directory is in.
    ///
    /// # Errors
    /// When there is none: says so in a way that fits the reference, where nothing is left to do.
    pub(crate) fn find(start: &Path) -> Result<Handout> {
        let Some(root) = start.ancestors().find(|dir| dir.join(MARKER).is_file()) else {
            if start.ancestors().any(|dir| dir.join(LIST).is_file()) {
                bail!(
                    "this is the reference, in which every exercise is solved. Make a student's workspace of it with\n\
                     `cargo course new ../my-course`, and run this there"
                );
            }
            bail!(
                "{} is in no student's workspace: there is no {MARKER} here nor above",
                start.display()
            );
        };
        let text = fs::read_to_string(root.join(MARKER))
            .with_context(|| format!("cannot read {MARKER}"))?;
        Ok(Handout {
            root: root.to_owned(),
            marker: toml::from_str(&text).with_context(|| {
                format!("{MARKER} is damaged; `git checkout {VENDOR} -- {MARKER}` brings it back")
            })?,
            catalogue: Catalogue::load(root)?,
        })
    }

    /// A file that git ignores.
    fn state(&self, name: &str) -> Result<PathBuf> {
        let dir = self.root.join(STATE);
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(dir.join(name))
    }

    /// cargo, at the handout's root.
    fn cargo(&self) -> Process {
        let mut cargo = Process::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root);
        cargo
    }
}
