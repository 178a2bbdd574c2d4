//! Block reports, taken in parts: between two of them other calls have their turn.

use std::time::Duration;

use mini_hdfs::block::{BlockId, DatanodeId};
use mini_hdfs::error::FsError;
use mini_hdfs::protocol::{RegistrationId, ReportLeaseId, ReportedReplica};
use node::{Ctx, NodeId};

use super::NameNodeProcess;
use crate::cluster::Member;
use crate::wire::{Message, Request, Response, Timer};

/// One that has not been taken whole.
pub(super) struct Report {
    from: NodeId,
    datanode: DatanodeId,
    registration: RegistrationId,
    lease: Option<ReportLeaseId>,
    /// What is still to be taken, in order of ids.
    left: Vec<ReportedReplica>,
}

impl NameNodeProcess {
    pub(super) fn begin_report(
        &mut self,
        from: NodeId,
        id: u64,
        request: Request,
        ctx: &mut Ctx<'_, Member>,
    ) {
        let Request::BlockReport(datanode, registration, lease, left) = request else {
            return;
        };
        let lease = Some(lease);
        let begun = self.watched(
            |core, ctx| core.begin_block_report(datanode, registration, lease, ctx.now()),
            ctx,
        );
        match begun {
            Some(Ok(())) => {
                let report = Report {
                    from,
                    datanode,
                    registration,
                    lease,
                    left,
                };
                self.reports.insert(id, report);
                self.take_report_part(id, ctx);
            }
            Some(Err(refused)) => self.answer_report(from, id, Err(refused)),
            None => {}
        }
    }

    /// Takes a few replicas, and after a while the next few.
    pub(super) fn take_report_part(&mut self, id: u64, ctx: &mut Ctx<'_, Member>) {
        let Some(mut report) = self.reports.remove(&id) else {
            return;
        };
        let count = ctx.rng.index(4).min(report.left.len());
        let rest = report.left.split_off(count);
        let part = std::mem::replace(&mut report.left, rest);
        let end = BlockId(u64::MAX);
        let last = match part.last() {
            _ if report.left.is_empty() => Some(end),
            Some(replica) => Some(replica.block.id),
            None => None,
        };
        let (datanode, registration, lease) = (report.datanode, report.registration, report.lease);
        let taken = self.watched(
            |core, ctx| {
                if let Some(last) = last {
                    let now = ctx.now();
                    core.block_report_part(datanode, registration, lease, &part, last, now)?;
                }
                if last == Some(end) {
                    core.end_block_report(datanode, registration, lease)?;
                }
                Ok::<bool, FsError>(last == Some(end))
            },
            ctx,
        );
        match taken {
            Some(Ok(false)) => {
                // Some take so long that the DataNode has given up by then.
                let longest = if ctx.rng.percent(2) { 4_000 } else { 30 };
                let after = Duration::from_millis(ctx.rng.below(longest));
                ctx.set_timer(Timer::ReportPart(id), after);
                self.reports.insert(id, report);
            }
            Some(Ok(true)) => self.answer_report(report.from, id, Ok(Response::Done)),
            Some(Err(refused)) => self.answer_report(report.from, id, Err(refused)),
            None => {}
        }
    }

    fn answer_report(&mut self, to: NodeId, id: u64, result: Result<Response, FsError>) {
        if let Some(core) = &self.core {
            let answer = Message::Answer { id, result };
            self.waiting.push_back((core.last_txid(), to, answer));
        }
    }
}
