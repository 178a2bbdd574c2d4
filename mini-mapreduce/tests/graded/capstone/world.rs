//! Workers in virtual time that count words: what they do, what they say, and what gets lost on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mini_mapreduce::capstone::tracker::job_tracker;
use mini_mapreduce::capstone::{JobTracker, Order, ROUND, Report, State, Status};
use mini_mapreduce::protocol::{AttemptId, FetchFailure, TaskKind, WorkerId};
use node::{Rng, Time};

use super::judge::{Judge, name};

/// Words, as numbers, and how often they are there.
type Counts = BTreeMap<u32, u32>;

/// Something that a worker has under way, or that was not settled.
struct Held {
    state: State,
    /// The rounds that it takes still.
    left: u64,
    /// Of a reduce, the maps whose output it lacks.
    missing: BTreeSet<u32>,
    counts: Counts,
    failures: BTreeMap<AttemptId, u32>,
}

#[derive(Default)]
struct Worker {
    /// The number of its last report.
    number: u64,
    last: Report,
    held: BTreeMap<AttemptId, Held>,
    had: BTreeSet<AttemptId>,
    /// The outputs of maps on its disk.
    outputs: BTreeSet<AttemptId>,
    /// Nothing that it says arrives before, nor anything that it is told.
    cut_until: Time,
}

/// What is under way between workers and the tracker.
enum Message {
    Report(Report),
    Answer(Vec<Order>),
}

/// How rough it is, in percent.
#[derive(Clone, Copy, Default)]
struct Faults {
    lost: u32,
    doubled: u32,
    late_ms: u64,
    fails: u32,
}

pub(crate) struct World {
    tracker: Box<dyn JobTracker>,
    judge: Judge,
    rng: Rng,
    now: Time,
    maps: u32,
    reduces: u32,
    workers: BTreeMap<u64, Worker>,
    /// The highest id of a worker so far.
    started: u64,
    /// By when they arrive, and by when they were sent.
    under_way: BTreeMap<(Time, u64), (u64, Message)>,
    sent: u64,
    faults: Faults,
    /// What attempts at reduces have written.
    files: BTreeMap<AttemptId, Counts>,
    /// By partition.
    committed: BTreeMap<u32, AttemptId>,
}

/// The words of a split.
fn split(map: u32) -> impl Iterator<Item = u32> {
    (0..20).map(move |k| (map * 7 + k * k) % 13)
}

fn count(counts: &mut Counts, words: impl Iterator<Item = u32>) {
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
}

impl World {
    pub(crate) fn new(maps: u32, reduces: u32) -> World {
        World::seeded("this story", 1, maps, reduces)
    }

    fn seeded(title: &str, seed: u64, maps: u32, reduces: u32) -> World {
        let world = World {
            tracker: job_tracker(maps, reduces),
            judge: Judge::new(title.to_owned(), maps, reduces),
            rng: Rng::new(seed),
            now: Time::ZERO,
            maps,
            reduces,
            workers: BTreeMap::new(),
            started: 0,
            under_way: BTreeMap::new(),
            sent: 0,
            faults: Faults::default(),
            files: BTreeMap::new(),
            committed: BTreeMap::new(),
        };
        world.judge.look(&*world.tracker);
        world
    }

    /// What a worker has and was not told to keep or to drop.
    pub(crate) fn held(&self, worker: u64) -> Vec<AttemptId> {
        let worker = self.workers.get(&worker);
        worker.map_or(Vec::new(), |worker| worker.held.keys().copied().collect())
    }

    /// Time passes, and the tracker is told of each second.
    pub(crate) fn wait(&mut self, rounds: u32) {
        for _ in 0..rounds {
            self.now = self.now + ROUND;
            self.tracker.tick(self.now);
            self.judge.tick(self.now);
            self.judge.look(&*self.tracker);
        }
    }

    /// A worker reports, and hears the answer.
    pub(crate) fn beat(&mut self, worker: u64) {
        let answer = self.beat_unheard(worker);
        self.hear(worker, &answer);
    }

