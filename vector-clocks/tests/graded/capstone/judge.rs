//! Follows what replicas were told, in the plainest way there is: for each replica the set of all writes that it knows, for each write
//! the set of all that it overwrites. Says which rule a read or a message breaks. It knows nothing of a replica's inside.

use std::collections::{BTreeMap, BTreeSet};

use vector_clocks::capstone::{Context, Field, Message};

/// A rule of `capstone.rs`, by its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    WrittenIsRead = 1,
    WriteDrops,
    WriteReplaces,
    MessageDrops,
    MessageReplaces,
    MessageBrings,
    BringsBack,
    Once,
    SmallContext,
    SmallMessage,
    Converges,
}

/// How many lines of the story a failure shows.
const LINES_SHOWN: usize = 14;

/// A write that a replica has taken, by its place in [`Judge::writes`].
pub(crate) type WriteId = usize;

#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) key: &'static str,
    /// None: a delete. No two writes have the same value.
    pub(crate) value: Option<String>,
    /// All writes of the key that were known where the client had read.
    pub(crate) overwrites: BTreeSet<WriteId>,
}

/// What has just happened at a replica, before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Wrote(WriteId),
    Heard,
}

#[derive(Debug)]
pub(crate) struct Judge {
    replicas: usize,
    writes: Vec<Write>,
    /// By replica.
    known: Vec<BTreeSet<WriteId>>,
    /// What was read last, by replica and key.
    last: BTreeMap<(usize, &'static str), BTreeSet<String>>,
    story: Vec<(&'static str, String)>,
    /// The first breach of each rule, in a sentence, with the story of its key.
    pub(crate) breaches: BTreeMap<Rule, String>,
    /// Right reads of values that came from another replica.
    pub(crate) shown: usize,
}

impl Judge {
    pub(crate) fn new(replicas: usize) -> Judge {
        Judge {
            replicas,
            writes: Vec::new(),
            known: vec![BTreeSet::new(); replicas],
            last: BTreeMap::new(),
            story: Vec::new(),
            breaches: BTreeMap::new(),
            shown: 0,
        }
    }

    /// The writes of a key that a replica knows: what a client that reads there now has read.
    pub(crate) fn known_of(&self, at: usize, key: &str) -> BTreeSet<WriteId> {
        let of_key = |id: &&WriteId| self.writes[**id].key == key;
        self.known[at].iter().filter(of_key).copied().collect()
    }

    /// All that a replica knows, to go with its message.
    pub(crate) fn known(&self, at: usize) -> BTreeSet<WriteId> {
        self.known[at].clone()
    }

    /// A replica has taken a write from a client.
    pub(crate) fn take(&mut self, at: usize, write: Write) -> WriteId {
        let id = self.writes.len();
        let what = match &write.value {
            Some(value) => format!("takes {value}"),
            None => "takes a delete".to_owned(),
        };
        let read = self.texts(&self.living(&write.overwrites));
        let line = format!("r{at} {what} from a client that had read {}", show(&read));
        self.story.push((write.key, line));
        // What is overwritten counts as known with what overwrites it.
        self.known[at].extend(&write.overwrites);
        self.known[at].insert(id);
        self.writes.push(write);
        id
    }

    /// A message arrives at a replica, from one that knew this when it sent it.
    pub(crate) fn hear(&mut self, at: usize, from: usize, known: &BTreeSet<WriteId>) {
        let keys: BTreeSet<&'static str> = self.writes.iter().map(|write| write.key).collect();
        for key in keys {
            let of_key = |id: &WriteId| self.writes[*id].key == key;
            let theirs: BTreeSet<WriteId> = known.iter().copied().filter(of_key).collect();
            let values = self.texts(&self.living(&theirs));
            let line = format!("r{at} receives what r{from} had: {}", show(&values));
            self.story.push((key, line));
        }
        self.known[at].extend(known);
    }

    /// Of these writes those that none of them overwrites and that left a value.
    fn living(&self, known: &BTreeSet<WriteId>) -> BTreeSet<WriteId> {
        let gone: BTreeSet<WriteId> = known
            .iter()
            .flat_map(|id| self.writes[*id].overwrites.iter().copied())
            .collect();
        let lives = |id: &WriteId| !gone.contains(id) && self.writes[*id].value.is_some();
        known.iter().copied().filter(lives).collect()
    }

    fn texts(&self, ids: &BTreeSet<WriteId>) -> BTreeSet<String> {
        let values = ids.iter().map(|id| self.writes[*id].value.clone());
        values.flatten().collect()
    }

    /// What must be read there now.
    pub(crate) fn expected(&self, at: usize, key: &str) -> BTreeSet<String> {
        self.texts(&self.living(&self.known_of(at, key)))
    }

    /// What must be read everywhere in the end.
    pub(crate) fn expected_in_the_end(&self, key: &str) -> BTreeSet<String> {
        let of_key = |id: &WriteId| self.writes[*id].key == key;
        let all: BTreeSet<WriteId> = (0..self.writes.len()).filter(of_key).collect();
        self.texts(&self.living(&all))
    }

    /// A key is read at a replica, right after something has happened there.
    pub(crate) fn read(
        &mut self,
        at: usize,
        key: &'static str,
        values: &[String],
        context: &Context,
        cause: Cause,
    ) {
        let expected = self.expected(at, key);
        let found: BTreeSet<String> = values.iter().cloned().collect();
        let before = self
            .last
            .insert((at, key), found.clone())
            .unwrap_or_default();
        if found.len() < values.len() {
            self.breach(
                Rule::Once,
                key,
                format!("r{at} has a value twice: {values:?}"),
            );
        }
        for value in expected.difference(&found) {
            self.missing(at, key, value, before.contains(value), cause);
        }
        for value in found.difference(&expected) {
            self.too_many(at, key, value, before.contains(value), cause);
        }
        let (numbers, most) = (context.0.len(), self.replicas + 2);
        if numbers > most {
            let why = format!(
                "the context that r{at} gives has {numbers} numbers, and {most} must be enough"
            );
            self.breach(Rule::SmallContext, key, why);
        }
        if found == expected && !found.is_empty() && cause == Cause::Heard {
            self.shown += 1;
        }
    }

    fn missing(
        &mut self,
        at: usize,
        key: &'static str,
        value: &str,
        was_there: bool,
        cause: Cause,
    ) {
        let own = |id: WriteId| self.writes[id].value.as_deref() == Some(value);
        let (rule, why) = match cause {
            Cause::Wrote(id) if own(id) => (
                Rule::WrittenIsRead,
                format!("r{at} has taken {value}, and it is not read there"),
            ),
            Cause::Wrote(_) if was_there => (
                Rule::WriteDrops,
                format!(
                    "{value} was read at r{at} before this write, whose client had not read it, and is gone"
                ),
            ),
            Cause::Heard if was_there => (
                Rule::MessageDrops,
                format!(
                    "{value} was read at r{at} before this message, no write known there overwrites it, and it is gone"
                ),
            ),
            Cause::Heard => (
                Rule::MessageBrings,
                format!(
                    "the sender had {value}, nobody has overwritten it, and it is not read at r{at}"
                ),
            ),
            // Told before.
            Cause::Wrote(_) => return,
        };
        self.breach(rule, key, why);
    }

    fn too_many(
        &mut self,
        at: usize,
        key: &'static str,
        value: &str,
        was_there: bool,
        cause: Cause,
    ) {
        let wrote = |write: &Write| write.key == key && write.value.as_deref() == Some(value);
        let by = self.writes.iter().position(wrote);
        let Some(by) = by.filter(|id| self.known[at].contains(id)) else {
            let why =
                format!("{value:?} is read at r{at}, and no write that it knows has brought it");
            return self.breach(Rule::Once, key, why);
        };
        let (rule, why) = match cause {
            Cause::Wrote(id) if self.writes[id].overwrites.contains(&by) => (
                Rule::WriteReplaces,
                format!("the client of this write had read {value}, and it is still read at r{at}"),
            ),
            Cause::Heard if was_there => (
                Rule::MessageReplaces,
                format!(
                    "the sender knew that {value} is overwritten, and it is still read at r{at}"
                ),
            ),
            _ if !was_there => (
                Rule::BringsBack,
                format!("r{at} knows that {value} is overwritten, and now it is read there again"),
            ),
            // Told before.
            _ => return,
        };
        self.breach(rule, key, why);
    }

    /// A message leaves a replica.
    pub(crate) fn send(&mut self, at: usize, message: &Message) {
        let keys: BTreeSet<&'static str> = self.known[at]
            .iter()
            .map(|id| self.writes[*id].key)
            .collect();
        let values: BTreeSet<String> = keys.iter().flat_map(|key| self.expected(at, key)).collect();
        let each = 2 * (self.replicas + 1);
        let most = each * (keys.len() + values.len());
        let is_number = |field: &&Field| matches!(field, Field::Number(_));
        let numbers = message.0.iter().filter(is_number).count();
        let key = self.story.last().map_or("", |(key, _)| *key);
        if numbers > most {
            let why = format!(
                "r{at} knows {} keys with {} values, and its message has {numbers} numbers: {most} must be enough",
                keys.len(),
                values.len()
            );
            self.breach(Rule::SmallMessage, key, why);
        }
        let texts: Vec<&String> = message.0.iter().filter_map(text).collect();
        let known =
            |text: &&&String| keys.contains(text.as_str()) || values.contains(text.as_str());
        if let Some(text) = texts.iter().find(|text| !known(text)) {
            let why = format!(
                "r{at} sends the text {text:?}, which is no key and no value that is read there"
            );
            self.breach(Rule::SmallMessage, key, why);
        } else if texts.len() > keys.len() + values.len() {
            let why = format!("r{at} sends keys or values more than once: {texts:?}");
            self.breach(Rule::SmallMessage, key, why);
        }
    }

    /// Notes a breach with its story, if it is the first of its rule.
    pub(crate) fn breach(&mut self, rule: Rule, key: &'static str, why: String) {
        if self.breaches.contains_key(&rule) {
            return;
        }
        let lines = self.story.iter().filter(|line| line.0 == key);
        let lines: Vec<&str> = lines.map(|line| line.1.as_str()).collect();
        let shown = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
        let text = format!(
            "{why}.\nWhat happened to {key:?} before that:\n  {}",
            shown.join("\n  ")
        );
        self.breaches.insert(rule, text);
    }
}

fn text(field: &Field) -> Option<&String> {
    match field {
        Field::Text(text) => Some(text),
        Field::Number(_) => None,
    }
}

fn show(values: &BTreeSet<String>) -> String {
    if values.is_empty() {
        return "nothing".to_owned();
    }
    values.iter().cloned().collect::<Vec<_>>().join(" and ")
}
