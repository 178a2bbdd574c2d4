//! What comes of what workers say, and of what they do not say.

use node::Time;

use super::history::Outcome;
use super::job::TASK_TIMEOUT;
use super::task::{Expired, Failure};
use super::{Coordinator, Unknown, Worker};
use crate::counters::Counters;
use crate::protocol::{
    AttemptId, AttemptReport, AttemptState, FetchFailure, Order, Registration, Reply, Report,
    TaskKind, WorkerId,
};

impl Coordinator {
    /// A worker's first word, or its word after [`Unknown`]. The outputs that it named and that do not count (any more): it may remove them.
    ///
    /// One that is known only from the journal, and comes without an output that counted, has lost it.
    pub fn register(&mut self, registration: Registration, now: Time) -> Vec<AttemptId> {
        self.set_now(now);
        let id = registration.worker;
        let known = self.workers.get(&id);
        let was_here = known.is_some_and(|worker| worker.is_here);
        // A registration that comes twice may be older than outputs that it does not name.
        if !was_here {
            let counting = self.outputs_on(id);
            for lost in counting
                .iter()
                .filter(|o| !registration.outputs.contains(o))
            {
                self.lose_output(*lost, "its worker came back without its output");
            }
        }
        let outputs = registration.outputs.iter();
        let useless = outputs.filter(|output| !self.counts(**output));
        let useless = useless.copied().collect();
        let sequence = known_sequence(self.workers.get(&id));
        let worker = Worker {
            registration,
            heard: now,
            sequence,
            is_here: true,
        };
        self.workers.insert(id, worker);
        useless
    }

    /// A worker says how all its attempts fare, and gets its orders.
    ///
    /// # Errors
    /// When it has to register first.
    pub fn heartbeat(&mut self, report: &Report, now: Time) -> Result<Reply, Unknown> {
        self.set_now(now);
        let id = report.worker;
        let known = self.workers.get_mut(&id).filter(|worker| worker.is_here);
        let worker = known.ok_or(Unknown(id))?;
        let mut reply = Reply {
            sequence: report.sequence,
            ..Reply::default()
        };
        // An older one, or the same once more. What it says is known; and what was ordered since, it could not name.
        if report.sequence <= worker.sequence {
            return Ok(reply);
        }
        worker.sequence = report.sequence;
        worker.heard = now;
        for attempt in &report.attempts {
            reply.orders.extend(self.hear(id, attempt, now));
            self.remember(attempt, &report.fetch_failures);
        }
        reply.orders.extend(self.orders_not_heard(report));
        for failure in &report.fetch_failures {
            self.hear_fetch_failure(id, failure);
        }
        for (job, events_known) in &report.jobs {
            match self.jobs.get(job).filter(|job| !job.state.is_over()) {
                Some(job) => {
                    let known = usize::try_from(*events_known).unwrap_or(usize::MAX);
                    let news = job.events.get(known..).unwrap_or_default();
                    reply.events.insert(job.id, news.to_vec());
                }
                None => reply.orders.push(Order::Forget(*job)),
            }
        }
        reply.orders.extend(self.assign(id, now));
        Ok(reply)
    }

    /// Whether what an attempt made counts, and still matters.
    fn counts(&self, attempt: AttemptId) -> bool {
        let job = self.jobs.get(&attempt.task.job);
        let job = job.filter(|job| !job.state.is_over());
        job.is_some_and(|job| {
            let mut winners = job.winners(attempt.task.kind);
            winners.any(|(winner, _)| winner == attempt)
        })
    }

    fn hear(&mut self, worker: WorkerId, report: &AttemptReport, now: Time) -> Option<Order> {
        let attempt = report.attempt;
        let counts = match &report.state {
            AttemptState::Running {
                progress, ticks, ..
            } => {
                let job = self.jobs.get_mut(&attempt.task.job);
                let task = job.and_then(|job| job.task_mut(attempt.task));
                let renewed = task.is_some_and(|task| {
                    let renewed = task.renew(attempt.number, worker, *progress, now);
                    if renewed {
                        task.alive(attempt.number, *ticks, now);
                    }
                    renewed
                });
                return (!renewed).then_some(Order::Kill(attempt));
            }
            AttemptState::Done { counters } => self.finish(attempt, worker, counters.clone(), now),
            AttemptState::Failed { reason } => {
                self.fail_attempt(attempt, worker, reason);
                false
            }
            AttemptState::GivenUp { reason } => {
                self.give_up_attempt(attempt, worker, reason);
                false
            }
        };
        Some(if counts {
            Order::Accept(attempt)
        } else {
            Order::Kill(attempt)
        })
    }