    /// A worker reports; what it returns is on its way.
    pub(crate) fn beat_unheard(&mut self, worker: u64) -> Vec<Order> {
        let report = self.report(worker);
        self.deliver(worker, &report)
    }

    /// The last report of a worker arrives once more.
    pub(crate) fn again(&mut self, worker: u64) {
        let report = self.workers.entry(worker).or_default().last.clone();
        self.deliver(worker, &report);
    }

    /// All that runs on a worker ends so. (No reduce is done before all maps are.)
    pub(crate) fn end(&mut self, worker: u64, state: State) {
        let all_made = (0..self.maps).all(|map| self.tracker.location(map).is_some());
        for attempt in self.held(worker) {
            if state != State::Done || all_made || attempt.task.kind == TaskKind::Map {
                self.end_one(worker, attempt, state);
            }
        }
    }

    /// All that runs of a kind ends so, everywhere.
    pub(crate) fn end_kind(&mut self, kind: TaskKind, state: State) {
        let workers: Vec<u64> = self.workers.keys().copied().collect();
        for worker in workers {
            for attempt in self.held(worker) {
                if attempt.task.kind == kind {
                    self.end_one(worker, attempt, state);
                }
            }
        }
    }

    fn end_one(&mut self, id: u64, attempt: AttemptId, state: State) {
        let worker = self.workers.entry(id).or_default();
        let Some(held) = worker.held.get_mut(&attempt) else {
            return;
        };
        held.state = state;
        if state != State::Done {
            return;
        }
        if attempt.task.kind == TaskKind::Map {
            worker.outputs.insert(attempt);
        } else {
            let mut counts = std::mem::take(&mut held.counts);
            // In a story nobody fetches: what is missing is there.
            for map in std::mem::take(&mut held.missing) {
                count(
                    &mut counts,
                    split(map).filter(|w| w % self.reduces == attempt.task.index),
                );
            }
            self.files.insert(attempt, counts);
        }
    }

    /// Each reduce on a worker has failed so often to fetch the output of a map that counts.
    pub(crate) fn cannot_fetch(&mut self, worker: u64, map: u32, total: u32) {
        let Some((attempt, _)) = self.tracker.location(map) else {
            panic!(
                "{}",
                self.judge.told(&format!("map {map} should have an output"))
            );
        };
        for held in self.workers.entry(worker).or_default().held.values_mut() {
            held.failures.insert(attempt, total);
        }
    }

    /// The workers report, are done and report again until the job is over.
    pub(crate) fn finish(&mut self, workers: &[u64]) {
        for _ in 0..50 {
            if self.tracker.status() != Status::Running {
                break;
            }
            for worker in workers {
                self.beat(*worker);
                self.end(*worker, State::Done);
            }
            self.wait(1);
        }
        self.check_output();
    }

    fn report(&mut self, id: u64) -> Report {
        let worker = self.workers.entry(id).or_default();
        worker.number += 1;
        let reduces = worker
            .held
            .iter()
            .filter(|(_, held)| held.state == State::Running);
        let failures = reduces.flat_map(|(reduce, held)| {
            let failure = |(map, failures): (&AttemptId, &u32)| FetchFailure {
                reduce: *reduce,
                map: *map,
                failures: *failures,
            };
            let is_reduce = reduce.task.kind == TaskKind::Reduce;
            held.failures.iter().filter(move |_| is_reduce).map(failure)
        });
        worker.last = Report {
            number: worker.number,
            attempts: worker
                .held
                .iter()
                .map(|(id, held)| (*id, held.state))
                .collect(),
            fetch_failures: failures.collect(),
        };
        worker.last.clone()
    }

    fn deliver(&mut self, worker: u64, report: &Report) -> Vec<Order> {
        let id = WorkerId(worker);
        let orders = self.tracker.heartbeat(id, report, self.now);
        self.judge.heartbeat(id, report, self.now, &orders);
        self.judge.look(&*self.tracker);
        for order in &orders {
            if let Order::Accept(attempt) = order
                && attempt.task.kind == TaskKind::Reduce
            {
                self.commit(*attempt);
            }
        }
        orders
    }

