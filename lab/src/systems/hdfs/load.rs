//! The load on a file system: small files written, read, renamed, deleted, and what is read compared with what was acknowledged,
//! byte for byte.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::Arc;

use anyhow::{Context, Result};
use mini_hdfs::error::FsError;
use mini_hdfs::server::dfs_client::{CreateOptions, DfsClient, DfsError};
use node::Rng;

use sim::Level;

use super::torture::ledger::{Contents, Known, judge};
use crate::lab::Lab;
use crate::load::{Outcome, Worker, Workload};

/// Where the load keeps its files.
pub(super) const ROOT: &str = "/load";
/// A worker has no more files than this; then it deletes the oldest.
const FILES_MAX: usize = 20;
const LEN_MAX: usize = 64 << 10;
/// Of a hundred operations so many are writes, reads, renames; the rest are deletes.
const WRITES: u64 = 35;
const READS: u64 = 45;
const RENAMES: u64 = 10;

/// See the module.
#[derive(Debug)]
pub(super) struct FileLoad {
    client: Arc<DfsClient>,
    lab: Arc<Lab>,
    /// An earlier load may have left files; this one has names of its own.
    run: u32,
}

impl FileLoad {
    /// A load by way of this client.
    pub(super) fn new(client: DfsClient, lab: Arc<Lab>) -> Result<FileLoad> {
        Ok(FileLoad {
            client: Arc::new(client),
            lab,
            run: getrandom::u32().context("the system gives no random number")?,
        })
    }
}

impl Workload for FileLoad {
    fn worker(&self, number: u64) -> Box<dyn Worker> {
        Box::new(Files {
            client: self.client.clone(),
            dir: format!("{ROOT}/{:08x}-{number}", self.run),
            rng: Rng::new(number),
            ledger: VecDeque::new(),
            doubtful: VecDeque::new(),
            written: 0,
        })
    }

    fn wrong(&self, text: &str) {
        self.lab.recorder.event(Level::Bad, None, text);
    }
}

/// One worker, with what it knows of its files.
struct Files {
    client: Arc<DfsClient>,
    dir: String,
    rng: Rng,
    /// What was acknowledged, the oldest first.
    ledger: VecDeque<(String, Contents)>,
    /// What may be there, or not: an operation on it failed. It is deleted in the end.
    doubtful: VecDeque<String>,
    written: u64,
}

impl Worker for Files {
    fn operate(&mut self) -> Outcome {
        let (dice, files) = (self.rng.below(100), self.ledger.len());
        let done = if self.doubtful.len() >= FILES_MAX {
            self.delete()
        } else if files == 0 || dice < WRITES && files < FILES_MAX {
            self.write()
        } else if (WRITES..WRITES + READS).contains(&dice) {
            self.read()
        } else if (WRITES + READS..WRITES + READS + RENAMES).contains(&dice) {
            self.rename()
        } else {
            self.delete()
        };
        done.unwrap_or_else(|e| Outcome::Failed(reason(&e).to_owned()))
    }
}

impl Files {
    fn new_path(&mut self) -> String {
        self.written += 1;
        format!("{}/f{}", self.dir, self.written)
    }

    fn write(&mut self) -> Result<Outcome, DfsError> {
        let (path, contents) = (
            self.new_path(),
            Contents {
                number: self.rng.next_u64(),
                len: self.rng.index(LEN_MAX),
            },
        );
        self.doubtful.push_back(path.clone());
        let mut file = self.client.create(&path, CreateOptions::default())?;
        file.write_all(&contents.bytes()).map_err(dfs_error)?;
        file.close()?;
        self.doubtful.pop_back();
        self.ledger.push_back((path, contents));
        Ok(Outcome::Acknowledged(contents.len as u64))
    }

    fn read(&mut self) -> Result<Outcome, DfsError> {
        let (path, contents) = &self.ledger[self.rng.index(self.ledger.len())];
        let mut got = Vec::with_capacity(contents.len);
        let read = self.client.open(path).and_then(|mut file| {
            let read = file.read_to_end(&mut got);
            read.map_err(dfs_error)
        });
        Ok(match read {
            Ok(_) => match judge(path, Known::Closed(*contents), &got) {
                Ok(()) => Outcome::Checked(got.len() as u64),
                Err(wrong) => Outcome::Wrong(wrong),
            },
            Err(e) => gone(path, e)?,
        })
    }

    fn rename(&mut self) -> Result<Outcome, DfsError> {
        let to = self.new_path();
        let Some((from, contents)) = self.ledger.pop_front() else {
            return self.write();
        };
        match self.client.rename(&from, &to) {
            Ok(()) => {
                self.ledger.push_back((to, contents));
                Ok(Outcome::Acknowledged(0))
            }
            Err(e) => {
                let outcome = gone(&from, e);
                self.doubtful.extend([from, to]);
                outcome
            }
        }
    }

    fn delete(&mut self) -> Result<Outcome, DfsError> {
        if let Some(path) = self.doubtful.pop_front() {
            // Whether it was there is what is not known.
            let deleted = self.client.delete(&path, false);
            return match deleted {
                Ok(_) => Ok(Outcome::Acknowledged(0)),
                Err(e) => {
                    self.doubtful.push_back(path);
                    Err(e)
                }
            };
        }
        let Some((path, _)) = self.ledger.pop_front() else {
            return self.write();
        };
        match self.client.delete(&path, false) {
            Ok(true) => Ok(Outcome::Acknowledged(0)),
            Ok(false) => Ok(Outcome::Wrong(format!(
                "{path} was acknowledged and is gone"
            ))),
            Err(e) => {
                self.doubtful.push_back(path);
                Err(e)
            }
        }
    }
}

/// The NameNode says that there is no such file, which it had acknowledged; anything else is a failure.
fn gone(path: &str, e: DfsError) -> Result<Outcome, DfsError> {
    match e.refusal() {
        Some(FsError::FileNotFound(_)) => Ok(Outcome::Wrong(format!(
            "{path} was acknowledged and is gone"
        ))),
        _ => Err(e),
    }
}

fn dfs_error(e: io::Error) -> DfsError {
    e.downcast()
        .unwrap_or_else(|e| DfsError::Local(e.to_string()))
}

/// Why an operation failed, in words that are the same for every file.
fn reason(e: &DfsError) -> &'static str {
    match (e.refusal(), e) {
        (Some(FsError::SafeMode { .. }), _) => "the NameNode is in safe mode",
        (Some(FsError::NoDatanodes { .. }), _) => "no DataNode can take a block",
        (Some(FsError::NotReplicatedYet(_)), _) | (_, DfsError::NotComplete { .. }) => {
            "the last block has too few replicas"
        }
        (Some(FsError::LeaseExpired { .. }), _) => "the writer has lost its lease",
        (Some(_), _) => "the NameNode refuses",
        (_, DfsError::Call(_)) => "the NameNode does not answer",
        (_, DfsError::Write { .. }) => "no DataNode is left that takes the block",
        (_, DfsError::Read { .. } | DfsError::Changed { .. }) => {
            "no DataNode is left that has the block"
        }
        _ => "something else",
    }
}