    /// An attempt is done. Whether its work counts.
    fn finish(
        &mut self,
        attempt: AttemptId,
        worker: WorkerId,
        counters: Counters,
        now: Time,
    ) -> bool {
        let id = attempt.task;
        let Some(job) = self.jobs.get_mut(&id.job) else {
            return false;
        };
        let Some(task) = job.task_mut(id) else {
            return false;
        };
        let is_news = task.winner.is_none();
        let ran = task.attempts.get(&attempt.number).cloned();
        let others: Vec<u64> = task.attempts.keys().copied().collect();
        if !task.finish(attempt.number, worker) {
            return false;
        }
        if !is_news {
            return true;
        }
        if let Some(ran) = ran {
            job.note_speed(id.kind, &ran, now);
        }
        job.history.succeed(attempt, &counters, now);
        let reason = format!("{attempt} was done first");
        for number in others {
            let other = AttemptId { task: id, number };
            job.fetch_failures.forget_reduce(other);
            if other != attempt {
                let reason = reason.clone();
                job.tally("NUM_KILLED", id.kind);
                job.history.end(other, Outcome::Killed { reason }, now);
            }
        }
        self.set_done_and_write(attempt, worker, counters);
        self.settle(id.job);
        true
    }

    /// What an attempt that runs has counted so far, and could not fetch, for whoever looks on.
    fn remember(&mut self, report: &AttemptReport, failures: &[FetchFailure]) {
        let attempt = report.attempt;
        let AttemptState::Running {
            progress, counters, ..
        } = &report.state
        else {
            return;
        };
        let of = failures.iter().filter(|failure| failure.reduce == attempt);
        let failed = of.map(|failure| u64::from(failure.failures)).sum();
        if let Some(job) = self.jobs.get_mut(&attempt.task.job) {
            job.history.hear(attempt, *progress, counters, failed);
        }
    }

    fn fail_attempt(&mut self, attempt: AttemptId, worker: WorkerId, reason: &str) {
        let (id, limits) = (attempt.task, self.config.limits);
        let Some(job) = self.jobs.get_mut(&id.job) else {
            return;
        };
        let Some(task) = job.task_mut(id) else {
            return;
        };
        let failure = task.fail(attempt.number, &limits);
        if failure == Failure::Late {
            return;
        }
        task.failed_on.insert(worker);
        let ended = Outcome::Failed {
            reason: reason.to_owned(),
        };
        job.history.end(attempt, ended, self.now);
        job.fetch_failures.forget_reduce(attempt);
        job.tally("NUM_FAILED", id.kind);
        *job.blame.entry(worker).or_default() += 1;
        self.journal.add(&super::Record::Failed { attempt });
        if failure == Failure::TooMany {
            let count = limits.attempts_max;
            let reason = format!("{id} failed {count} times; the last time, {attempt}: {reason}");
            self.fail_job(id.job, reason);
        }
    }

    /// An attempt counts no more, without anybody's fault.
    fn kill_attempt(&mut self, attempt: AttemptId, reason: &str) {
        let Some(job) = self.jobs.get_mut(&attempt.task.job) else {
            return;
        };
        let task = job.task_mut(attempt.task);
        if task.is_some_and(|task| task.kill(attempt.number)) {
            let reason = reason.to_owned();
            job.tally("NUM_KILLED", attempt.task.kind);
            job.history
                .end(attempt, Outcome::Killed { reason }, self.now);
        }
        job.fetch_failures.forget_reduce(attempt);
    }

