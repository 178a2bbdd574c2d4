//! Right, but for its size: it remembers each write by its dot, what it has seen and what it was told, for ever. Contexts and messages grow with
//! every write.
//! caught-by: capstone::messages_stay_small
//! replaces: src/capstone/replica.rs

use std::collections::{BTreeMap, BTreeSet};

use super::{Context, Field, Message, Replica, ReplicaId};

/// Replica `id` of these `replicas` (itself among them, in the order of their ids), which knows of no write.
pub fn replica(id: ReplicaId, _replicas: &[ReplicaId]) -> Box<dyn Replica> {
    Box::new(Store {
        me: u64::from(id.0),
        keys: BTreeMap::new(),
    })
}

struct Store {
    me: u64,
    keys: BTreeMap<String, Key>,
}

/// A write: replica and counter in one number.
type Dot = u64;

#[derive(Default)]
struct Key {
    seen: BTreeSet<Dot>,
    values: BTreeMap<Dot, String>,
}

impl Replica for Store {
    fn read(&self, key: &str) -> (Vec<String>, Context) {
        self.keys.get(key).map_or_else(Default::default, |key| {
            let values = key.values.values().cloned().collect();
            (values, Context(key.seen.iter().copied().collect()))
        })
    }

    fn write(&mut self, name: &str, context: &Context, value: Option<&str>) {
        let key = self.keys.entry(name.to_owned()).or_default();
        key.values.retain(|dot, _| !context.0.contains(dot));
        key.seen.extend(&context.0);
        if let Some(value) = value {
            let own = key.seen.iter().filter(|dot| *dot % 1_000 == self.me);
            let dot = own.max().map_or(self.me, |last| last + 1_000);
            key.seen.insert(dot);
            key.values.insert(dot, value.to_owned());
        }
    }

    fn gossip(&self) -> Message {
        let mut fields = Vec::new();
        for (name, key) in &self.keys {
            fields.push(Field::Text(name.clone()));
            fields.push(Field::Number(key.seen.len() as u64));
            fields.extend(key.seen.iter().map(|dot| Field::Number(*dot)));
            fields.push(Field::Number(key.values.len() as u64));
            for (dot, value) in &key.values {
                fields.push(Field::Number(*dot));
                fields.push(Field::Text(value.clone()));
            }
        }
        Message(fields)
    }

    fn receive(&mut self, message: &Message) {
        if let Some(keys) = parse(&message.0) {
            for (name, theirs) in keys {
                let key = self.keys.entry(name).or_default();
                key.values
                    .retain(|dot, _| theirs.values.contains_key(dot) || !theirs.seen.contains(dot));
                let seen = &key.seen;
                let new = theirs
                    .values
                    .into_iter()
                    .filter(|(dot, _)| !seen.contains(dot));
                key.values.extend(new);
                key.seen.extend(theirs.seen);
            }
        }
    }
}

/// The keys of a message; none where it makes no sense.
fn parse(fields: &[Field]) -> Option<Vec<(String, Key)>> {
    let (mut rest, mut keys) = (fields.iter(), Vec::new());
    while let Some(first) = rest.next() {
        let Field::Text(name) = first else {
            return None;
        };
        let mut key = Key::default();
        let Field::Number(seen) = rest.next()? else {
            return None;
        };
        for _ in 0..*seen {
            let Field::Number(dot) = rest.next()? else {
                return None;
            };
            key.seen.insert(*dot);
        }
        let Field::Number(values) = rest.next()? else {
            return None;
        };
        for _ in 0..*values {
            let (Field::Number(dot), Field::Text(value)) = (rest.next()?, rest.next()?) else {
                return None;
            };
            key.values.insert(*dot, value.clone());
        }
        keys.push((name.clone(), key));
    }
    Some(keys)
}
