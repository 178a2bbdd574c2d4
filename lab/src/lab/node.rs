//! A node of the lab: what a system says of it, and what there is to see of its process.

use std::borrow::Cow;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use servers::Server;

use super::quoted;

/// What a system says of a node that it wants.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// Unique, and short enough for the page: `dn1`.
    pub name: String,
    /// What it is: `datanode`.
    pub role: &'static str,
    /// Where it stands, if that matters.
    pub rack: Option<String>,
    /// The system's own program, for the commands that are shown.
    pub program: &'static str,
    /// What the hidden command `lab node` is given, as a shell would give it to that program.
    pub args: Vec<String>,
    /// The flags by which the node is told where to listen, each with the key of its ready line that says where it does.
    pub listens: &'static [(&'static str, &'static str)],
}

/// Whether a node's process is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// It is being started or ended just now.
    Changing,
    /// It runs.
    Up,
    /// It is stopped in mid-step.
    Paused,
    /// It is not there.
    Down,
}

/// What there is to see of a node's process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeView {
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// What it is.
    pub role: &'static str,
    /// Where it stands.
    pub rack: Option<String>,
    /// Whether its process is there.
    pub process: Condition,
    /// Its process id, while it has one.
    pub pid: Option<u32>,
    /// Where it listens, once it has said so: the first of its addresses.
    pub address: Option<String>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) spec: NodeSpec,
    pub(super) server: Mutex<Server>,
    /// Set while the process is stopped; changes only under the lock of `server`.
    pub(super) paused: AtomicBool,
    /// The lab wants it to run: if it does not, that is news.
    pub(super) wanted: AtomicBool,
    /// What was seen last while `server` was free.
    pub(super) address: Mutex<Option<String>>,
}

impl Node {
    /// What one would type to start the node without the lab.
    pub(super) fn shell_command(&self, server: &Server) -> String {
        let mut words = self.spec.args.clone();
        for (flag, key) in self.spec.listens {
            let address = server.address(key).unwrap_or_default();
            words.extend([(*flag).to_owned(), address.to_owned()]);
        }
        let words = words.iter().map(|word| quoted(word));
        let program = Cow::Borrowed(self.spec.program);
        let words: Vec<Cow<'_, str>> = [program].into_iter().chain(words).collect();
        words.join(" ")
    }
}
