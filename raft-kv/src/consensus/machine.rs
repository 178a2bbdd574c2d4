//! Any [`StateMachine`] as `openraft` wants it: `RaftStateMachine`, with snapshots as files.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use futures::{Stream, TryStreamExt};
use node::Disk;
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, RaftSnapshotBuilder};
use tokio::sync::watch;

use crate::consensus::log_store::failed;
use crate::consensus::storage::Storage;
use crate::consensus::types::{
    Answer, Entry, LogId, Snapshot, SnapshotMeta, StoredMembership, Types, log_id, position,
};
use crate::state_machine::StateMachine;
use crate::wal::WalError;
use crate::wal::snapshot::{self, Meta, Reader, Writer};

/// So many entries are applied before it is told how far it is, where there are more.
const TOLD_ENTRIES: u64 = 256;

/// The machine, and up to where it is.
pub(super) struct Machine<S: StateMachine> {
    pub(super) machine: Arc<RwLock<S>>,
    pub(super) storage: Storage,
    pub(super) applied: watch::Sender<u64>,
    last: Option<LogId>,
    membership: StoredMembership,
}

/// A snapshot: a file that counts, or one that was received.
#[derive(Clone)]
pub(super) struct SnapshotFile {
    pub(super) file: String,
    pub(super) storage: Storage,
}

/// Makes a snapshot the one that counts here, and returns its file.
fn take_over(disk: &mut dyn Disk, snapshot: &SnapshotFile) -> Result<String, WalError> {
    let mut file = snapshot.file.clone();
    if !disk.exists(&file) {
        // It is another member's, in the same process.
        let bytes = snapshot.storage.open().read(&file)?;
        file = snapshot::partial_file("copied");
        disk.write_at(&file, 0, &bytes)?;
    } else if file.ends_with(".snap") {
        // On start it is the one that counts already.
        return Ok(file);
    }
    Ok(snapshot::install(disk, &file)?.file())
}

fn damaged(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

/// What `openraft` calls a snapshot's metadata.
pub(super) fn raft_meta(meta: &Meta) -> Result<SnapshotMeta, io::Error> {
    Ok(SnapshotMeta {
        last_log_id: meta.position.map(log_id),
        last_membership: postcard::from_bytes(&meta.membership).map_err(io::Error::other)?,
    })
}

impl<S: StateMachine> Machine<S> {
    /// The machine as it is in the beginning: `openraft` installs the snapshot, and applies what follows it.
    pub(super) fn new(
        machine: Arc<RwLock<S>>,
        storage: Storage,
        applied: watch::Sender<u64>,
    ) -> Machine<S> {
        Machine {
            machine,
            storage,
            applied,
            last: None,
            membership: StoredMembership::default(),
        }
    }

    fn tell_applied(&self) {
        let index = self.last.map_or(0, |last| last.index);
        self.applied.send_replace(index);
    }

    fn apply_entry(&mut self, entry: Entry) -> Result<Answer, io::Error> {
        let index = entry.log_id.index;
        let answer = match entry.payload {
            EntryPayload::Blank => Answer(None),
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(entry.log_id), membership);
                Answer(None)
            }
            EntryPayload::Normal(command) => {
                let command = postcard::from_bytes(&command.0).map_err(|e| {
                    damaged(format!(
                        "the command at index {index} is none that is understood here ({e}): this program may be older than the one that wrote it"
                    ))
                })?;
                let _span = tracing::debug_span!("apply", index).entered();
                let mut machine = self.machine.write().unwrap_or_else(PoisonError::into_inner);
                Answer(Some(Box::new(machine.apply(index, command))))
            }
        };
        self.last = Some(entry.log_id);
        Ok(answer)
    }
}

impl<S: StateMachine> RaftStateMachine<Types> for Machine<S> {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = Builder<S>;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok((self.last, self.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + Send,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let index = entry.log_id.index;
            let answer = self.apply_entry(entry)?;
            if let Some(responder) = responder {
                responder.send(answer);
            }
            // Readers wait for it, and all of them wake.
            if index.is_multiple_of(TOLD_ENTRIES) {
                self.tell_applied();
            }
        }
        self.tell_applied();
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder<S> {
        // No command is applied between these two: it is this task that applies them.
        let machine = self.machine.read().unwrap_or_else(PoisonError::into_inner);
        Builder {
            machine: self.machine.clone(),
            snapshot: machine.begin_snapshot(),
            storage: self.storage.clone(),
            last: self.last,
            membership: self.membership.clone(),
        }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotFile,
    ) -> Result<(), io::Error> {
        let machine = self.machine.clone();
        let restored = self.storage.run(move |disk| {
            let file = take_over(disk, &snapshot)?;
            let (_, mut reader) = Reader::open(disk, &file)?;
            let mut failure = None;
            let mut chunks = std::iter::from_fn(|| match reader.next(disk) {
                Ok(chunk) => chunk.map(Ok),
                Err(error) => {
                    let reason = error.to_string();
                    failure = Some(error);
                    Some(Err(reason))
                }
            });
            let mut machine = machine.write().unwrap_or_else(PoisonError::into_inner);
            let restored = machine.restore(&mut chunks);
            drop(machine);
            restored.map_err(|reason| {
                failure.unwrap_or(WalError::Damaged {
                    file,
                    offset: 0,
                    reason,
                })
            })
        });
        restored.await?.map_err(failed)?;
        self.last = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.tell_applied();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let newest = self.storage.run(|disk| {
            let Some(file) = snapshot::newest(disk)? else {
                return Ok(None);
            };
            let (meta, _) = Reader::open(disk, &file)?;
            Ok(Some((meta, file)))
        });
        let Some((meta, file)) = newest.await?.map_err(failed)? else {
            return Ok(None);
        };
        Ok(Some(Snapshot {
            meta: raft_meta(&meta)?,
            snapshot: SnapshotFile {
                file,
                storage: self.storage.clone(),
            },
        }))
    }
}

/// A snapshot that is being made, while commands go on being applied.
pub(super) struct Builder<S: StateMachine> {
    machine: Arc<RwLock<S>>,
    snapshot: S::Snapshot,
    storage: Storage,
    last: Option<LogId>,
    membership: StoredMembership,
}

impl<S: StateMachine> Builder<S> {
    /// The next chunk. The lock is held for one chunk, so that commands are applied between two.
    fn next_chunk(&mut self) -> Option<Vec<u8>> {
        let machine = self.machine.read().unwrap_or_else(PoisonError::into_inner);
        machine.next_chunk(&mut self.snapshot)
    }
}

impl<S: StateMachine> RaftSnapshotBuilder<Types> for Builder<S> {
    type SnapshotData = SnapshotFile;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        let membership = postcard::to_stdvec(&self.membership).map_err(io::Error::other)?;
        let meta = Meta {
            position: self.last.as_ref().map(position),
            membership,
        };
        let began = Instant::now();
        let create = self.storage.run(move |disk| Writer::create(disk, &meta));
        let mut writer = create.await?.map_err(failed)?;
        while let Some(chunk) = self.next_chunk() {
            let written = self.storage.run(move |disk| {
                writer.chunk(disk, &chunk)?;
                Ok(writer)
            });
            writer = written.await?.map_err(failed)?;
        }
        let meta = self.storage.run(move |disk| writer.finish(disk)).await?;
        let meta = meta.map_err(failed)?;
        metrics::histogram!("etcd_disk_backend_snapshot_duration_seconds").record(began.elapsed());
        Ok(Snapshot {
            meta: raft_meta(&meta)?,
            snapshot: SnapshotFile {
                file: meta.file(),
                storage: self.storage.clone(),
            },
        })
    }
}
