//! The topics that a broker serves, by their names and by their ids.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::partition::Served;

/// A topic that is served.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Another topic of its name has another one.
    pub id: Uuid,
    /// By number.
    pub partitions: Vec<Arc<Served>>,
    /// What it has of settings of its own.
    pub configs: BTreeMap<String, String>,
}

/// All topics that are served.
#[derive(Debug, Default)]
pub struct Topics {
    /// By their names.
    pub by_name: BTreeMap<String, Topic>,
    /// By their ids.
    names: BTreeMap<Uuid, String>,
}

impl Topics {
    /// Serves it from now on.
    pub fn insert(&mut self, name: String, topic: Topic) {
        self.names.insert(topic.id, name.clone());
        self.by_name.insert(name, topic);
    }

    /// Serves it no longer.
    pub fn remove(&mut self, name: &str) -> Option<Topic> {
        let topic = self.by_name.remove(name)?;
        self.names.remove(&topic.id);
        Some(topic)
    }

    /// One, with its name.
    pub fn by_id(&self, id: Uuid) -> Option<(&String, &Topic)> {
        self.by_name.get_key_value(self.names.get(&id)?)
    }
}
