//! What was done and promised in a run, beyond all crashes; and the file system in which jobs write.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use mini_mapreduce::coordinator::commit::Step;
use mini_mapreduce::output::{SUCCESS, TEMPORARY};
use mini_mapreduce::protocol::{AttemptId, JobId};

use crate::cluster::Tally;
use crate::text::{Counts, Text};

/// A file of an output, and who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) by: Option<AttemptId>,
    pub(crate) counts: Counts,
}

/// A job's output directory, by names within it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) files: BTreeMap<String, File>,
    /// Every rename to a part's name: which, and whose.
    pub(crate) promoted: Vec<(String, AttemptId)>,
    /// Whether the directory was made.
    pub(crate) is_there: bool,
}

impl Output {
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.files.keys().cloned().collect()
    }

    /// What a reader of the output sees: all but what begins with an underscore, as Hadoop's input formats do.
    pub(crate) fn visible(&self) -> BTreeMap<String, Counts> {
        let visible = self.files.iter().filter(|(name, _)| !name.starts_with('_'));
        let counts = |(name, file): (&String, &File)| (name.clone(), file.counts.clone());
        visible.map(counts).collect()
    }

    pub(crate) fn carry_out(&mut self, step: &Step) {
        match step {
            Step::Rename { from, to } => {
                let file = self.files.remove(from).unwrap();
                self.promoted.push((to.clone(), file.by.unwrap()));
                self.files.insert(to.clone(), file);
            }
            Step::RemoveTemporary => self.remove_temporary(),
            Step::WriteSuccess => {
                let (by, counts) = (None, Counts::new());
                self.files.insert(SUCCESS.to_owned(), File { by, counts });
            }
        }
    }

    pub(crate) fn remove_temporary(&mut self) {
        self.files.retain(|name, _| !name.starts_with(TEMPORARY));
    }
}

/// All of it.
#[derive(Default)]
pub(crate) struct History {
    /// By token.
    pub(crate) texts: BTreeMap<u64, Text>,
    /// By the directory's name, which is the token's.
    pub(crate) outputs: BTreeMap<String, Output>,
    /// Attempts of which a worker was told that they count, whatever comes.
    pub(crate) accepted: BTreeSet<AttemptId>,
    /// The jobs that the client was told are over, and what became of them.
    pub(crate) over: BTreeMap<JobId, Result<(), String>>,
    /// Jobs of whose output somebody has removed a part while it was committed: they cannot succeed.
    pub(crate) sabotaged: BTreeSet<JobId>,
    /// Attempts that failed or hung, and so were to blame.
    pub(crate) unlucky: BTreeSet<AttemptId>,
    /// How many tasks may still fail or hang: a task that fails too often is the end of its job, as it should be.
    pub(crate) bad_luck: u32,
    pub(crate) counts: Tally,
}

impl History {
    pub(crate) fn count(&self, what: &'static str) {
        *self.counts.lock().unwrap().entry(what).or_default() += 1;
    }

    pub(crate) fn output(&mut self, name: &str) -> &mut Output {
        self.outputs.entry(name.to_owned()).or_default()
    }
}

pub(crate) type Shared = Rc<RefCell<History>>;
