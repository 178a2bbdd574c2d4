//! What is remembered of a job that is over, in a file of its own beside the journal (Hadoop's `.jhist`), so that a coordinator that is started again shows it too.
//!
//! It is postcard with a CRC32C behind it. Nothing hangs on it: where it cannot be written, or is not what was written, its job is there without.

use std::collections::BTreeMap;

use node::{Disk, DiskError, Time};
use serde::{Deserialize, Serialize};

use super::History;
use crate::coordinator::job::Job;
use crate::coordinator::task::{Task, Winner};
use crate::counters::Counters;
use crate::protocol::{JobId, TaskKind};

/// Where the files are.
const DIR: &str = "history";

/// What one is written to before it is renamed.
const NEW: &str = "new";

/// What the journal does not say of a job that is over.
#[derive(Serialize, Deserialize)]
struct Remembered {
    #[serde(with = "maybe")]
    submitted: Option<Time>,
    #[serde(with = "maybe")]
    ended: Option<Time>,
    maps: Vec<Past>,
    reduces: Vec<Past>,
    by_kind: BTreeMap<TaskKind, Counters>,
    history: History,
}

/// What is left of a task.
#[derive(Serialize, Deserialize)]
struct Past {
    winner: Option<Winner>,
    failures: u32,
}

fn past(tasks: &[Task]) -> Vec<Past> {
    let past = tasks.iter().map(|task| Past {
        winner: task.winner,
        failures: task.failures,
    });
    past.collect()
}

fn tasks(past: Vec<Past>) -> Vec<Task> {
    let tasks = past.into_iter().map(|Past { winner, failures }| Task {
        winner,
        failures,
        ..Task::default()
    });
    tasks.collect()
}

fn name(job: JobId) -> String {
    format!("{DIR}/{}", file(job))
}

fn file(job: JobId) -> String {
    format!("{job}.jhist")
}

/// Writes what is known of a job that is over.
pub(in crate::coordinator) fn write(job: &Job, disk: &mut dyn Disk) -> Result<(), DiskError> {
    let remembered = Remembered {
        submitted: job.submitted,
        ended: job.ended,
        maps: past(&job.maps),
        reduces: past(&job.reduces),
        by_kind: job.total_by_kind.clone(),
        history: job.history.clone(),
    };
    let bytes = postcard::to_stdvec(&remembered);
    let mut bytes = bytes.expect("plain data in memory can be encoded");
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_be_bytes());
    let (new, name) = (format!("{DIR}/{NEW}"), name(job.id));
    if disk.exists(&new) {
        disk.remove(&new)?;
    }
    disk.write_at(&new, 0, &bytes)?;
    disk.sync(&new)?;
    disk.rename(&new, &name)?;
    disk.sync_dir(DIR)
}

/// Adds to a job that is over what was written of it, if that is there.
pub(in crate::coordinator) fn read(job: &mut Job, disk: &dyn Disk) {
    let bytes = disk.read(&name(job.id)).unwrap_or_default();
    let Some((payload, stored)) = bytes.split_last_chunk() else {
        return;
    };
    if crc32c::crc32c(payload) != u32::from_be_bytes(*stored) {
        return;
    }
    let Ok(remembered) = postcard::from_bytes::<Remembered>(payload) else {
        return;
    };
    (job.submitted, job.ended) = (remembered.submitted, remembered.ended);
    (job.maps, job.reduces) = (tasks(remembered.maps), tasks(remembered.reduces));
    (job.total_by_kind, job.history) = (remembered.by_kind, remembered.history);
}

/// Removes all files but those of `jobs`.
pub(in crate::coordinator) fn keep(jobs: &[JobId], disk: &mut dyn Disk) -> Result<(), DiskError> {
    let kept: Vec<String> = jobs.iter().map(|job| file(*job)).collect();
    for found in disk.list(DIR)?.iter().filter(|found| !kept.contains(found)) {
        disk.remove(&format!("{DIR}/{found}"))?;
    }
    Ok(())
}

/// A time, in microseconds.
pub(super) mod time {
    use node::Time;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::coordinator::history) fn serialize<S: Serializer>(
        time: &Time,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        time.as_micros().serialize(to)
    }

    pub(in crate::coordinator::history) fn deserialize<'a, D: Deserializer<'a>>(
        from: D,
    ) -> Result<Time, D::Error> {
        u64::deserialize(from).map(Time::from_micros)
    }
}

/// A time that may be unknown.
pub(super) mod maybe {
    use node::Time;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::coordinator::history) fn serialize<S: Serializer>(
        time: &Option<Time>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Time::as_micros).serialize(to)
    }

    pub(in crate::coordinator::history) fn deserialize<'a, D: Deserializer<'a>>(
        from: D,
    ) -> Result<Option<Time>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Time::from_micros))
    }
}
