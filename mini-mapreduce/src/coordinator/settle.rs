//! What is decided for good, in memory and in the journal at once; and what comes of it for a job.

use super::Coordinator;
use super::history::HISTORIES_KEPT;
use super::job::JobState;
use super::journal::Record;
use super::task::Winner;
use crate::counters::Counters;
use crate::protocol::{AttemptId, JobId, MapEvent, TaskKind, WorkerId};

impl Coordinator {
    /// An attempt's work counts from now on.
    pub(super) fn set_done_and_write(
        &mut self,
        attempt: AttemptId,
        worker: WorkerId,
        counters: Counters,
    ) {
        let here = self.workers.get(&worker);
        let address = here.map_or(String::new(), |w| w.registration.address.clone());
        self.journal.add(&Record::Done {
            attempt,
            worker,
            address: address.clone(),
            counters: counters.clone(),
        });
        self.set_done(attempt, worker, &address, counters);
    }

    pub(super) fn set_done(
        &mut self,
        attempt: AttemptId,
        worker: WorkerId,
        address: &str,
        counters: Counters,
    ) {
        let Some(job) = self.jobs.get_mut(&attempt.task.job) else {
            return;
        };
        if let Some(task) = job.task_mut(attempt.task) {
            let number = attempt.number;
            task.winner = Some(Winner { number, worker });
        }
        job.counted.insert(attempt.task, counters);
        if attempt.task.kind == TaskKind::Map {
            let address = address.to_owned();
            job.events.push(MapEvent::Done { attempt, address });
        }
    }

    /// The outputs of maps that only this worker has, and that reduces may still want.
    pub(super) fn outputs_on(&self, worker: WorkerId) -> Vec<AttemptId> {
        let jobs = self.jobs.values();
        jobs.flat_map(|job| job.lost_with(worker).1).collect()
    }

    /// A map's output is gone.
    pub(super) fn lose_output(&mut self, attempt: AttemptId, reason: &str) {
        if self.set_lost(attempt) {
            if let Some(job) = self.jobs.get_mut(&attempt.task.job) {
                job.history.lose(attempt, reason);
            }
            self.journal.add(&Record::Lost { attempt });
        }
    }

    /// Whether it had counted.
    pub(super) fn set_lost(&mut self, attempt: AttemptId) -> bool {
        let Some(job) = self.jobs.get_mut(&attempt.task.job) else {
            return false;
        };
        let task = job.task_mut(attempt.task);
        if !task.is_some_and(|task| task.lose_output(attempt.number)) {
            return false;
        }
        job.counted.remove(&attempt.task);
        job.fetch_failures.forget_map(attempt);
        job.events.push(MapEvent::Lost { attempt });
        true
    }

    /// If every part of the output is made, it is to become visible.
    pub(super) fn settle(&mut self, job: JobId) {
        let Some(job) = self.jobs.get_mut(&job) else {
            return;
        };
        if job.state != JobState::Running || !job.owed.is_set_up || !job.is_done() {
            return;
        }
        job.state = JobState::Committing;
        // A map whose output was lost may be running again: nobody wants it any more.
        for task in &mut job.maps {
            task.attempts.clear();
        }
        job.history
            .kill_all("no reduce wants its output any more", self.now);
        let id = job.id;
        self.ask(id);
    }

    /// A job that runs has failed. Nothing of it is visible yet.
    pub(super) fn fail_job(&mut self, job: JobId, reason: String) {
        self.over(job, Some(reason));
        // What is not set up is perhaps another's: who sets it up will be told.
        if self.jobs.get(&job).is_some_and(|job| job.owed.is_set_up) {
            self.abort(job);
        }
    }

    pub(super) fn over(&mut self, job: JobId, error: Option<String>) {
        let Some(found) = self.jobs.get(&job) else {
            return;
        };
        let (counters, tasks) = (found.counters(), found.counts());
        self.journal.add(&Record::Over {
            job,
            error: error.clone(),
            counters: counters.clone(),
            tasks,
        });
        self.set_over(job, error, counters, tasks);
        if let Some(job) = self.jobs.get_mut(&job) {
            job.ended = Some(self.now);
        }
        self.ended.push(job);
        let over = self.jobs.values_mut().rev();
        let over = over.filter(|job| job.state.is_over());
        for job in over.skip(HISTORIES_KEPT) {
            job.history.forget();
        }
    }
}
