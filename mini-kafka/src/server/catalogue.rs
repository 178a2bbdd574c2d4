//! What the broker knows besides its logs: topics and their settings, and the next producer id. It stands in one file
//! of the log directory, which is written whole or not at all. (Kafka has all of that in the metadata log of its controllers.)

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use node::{Disk, DiskError, DiskErrorKind, FileDisk};
use serde::{Deserialize, Serialize};
use tracing::info;
use uuid::Uuid;

use super::partition::directory;
use crate::error::ErrorCode;

const FILE: &str = "catalogue.json";
const FILE_NEW: &str = "catalogue.json.new";

/// A topic, as it is noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicEntry {
    /// A UUID, which tells it from others that have its name before or after it. Empty in a catalogue from before there were any.
    #[serde(default)]
    pub id: String,
    /// How many partitions it has.
    pub partitions: u32,
    /// What it has of settings of its own, by Kafka's names.
    pub configs: BTreeMap<String, String>,
    /// It is being deleted: its files are removed before anything else may have its name.
    pub deleted: bool,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// Of this cluster of one.
    pub cluster_id: String,
    /// By name.
    pub topics: BTreeMap<String, TopicEntry>,
    /// No producer id at or above this was given out.
    pub next_producer_id: i64,
}

impl Catalogue {
    /// Reads it; a new one where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn load(disk: &FileDisk, new_cluster_id: impl FnOnce() -> String) -> Result<Catalogue> {
        match disk.read(FILE) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
                let path = disk.root().join(FILE);
                format!("{} is damaged; restore it from a backup", path.display())
            }),
            Err(e) if e.kind == DiskErrorKind::NotFound => Ok(Catalogue {
                cluster_id: new_cluster_id(),
                topics: BTreeMap::new(),
                next_producer_id: 0,
            }),
            Err(e) => Err(e.into()),
        }
    }

    /// Gives an id to each topic that has none yet, and makes that durable.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn give_ids(&mut self, disk: &mut FileDisk, new_id: impl Fn() -> Uuid) -> Result<()> {
        let mut changed = false;
        for entry in self.topics.values_mut().filter(|entry| entry.id.is_empty()) {
            entry.id = new_id().to_string();
            changed = true;
        }
        if changed {
            self.store(disk)?;
        }
        Ok(())
    }

    /// Removes what is left of topics whose deletion was begun.
    ///
    /// # Errors
    /// When the disk fails; not where it is full: then the next start finishes them once more.
    pub fn finish_deletions(&mut self, disk: &mut FileDisk) -> Result<()> {
        let topics = std::mem::take(&mut self.topics);
        let deleted: BTreeMap<String, TopicEntry>;
        (deleted, self.topics) = topics.into_iter().partition(|(_, entry)| entry.deleted);
        for (name, entry) in &deleted {
            for partition in 0..entry.partitions {
                let dir = directory(&(name.clone(), i32::try_from(partition)?));
                for file in disk.list(&dir)? {
                    disk.remove(&format!("{dir}/{file}"))?;
                }
                let _ = std::fs::remove_dir(disk.root().join(dir));
            }
            info!(topic = name, "its deletion is finished");
        }
        if deleted.is_empty() {
            return Ok(());
        }
        let stored = self.store(disk);
        let of_disk = stored.as_ref().err().and_then(|e| e.downcast_ref());
        if of_disk.is_some_and(|error: &DiskError| error.kind == DiskErrorKind::Full) {
            return Ok(());
        }
        stored
    }

    /// A topic that is there, and not being deleted.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownTopicOrPartition`].
    pub fn served(&self, name: &str) -> Result<&TopicEntry, ErrorCode> {
        let entry = self.topics.get(name).filter(|entry| !entry.deleted);
        entry.ok_or(ErrorCode::UnknownTopicOrPartition)
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// When the disk fails. The old one is still there for sure only where the disk was full.
    pub fn store(&self, disk: &mut FileDisk) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(self)?;
        disk.write_at(FILE_NEW, 0, &bytes)?;
        disk.truncate(FILE_NEW, bytes.len() as u64)?;
        disk.sync(FILE_NEW)?;
        disk.rename(FILE_NEW, FILE)?;
        Ok(disk.sync_dir("")?)
    }
}
