//! Lamps: what mini-hdfs promises, each promise a sentence that holds or does not hold at this moment, with the reason.

use serde::Serialize;

use crate::lab::Condition;

use super::snapshot::Snapshot;

/// One promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Lamp {
    /// Names it for ever.
    pub(crate) id: &'static str,
    /// The promise as a sentence.
    pub(crate) sentence: &'static str,
    /// Whether it holds; none when nobody can tell.
    pub(crate) holds: Option<bool>,
    /// Why not; or on what the answer rests.
    pub(crate) reason: String,
}

/// Whether each closed file was read back as it was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadBack {
    /// How many files were read, since when nothing happened to them.
    pub(crate) checked: usize,
    /// How many wait for their turn.
    pub(crate) waiting: usize,
    /// The first that failed, and how.
    pub(crate) failure: Option<String>,
}

/// All lamps, in the order in which they are shown.
pub(crate) fn lamps(snapshot: &Snapshot, read_back: &ReadBack) -> Vec<Lamp> {
    vec![
        answers(snapshot),
        safe_mode(snapshot),
        replication(snapshot),
        some_replica(snapshot),
        reads_back(read_back),
    ]
}

fn answers(snapshot: &Snapshot) -> Lamp {
    let process = snapshot.process("namenode");
    let reason = match process {
        _ if snapshot.answered => "it answered just now",
        Some(Condition::Paused) => "its process is paused",
        Some(Condition::Up) => "its process runs, but no answer comes",
        _ => "its process is not there",
    };
    Lamp {
        id: "namenode",
        sentence: "The NameNode answers",
        holds: Some(snapshot.answered),
        reason: reason.to_owned(),
    }
}

fn safe_mode(snapshot: &Snapshot) -> Lamp {
    let reason = match &snapshot.safe_mode {
        Some(status) => status.clone(),
        None => "files can be written".to_owned(),
    };
    Lamp {
        id: "safe-mode",
        sentence: "The NameNode is out of safe mode",
        holds: snapshot.answered.then_some(snapshot.safe_mode.is_none()),
        reason,
    }
}

fn replication(snapshot: &Snapshot) -> Lamp {
    let (under, all) = (snapshot.blocks.under_replicated, snapshot.blocks.complete);
    Lamp {
        id: "replication",
        sentence: "No block is under its replication",
        holds: Some(under == 0),
        reason: match under {
            0 => format!("{all} of {all} blocks have all their replicas"),
            _ => format!(
                "{under} of {all} blocks; {}",
                match snapshot.copying {
                    0 => "none is being copied yet".to_owned(),
                    copying => format!("{copying} being copied now"),
                }
            ),
        },
    }
}

fn some_replica(snapshot: &Snapshot) -> Lamp {
    let none = &snapshot.blocks.unreadable;
    Lamp {
        id: "available",
        sentence: "Every block has a good replica on a running node",
        holds: Some(none.is_empty()),
        reason: match none.first() {
            None => "each can be read somewhere".to_owned(),
            Some(first) => format!("{} without one, {first} first", none.len()),
        },
    }
}

fn reads_back(read_back: &ReadBack) -> Lamp {
    let ReadBack {
        checked,
        waiting,
        failure,
    } = read_back;
    Lamp {
        id: "reads-back",
        sentence: "Every closed file reads back byte for byte",
        holds: match failure {
            Some(_) => Some(false),
            None => (*waiting == 0).then_some(true),
        },
        reason: match failure {
            Some(failure) => failure.clone(),
            None if *waiting == 0 => format!("{checked} read and compared"),
            None => format!("{checked} read and compared, {waiting} to go"),
        },
    }
}
