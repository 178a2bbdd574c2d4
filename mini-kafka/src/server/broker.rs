//! The broker: its topics, its groups, and who waits for what. Requests come to it from `api`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use anyhow::{Context, Result};
use node::{DiskError, FileDisk, Rng, Time};
use servers::lifetime;
use tracing::{info, warn};
use uuid::Uuid;

use super::catalogue::{Catalogue, TopicEntry};
use super::clock::Clock;
use super::fetches::Fetches;
use super::groups::Groups;
use super::log_dir::LogDir;
use super::metrics::Traffic;
use super::partition::Served;
use super::settings::Settings;
use super::topics::{Topic, Topics};
use crate::error::ErrorCode;
use crate::fetch::session::Sessions;
use crate::log::{LogConfig, LogError};

/// The topic that groups are kept on.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// Producer ids are noted in blocks of so many, so that not each costs a write.
const PRODUCER_ID_BLOCK: i64 = 1000;
/// A topic's name has to leave room for `-<partition>` in the name of a directory.
const TOPIC_NAME_MAX: usize = 249;

/// Why something that an administrator wanted was not done: a code, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For the program.
    pub code: ErrorCode,
    /// For the person.
    pub message: String,
}

impl Refusal {
    /// With a sentence of its own.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Refusal {
        Refusal {
            code,
            message: message.into(),
        }
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Refusal {
        Refusal::new(code, code.to_string())
    }
}

/// The one broker.
#[derive(Debug)]
pub struct Broker {
    /// What it goes by.
    pub settings: Settings,
    /// What it tells cores the time by.
    pub clock: Clock,
    /// Where clients are told to connect.
    pub host: String,
    /// The same.
    pub port: u16,
    /// Fetch sessions.
    pub sessions: Mutex<Sessions>,
    /// Fetches that wait.
    pub fetches: Fetches,
    /// The coordinator.
    pub groups: Groups,
    /// Where everything is.
    pub dir: Arc<LogDir>,
    /// What is counted of records since it was started.
    pub traffic: Traffic,
    topics: RwLock<Topics>,
    /// Also held over a change of `topics`, so that changes come one after the other.
    catalogue: Mutex<Catalogue>,
    producer_ids: Mutex<std::ops::Range<i64>>,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Broker {
    /// Recovers every log of a log directory, and reads the groups.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn open(settings: Settings, disk: FileDisk, host: String, port: u16) -> Result<Broker> {
        let clock = Clock::start();
        let seed = lifetime::random_seed();
        let mut rng = Rng::new(seed);
        let new_id = || format!("{:016x}{:06x}", rng.next_u64(), rng.below(1 << 24));
        let mut catalogue = Catalogue::load(&disk, new_id)?;
        catalogue.finish_deletions(&mut disk.clone())?;
        catalogue.give_ids(&mut disk.clone(), new_topic_id)?;
        let broker = Broker {
            sessions: Mutex::new(Sessions::new(
                settings.count("max.incremental.fetch.session.cache.slots"),
                u32::try_from(rng.below(1 << 30)).unwrap_or(0),
            )),
            groups: Groups::new(settings.groups(), rng.fork()),
            fetches: Fetches::default(),
            traffic: Traffic::default(),
            topics: RwLock::default(),
            producer_ids: Mutex::new(catalogue.next_producer_id..catalogue.next_producer_id),
            catalogue: Mutex::new(catalogue),
            dir: Arc::new(LogDir::new(disk)),
            settings,
            clock,
            host,
            port,
        };
        broker.open_topics()?;
        // Without it the broker reads and deletes; each append tries again.
        drop(broker.dir.keep_reserve());
        broker.groups.load(&broker)?;
        Ok(broker)
    }

    fn open_topics(&self) -> Result<()> {
        let entries = locked(&self.catalogue).topics.clone();
        for (name, entry) in entries {
            let topic = self.open_topic(&name, &entry)?;
            self.write_topics(|topics| topics.insert(name, topic));
        }
        Ok(())
    }

    fn open_topic(&self, name: &str, entry: &TopicEntry) -> Result<Topic> {
        let config = self.config_of(name, &entry.configs);
        let config =
            config.map_err(|refusal| anyhow::anyhow!("topic {name}: {}", refusal.message))?;
        let open = |partition: u32| {
            let key = (name.to_owned(), i32::try_from(partition)?);
            let opened = Served::open(&self.dir, key, config.clone(), self.now());
            opened
                .map(Arc::new)
                .with_context(|| format!("partition {name}-{partition}"))
        };
        let partitions: Result<Vec<_>> = (0..entry.partitions).map(open).collect();
        let id = entry.id.parse();
        Ok(Topic {
            id: id.with_context(|| format!("topic {name}: {} is no id", entry.id))?,
            partitions: partitions?,
            configs: entry.configs.clone(),
        })
    }

