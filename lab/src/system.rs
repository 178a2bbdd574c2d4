//! What the lab asks of a system that it shows: [`System`] is a kind, [`Cluster`] is one that runs. The lab itself
//! (processes, links, recording, page, scenes) knows nothing else of them. `tests/toy/` builds the smallest one.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use axum::Router;
use clap::{ArgMatches, Command};
use serde::Serialize;
use tokio::runtime::Handle;

use crate::lab::Lab;
use crate::links::recogniser::Protocol;
use crate::load::Load;
use crate::scenes::{Play, Stage};

/// A kind of system: how it is started, and what it can demonstrate.
pub trait System: Sync {
    /// Its short name: in commands, in the names of its scenes, of its drawing file `page/systems/NAME.js`, and in traces.
    fn name(&self) -> &'static str;

    /// What people call it.
    fn title(&self) -> &'static str;

    /// Adds the options that say how large it is to be.
    fn options(&self, command: Command) -> Command;

    /// Starts its nodes in `lab`, which has none yet, as the `options` say. Waits until each is ready.
    ///
    /// # Errors
    /// When a node cannot be started.
    fn start(&self, lab: &Arc<Lab>, options: &ArgMatches) -> Result<Arc<dyn Cluster>>;

    /// Its demonstrations.
    fn scenes(&self) -> &'static [&'static dyn Play];

    /// Is one of its nodes, until that ends. The arguments are those of [`crate::lab::NodeSpec`], then what the lab adds:
    /// for each address its flag, `--exit-with-stdin`, and `--socks ADDRESS`, the listener through which the node must dial.
    /// It prints a line of JSON when it is ready, with its addresses, and ends when its standard input does.
    ///
    /// # Errors
    /// When it cannot be that node any longer.
    fn node(&self, args: Vec<OsString>) -> Result<()>;

    /// What its nodes say to each other besides gRPC, so that messages on links are understood.
    fn protocols(&self) -> &'static [Protocol] {
        &[]
    }

    /// Adds the options of [`System::torture`]; none: it cannot be tortured.
    fn torture_options(&self, _command: Command) -> Option<Command> {
        None
    }

    /// Kills its processes at random under load, in a lab of its own, and checks that everything acknowledged is there.
    ///
    /// # Errors
    /// When it is not.
    fn torture(&self, _options: &ArgMatches, _runtime: &Handle) -> Result<()> {
        bail!("{} cannot be tortured", self.title())
    }
}

/// One that runs. It also puts what there is to see of it into the state document, whenever that changes:
/// [`crate::recorder::Recorder::put`].
pub trait Cluster: Send + Sync {
    /// What can be done to it beyond [`common_deeds`].
    fn deeds(&self) -> Vec<Deed> {
        Vec::new()
    }

    /// Does one of its own deeds, and enters it in the journal with the command that does the same from a shell.
    ///
    /// # Errors
    /// When it cannot be done, or is none of them.
    fn perform(&self, deed: &str, _order: &Order) -> Result<()> {
        bail!("there is no deed {deed}")
    }

    /// Undoes what its own deeds have broken. Links and processes are the lab's business.
    ///
    /// # Errors
    /// When something stays broken.
    fn undo(&self) -> Result<()> {
        Ok(())
    }

    /// Its load, if it has one. It puts what that does into the state document ([`crate::load::Status`]).
    fn load(&self) -> Option<&Load> {
        None
    }

    /// What the page can ask of it besides, below `/api/NAME`.
    fn routes(self: Arc<Self>) -> Router {
        Router::new()
    }

    /// Lines to paste into a shell, by which it is reached.
    fn shell(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A cluster that scenes are played on.
pub trait Scenery: Cluster + Sized + 'static {
    /// How large it is.
    type Size: Sync;
    /// What expectations look at.
    type View;

    /// Starts one in `lab`.
    ///
    /// # Errors
    /// When a node cannot be started.
    fn set(lab: &Arc<Lab>, size: &Self::Size) -> Result<Arc<Self>>;

    /// Expects that it is complete, and ready to be used.
    ///
    /// # Errors
    /// When it does not become so.
    fn ready(stage: &Stage<Self>, size: &Self::Size) -> Result<()>;

    /// What there is to see, if somebody has looked since `then`: whoever has just done something, and wants to know what
    /// becomes of it, must not take an older look for the answer.
    fn seen_since(&self, then: Instant) -> Option<Arc<Self::View>>;
}

/// Something that can be done by hand, as a button on the page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deed {
    /// Names it in `/api/deeds/ID`.
    pub id: &'static str,
    /// The button's words.
    pub label: &'static str,
    /// What it does, as a sentence without its full stop.
    pub title: &'static str,
    /// What it belongs to beside others: `process`, `disk`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<&'static str>,
    /// What it is done to.
    pub on: Target,
    /// The roles that a node must have one of; empty: any.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub roles: &'static [&'static str],
    /// When it can be done.
    pub when: When,
    /// A number that it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param: Option<Param>,
}

/// What a deed is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// To one node.
    Node,
    /// To all of it.
    Cluster,
}

/// When a deed can be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct When {
    /// While the node's process is one of these (`up`, `paused`, `down`); empty: whatever it is.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub process: &'static [&'static str],
}

/// A number that a deed takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// What it counts.
    pub unit: &'static str,
    /// The least that makes sense.
    pub min: f64,
    /// The most.
    pub max: f64,
    /// What is proposed.
    pub value: f64,
}

/// What a deed is to be done to, and how much.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Order {
    /// The node; none for a deed on the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Its [`Param`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

impl Order {
    /// The node.
    ///
    /// # Errors
    /// When none is named.
    pub fn node(&self) -> Result<&str> {
        match &self.node {
            Some(node) => Ok(node),
            None => bail!("say which node"),
        }
    }
}

/// What can be done to any node.
pub fn common_deeds() -> Vec<Deed> {
    let deed = |id, label, title, process| Deed {
        id,
        label,
        title,
        group: Some("process"),
        on: Target::Node,
        roles: &[],
        when: When { process },
        param: None,
    };
    vec![
        deed(
            "kill",
            "Kill",
            "End the process at once, as a crash would",
            &["up", "paused"],
        ),
        deed(
            "pause",
            "Pause",
            "Stop the process in mid-step, as a long garbage collection would",
            &["up"],
        ),
        deed("resume", "Resume", "Let the process go on", &["paused"]),
        deed(
            "start",
            "Start",
            "Start the process again, on the files that it had",
            &["down"],
        ),
    ]
}

/// Does a deed: one of the [`common_deeds`], or one of the cluster's own.
///
/// # Errors
/// When it cannot be done, nobody knows it, or there is no such node.
pub fn perform(lab: &Lab, cluster: &dyn Cluster, deed: &str, order: &Order) -> Result<()> {
    // Whatever a deed makes of a name, a path say: it is the name of a node.
    if let Some(node) = &order.node {
        lab.role(node)?;
    }
    match deed {
        "kill" => lab.kill(order.node()?),
        "pause" => lab.pause(order.node()?),
        "resume" => lab.resume(order.node()?),
        "start" => lab.start(order.node()?),
        _ => cluster.perform(deed, order),
    }
}
