//! What a broker does now and then; an administrator, who deletes records and restarts it; and the bits that flip where nothing was
//! synced.

use std::time::Duration;

use mini_kafka::log::files::{LOG, path};
use mini_kafka::record::batch::BatchHeader;
use node::{Ctx, Disk};

use super::{BrokerProcess, read_log, unless_crashed};
use crate::cluster::{CALM_AT, Member};
use crate::invariants::{compacted, judge_log};
use crate::wire::Timer;

impl BrokerProcess {
    pub(super) fn keep_house(&mut self, ctx: &mut Ctx<'_, Member>) -> Option<()> {
        let now = ctx.now();
        for partition in 0..self.served.len() {
            let log = &mut self.served[partition].log;
            // Whatever a full disk does not let it do now, it does later.
            let _ = unless_crashed(log.tick(ctx.disk, now))?;
            if self.rng.percent(10) {
                let _ = unless_crashed(log.checkpoint(ctx.disk))?;
            }
            self.trim(partition, ctx)?;
            self.clean(partition, ctx)?;
        }
        if now < CALM_AT && self.rng.percent(1) {
            if self.rng.percent(50) {
                self.close(ctx)?;
            }
            return self.restart_process(ctx);
        }
        Some(())
    }

    /// Stops in good order.
    fn close(&mut self, ctx: &mut Ctx<'_, Member>) -> Option<()> {
        for served in &mut self.served {
            let _ = unless_crashed(served.log.close(ctx.disk))?;
        }
        Some(())
    }

    /// Deletes records, as an administrator may want it.
    fn trim(&mut self, partition: usize, ctx: &mut Ctx<'_, Member>) -> Option<()> {
        let now = ctx.now();
        let is_trimmed = self.topics[partition].is_trimmed && now < CALM_AT;
        if !is_trimmed || !self.rng.percent(15) {
            return Some(());
        }
        let log = &mut self.served[partition].log;
        let (start, end) = (log.log_start_offset(), log.high_watermark());
        let step = i64::try_from(self.rng.below(6)).unwrap_or(0);
        let before = (start + step).min(end);
        let history = &self.history;
        // Before the call: a crash in it may come before or after the deed.
        let noted = history.borrow().partitions[partition].deletable_to;
        history.borrow_mut().partitions[partition].deletable_to = before.max(noted);
        let deleted = unless_crashed(log.delete_records(ctx.disk, before, now))?;
        if deleted.is_ok() {
            let history = &mut *history.borrow_mut();
            history.count("records deleted");
            let past = &mut history.partitions[partition];
            past.deleted_to = before.max(past.deleted_to);
        }
        Some(())
    }

    /// Compacts, if it is due: the new segments are written now, and take the old ones' place a little later.
    fn clean(&mut self, partition: usize, ctx: &mut Ctx<'_, Member>) -> Option<()> {
        if self.cleaning.is_some() {
            return Some(());
        }
        let now = ctx.now();
        let Some(plan) = self.served[partition].log.plan_cleaning(now) else {
            return Some(());
        };
        let plan = if self.rng.percent(30) {
            plan.with_map_bytes_max(100)
        } else {
            plan
        };
        if let Ok(result) = unless_crashed(plan.run(ctx.disk, now))? {
            self.cleaning = Some((partition, result));
            let takes = Duration::from_millis(self.rng.below(400));
            ctx.set_timer(Timer::Cleaned, takes);
        }
        Some(())
    }

    pub(super) fn finish_cleaning(&mut self, ctx: &mut Ctx<'_, Member>) -> Option<()> {
        let Some((partition, result)) = self.cleaning.take() else {
            return Some(());
        };
        let log = &mut self.served[partition].log;
        let _ = unless_crashed(log.finish_cleaning(ctx.disk, result))?;
        let history = &mut *self.history.borrow_mut();
        history.count("compactions");
        if partition < history.partitions.len() {
            match read_log(log, &*ctx.disk) {
                Ok(view) => {
                    // Nobody sees yet what a crash could still take back.
                    let past = &mut history.partitions[partition];
                    let hidden = past.written.split_off(&view.end);
                    judge_log(history, partition, &view);
                    let past = &history.partitions[partition];
                    let judged = compacted::judge_tombstones(past, &view, ctx.now());
                    let some_have_gone = compacted::some_have_gone(past, &view);
                    history.find(compacted::TOMBSTONE_NAME, judged);
                    if some_have_gone {
                        history.count("tombstones removed");
                    }
                    history.partitions[partition].written.extend(hidden);
                }
                Err(text) => history.find(compacted::NAME, Err(text)),
            }
        }
        Some(())
    }

    /// What was not synced when the machine crashed may be damaged too. Not the leader epoch: no checksum covers it, in Kafka neither.
    pub(super) fn flip_tails(&mut self, ctx: &mut Ctx<'_, Member>) {
        for partition in 0..self.topics.len() - 1 {
            let durable = self.history.borrow().partitions[partition].durable;
            let Some(durable) = durable.filter(|_| self.rng.percent(30)) else {
                continue;
            };
            let file = path(&self.topics[partition].name, durable.segment, LOG);
            let len = ctx.disk.len(&file).unwrap_or(0);
            if len <= durable.position {
                continue;
            }
            let at = durable.position + self.rng.below(len - durable.position);
            if is_epoch(&*ctx.disk, &file, durable.position, len, at) {
                continue;
            }
            let flipped = ctx
                .disk
                .read_at(&file, at, 1)
                .map(|byte| byte[0] ^ 1 << self.rng.below(8));
            if flipped
                .and_then(|byte| ctx.disk.write_at(&file, at, &[byte]))
                .is_ok()
            {
                self.history.borrow_mut().count("bits flipped");
            }
        }
    }
}

/// Whether the byte is one of a batch's leader epoch.
fn is_epoch(disk: &dyn Disk, file: &str, from: u64, len: u64, at: u64) -> bool {
    let bytes = disk.read_at(file, from, usize::try_from(len - from).unwrap_or(0));
    let (bytes, mut batch) = (bytes.unwrap_or_default(), from);
    while let Some(rest) = bytes.get(usize::try_from(batch - from).unwrap_or(usize::MAX)..) {
        match BatchHeader::read(rest) {
            Ok(header) if batch + (header.size() as u64) <= at => batch += header.size() as u64,
            _ => break,
        }
    }
    (batch + 12..batch + 16).contains(&at)
}