    /// The time now.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// The id of this cluster of one.
    pub fn cluster_id(&self) -> String {
        locked(&self.catalogue).cluster_id.clone()
    }

    fn write_topics<T>(&self, write: impl FnOnce(&mut Topics) -> T) -> T {
        write(&mut self.topics.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn read_topics<T>(&self, read: impl FnOnce(&Topics) -> T) -> T {
        read(&self.topics.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A topic, as it is now.
    pub fn topic(&self, name: &str) -> Option<Topic> {
        self.read_topics(|topics| topics.by_name.get(name).cloned())
    }

    /// A topic, as it is now, with its name, by its id.
    pub fn topic_by_id(&self, id: Uuid) -> Option<(String, Topic)> {
        self.read_topics(|topics| {
            let (name, topic) = topics.by_id(id)?;
            Some((name.clone(), topic.clone()))
        })
    }

    /// The names of all topics.
    pub fn topic_names(&self) -> Vec<String> {
        self.read_topics(|topics| topics.by_name.keys().cloned().collect())
    }

    /// All partitions of all topics.
    pub fn partitions(&self) -> Vec<Arc<Served>> {
        self.read_topics(|topics| {
            let partitions = topics.by_name.values().flat_map(|topic| &topic.partitions);
            partitions.cloned().collect()
        })
    }

    /// A partition.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownTopicOrPartition`].
    pub fn partition(&self, topic: &str, partition: i32) -> Result<Arc<Served>, ErrorCode> {
        let found = self.read_topics(|topics| {
            let at = usize::try_from(partition).ok()?;
            topics.by_name.get(topic)?.partitions.get(at).cloned()
        });
        found.ok_or(ErrorCode::UnknownTopicOrPartition)
    }

    /// A partition of the topic with this id.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownTopicId`]; [`ErrorCode::UnknownTopicOrPartition`].
    pub fn partition_by_id(&self, id: Uuid, partition: i32) -> Result<Arc<Served>, ErrorCode> {
        self.read_topics(|topics| {
            let (_, topic) = topics.by_id(id).ok_or(ErrorCode::UnknownTopicId)?;
            let at = usize::try_from(partition).ok();
            let found = at.and_then(|at| topic.partitions.get(at).cloned());
            found.ok_or(ErrorCode::UnknownTopicOrPartition)
        })
    }

    /// The settings of a topic that has `configs` of its own.
    ///
    /// # Errors
    /// When one of them is not a setting, or has a value that does not fit.
    pub fn config_of(
        &self,
        topic: &str,
        configs: &BTreeMap<String, String>,
    ) -> Result<LogConfig, Refusal> {
        let mut config = self.settings.topic().clone();
        let mut set = |name: &str, value: &str| {
            let set = config.set(name, value);
            set.map_err(|e| Refusal::new(ErrorCode::InvalidConfig, e.to_string()))
        };
        if topic == OFFSETS_TOPIC {
            set("cleanup.policy", "compact")?;
            set("compression.type", "producer")?;
            set(
                "segment.bytes",
                self.settings.text("offsets.topic.segment.bytes"),
            )?;
        }
        for (name, value) in configs {
            set(name, value)?;
        }
        Ok(config)
    }

    /// Makes a topic.
    ///
    /// # Errors
    /// When its name or a setting is not valid, or it is there already.
    pub fn create_topic(
        &self,
        name: &str,
        partitions: u32,
        configs: BTreeMap<String, String>,
        validate_only: bool,
    ) -> Result<(), Refusal> {
        check_topic_name(name)?;
        self.config_of(name, &configs)?;
        if partitions == 0 || u64::from(partitions) > 100_000 {
            let message = format!("{partitions} partitions: a topic has from 1 to 100000");
            return Err(Refusal::new(ErrorCode::InvalidPartitions, message));
        }
        let mut catalogue = locked(&self.catalogue);
        if catalogue.topics.contains_key(name) {
            let message = format!("topic {name} exists already");
            return Err(Refusal::new(ErrorCode::TopicAlreadyExists, message));
        }
        let folded = name.replace('.', "_");
        let same = |other: &&String| other.replace('.', "_") == folded;
        if let Some(other) = catalogue.topics.keys().find(same) {
            let message = format!("topic {name} and topic {other} would have the same metrics");
            return Err(Refusal::new(ErrorCode::InvalidTopic, message));
        }
        if validate_only {
            return Ok(());
        }
        let entry = TopicEntry {
            id: new_topic_id().to_string(),
            partitions,
            configs,
            deleted: false,
        };
        let topic = self.open_topic(name, &entry).map_err(|e| self.failed(&e))?;
        self.change(&mut catalogue, |to| {
            to.topics.insert(name.to_owned(), entry);
        })?;
        self.write_topics(|topics| topics.insert(name.to_owned(), topic));
        info!(topic = name, partitions, "created");
        Ok(())
    }

    /// Adds partitions to a topic, so that it has `count`.
    ///
    /// # Errors
    /// When it is not there, or has as many already.
    pub fn create_partitions(
        &self,
        name: &str,
        count: i32,
        validate_only: bool,
    ) -> Result<(), Refusal> {
        let mut catalogue = locked(&self.catalogue);
        let entry = catalogue.served(name)?;
        let has = entry.partitions;
        let count = u32::try_from(count)
            .ok()
            .filter(|n| (has + 1..=100_000).contains(n));
        let Some(count) = count else {
            let message = format!("topic {name} has {has} partitions; it can only get more");
            return Err(Refusal::new(ErrorCode::InvalidPartitions, message));
        };
        if validate_only {
            return Ok(());
        }
        let config = self.config_of(name, &entry.configs)?;
        let open = |n: u32| {
            let key = (name.to_owned(), i32::try_from(n)?);
            Ok(Arc::new(Served::open(
                &self.dir,
                key,
                config.clone(),
                self.now(),
            )?))
        };
        let added: Result<Vec<_>> = (has..count).map(open).collect();
        let added = added.map_err(|e| self.failed(&e))?;
        self.change(&mut catalogue, |to| {
            if let Some(entry) = to.topics.get_mut(name) {
                entry.partitions = count;
            }
        })?;
        self.write_topics(|topics| {
            if let Some(topic) = topics.by_name.get_mut(name) {
                topic.partitions.extend(added);
            }
        });
        Ok(())
    }

    /// Deletes a topic: noted first, so that a crash in the middle does not bring half of it back.
    ///
    /// # Errors
    /// When it is not there, or, where an `id` is given, has another one; when no topic may be deleted.
    pub fn delete_topic(&self, name: &str, id: Option<Uuid>) -> Result<(), ErrorCode> {
        if !self.settings.flag("delete.topic.enable") {
            return Err(ErrorCode::TopicDeletionDisabled);
        }
        let mut catalogue = locked(&self.catalogue);
        let entry = catalogue.topics.get(name);
        let entry = entry.ok_or(ErrorCode::UnknownTopicOrPartition)?;
        if id.is_some_and(|id| entry.id.parse() != Ok(id)) {
            return Err(ErrorCode::UnknownTopicId);
        }
        self.change_making_room(&mut catalogue, |to| {
            if let Some(entry) = to.topics.get_mut(name) {
                entry.deleted = true;
            }
        })?;
        let topic = self.write_topics(|topics| topics.remove(name));
        for partition in topic.iter().flat_map(|topic| &topic.partitions) {
            partition.remove();
            self.fetches.wake(&partition.key);
        }
        self.change_making_room(&mut catalogue, |to| {
            to.topics.remove(name);
        })?;
        drop(catalogue);
        info!(topic = name, "deleted");
        self.groups.topic_deleted(self, name);
        Ok(())
    }

    /// Gives a topic other settings of its own.
    ///
    /// # Errors
    /// When it is not there, or one of them is not valid.
    pub fn alter_topic(
        &self,
        name: &str,
        alter: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), Refusal>,
        validate_only: bool,
    ) -> Result<(), Refusal> {
        let mut catalogue = locked(&self.catalogue);
        let mut configs = catalogue.served(name)?.configs.clone();
        alter(&mut configs)?;
        let config = self.config_of(name, &configs)?;
        if validate_only {
            return Ok(());
        }
        self.change(&mut catalogue, |to| {
            if let Some(entry) = to.topics.get_mut(name) {
                entry.configs.clone_from(&configs);
            }
        })?;
        self.write_topics(|topics| {
            if let Some(topic) = topics.by_name.get_mut(name) {
                topic.configs = configs;
                let all = topic.partitions.iter();
                all.for_each(|partition| partition.set_config(config.clone()));
            }
        });
        Ok(())
    }

    /// Changes the catalogue on the disk, and only then in memory: what could not be noted has not happened.
    fn change(
        &self,
        catalogue: &mut Catalogue,
        change: impl FnOnce(&mut Catalogue),
    ) -> Result<(), Refusal> {
        self.dir.check()?;
        let mut changed = catalogue.clone();
        change(&mut changed);
        let stored = changed.store(&mut self.dir.disk.clone());
        stored.map_err(|e| self.failed(&e))?;
        *catalogue = changed;
        Ok(())
    }

    /// The same, for a change that makes room.
    fn change_making_room(
        &self,
        catalogue: &mut Catalogue,
        change: impl Fn(&mut Catalogue),
    ) -> Result<(), ErrorCode> {
        self.dir.making_room(|| {
            let changed = self.change(catalogue, &change);
            changed.map_err(|refusal| refusal.code)
        })
    }

    /// After an error of the disk nobody knows which catalogue it holds, unless it was only full.
    fn failed(&self, error: &anyhow::Error) -> Refusal {
        warn!("{error:#}");
        // The catalogue's come as they are, those of logs as theirs.
        let of_catalogue = error.downcast_ref::<DiskError>().cloned().map(Into::into);
        let of_log = error.downcast_ref::<LogError>();
        if of_catalogue
            .as_ref()
            .or(of_log)
            .is_some_and(LogError::is_fatal)
        {
            self.dir.fail(&format!("{error:#}"));
        }
        Refusal::new(ErrorCode::KafkaStorageError, format!("{error:#}"))
    }

    /// A producer id that nobody has or had.
    ///
    /// # Errors
    /// When it cannot be noted.
    pub fn new_producer_id(&self) -> Result<i64, ErrorCode> {
        let mut ids = locked(&self.producer_ids);
        if ids.is_empty() {
            let mut catalogue = locked(&self.catalogue);
            let start = catalogue.next_producer_id;
            let end = start + PRODUCER_ID_BLOCK;
            let noted = self.change(&mut catalogue, |to| to.next_producer_id = end);
            noted.map_err(|refusal| refusal.code)?;
            *ids = start..end;
        }
        ids.next().ok_or(ErrorCode::UnknownServerError)
    }

    /// Makes `__consumer_offsets`, if it is not there, and tells how many partitions it has.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn offsets_partitions(&self) -> Result<u32, ErrorCode> {
        let count = || {
            self.topic(OFFSETS_TOPIC)
                .map(|topic| topic.partitions.len())
        };
        if count().is_none() {
            let partitions = self.settings.count("offsets.topic.num.partitions");
            let partitions = u32::try_from(partitions).unwrap_or(50);
            match self.create_topic(OFFSETS_TOPIC, partitions, BTreeMap::new(), false) {
                Err(refusal) if refusal.code != ErrorCode::TopicAlreadyExists => {
                    return Err(ErrorCode::CoordinatorNotAvailable);
                }
                _ => {}
            }
        }
        let count = count().ok_or(ErrorCode::CoordinatorNotAvailable)?;
        u32::try_from(count).map_err(|_| ErrorCode::CoordinatorNotAvailable)
    }

    /// Ends in good order.
    pub async fn close(&self) {
        for partition in self.partitions() {
            partition.close().await;
        }
    }
}

/// A name must be a directory's, and be told apart from `.` and `..`.
pub(super) fn check_topic_name(name: &str) -> Result<(), Refusal> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let valid = !name.is_empty()
        && name.len() <= TOPIC_NAME_MAX
        && !matches!(name, "." | "..")
        && name.chars().all(fits);
    if valid {
        return Ok(());
    }
    let message = "a topic's name has from 1 to 249 letters, digits, '.', '_' and '-', and is not '.' or '..'";
    Err(Refusal::new(ErrorCode::InvalidTopic, message))
}

/// Kafka's are such too: random, by the fourth version of UUIDs.
fn new_topic_id() -> Uuid {
    let random = u128::from(lifetime::random_seed()) << 64 | u128::from(lifetime::random_seed());
    uuid::Builder::from_random_bytes(random.to_be_bytes()).into_uuid()
}

#[cfg(test)]
mod tests;
