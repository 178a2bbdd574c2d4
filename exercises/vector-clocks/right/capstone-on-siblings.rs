//! On the crate's own siblings with dots: what is left to do is to turn them into messages and back.
//! replaces: src/capstone/replica.rs

use std::collections::BTreeMap;

use super::{Context, Field, Message, Replica, ReplicaId};
use crate::dotted::Siblings;
use crate::version_vector::{Dot, VersionVector};

/// Replica `id` of these `replicas` (itself among them, in the order of their ids), which knows of no write.
pub fn replica(id: ReplicaId, replicas: &[ReplicaId]) -> Box<dyn Replica> {
    Box::new(Store {
        id,
        replicas: replicas.to_vec(),
        keys: BTreeMap::new(),
    })
}

struct Store {
    id: ReplicaId,
    replicas: Vec<ReplicaId>,
    keys: BTreeMap<String, Siblings<ReplicaId, String>>,
}

impl Store {
    fn version(&self, counts: &[u64]) -> VersionVector<ReplicaId> {
        self.replicas
            .iter()
            .copied()
            .zip(counts.iter().copied())
            .collect()
    }

    fn counts(&self, version: &VersionVector<ReplicaId>) -> Vec<u64> {
        self.replicas
            .iter()
            .map(|replica| version.get(replica))
            .collect()
    }

    /// The keys of a message, each a text, the counts, and for each value a text between two numbers; none where it makes no sense.
    fn parse(&self, mut fields: &[Field]) -> Option<Vec<(String, Siblings<ReplicaId, String>)>> {
        let mut keys = Vec::new();
        while let [Field::Text(name), rest @ ..] = fields {
            let (counts, mut rest) = rest.split_at_checked(self.replicas.len())?;
            let number = |field: &Field| match field {
                Field::Number(number) => Some(*number),
                Field::Text(_) => None,
            };
            let counts: Option<Vec<u64>> = counts.iter().map(number).collect();
            let mut key = Siblings {
                seen: self.version(&counts?),
                values: BTreeMap::new(),
            };
            while let [
                Field::Number(place),
                Field::Text(value),
                Field::Number(counter),
                others @ ..,
            ] = rest
            {
                let replica = *self.replicas.get(usize::try_from(*place).ok()?)?;
                let counter = *counter;
                key.values.insert(Dot { replica, counter }, value.clone());
                rest = others;
            }
            keys.push((name.clone(), key));
            fields = rest;
        }
        fields.is_empty().then_some(keys)
    }
}

impl Replica for Store {
    fn read(&self, key: &str) -> (Vec<String>, Context) {
        let (values, seen) = self
            .keys
            .get(key)
            .map_or_else(Default::default, Siblings::read);
        (values, Context(self.counts(&seen)))
    }

    fn write(&mut self, key: &str, context: &Context, value: Option<&str>) {
        let context = self.version(&context.0);
        let key = self.keys.entry(key.to_owned()).or_default();
        match value {
            Some(value) => drop(key.write(&self.id, &context, value.to_owned())),
            None => key.delete(&context),
        }
    }

    fn gossip(&self) -> Message {
        let mut fields = Vec::new();
        for (name, key) in &self.keys {
            fields.push(Field::Text(name.clone()));
            fields.extend(self.counts(&key.seen).into_iter().map(Field::Number));
            for (dot, value) in &key.values {
                let place = self
                    .replicas
                    .iter()
                    .position(|replica| *replica == dot.replica);
                fields.push(Field::Number(place.unwrap_or(0) as u64));
                fields.push(Field::Text(value.clone()));
                fields.push(Field::Number(dot.counter));
            }
        }
        Message(fields)
    }

    fn receive(&mut self, message: &Message) {
        for (name, key) in self.parse(&message.0).unwrap_or_default() {
            self.keys.entry(name).or_default().merge(&key);
        }
    }
}
