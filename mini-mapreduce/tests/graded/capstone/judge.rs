//! Hears what a tracker hears and sees what it answers; knows the rules, and nothing of its inside.

use std::collections::{BTreeMap, BTreeSet};

use mini_mapreduce::capstone::{
    FAILURES_MAX, FETCH_FAILURES_MAX, JOB, JobTracker, LEASE, MAP_SLOTS, Order, REDUCE_SLOTS,
    Report, State, Status,
};
use mini_mapreduce::protocol::{AttemptId, FetchFailure, TaskId, TaskKind, WorkerId};
use node::Time;

/// How many lines of its story a message tells.
const LINES: usize = 24;

/// `m3`, `r0`.
pub(crate) fn task_name(task: TaskId) -> String {
    format!("{}{}", task.kind.letter(), task.index)
}

/// `m3_0`: the first attempt at map 3.
pub(crate) fn name(attempt: AttemptId) -> String {
    format!("{}_{}", task_name(attempt.task), attempt.number)
}

fn word(order: &Order) -> String {
    match order {
        Order::Run(attempt) => format!("run {}", name(*attempt)),
        Order::Accept(attempt) => format!("accept {}", name(*attempt)),
        Order::Kill(attempt) => format!("kill {}", name(*attempt)),
    }
}

fn words(orders: &[Order]) -> Vec<String> {
    let mut words: Vec<String> = orders.iter().map(word).collect();
    words.sort();
    words
}

fn status_name(status: &Status) -> String {
    match status {
        Status::Running => "running".to_owned(),
        Status::Failed(task) => format!("failed, because of {}", task_name(*task)),
        Status::Succeeded(all) => {
            let all: Vec<String> = all.iter().copied().map(name).collect();
            format!("succeeded, with {}", all.join(", "))
        }
    }
}

fn place(at: Option<(AttemptId, WorkerId)>) -> String {
    at.map_or("nowhere".to_owned(), |(attempt, worker)| {
        format!("{} on w{}", name(attempt), worker.0)
    })
}

fn seconds(now: Time) -> String {
    format!("{:7.3} s", now.since(Time::ZERO).as_secs_f64())
}

/// An attempt that counts.
#[derive(Clone, Copy)]
struct Counting {
    number: u64,
    worker: WorkerId,
    named: Time,
}

#[derive(Default)]
struct Task {
    counting: Option<Counting>,
    output: Option<(u64, WorkerId)>,
    failures: u32,
    used: BTreeSet<u64>,
}

pub(crate) struct Judge {
    title: String,
    tasks: BTreeMap<TaskId, Task>,
    /// The number of the last report, and when it came.
    workers: BTreeMap<WorkerId, (u64, Time)>,
    totals: BTreeMap<(AttemptId, AttemptId), u32>,
    failed: Option<TaskId>,
    story: Vec<String>,
}

impl Judge {
    pub(crate) fn new(title: String, maps: u32, reduces: u32) -> Judge {
        let of = |kind, count| {
            (0..count).map(move |index| {
                let job = JOB;
                (TaskId { job, kind, index }, Task::default())
            })
        };
        Judge {
            title,
            tasks: of(TaskKind::Map, maps)
                .chain(of(TaskKind::Reduce, reduces))
                .collect(),
            workers: BTreeMap::new(),
            totals: BTreeMap::new(),
            failed: None,
            story: Vec::new(),
        }
    }

    fn tell(&mut self, line: String) {
        self.story.push(line);
    }

    /// A sentence, and what was said before.
    pub(crate) fn told(&self, sentence: &str) -> String {
        let last = &self.story[self.story.len().saturating_sub(LINES)..];
        let title = &self.title;
        format!(
            "{title}: {sentence}\nWhat was said before:\n  {}",
            last.join("\n  ")
        )
    }

    fn of_kind(&self, kind: TaskKind) -> impl Iterator<Item = (&TaskId, &Task)> {
        self.tasks.iter().filter(move |(id, _)| id.kind == kind)
    }

    fn are_done(&self, kind: TaskKind) -> bool {
        self.of_kind(kind).all(|(_, task)| task.output.is_some())
    }

    pub(crate) fn status(&self) -> Status {
        if let Some(task) = self.failed {
            return Status::Failed(task);
        }
        let reduces = self.of_kind(TaskKind::Reduce);
        let outputs = reduces.map(|(id, task)| {
            let (number, _) = task.output?;
            Some(AttemptId { task: *id, number })
        });
        let outputs: Option<Vec<AttemptId>> = outputs.collect();
        outputs.map_or(Status::Running, Status::Succeeded)
    }

    fn is_over(&self) -> bool {
        self.status() != Status::Running
    }

