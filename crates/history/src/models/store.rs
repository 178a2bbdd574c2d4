//! A store whose every change has a number, as etcd's has: all of it at once, with transactions over several keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Model, Step};

/// etcd's store at its newest revision. It is searched as a whole, which its revisions make quick: an answer tells when it was given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Store;

/// What the store holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct State {
    /// That of the last change; 1 before the first one, as in etcd.
    pub revision: u64,
    /// Shared with the states that differ elsewhere.
    pub entries: BTreeMap<String, Arc<Entry>>,
}

/// A key's value, and what the store knows of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// What was put last.
    pub value: String,
    /// The revision in which the key came to be.
    pub created: u64,
    /// The revision of the last put.
    pub modified: u64,
    /// How many puts since then, the first one included.
    pub version: u64,
}

/// A key, or those from `key` on and below `end`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Range {
    /// The key, or the first one.
    pub key: String,
    /// The first key behind the range; None for a single key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

/// What is compared of an entry, and with what. A missing key has 0 for all numbers, and no value that equals or differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Target {
    Value(String),
    Created(u64),
    Modified(u64),
    Version(u64),
}

/// How it must compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Relation {
    Equal,
    NotEqual,
    Less,
    Greater,
}

/// A condition of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Compare {
    /// Of this key.
    pub key: String,
    /// What the entry has stands left of it, the target right.
    pub relation: Relation,
    /// What with.
    pub target: Target,
}

/// One of the things that a transaction does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Action {
    /// Reads.
    Get(Range),
    /// Writes a value.
    Put(String, String),
    /// Deletes.
    Delete(Range),
}

/// If all conditions hold, `then`, else `otherwise`; all in one revision. A put alone is a transaction without conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Txn {
    /// The conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compare: Vec<Compare>,
    /// What is done if they hold.
    pub then: Vec<Action>,
    /// What is done if one does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Action>,
}

/// What one action answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Answer {
    /// The entries, by key.
    Got(Vec<(String, Entry)>),
    /// It is put.
    Put,
    /// So many were deleted.
    Deleted(u64),
}

/// What a transaction answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TxnOutput {
    /// Whether all conditions held.
    pub succeeded: bool,
    /// The store's revision then (`header.revision`).
    pub revision: u64,
    /// An answer for each action.
    pub answers: Vec<Answer>,
}

impl Range {
    /// A single key.
    pub fn key(key: impl Into<String>) -> Range {
        Range {
            key: key.into(),
            end: None,
        }
    }

    fn has(&self, key: &str) -> bool {
        match &self.end {
            None => self.key == key,
            Some(end) => self.key.as_str() <= key && key < end.as_str(),
        }
    }
}

impl Txn {
    /// A read of a single key.
    pub fn get(key: impl Into<String>) -> Txn {
        Txn::from(Action::Get(Range::key(key)))
    }

    /// A put.
    pub fn put(key: impl Into<String>, value: impl Into<String>) -> Txn {
        Txn::from(Action::Put(key.into(), value.into()))
    }

    /// A deletion of a single key.
    pub fn delete(key: impl Into<String>) -> Txn {
        Txn::from(Action::Delete(Range::key(key)))
    }
}

impl From<Action> for Txn {
    fn from(action: Action) -> Txn {
        Txn {
            then: vec![action],
            ..Txn::default()
        }
    }
}

impl Compare {
    fn holds(&self, state: &State) -> bool {
        let entry = state.entries.get(&self.key);
        let number = |of: fn(&Entry) -> u64| entry.map_or(0, |entry| of(entry));
        let ordering = match &self.target {
            Target::Value(value) => match entry {
                Some(entry) => entry.value.cmp(value),
                None => return false,
            },
            Target::Created(revision) => number(|entry| entry.created).cmp(revision),
            Target::Modified(revision) => number(|entry| entry.modified).cmp(revision),
            Target::Version(version) => number(|entry| entry.version).cmp(version),
        };
        match self.relation {
            Relation::Equal => ordering.is_eq(),
            Relation::NotEqual => ordering.is_ne(),
            Relation::Less => ordering.is_lt(),
            Relation::Greater => ordering.is_gt(),
        }
    }
}

