//! What a client has read elsewhere is not noted: it comes back with the next message from there.
//! caught-by: capstone::what_was_read_elsewhere_does_not_come_back
//! replaces: src/capstone/replica.rs

use std::collections::BTreeMap;
use std::slice::Iter;

use super::{Context, Field, Message, Replica, ReplicaId};

/// Replica `id` of these `replicas` (itself among them, in the order of their ids), which knows of no write.
pub fn replica(id: ReplicaId, replicas: &[ReplicaId]) -> Box<dyn Replica> {
    Box::new(Store {
        me: replicas
            .iter()
            .position(|replica| *replica == id)
            .unwrap_or(0),
        replicas: replicas.len(),
        keys: BTreeMap::new(),
    })
}

/// Replicas are called by their place in the list, which is the same everywhere.
struct Store {
    me: usize,
    replicas: usize,
    keys: BTreeMap<String, Key>,
}

/// A write: the replica that took it, and which of its writes of the key it was, counted from 1.
type Dot = (usize, u64);

/// What is known of a key. A write that is seen and has no value is overwritten or deleted.
#[derive(Clone)]
struct Key {
    /// Of each replica, how many of its writes are known.
    seen: Vec<u64>,
    values: BTreeMap<Dot, String>,
}

impl Key {
    fn has_seen(&self, (replica, counter): &Dot) -> bool {
        has_seen(&self.seen, (*replica, *counter))
    }

    fn see(&mut self, other: &[u64]) {
        for (mine, theirs) in self.seen.iter_mut().zip(other) {
            *mine = (*mine).max(*theirs);
        }
    }

    /// Another replica's state: a value stays if both have it, or if the other side has never seen it.
    fn merge(&mut self, other: Key) {
        self.values
            .retain(|dot, _| other.values.contains_key(dot) || !other.has_seen(dot));
        let seen = &self.seen;
        let new = other.values.into_iter();
        self.values
            .extend(new.filter(|((replica, counter), _)| !has_seen(seen, (*replica, *counter))));
        self.see(&other.seen);
    }
}

fn has_seen(seen: &[u64], (replica, counter): Dot) -> bool {
    seen.get(replica).is_some_and(|count| counter <= *count)
}

impl Store {
    fn empty(&self) -> Key {
        Key {
            seen: vec![0; self.replicas],
            values: BTreeMap::new(),
        }
    }

    /// The next key of a message; none where the message makes no sense.
    fn parse(&self, fields: &mut Iter<'_, Field>) -> Option<(String, Key)> {
        let name = text(fields)?;
        let mut key = self.empty();
        for count in &mut key.seen {
            *count = number(fields)?;
        }
        for _ in 0..number(fields)? {
            let replica = usize::try_from(number(fields)?).ok()?;
            let dot = (replica, number(fields)?);
            let value = text(fields)?;
            if !key.has_seen(&dot) {
                return None;
            }
            key.values.insert(dot, value);
        }
        Some((name, key))
    }
}

fn number(fields: &mut Iter<'_, Field>) -> Option<u64> {
    match fields.next() {
        Some(Field::Number(number)) => Some(*number),
        _ => None,
    }
}

fn text(fields: &mut Iter<'_, Field>) -> Option<String> {
    match fields.next() {
        Some(Field::Text(text)) => Some(text.clone()),
        _ => None,
    }
}

impl Replica for Store {
    fn read(&self, key: &str) -> (Vec<String>, Context) {
        self.keys.get(key).map_or_else(Default::default, |key| {
            let values = key.values.values().cloned().collect();
            (values, Context(key.seen.clone()))
        })
    }

    fn write(&mut self, name: &str, context: &Context, value: Option<&str>) {
        let (me, empty) = (self.me, self.empty());
        let key = self.keys.entry(name.to_owned()).or_insert(empty);
        key.values.retain(|dot, _| !has_seen(&context.0, *dot));
        if let (Some(value), Some(mine)) = (value, key.seen.get_mut(me)) {
            *mine = mine.saturating_add(1);
            key.values.insert((me, *mine), value.to_owned());
        }
    }

    fn gossip(&self) -> Message {
        let mut fields = Vec::new();
        for (name, key) in &self.keys {
            fields.push(Field::Text(name.clone()));
            fields.extend(key.seen.iter().map(|count| Field::Number(*count)));
            fields.push(Field::Number(key.values.len() as u64));
            for ((replica, counter), value) in &key.values {
                fields.push(Field::Number(*replica as u64));
                fields.push(Field::Number(*counter));
                fields.push(Field::Text(value.clone()));
            }
        }
        Message(fields)
    }

    fn receive(&mut self, message: &Message) {
        // First all of it, so that half of a message changes nothing.
        let (mut fields, mut keys) = (message.0.iter(), Vec::new());
        while !fields.as_slice().is_empty() {
            match self.parse(&mut fields) {
                Some(key) => keys.push(key),
                None => return,
            }
        }
        for (name, theirs) in keys {
            let empty = self.empty();
            self.keys.entry(name).or_insert(empty).merge(theirs);
        }
    }
}