    /// Compares what the tracker shows with what it should.
    pub(crate) fn look(&self, tracker: &dyn JobTracker) {
        let (came, expected) = (tracker.status(), self.status());
        if came != expected {
            let sentence = format!(
                "status() is {}, and should be {} (rules 3, 7 and 8)",
                status_name(&came),
                status_name(&expected)
            );
            panic!("{}", self.told(&sentence));
        }
        for (id, task) in self.of_kind(TaskKind::Map) {
            let output = task.output.filter(|_| expected == Status::Running);
            let expected = output.map(|(number, worker)| (AttemptId { task: *id, number }, worker));
            let came = tracker.location(id.index);
            if came != expected {
                let sentence = format!(
                    "location({}) is {}, and should be {} (rules 3 and 6)",
                    id.index,
                    place(came),
                    place(expected)
                );
                panic!("{}", self.told(&sentence));
            }
        }
    }

    pub(crate) fn tick(&mut self, now: Time) {
        if self.is_over() {
            return;
        }
        let mut gone = Vec::new();
        for (id, task) in &mut self.tasks {
            let over = task.counting.take_if(|one| now.since(one.named) > LEASE);
            gone.extend(over.map(|one| (*id, one.number, "no report has named it")));
            let workers = &self.workers;
            let lost = |worker: &WorkerId| now.since(workers[worker].1) > LEASE;
            if id.kind == TaskKind::Map {
                let output = task.output.take_if(|(_, worker)| lost(worker));
                gone.extend(output.map(|one| (*id, one.0, "its worker has not reported")));
            }
        }
        for (task, number, why) in gone {
            let attempt = AttemptId { task, number };
            self.forget(attempt);
            let line = format!(
                "{}  tick: {} is gone, {why} for more than 10 s",
                seconds(now),
                name(attempt)
            );
            self.tell(line);
        }
    }

    fn forget(&mut self, attempt: AttemptId) {
        self.totals
            .retain(|(map, reduce), _| *map != attempt && *reduce != attempt);
    }

    /// A report, and what it was answered.
    pub(crate) fn heartbeat(
        &mut self,
        worker: WorkerId,
        report: &Report,
        now: Time,
        orders: &[Order],
    ) {
        self.tell_report(worker, report, now, orders);
        let last = self.workers.get(&worker).map_or(0, |known| known.0);
        if report.number <= last {
            assert_eq!(
                words(orders),
                Vec::<String>::new(),
                "{}",
                self.told(&format!(
                    "report {} of w{} is late, {last} came before: its answer is empty (rule 1)",
                    report.number, worker.0
                ))
            );
            return;
        }
        self.workers.insert(worker, (report.number, now));
        let mut expected = Vec::new();
        for (attempt, state) in &report.attempts {
            expected.extend(self.hear(worker, *attempt, *state, now));
        }
        let is_run = |order: &&Order| matches!(order, Order::Run(_));
        let (runs, answers): (Vec<&Order>, Vec<&Order>) = orders.iter().partition(is_run);
        let answers: Vec<Order> = answers.into_iter().copied().collect();
        assert_eq!(
            words(&answers),
            words(&expected),
            "{}",
            self.told("on the left the answers to what the last report names, on the right what rules 2 and 3 ask for")
        );
        for failure in &report.fetch_failures {
            self.hear_failure(worker, failure);
        }
        for order in runs {
            if let Order::Run(attempt) = order {
                self.run(worker, report, *attempt, now);
            }
        }
        self.look_for_idle_slots(worker);
    }

    fn tell_report(&mut self, worker: WorkerId, report: &Report, now: Time, orders: &[Order]) {
        let state = |state| match state {
            State::Running => "runs",
            State::Done => "is done",
            State::Failed => "has failed",
        };
        let attempts = report.attempts.iter();
        let mut said: Vec<String> = attempts
            .map(|(attempt, how)| format!("{} {}", name(*attempt), state(*how)))
            .collect();
        said.extend(report.fetch_failures.iter().map(|failure| {
            let (reduce, map) = (name(failure.reduce), name(failure.map));
            format!("{reduce} could not fetch {map} {} times", failure.failures)
        }));
        let (at, number, worker) = (seconds(now), report.number, worker.0);
        self.tell(format!(
            "{at}  w{worker}, report {number}: {}",
            said.join(", ")
        ));
        self.tell(format!("{:9}  -> {}", "", words(orders).join(", ")));
    }

