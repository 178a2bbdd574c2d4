//! What outlives a coordinator: how it goes on from its journal, how that stays short, and what is remembered of jobs that are over.

use std::collections::{BTreeMap, BTreeSet};

use node::{Disk, DiskError, DiskErrorKind, Time};

use super::history::{HISTORIES_KEPT, file};
use super::job::{Job, JobState, TaskCount};
use super::journal::{FILE, Journal, JournalError, Record};
use super::{ATTEMPTS_PER_EPOCH, Config, Coordinator, Worker};
use crate::counters::Counters;
use crate::protocol::{JobId, Registration, TaskKind};

impl Coordinator {
    /// Goes on where the journal ends, or begins where there is none.
    ///
    /// # Errors
    /// When the journal is damaged, or cannot be read or written.
    pub fn open(
        config: Config,
        disk: &mut dyn Disk,
        now: Time,
    ) -> Result<Coordinator, JournalError> {
        let records = Journal::read(disk)?;
        let epochs = records.iter().filter_map(|record| match record {
            Record::Epoch(epoch) => Some(*epoch),
            _ => None,
        });
        let epoch = epochs.max().map_or(0, |epoch| epoch + 1);
        let mut kept = vec![Record::Epoch(epoch)];
        kept.extend(still_of_use(records, config.jobs_kept));
        let mut coordinator = Coordinator {
            config,
            epoch,
            now,
            workers: BTreeMap::new(),
            jobs: BTreeMap::new(),
            journal: Journal::create(disk, &kept)?,
            ended: Vec::new(),
            actions: Vec::new(),
        };
        for record in kept {
            coordinator.replay(record, now);
        }
        for job in coordinator.with_history() {
            if let Some(job) = coordinator.jobs.get_mut(&job) {
                file::read(job, disk);
            }
        }
        let jobs: Vec<JobId> = coordinator.jobs.keys().copied().collect();
        for job in jobs {
            match coordinator.jobs[&job].owed.is_set_up {
                true => coordinator.settle(job),
                false => coordinator.ask(job),
            }
        }
        Ok(coordinator)
    }

    fn replay(&mut self, record: Record, now: Time) {
        // Where tasks have run, the output was there.
        if let Record::Done { attempt, .. } | Record::Failed { attempt } = &record
            && let Some(job) = self.jobs.get_mut(&attempt.task.job)
        {
            job.owed.is_set_up = true;
        }
        match record {
            Record::Epoch(_) => {}
            Record::Submitted {
                job,
                token,
                spec,
                splits,
            } => {
                let first = u64::from(self.epoch) * ATTEMPTS_PER_EPOCH;
                let taken = Job::new(job, token, spec, splits, first);
                self.jobs.insert(job, taken);
            }
            Record::Done {
                attempt,
                worker,
                address,
                counters,
            } => {
                self.set_done(attempt, worker, &address, counters);
                let heard = now;
                self.workers.entry(worker).or_insert_with(|| Worker {
                    registration: Registration {
                        worker,
                        address,
                        host: String::new(),
                        rack: String::new(),
                        map_slots: 0,
                        reduce_slots: 0,
                        outputs: Vec::new(),
                    },
                    heard,
                    sequence: 0,
                    is_here: false,
                });
            }
            Record::Lost { attempt } => {
                self.set_lost(attempt);
            }
            Record::Failed { attempt } => {
                let job = self.jobs.get_mut(&attempt.task.job);
                if let Some(task) = job.and_then(|job| job.task_mut(attempt.task)) {
                    task.failures += 1;
                }
            }
            Record::GivenUp { job, reason } => {
                if let Some(job) = self.jobs.get_mut(&job) {
                    job.owed.given_up = Some(reason);
                }
            }
            Record::Over {
                job,
                error,
                counters,
                tasks,
            } => self.set_over(job, error, counters, tasks),
        }
    }