    /// What a reduce wrote becomes the output of its partition.
    fn commit(&mut self, attempt: AttemptId) {
        let before = self.committed.insert(attempt.task.index, attempt);
        assert_eq!(
            before.filter(|one| *one != attempt).map(name),
            None,
            "{}",
            self.judge.told(&format!(
                "the output of {} is committed, and on the left is whose was committed before (rule 3)",
                name(attempt)
            ))
        );
        assert!(
            self.files.contains_key(&attempt),
            "{}",
            self.judge.told(&format!(
                "the output of {} is committed, which has written none",
                name(attempt)
            ))
        );
    }

    fn hear(&mut self, id: u64, orders: &[Order]) {
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        for order in orders {
            match order {
                Order::Run(attempt) if worker.had.insert(*attempt) => {
                    let is_reduce = attempt.task.kind == TaskKind::Reduce;
                    let held = Held {
                        state: State::Running,
                        left: 1 + self.rng.below(8),
                        missing: (0..self.maps).filter(|_| is_reduce).collect(),
                        counts: Counts::new(),
                        failures: BTreeMap::new(),
                    };
                    worker.held.insert(*attempt, held);
                }
                Order::Run(_) => {}
                Order::Accept(attempt) => {
                    worker.held.remove(attempt);
                }
                Order::Kill(attempt) => {
                    worker.held.remove(attempt);
                    worker.outputs.remove(attempt);
                }
            }
        }
    }

    /// Where the job has succeeded, the output is that of a loop over all words.
    fn check_output(&self) {
        let Status::Succeeded(winners) = self.tracker.status() else {
            panic!(
                "{}",
                self.judge.told("by now the job should have succeeded")
            );
        };
        let committed: Vec<AttemptId> = self.committed.values().copied().collect();
        assert_eq!(
            winners.into_iter().map(name).collect::<Vec<_>>(),
            committed.iter().copied().map(name).collect::<Vec<_>>(),
            "{}",
            self.judge
                .told("on the left whose output is the job's, on the right whose was committed")
        );
        let mut counts = Counts::new();
        for attempt in committed {
            counts.extend(self.files[&attempt].clone());
        }
        let mut expected = Counts::new();
        count(&mut expected, (0..self.maps).flat_map(split));
        assert_eq!(
            counts,
            expected,
            "{}",
            self.judge
                .told("on the left what the job has counted, on the right what a loop counts")
        );
    }
}

/// What happens by itself.
impl World {
    /// A run from a seed: everything goes wrong for a while, and then nothing.
    pub(crate) fn run(seed: u64) {
        let mut rng = Rng::new(seed);
        let (maps, reduces) = (1 + rng.below(16), 1 + rng.below(4));
        let count = 1 + rng.below(4);
        let small = |n: u64| u32::try_from(n).unwrap();
        let title = format!("seed {seed:#x}");
        let mut world = World::seeded(&title, seed ^ 0x7ac4, small(maps), small(reduces));
        world.started = count;
        for worker in 1..=count {
            world.workers.insert(worker, Worker::default());
        }
        world.faults = Faults {
            lost: small(rng.below(15)),
            doubled: small(rng.below(15)),
            late_ms: rng.below(4000),
            fails: small(rng.below(5)),
        };
        let mut rounds_after = 0;
        for _ in 0..60 {
            world.something_bad();
            world.round();
            rounds_after += u32::from(world.tracker.status() != Status::Running);
            if rounds_after > 10 {
                break;
            }
        }
        world.faults = Faults::default();
        for worker in world.workers.values_mut() {
            worker.cut_until = world.now;
        }
        for _ in 0..200 {
            if world.tracker.status() != Status::Running {
                break;
            }
            world.round();
        }
        if !matches!(world.tracker.status(), Status::Failed(_)) {
            world.check_output();
        }
    }