    fn hear(
        &mut self,
        worker: WorkerId,
        attempt: AttemptId,
        state: State,
        now: Time,
    ) -> Option<Order> {
        let (status, is_map) = (self.status(), attempt.task.kind == TaskKind::Map);
        let kill = Some(Order::Kill(attempt));
        let task = self.tasks.get_mut(&attempt.task)?;
        let has_output = match status {
            Status::Running => true,
            Status::Succeeded(_) => !is_map,
            Status::Failed(_) => false,
        };
        if has_output && task.output == Some((attempt.number, worker)) && state == State::Done {
            return Some(Order::Accept(attempt));
        }
        let counting = task.counting.as_mut();
        let counting = counting.filter(|one| one.number == attempt.number && one.worker == worker);
        let Some(counting) = counting.filter(|_| status == Status::Running) else {
            return kill;
        };
        counting.named = now;
        match state {
            State::Running => return None,
            State::Done => task.output = Some((attempt.number, worker)),
            State::Failed => {
                task.failures += 1;
                if task.failures >= FAILURES_MAX {
                    self.failed = Some(attempt.task);
                }
            }
        }
        task.counting = None;
        self.forget(attempt);
        if state == State::Done {
            return Some(Order::Accept(attempt));
        }
        kill
    }

    fn hear_failure(&mut self, worker: WorkerId, failure: &FetchFailure) {
        let FetchFailure { reduce, map, .. } = *failure;
        let is_it = |one: &Counting| one.number == reduce.number && one.worker == worker;
        let task = self.tasks.get(&reduce.task);
        let counts = task.is_some_and(|task| task.counting.as_ref().is_some_and(is_it));
        let made = self.tasks.get(&map.task).and_then(|task| task.output);
        if !counts || made.is_none_or(|(number, _)| number != map.number) || self.is_over() {
            return;
        }
        let total = self.totals.entry((map, reduce)).or_default();
        *total = failure.failures.max(*total);
        let of_it = self.totals.iter().filter(|((one, _), _)| *one == map);
        let all: u32 = of_it.map(|(_, total)| total).sum();
        if all >= FETCH_FAILURES_MAX {
            self.tasks.entry(map.task).or_default().output = None;
            self.forget(map);
        }
    }

    fn run(&mut self, worker: WorkerId, report: &Report, attempt: AttemptId, now: Time) {
        let sentence =
            |what: &str| format!("w{} is told to run {}, {what}", worker.0, name(attempt));
        let broken = |what: &str| self.told(&sentence(what));
        assert!(
            !self.is_over(),
            "{}",
            broken("and the job is over (rule 4)")
        );
        let Some(task) = self.tasks.get(&attempt.task) else {
            panic!("{}", broken("of which task there is none (rule 4)"));
        };
        if let Some(one) = task.counting {
            let its_own = one.number == attempt.number && one.worker == worker;
            let what = format!(
                "while {}_{} on w{} counts (rule 4)",
                task_name(attempt.task),
                one.number,
                one.worker.0
            );
            assert!(its_own, "{}", broken(&what));
            let is_named = report.attempts.iter().any(|(named, _)| *named == attempt);
            assert!(!is_named, "{}", broken("which its report names (rule 4)"));
            return;
        }
        if let Some((number, on)) = task.output {
            let what = format!(
                "and {}_{number} on w{} has made its output (rule 4)",
                task_name(attempt.task),
                on.0
            );
            panic!("{}", broken(&what));
        }
        let is_new = !task.used.contains(&attempt.number);
        assert!(
            is_new,
            "{}",
            broken("a number that an attempt at it had before (rule 4)")
        );
        let (kind, slots) = (attempt.task.kind, slots(attempt.task.kind));
        let busy = self.busy(worker, kind);
        let what = format!("and {busy} {kind:?} attempts count there, of {slots} slots (rule 5)");
        assert!(busy < slots, "{}", broken(&what));
        let task = self.tasks.entry(attempt.task).or_default();
        task.used.insert(attempt.number);
        task.counting = Some(Counting {
            number: attempt.number,
            worker,
            named: now,
        });
    }

    fn busy(&self, worker: WorkerId, kind: TaskKind) -> usize {
        let counting = self.of_kind(kind).filter_map(|(_, task)| task.counting);
        counting.filter(|one| one.worker == worker).count()
    }

    fn look_for_idle_slots(&self, worker: WorkerId) {
        for kind in [TaskKind::Map, TaskKind::Reduce] {
            let may_wait = kind == TaskKind::Reduce && !self.are_done(TaskKind::Map);
            let (busy, slots) = (self.busy(worker, kind), slots(kind));
            if self.is_over() || may_wait || busy >= slots {
                continue;
            }
            let mut tasks = self.of_kind(kind);
            let waits = tasks.find(|(_, task)| task.counting.is_none() && task.output.is_none());
            if let Some((id, _)) = waits {
                let sentence = format!(
                    "{} waits, and w{} has {busy} {kind:?} attempts in {slots} slots after this answer (rule 5)",
                    task_name(*id),
                    worker.0
                );
                panic!("{}", self.told(&sentence));
            }
        }
    }
}

fn slots(kind: TaskKind) -> usize {
    match kind {
        TaskKind::Map => MAP_SLOTS,
        TaskKind::Reduce => REDUCE_SLOTS,
    }
}