    /// Makes everything durable that was decided so far. Before that, nobody may hear of it. Writes the journal anew where it has become long.
    ///
    /// # Errors
    /// When the disk fails: the process must end, since nobody knows what is in the journal.
    pub fn flush(&mut self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        self.journal.flush(disk)?;
        if self.journal.grown() > self.config.journal_slack {
            self.compact(disk)?;
        }
        if !self.ended.is_empty() {
            // What cannot be kept of them is lost to whoever looks on, and to nobody else.
            let _ = self.write_histories(disk);
        }
        Ok(())
    }

    fn write_histories(&mut self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        let kept = self.with_history();
        for job in std::mem::take(&mut self.ended) {
            if let Some(job) = self.jobs.get(&job).filter(|job| kept.contains(&job.id)) {
                file::write(job, disk)?;
            }
        }
        file::keep(&kept, disk)
    }

    /// The jobs that are over and whose attempts are remembered.
    fn with_history(&self) -> Vec<JobId> {
        let over = self.jobs.values().rev();
        let over = over.filter(|job| job.state.is_over());
        over.take(HISTORIES_KEPT).map(|job| job.id).collect()
    }

    /// Writes the journal anew. Where there is no room for that, the old one goes on being written to.
    fn compact(&mut self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        let records = match Journal::read(disk) {
            Ok(records) => records,
            Err(JournalError::Disk(error)) => return Err(error),
            Err(JournalError::Damaged { .. }) => {
                let reason = "what was written to it is not in it any more".to_owned();
                return Err(DiskError::new("read", FILE, DiskErrorKind::Io(reason)));
            }
        };
        let mut kept = vec![Record::Epoch(self.epoch)];
        kept.extend(still_of_use(records, self.config.jobs_kept));
        self.journal.replace(disk, &kept)
    }

    pub(super) fn set_over(
        &mut self,
        id: JobId,
        error: Option<String>,
        counters: Counters,
        tasks: [TaskCount; 2],
    ) {
        let Some(job) = self.jobs.get_mut(&id) else {
            return;
        };
        job.history.kill_all("the job is over", self.now);
        job.state = match error {
            Some(reason) => JobState::Failed { reason },
            None => JobState::Succeeded,
        };
        for task in job.maps.iter_mut().chain(&mut job.reduces) {
            task.attempts.clear();
        }
        for kind in [TaskKind::Map, TaskKind::Reduce] {
            job.total_by_kind.insert(kind, job.counters_of(kind));
        }
        job.counted.clear();
        job.tally = Counters::default();
        job.total = counters;
        job.past = Some(tasks);
        // Nobody asks for what has to be done, and where what was made is, any more.
        job.splits = Vec::new();
        job.events = Vec::new();
        self.forget_oldest();
    }

    /// Of jobs that are over, only the newest are remembered. (By their numbers: so the last number is never given again.)
    fn forget_oldest(&mut self) {
        let over = self.jobs.values().filter(|job| job.state.is_over());
        let over: Vec<JobId> = over.map(|job| job.id).collect();
        for job in &over[..over.len().saturating_sub(self.config.jobs_kept.max(1))] {
            self.jobs.remove(job);
        }
    }
}

/// What a new journal has to hold: of jobs that are over the beginning and the end, and of the newest alone.
fn still_of_use(records: Vec<Record>, jobs_kept: usize) -> Vec<Record> {
    let over = records.iter().filter_map(|record| match record {
        Record::Over { job, .. } => Some(*job),
        _ => None,
    });
    let over: BTreeSet<JobId> = over.collect();
    let forgotten = over.len().saturating_sub(jobs_kept.max(1));
    let forgotten: BTreeSet<JobId> = over.iter().take(forgotten).copied().collect();
    let of_use = |record: &Record| match record {
        Record::Epoch(_) => false,
        Record::Submitted { job, .. } | Record::Over { job, .. } => !forgotten.contains(job),
        Record::GivenUp { job, .. } => !over.contains(job),
        Record::Done { attempt, .. } | Record::Lost { attempt } | Record::Failed { attempt } => {
            !over.contains(&attempt.task.job)
        }
    };
    let mut kept: Vec<Record> = records.into_iter().filter(of_use).collect();
    for record in &mut kept {
        if let Record::Submitted { job, splits, .. } = record
            && over.contains(job)
        {
            splits.clear();
        }
    }
    kept
}