    fn something_bad(&mut self) {
        let workers: Vec<u64> = self.workers.keys().copied().collect();
        let id = workers[self.rng.index(workers.len())];
        // Too short to be lost, or long enough.
        let rounds = [1 + self.rng.below(3), 5 + self.rng.below(20)][self.rng.index(2)];
        let rounds = u32::try_from(rounds).unwrap();
        let (now, what) = (self.now, self.rng.below(25));
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        match what {
            0 => {
                self.workers.remove(&id);
                self.started += 1;
                self.workers.insert(self.started, Worker::default());
            }
            1..=2 => worker.cut_until = now + ROUND * rounds,
            3 => worker.outputs.clear(),
            _ => {}
        }
    }

    /// A second: everybody works and reports; what is due arrives, in between.
    fn round(&mut self) {
        let ids: Vec<u64> = self.workers.keys().copied().collect();
        for id in ids {
            self.work(id);
            let report = self.report(id);
            self.send(id, || Message::Report(report.clone()));
        }
        let end = self.now + ROUND;
        while let Some(next) = self.under_way.first_entry() {
            if next.key().0 > end {
                break;
            }
            let ((at, _), (id, message)) = next.remove_entry();
            self.now = at;
            if self
                .workers
                .get(&id)
                .is_some_and(|worker| worker.cut_until > at)
            {
                continue;
            }
            match message {
                // What a worker said before it crashed may arrive after.
                Message::Report(report) => {
                    let orders = self.deliver(id, &report);
                    self.send(id, || Message::Answer(orders.clone()));
                }
                Message::Answer(orders) => self.hear(id, &orders),
            }
        }
        self.now = end;
        self.tracker.tick(end);
        self.judge.tick(end);
        self.judge.look(&*self.tracker);
    }

    fn send(&mut self, worker: u64, message: impl Fn() -> Message) {
        let faults = self.faults;
        let copies = if self.rng.percent(faults.lost) {
            0
        } else {
            1 + u32::from(self.rng.percent(faults.doubled))
        };
        for copy in 0..copies {
            // A copy may have been in a queue until its worker was lost, and longer.
            let late_ms = if copy == 0 {
                faults.late_ms
            } else {
                8 * faults.late_ms
            };
            let late = 1 + self.rng.below(late_ms + 100);
            let at = self.now + Duration::from_millis(late);
            self.sent += 1;
            self.under_way.insert((at, self.sent), (worker, message()));
        }
    }

    /// A round of what a worker has under way.
    fn work(&mut self, id: u64) {
        for attempt in self.held(id) {
            if attempt.task.kind == TaskKind::Reduce {
                self.fetch(id, attempt);
            }
            let fails = self.rng.percent(self.faults.fails);
            let Some(held) = self
                .workers
                .get_mut(&id)
                .and_then(|w| w.held.get_mut(&attempt))
            else {
                continue;
            };
            if held.state != State::Running {
                continue;
            }
            if fails {
                self.end_one(id, attempt, State::Failed);
                continue;
            }
            if held.missing.is_empty() {
                held.left = held.left.saturating_sub(1);
                if held.left == 0 {
                    self.end_one(id, attempt, State::Done);
                }
            }
        }
    }

    fn fetch(&mut self, id: u64, attempt: AttemptId) {
        let index = attempt.task.index;
        for map in 0..self.maps {
            let Some((made_by, on)) = self.tracker.location(map) else {
                continue;
            };
            let source = self.workers.get(&on.0);
            let is_there =
                source.is_some_and(|w| w.outputs.contains(&made_by) && w.cut_until <= self.now);
            let held = self
                .workers
                .get_mut(&id)
                .and_then(|w| w.held.get_mut(&attempt));
            let Some(held) = held.filter(|held| held.missing.contains(&map)) else {
                continue;
            };
            if is_there {
                held.missing.remove(&map);
                let words = split(made_by.task.index).filter(|word| word % self.reduces == index);
                count(&mut held.counts, words);
            } else {
                *held.failures.entry(made_by).or_default() += 1;
            }
        }
    }
}
