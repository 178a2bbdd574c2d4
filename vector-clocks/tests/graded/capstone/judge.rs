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

/// Some writes, a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Writes(u128);

impl Writes {
    /// No run has more writes.
    pub(crate) const MAX: usize = 128;

    fn contains(self, id: WriteId) -> bool {
        self.0 >> id & 1 == 1
    }

    fn insert(&mut self, id: WriteId) {
        self.0 |= 1 << id;
    }

    fn add(&mut self, other: Writes) {
        self.0 |= other.0;
    }

    fn iter(self) -> impl Iterator<Item = WriteId> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let id = (left != 0).then(|| left.trailing_zeros() as WriteId)?;
            left &= left - 1;
            Some(id)
        })
    }
}

impl FromIterator<WriteId> for Writes {
    fn from_iter<I: IntoIterator<Item = WriteId>>(ids: I) -> Writes {
        let mut writes = Writes::default();
        ids.into_iter().for_each(|id| writes.insert(id));
        writes
    }
}

/// What a failure tells of.
#[derive(Clone, Copy, Debug)]
enum Line {
    Took(usize, WriteId),
    Heard(usize, usize, Writes),
}

#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) key: &'static str,
    /// None: a delete. No two writes have the same value.
    pub(crate) value: Option<String>,
    /// All writes of the key that were known where the client had read.
    pub(crate) overwrites: Writes,
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
    known: Vec<Writes>,
    /// What was read last, by replica and key.
    last: BTreeMap<(usize, &'static str), BTreeSet<String>>,
    story: Vec<Line>,
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
            known: vec![Writes::default(); replicas],
            last: BTreeMap::new(),
            story: Vec::new(),
            breaches: BTreeMap::new(),
            shown: 0,
        }
    }

    /// The writes of a key that a replica knows: what a client that reads there now has read.
    pub(crate) fn known_of(&self, at: usize, key: &str) -> Writes {
        self.of_key(self.known[at], key)
    }

    fn of_key(&self, writes: Writes, key: &str) -> Writes {
        writes
            .iter()
            .filter(|id| self.writes[*id].key == key)
            .collect()
    }

    /// All that a replica knows, to go with its message.
    pub(crate) fn known(&self, at: usize) -> Writes {
        self.known[at]
    }

    /// Whether there is room for another write.
    pub(crate) fn is_full(&self) -> bool {
        self.writes.len() == Writes::MAX
    }

    /// A replica has taken a write from a client.
    pub(crate) fn take(&mut self, at: usize, write: Write) -> WriteId {
        let id = self.writes.len();
        self.story.push(Line::Took(at, id));
        // What is overwritten counts as known with what overwrites it.
        self.known[at].add(write.overwrites);
        self.known[at].insert(id);
        self.writes.push(write);
        id
    }

    /// A message arrives at a replica, from one that knew this when it sent it.
    pub(crate) fn hear(&mut self, at: usize, from: usize, known: Writes) {
        self.story.push(Line::Heard(at, from, known));
        self.known[at].add(known);
    }

    /// Of these writes the values of those that none of them overwrites.
    fn living(&self, known: Writes) -> BTreeSet<String> {
        let mut gone = Writes::default();
        known
            .iter()
            .for_each(|id| gone.add(self.writes[id].overwrites));
        let living = known.iter().filter(|id| !gone.contains(*id));
        living
            .filter_map(|id| self.writes[id].value.clone())
            .collect()
    }

    /// What must be read there now.
    pub(crate) fn expected(&self, at: usize, key: &str) -> BTreeSet<String> {
        self.living(self.known_of(at, key))
    }

    /// What must be read everywhere in the end.
    pub(crate) fn expected_in_the_end(&self, key: &str) -> BTreeSet<String> {
        self.living(self.of_key((0..self.writes.len()).collect(), key))
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
                &format!("r{at} has a value twice: {values:?}"),
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
            self.breach(Rule::SmallContext, key, &why);
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
        self.breach(rule, key, &why);
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
        let Some(by) = by.filter(|id| self.known[at].contains(*id)) else {
            let why =
                format!("{value:?} is read at r{at}, and no write that it knows has brought it");
            return self.breach(Rule::Once, key, &why);
        };
        let (rule, why) = match cause {
            Cause::Wrote(id) if self.writes[id].overwrites.contains(by) => (
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
        self.breach(rule, key, &why);
    }

    /// A message leaves a replica.
    pub(crate) fn send(&mut self, at: usize, message: &Message) {
        let keys: BTreeSet<&'static str> = self.known[at]
            .iter()
            .map(|id| self.writes[id].key)
            .collect();
        let values: BTreeSet<String> = keys.iter().flat_map(|key| self.expected(at, key)).collect();
        let each = 2 * (self.replicas + 1);
        let most = each * (keys.len() + values.len());
        let is_number = |field: &&Field| matches!(field, Field::Number(_));
        let numbers = message.0.iter().filter(is_number).count();
        let key = keys.first().copied().unwrap_or_default();
        if numbers > most {
            let why = format!(
                "r{at} knows {} keys with {} values, and its message has {numbers} numbers: {most} must be enough",
                keys.len(),
                values.len()
            );
            self.breach(Rule::SmallMessage, key, &why);
        }
        let texts: Vec<&String> = message.0.iter().filter_map(text).collect();
        let known =
            |text: &&&String| keys.contains(text.as_str()) || values.contains(text.as_str());
        if let Some(text) = texts.iter().find(|text| !known(text)) {
            let why = format!(
                "r{at} sends the text {text:?}, which is no key and no value that is read there"
            );
            self.breach(Rule::SmallMessage, key, &why);
        } else if texts.len() > keys.len() + values.len() {
            let why = format!("r{at} sends keys or values more than once: {texts:?}");
            self.breach(Rule::SmallMessage, key, &why);
        }
    }

    /// Notes a breach with its story, if it is the first of its rule.
    pub(crate) fn breach(&mut self, rule: Rule, key: &'static str, why: &str) {
        if self.breaches.contains_key(&rule) {
            return;
        }
        // A line that comes again and again is shown where it came last.
        let mut shown: Vec<String> = Vec::new();
        for line in self.story.iter().rev() {
            let line = self.tell(*line, key).filter(|line| !shown.contains(line));
            shown.extend(line);
        }
        shown.truncate(LINES_SHOWN);
        shown.reverse();
        let text = format!(
            "{why}.\nWhat happened to {key:?} before that:\n  {}",
            shown.join("\n  ")
        );
        self.breaches.insert(rule, text);
    }

    /// A line of the story, if it has to do with this key.
    fn tell(&self, line: Line, key: &str) -> Option<String> {
        match line {
            Line::Took(at, id) => {
                let write = &self.writes[id];
                let what = write.value.as_deref().unwrap_or("a delete");
                let read = show(&self.living(write.overwrites));
                (write.key == key)
                    .then(|| format!("r{at} takes {what} from a client that had read {read}"))
            }
            Line::Heard(at, from, known) => {
                let values = show(&self.living(self.of_key(known, key)));
                Some(format!("r{at} receives what r{from} had: {values}"))
            }
        }
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
