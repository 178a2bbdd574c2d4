//! Dotted version vectors as first published: each sibling has its own dot and its own past, and one that stands in the past of
//! another goes. What was deleted is one vector more.
//! replaces: src/capstone/replica.rs

use std::collections::{BTreeMap, VecDeque};

use super::{Context, Field, Message, Replica, ReplicaId};

/// Replica `id` of these `replicas` (itself among them, in the order of their ids), which knows of no write.
pub fn replica(id: ReplicaId, replicas: &[ReplicaId]) -> Box<dyn Replica> {
    Box::new(Dotted {
        id,
        replicas: replicas.to_vec(),
        table: BTreeMap::new(),
    })
}

struct Dotted {
    id: ReplicaId,
    replicas: Vec<ReplicaId>,
    table: BTreeMap<String, Row>,
}

/// Of each replica a count of writes.
type Past = BTreeMap<ReplicaId, u64>;

#[derive(Clone, Default)]
struct Row {
    /// All that was deleted, and what the deleted had overwritten.
    deleted: Past,
    siblings: Vec<Sibling>,
}

#[derive(Clone)]
struct Sibling {
    by: ReplicaId,
    counter: u64,
    past: Past,
    value: String,
}

fn join(past: &mut Past, other: &Past) {
    for (replica, count) in other {
        let known = past.entry(*replica).or_insert(0);
        *known = (*count).max(*known);
    }
}

impl Sibling {
    fn is_in(&self, past: &Past) -> bool {
        past.get(&self.by)
            .is_some_and(|count| self.counter <= *count)
    }
}

impl Row {
    fn all(&self) -> Past {
        let mut all = self.deleted.clone();
        for sibling in &self.siblings {
            join(&mut all, &sibling.past);
            join(&mut all, &Past::from([(sibling.by, sibling.counter)]));
        }
        all
    }

    /// Leaves what stands in nobody's past, each once.
    fn tidy(&mut self) {
        let siblings = std::mem::take(&mut self.siblings);
        for (i, one) in siblings.iter().enumerate() {
            let again = siblings[..i]
                .iter()
                .any(|other| (other.by, other.counter) == (one.by, one.counter));
            let gone =
                one.is_in(&self.deleted) || siblings.iter().any(|other| one.is_in(&other.past));
            if !again && !gone {
                self.siblings.push(one.clone());
            }
        }
    }
}

impl Dotted {
    fn numbers(&self, past: &Past) -> Vec<u64> {
        let count = |replica| past.get(replica).copied().unwrap_or(0);
        self.replicas.iter().map(count).collect()
    }

    fn past(&self, numbers: &[u64]) -> Past {
        let counts = self.replicas.iter().copied().zip(numbers.iter().copied());
        counts.filter(|(_, count)| *count > 0).collect()
    }

    fn take_past(&self, fields: &mut VecDeque<Field>) -> Option<Past> {
        let numbers = self.replicas.iter().map(|_| take_number(fields));
        Some(self.past(&numbers.collect::<Option<Vec<u64>>>()?))
    }

    fn take_row(&self, fields: &mut VecDeque<Field>) -> Option<(String, Row)> {
        let key = take_text(fields)?;
        let mut row = Row {
            deleted: self.take_past(fields)?,
            siblings: Vec::new(),
        };
        // A row ends where a text stands: the next key.
        while let Some(Field::Number(_)) = fields.front() {
            let by = ReplicaId(u32::try_from(take_number(fields)?).ok()?);
            let counter = take_number(fields)?;
            let past = self.take_past(fields)?;
            let value = take_text(fields)?;
            row.siblings.push(Sibling {
                by,
                counter,
                past,
                value,
            });
        }
        Some((key, row))
    }
}

fn take_number(fields: &mut VecDeque<Field>) -> Option<u64> {
    match fields.pop_front()? {
        Field::Number(number) => Some(number),
        Field::Text(_) => None,
    }
}

fn take_text(fields: &mut VecDeque<Field>) -> Option<String> {
    match fields.pop_front()? {
        Field::Text(text) => Some(text),
        Field::Number(_) => None,
    }
}

impl Replica for Dotted {
    fn read(&self, key: &str) -> (Vec<String>, Context) {
        let row = self.table.get(key).cloned().unwrap_or_default();
        let context = Context(self.numbers(&row.all()));
        let values = row.siblings.into_iter().rev().map(|sibling| sibling.value);
        (values.collect(), context)
    }

    fn write(&mut self, key: &str, context: &Context, value: Option<&str>) {
        let past = self.past(&context.0);
        let by = self.id;
        let row = self.table.entry(key.to_owned()).or_default();
        if let Some(value) = value {
            let mut all = row.all();
            join(&mut all, &past);
            let sibling = Sibling {
                by,
                counter: all.get(&by).copied().unwrap_or(0) + 1,
                past,
                value: value.to_owned(),
            };
            row.siblings.push(sibling);
        } else {
            join(&mut row.deleted, &past);
        }
        row.tidy();
    }

    fn gossip(&self) -> Message {
        let mut fields = Vec::new();
        for (key, row) in &self.table {
            fields.push(Field::Text(key.clone()));
            fields.extend(self.numbers(&row.deleted).into_iter().map(Field::Number));
            for sibling in &row.siblings {
                fields.push(Field::Number(u64::from(sibling.by.0)));
                fields.push(Field::Number(sibling.counter));
                fields.extend(self.numbers(&sibling.past).into_iter().map(Field::Number));
                fields.push(Field::Text(sibling.value.clone()));
            }
        }
        Message(fields)
    }

    fn receive(&mut self, message: &Message) {
        let mut fields: VecDeque<Field> = message.0.iter().cloned().collect();
        let mut rows = Vec::new();
        while !fields.is_empty() {
            let Some(row) = self.take_row(&mut fields) else {
                return;
            };
            rows.push(row);
        }
        for (key, theirs) in rows {
            let mine = self.table.entry(key).or_default();
            join(&mut mine.deleted, &theirs.deleted);
            mine.siblings.extend(theirs.siblings);
            mine.tidy();
        }
    }
}
