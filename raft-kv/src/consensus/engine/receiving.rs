//! Snapshots on their way here, part after part.

use std::sync::PoisonError;

use node::{Disk, DiskError};

use super::{Openraft, stopped};
use crate::consensus::Transport;
use crate::consensus::machine::{SnapshotFile, raft_meta};
use crate::consensus::peer::{Response, SnapshotPart};
use crate::consensus::types::Snapshot;
use crate::state_machine::StateMachine;
use crate::wal::WalError;
use crate::wal::snapshot::{self, Meta};

/// A snapshot on its way here.
#[derive(Default)]
pub(super) struct Receiving {
    /// How many there were: each has a file of its own.
    count: u64,
    /// In which term its sender leads.
    term: u64,
    from: u64,
    /// Its name at the leader.
    name: String,
    len: u64,
    /// All of it is here, and the engine has it.
    is_whole: bool,
}

impl Receiving {
    fn file(&self) -> String {
        snapshot::partial_file(&format!("received-{}", self.count))
    }

    /// Notes a part: to which file it goes, and which one is of no more use. None where it does not follow what is here. A leader
    /// ends what one of an earlier term began; that one, which does not know yet that its term is over, does not end this leader's.
    ///
    /// # Errors
    /// Where the sender is of an earlier term.
    fn note(
        &mut self,
        from: u64,
        part: &SnapshotPart,
    ) -> Result<Option<(String, Option<String>)>, String> {
        let term = part.vote.leader_id.term;
        if term < self.term {
            return Err(format!(
                "a snapshot of a leader in term {term} comes too late: one in term {} has sent its own",
                self.term
            ));
        }
        let mut abandoned = None;
        if part.offset == 0 {
            abandoned = (!self.is_whole).then(|| self.file());
            self.count += 1;
            (self.term, self.from, self.name, self.len) = (term, from, part.file.clone(), 0);
        } else if (self.term, self.from, &self.name, self.len)
            != (term, from, &part.file, part.offset)
        {
            return Ok(None);
        }
        self.len += part.bytes.len() as u64;
        self.is_whole = part.is_last;
        Ok(Some((self.file(), abandoned)))
    }
}

fn remove_if_there(disk: &mut dyn Disk, file: &str) -> Result<(), DiskError> {
    if disk.exists(file) {
        disk.remove(file)?;
    }
    Ok(())
}

/// Writes a part. Behind the last one the whole is read, and must be good: what it stands for.
fn write_part(
    disk: &mut dyn Disk,
    file: &str,
    offset: u64,
    bytes: &[u8],
    is_last: bool,
) -> Result<Option<Meta>, WalError> {
    disk.write_at(file, offset, bytes)?;
    // Before the engine hears of it: it takes a damaged one for a failed disk.
    is_last.then(|| snapshot::verify(disk, file)).transpose()
}

impl<S: StateMachine, T: Transport> Openraft<S, T> {
    /// Takes a part of a snapshot; with the last one, installs it.
    pub(super) async fn receive(&self, from: u64, part: SnapshotPart) -> Result<Response, String> {
        let noted = {
            let receiving = self.inner.receiving.lock();
            let mut receiving = receiving.unwrap_or_else(PoisonError::into_inner);
            receiving.note(from, &part)?
        };
        let Some((file, abandoned)) = noted else {
            return Ok(Response::SnapshotPart(false));
        };
        let storage = &self.inner.network.storage;
        let (to, offset, is_last, bytes) = (file.clone(), part.offset, part.is_last, part.bytes);
        let written = storage.run(move |disk| {
            // Others are being built, or installed.
            if let Some(file) = abandoned {
                remove_if_there(disk, &file)?;
            }
            let written = write_part(disk, &to, offset, &bytes, is_last);
            if written.is_err() {
                // It comes again from its beginning, and may be large.
                remove_if_there(disk, &to)?;
            }
            written
        });
        let written = written.await.map_err(|e| e.to_string())?;
        let written = written.map_err(|e| {
            let reason = format!("a snapshot was received and not kept: {e}");
            tracing::warn!("{reason}; it came from member {from:x}");
            reason
        });
        let Some(meta) = written? else {
            return Ok(Response::SnapshotPart(true));
        };
        let snapshot = Snapshot {
            meta: raft_meta(&meta).map_err(|e| e.to_string())?,
            snapshot: SnapshotFile {
                file: file.clone(),
                storage: storage.clone(),
            },
        };
        let installed = self.inner.raft.install_full_snapshot(part.vote, snapshot);
        let installed = installed.await.map_err(|fatal| stopped(&fatal))?;
        // The engine does not install one that is older than what is here.
        let removed = storage.run(move |disk| remove_if_there(disk, &file)).await;
        removed
            .map_err(|e| e.to_string())?
            .map_err(|e| e.to_string())?;
        Ok(Response::SnapshotInstalled(installed))
    }
}