    /// An attempt could not get what it needs. If that is anybody's fault, then rather its worker's, whose links may be bad, than the task's.
    fn give_up_attempt(&mut self, attempt: AttemptId, worker: WorkerId, reason: &str) {
        let Some(job) = self.jobs.get_mut(&attempt.task.job) else {
            return;
        };
        let task = job.task_mut(attempt.task);
        if task.is_some_and(|task| task.give_up(attempt.number)) {
            let reason = reason.to_owned();
            job.tally("NUM_KILLED", attempt.task.kind);
            job.history
                .end(attempt, Outcome::Killed { reason }, self.now);
            *job.blame.entry(worker).or_default() += 1;
        }
        job.fetch_failures.forget_reduce(attempt);
    }

    fn hear_fetch_failure(&mut self, worker: WorkerId, failure: &FetchFailure) {
        let (reduce, map) = (failure.reduce, failure.map);
        if map.task.job != reduce.task.job || map.task.kind != TaskKind::Map {
            return;
        }
        let limits = self.config.limits;
        let Some(job) = self.jobs.get_mut(&reduce.task.job) else {
            return;
        };
        let running = job.task_mut(reduce.task);
        let running = running.and_then(|task| task.attempts.get(&reduce.number));
        if running.is_none_or(|attempt| attempt.worker != worker) {
            return;
        }
        let winner = job.task_mut(map.task).and_then(|task| task.winner);
        let Some(winner) = winner else {
            return;
        };
        let shuffling = job.shuffling();
        if !job
            .fetch_failures
            .complain(failure, winner.number, shuffling)
        {
            return;
        }
        *job.blame.entry(winner.worker).or_default() += 1;
        self.lose_output(map, "reduces could not fetch its output");
        self.journal.add(&super::Record::Failed { attempt: map });
        let job = self.jobs.get_mut(&map.task.job);
        let Some(task) = job.and_then(|job| job.task_mut(map.task)) else {
            return;
        };
        task.failures += 1;
        if task.failures >= limits.attempts_max {
            let (id, count) = (map.task, task.failures);
            let reason = format!(
                "{id} failed {count} times; the last time, reduces could not fetch what {map} made on {}",
                winner.worker
            );
            self.fail_job(id.job, reason);
        }
    }

    /// Time has passed: workers that have been silent are lost, attempts whose time is over count no more.
    pub fn tick(&mut self, now: Time) {
        self.set_now(now);
        self.retry(now);
        let timeout = self.config.worker_timeout;
        let silent = self.workers.iter();
        let silent = silent.filter(|(_, worker)| now.since(worker.heard) > timeout);
        let silent: Vec<WorkerId> = silent.map(|(id, _)| *id).collect();
        for worker in silent {
            self.lose_worker(worker);
        }
        let mut over: Vec<(AttemptId, Expired)> = Vec::new();
        for job in self.jobs.values() {
            let limits = job.limits(self.config.limits);
            for kind in [TaskKind::Map, TaskKind::Reduce] {
                for (index, task) in job.tasks(kind).iter().enumerate() {
                    let id = job.task_id(kind, index);
                    let expired = task.expired(&limits, now).into_iter();
                    over.extend(expired.map(|e| {
                        let number = e.number;
                        (AttemptId { task: id, number }, e)
                    }));
                }
            }
        }
        for (attempt, expired) in over {
            if expired.stuck {
                let job = self.jobs.get(&attempt.task.job);
                let limits = job.map_or(self.config.limits, |job| job.limits(self.config.limits));
                let ms = limits.stuck.as_millis();
                let reason = format!(
                    "no sign of life for {ms} ms on {}: no record was read, none written ({TASK_TIMEOUT} allows more; 0: any time)",
                    expired.worker
                );
                self.fail_attempt(attempt, expired.worker, &reason);
            } else {
                self.kill_attempt(attempt, "its lease is over: no report names it");
            }
        }
    }

    /// A worker is taken for dead: its attempts count no more, and map outputs that only it has are to be made anew.
    fn lose_worker(&mut self, worker: WorkerId) {
        self.workers.remove(&worker);
        let jobs = self.jobs.values();
        let lost: Vec<_> = jobs.map(|job| job.lost_with(worker)).collect();
        for (attempts, outputs) in lost {
            for attempt in attempts {
                self.kill_attempt(attempt, "its worker was lost");
            }
            for output in outputs {
                self.lose_output(output, "its worker was lost, and its output with it");
            }
        }
    }
}

fn known_sequence(worker: Option<&Worker>) -> u64 {
    worker.map_or(0, |worker| worker.sequence)
}
