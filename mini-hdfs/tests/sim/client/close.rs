//! How a client has a file closed whose writer is gone, or is taken for gone; and what it knows of the file then.

use std::time::Duration;

use mini_hdfs::client::retry::{CallFailure, Repeat};
use mini_hdfs::error::FsError;
use mini_hdfs::protocol::{CreateRequest, LocatedBlocks};
use node::Ctx;

use super::{ClientProcess, Task};
use crate::cluster::{BLOCK_SIZE, Member};
use crate::history::{ClosedFile, Known};
use crate::name_node::permission;
use crate::wire::{Request, Response, Timer};

const PAUSE: Duration = Duration::from_secs(1);
/// In the middle of a run it loses patience.
const ATTEMPTS: u32 = 8;
/// In the end too, where a disk was lost: all of the last block may be gone.
const ATTEMPTS_IN_THE_END: u32 = 60;

/// What it does that the file be closed.
#[derive(Clone, Copy)]
enum How {
    /// Waits for the hard limit.
    Waits,
    /// Wants to write it himself, and waits for the soft limit.
    Wants,
    /// Waits for no limit.
    Forces,
}

/// A file being closed.
pub(super) struct Closing {
    path: String,
    how: How,
    attempts: u32,
}

impl ClientProcess {
    pub(super) fn begin_close(&mut self, path: String, ctx: &mut Ctx<'_, Member>) {
        // Nobody deletes another one's files, so only his own can be taken for being there.
        let own = path.starts_with(&format!("/client{}-", ctx.id().0));
        let how = match ctx.rng.below(3) {
            0 => How::Waits,
            1 if own => How::Wants,
            _ => How::Forces,
        };
        self.task = Task::Close(Box::new(Closing {
            path,
            how,
            attempts: 0,
        }));
        self.close_on(ctx);
    }

    pub(super) fn close_on(&mut self, ctx: &mut Ctx<'_, Member>) {
        let Task::Close(closing) = &self.task else {
            return;
        };
        let path = closing.path.clone();
        let request = match closing.how {
            How::Waits => Request::IsFileClosed(path),
            How::Wants => Request::Create(CreateRequest {
                path,
                client: self.holder.clone(),
                overwrite: false,
                create_parent: false,
                replication: 1,
                block_size: BLOCK_SIZE,
                permission: permission(),
            }),
            How::Forces => Request::RecoverLease(path),
        };
        self.call(request, Repeat::Idempotent, ctx);
    }

    pub(super) fn close_answered(
        &mut self,
        result: Result<Response, CallFailure>,
        ctx: &mut Ctx<'_, Member>,
    ) {
        let Task::Close(closing) = &mut self.task else {
            return;
        };
        let path = closing.path.clone();
        match result {
            Ok(Response::Closed(true))
            | Err(CallFailure::Refused(FsError::FileAlreadyExists(_))) => {
                return self.call(Request::Locations(path), Repeat::Idempotent, ctx);
            }
            Ok(Response::Located(located)) if !located.under_construction => {
                self.closed(&path, &located);
                return self.idle(ctx);
            }
            // It was never made.
            Err(CallFailure::Refused(FsError::FileNotFound(_))) => {
                self.history.borrow_mut().open.remove(&path);
                return self.idle(ctx);
            }
            // Nor was this one, until now.
            Ok(Response::File(_)) => closing.how = How::Forces,
            _ => closing.attempts += 1,
        }
        let in_the_end = self.left == 0;
        let damaged = self.history.borrow().damaged;
        if in_the_end && damaged && closing.attempts > ATTEMPTS_IN_THE_END {
            self.hopeless.insert(path);
            return self.idle(ctx);
        }
        if !in_the_end && closing.attempts > ATTEMPTS {
            return self.idle(ctx);
        }
        ctx.set_timer(Timer::Next, PAUSE);
    }

    /// The file is closed, with a beginning of what its writer wanted.
    fn closed(&self, path: &str, located: &LocatedBlocks) {
        let mut history = self.history.borrow_mut();
        // Somebody else may have come to know it already, and its owner have moved it since.
        let Some(bytes) = history.open.remove(path) else {
            return;
        };
        let len = usize::try_from(located.len).unwrap_or(usize::MAX);
        if len > bytes.len() {
            let wrong = format!("{path} has {len} bytes, and {} were written", bytes.len());
            history.wrong_reads.push(wrong);
            return;
        }
        let file = ClosedFile {
            bytes: bytes[..len].into(),
            blocks: located.blocks.iter().map(|located| located.block).collect(),
            replication: None,
        };
        history.set(path, Known::Closed(file));
    }
}