impl State {
    /// Does a transaction: its answer, and the state then, if it is another one.
    pub fn apply(&self, txn: &Txn) -> (TxnOutput, Option<State>) {
        let succeeded = txn.compare.iter().all(|compare| compare.holds(self));
        let actions = if succeeded { &txn.then } else { &txn.otherwise };
        let mut changed: Option<State> = None;
        let mut answers = Vec::new();
        let revision = self.revision + 1;
        for action in actions {
            let state = changed.as_ref().unwrap_or(self);
            let answer = match action {
                Action::Get(range) => Answer::Got(state.range(range)),
                Action::Put(key, value) => {
                    let before = state.entries.get(key);
                    let entry = Entry {
                        value: value.clone(),
                        created: before.map_or(revision, |before| before.created),
                        modified: revision,
                        version: before.map_or(0, |before| before.version) + 1,
                    };
                    let state = changed.get_or_insert_with(|| self.clone());
                    state.entries.insert(key.clone(), Arc::new(entry));
                    Answer::Put
                }
                Action::Delete(range) => {
                    let found = state.range(range);
                    if !found.is_empty() {
                        let state = changed.get_or_insert_with(|| self.clone());
                        state.entries.retain(|key, _| !range.has(key));
                    }
                    Answer::Deleted(found.len() as u64)
                }
            };
            answers.push(answer);
        }
        if let Some(state) = &mut changed {
            state.revision = revision;
        }
        let revision = changed.as_ref().unwrap_or(self).revision;
        let output = TxnOutput {
            succeeded,
            revision,
            answers,
        };
        (output, changed)
    }

    fn range(&self, range: &Range) -> Vec<(String, Entry)> {
        let from = self.entries.range(range.key.clone()..);
        let inside = from.take_while(|(key, _)| range.has(key));
        inside
            .map(|(key, entry)| (key.clone(), Entry::clone(entry)))
            .collect()
    }
}

impl Model for Store {
    type State = State;
    type Input = Txn;
    type Output = TxnOutput;

    fn initial(&self) -> State {
        State {
            revision: 1,
            entries: BTreeMap::new(),
        }
    }

    fn step(&self, state: &State, txn: &Txn, output: Option<&TxnOutput>) -> Step<State> {
        // Most wrong guesses are told by the revision alone.
        let may_be = [state.revision, state.revision + 1];
        if output.is_some_and(|output| !may_be.contains(&output.revision)) {
            return Step::Impossible;
        }
        match state.apply(txn) {
            (would, _) if output.is_some_and(|output| *output != would) => Step::Impossible,
            (_, Some(next)) => Step::To(next),
            (_, None) => Step::Unchanged,
        }
    }

    fn is_read(&self, txn: &Txn) -> bool {
        let mut actions = txn.then.iter().chain(&txn.otherwise);
        actions.all(|action| matches!(action, Action::Get(_)))
    }

    fn describe(&self, txn: &Txn, output: Option<&TxnOutput>) -> String {
        let branch = match output {
            Some(output) if !output.succeeded => &txn.otherwise,
            _ => &txn.then,
        };
        let mut answers = output
            .map(|output| output.answers.iter())
            .into_iter()
            .flatten();
        let done: Vec<String> = branch
            .iter()
            .map(|action| describe(action, answers.next()))
            .collect();
        let condition = match (txn.compare.is_empty(), output) {
            (true, _) => "",
            (false, None) => "if ?: ",
            (false, Some(output)) if output.succeeded => "if yes: ",
            (false, Some(_)) => "if no: ",
        };
        let revision = output.map_or("?".to_owned(), |output| output.revision.to_string());
        format!("{condition}{} @{revision}", done.join(", "))
    }
}

fn describe(action: &Action, answer: Option<&Answer>) -> String {
    let name = |range: &Range| match &range.end {
        None => range.key.clone(),
        Some(end) => format!("{}..{end}", range.key),
    };
    match (action, answer) {
        (Action::Put(key, value), _) => format!("put {key} {value}"),
        (Action::Delete(range), Some(Answer::Deleted(count))) => {
            format!("del {} → {count}", name(range))
        }
        (Action::Delete(range), _) => format!("del {}", name(range)),
        (Action::Get(range), Some(Answer::Got(entries))) => {
            let show = |(key, entry): &(String, Entry)| match &range.end {
                None => format!("{} of {}", entry.value, entry.modified),
                Some(_) => format!("{key}={} of {}", entry.value, entry.modified),
            };
            let mut shown: Vec<String> = entries.iter().map(show).collect();
            if shown.is_empty() {
                shown.push("nothing".to_owned());
            }
            format!("get {} → {}", name(range), shown.join(" "))
        }
        (Action::Get(range), _) => format!("get {}", name(range)),
    }
}
