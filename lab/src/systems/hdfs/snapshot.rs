//! What there is to see of mini-hdfs at one moment: what the NameNode says, laid over what the lab knows of the
//! processes. The NameNode learns of a death only by silence; the lab knows at once, and shows both.

use std::collections::BTreeMap;
use std::ops::Deref;

use mini_hdfs::view::{Answers, DatanodeView, Outside, Process, View};
use serde::Serialize;

use crate::lab::{Condition, NodeView};

use super::lamps::Lamp;
use super::load;

/// Everything that the page draws, in one piece. What the NameNode says is reached through it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// Every process.
    pub(crate) processes: Vec<NodeView>,
    /// What the NameNode says; what it said last, if it does not answer.
    pub(crate) view: View,
    /// The invariants.
    pub(crate) lamps: Vec<Lamp>,
    /// How all blocks are, those of the load among them.
    pub(crate) blocks: Tally,
}

/// How the blocks are that a writer has finished, of all files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// How many there are.
    pub(crate) complete: usize,
    /// How many of them have fewer good replicas than they should.
    pub(crate) under_replicated: usize,
    /// Those that can be read nowhere.
    pub(crate) unreadable: Vec<String>,
}

impl Tally {
    fn of(view: &View) -> Tally {
        let mut tally = Tally::default();
        for block in view.complete_blocks() {
            tally.complete += 1;
            tally.under_replicated += usize::from(block.good() < usize::from(block.expected));
            if !block.is_readable() {
                tally.unreadable.push(block.id.clone());
            }
        }
        tally
    }
}

impl Deref for Snapshot {
    type Target = View;

    fn deref(&self) -> &View {
        &self.view
    }
}

/// A process, and what the NameNode takes it for if it is a DataNode.
#[derive(Debug, Serialize)]
pub(super) struct NodeState<'a> {
    #[serde(flatten)]
    process: &'a NodeView,
    #[serde(flatten)]
    said: Option<&'a DatanodeView>,
}

impl Snapshot {
    /// The process of the node `name`.
    pub(crate) fn process(&self, name: &str) -> Option<Condition> {
        let found = self.processes.iter().find(|node| node.name == name);
        found.map(|node| node.process)
    }

    /// Every node with all that is known of it.
    pub(super) fn node_states(&self) -> impl Iterator<Item = (&String, NodeState<'_>)> {
        self.processes.iter().map(|process| {
            let said = self.view.node(&process.name);
            (&process.name, NodeState { process, said })
        })
    }

    /// Lays what the NameNode said over what the lab knows.
    pub(crate) fn new(processes: Vec<NodeView>, answers: &Answers) -> Snapshot {
        let outside = processes.iter().filter_map(|node| {
            let known = Outside {
                name: node.name.clone(),
                process: match node.process {
                    Condition::Up => Process::Up,
                    Condition::Paused => Process::Paused,
                    Condition::Down | Condition::Changing => Process::Down,
                },
            };
            Some((node.address.clone()?, known))
        });
        let outside: BTreeMap<String, Outside> = outside.collect();
        let mut view = View::new(answers, &outside);
        let blocks = Tally::of(&view);
        // The load's come and go by the hundred, and it checks them itself.
        view.files.retain(|file| !file.path.starts_with(load::ROOT));
        Snapshot {
            view,
            processes,
            lamps: Vec::new(),
            blocks,
        }
    }
}
