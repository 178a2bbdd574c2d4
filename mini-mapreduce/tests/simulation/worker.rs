//! A worker's core, with tasks that take a while and map outputs that a crash takes away.

use std::collections::BTreeMap;
use std::time::Duration;

use mini_mapreduce::coordinator::commit::temporary_name;
use mini_mapreduce::counters::Counters;
use mini_mapreduce::job::JobSpec;
use mini_mapreduce::protocol::{
    AttemptId, AttemptState, MapEvent, Order, Registration, TaskKind, WorkerId,
};
use mini_mapreduce::worker::shuffle::Shuffle;
use mini_mapreduce::worker::{Action, Worker};
use node::{Ctx, Event, NodeId, Rng};

use crate::cluster::{CALM_AT, Member};
use crate::history::{File, Shared};
use crate::text::{Counts, merge};
use crate::wire::{COORDINATOR, Message, Timer, address_of, node_of};

const HEARTBEAT: Duration = Duration::from_millis(200);
const FETCH_TIMEOUT: Duration = Duration::from_millis(1500);
/// A map, and a reduce once it has all, work in so many steps.
const STEPS: u32 = 5;

/// What a worker is like, in all its lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nature {
    pub(crate) rack: u64,
    /// How long a step of a task takes.
    pub(crate) step: Duration,
    /// Whether tasks may fail or hang here, and segments be damaged.
    pub(crate) has_bad_luck: bool,
}

/// A task that runs.
struct Task {
    spec: JobSpec,
    steps_left: u32,
    /// Heartbeats name it, and nothing moves.
    is_stuck: bool,
    /// Signs of life.
    ticks: u64,
    shuffle: Shuffle,
    fetched: Counts,
}

/// The worker.
pub(crate) struct WorkerProcess {
    core: Worker,
    nature: Nature,
    is_registered: bool,
    tasks: BTreeMap<AttemptId, Task>,
    outputs: BTreeMap<AttemptId, Vec<Counts>>,
    history: Shared,
}

impl WorkerProcess {
    pub(crate) fn new(nature: Nature, history: Shared, rng: &mut Rng) -> WorkerProcess {
        WorkerProcess {
            core: Worker::new(WorkerId(rng.next_u64())),
            nature,
            is_registered: false,
            tasks: BTreeMap::new(),
            outputs: BTreeMap::new(),
            history,
        }
    }

    pub(crate) fn core(&self) -> &Worker {
        &self.core
    }

    pub(crate) fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        match event {
            Event::Start | Event::Timer(Timer::Heartbeat) => self.beat(ctx),
            Event::Timer(Timer::Work(attempt)) => self.work(attempt, ctx),
            Event::Timer(Timer::Fetch(reduce, map)) => self.fetch_failed(reduce, map, ctx),
            Event::Timer(_) => {}
            Event::Message { from, message } => self.hear(from, message, ctx),
        }
    }

    fn beat(&mut self, ctx: &mut Ctx<'_, Member>) {
        ctx.set_timer(Timer::Heartbeat, HEARTBEAT);
        let mut fetching = Vec::new();
        for (id, task) in &mut self.tasks {
            if id.task.kind == TaskKind::Reduce && !task.shuffle.is_complete() {
                fetching.push(*id);
                // A reduce that waits for maps is in no endless loop.
                task.ticks += u64::from(!task.is_stuck);
                self.core.alive(*id, task.ticks);
            }
        }
        for reduce in fetching {
            self.fetch(reduce, ctx);
        }
        let message = if self.is_registered {
            Message::Heartbeat(self.core.report())
        } else {
            Message::Register(Registration {
                worker: self.core.id(),
                address: address_of(ctx.id()),
                host: address_of(ctx.id()),
                rack: format!("/rack{}", self.nature.rack),
                map_slots: 2,
                reduce_slots: 1,
                outputs: self.core.outputs(),
            })
        };
        ctx.send(COORDINATOR, message);
    }

    fn hear(&mut self, from: NodeId, message: Message, ctx: &mut Ctx<'_, Member>) {
        let me = self.core.id().0;
        match message {
            // What an earlier life was told is nothing to this one.
            Message::Registered(worker, useless) if worker == me => {
                self.is_registered = true;
                let actions = self.core.registered(&useless);
                self.act(actions, ctx);
            }
            Message::Unknown(worker) if worker == me => self.is_registered = false,
            Message::Reply(worker, reply) if worker == me => {
                let accepted = reply.orders.iter().filter_map(|order| match order {
                    Order::Accept(attempt) => Some(*attempt),
                    _ => None,
                });
                self.history.borrow_mut().accepted.extend(accepted);
                for news in reply.events.values().flatten() {
                    if matches!(news, MapEvent::Lost { .. }) {
                        self.history.borrow().count("map outputs lost");
                    }
                }
                let actions = self.core.hear(reply);
                self.act(actions, ctx);
            }
            Message::Fetch { reduce, map } => self.serve(from, reduce, map, ctx),
            Message::Segment {
                reduce,
                map,
                counts,
            } => match counts {
                Some(counts) => self.fetched(reduce, map, &counts, ctx),
                None => self.fetch_failed(reduce, map, ctx),
            },
            _ => {}
        }
    }

    fn act(&mut self, actions: Vec<Action>, ctx: &mut Ctx<'_, Member>) {
        for action in actions {
            match action {
                Action::RunMap { attempt, spec, .. } => self.begin(attempt, spec, 0, ctx),
                Action::RunReduce {
                    attempt,
                    spec,
                    maps,
                } => self.begin(attempt, spec, maps, ctx),
                Action::News(job) => {
                    let running = self.tasks.keys().filter(|id| id.task.job == job);
                    let running: Vec<AttemptId> = running.copied().collect();
                    for attempt in running {
                        self.fetch(attempt, ctx);
                    }
                }
                Action::Remove(attempt) => self.remove(attempt),
                Action::Forget(job) => {
                    self.tasks.retain(|id, _| id.task.job != job);
                    self.outputs.retain(|id, _| id.task.job != job);
                }
            }
        }
    }

    fn begin(&mut self, id: AttemptId, spec: JobSpec, maps: u32, ctx: &mut Ctx<'_, Member>) {
        let mut history = self.history.borrow_mut();
        let troubled = self.nature.has_bad_luck && ctx.now() < CALM_AT && history.bad_luck > 0;
        let is_stuck = troubled && ctx.rng.percent(4);
        if is_stuck {
            history.bad_luck -= 1;
            history.count("tasks stuck");
            history.unlucky.insert(id);
        }
        drop(history);
        let task = Task {
            spec,
            steps_left: STEPS,
            is_stuck,
            ticks: 0,
            shuffle: Shuffle::new(maps),
            fetched: Counts::new(),
        };
        self.tasks.insert(id, task);
        match id.task.kind {
            TaskKind::Map => ctx.set_timer(Timer::Work(id), self.nature.step),
            TaskKind::Reduce => self.fetch(id, ctx),
        }
    }

    fn remove(&mut self, attempt: AttemptId) {
        let ran = self.tasks.remove(&attempt);
        self.outputs.remove(&attempt);
        let mut history = self.history.borrow_mut();
        if let Some(task) = ran {
            let output = history.output(&task.spec.output);
            output.files.remove(&temporary_name(attempt));
            history.count("late attempts");
        }
    }

    /// The next step of a map, or of a reduce that has all.
    fn work(&mut self, id: AttemptId, ctx: &mut Ctx<'_, Member>) {
        let Some(task) = self.tasks.get_mut(&id) else {
            return;
        };
        if task.is_stuck {
            return;
        }
        let mut history = self.history.borrow_mut();
        let troubled = self.nature.has_bad_luck && ctx.now() < CALM_AT && history.bad_luck > 0;
        if troubled && ctx.rng.percent(1) {
            history.bad_luck -= 1;
            history.count("tasks failed");
            history.unlucky.insert(id);
            let reason = "the mapper threw".to_owned();
            self.core.ended(id, AttemptState::Failed { reason });
            self.tasks.remove(&id);
            return;
        }
        drop(history);
        task.steps_left -= 1;
        let done = f64::from(STEPS - task.steps_left) / f64::from(STEPS);
        let progress = match id.task.kind {
            TaskKind::Map => done,
            TaskKind::Reduce => (2.0 + done) / 3.0,
        };
        task.ticks += 1;
        self.core.progress(id, progress, Counters::default());
        self.core.alive(id, task.ticks);
        if task.steps_left > 0 {
            ctx.set_timer(Timer::Work(id), self.nature.step);
        } else {
            self.finish(id);
        }
    }

    /// All is made. The task itself stays, so that what it made is removed where it comes too late.
    fn finish(&mut self, id: AttemptId) {
        let task = &self.tasks[&id];
        let mut history = self.history.borrow_mut();
        let token = task.spec.output.parse().unwrap();
        let text = &history.texts[&token];
        let counts = match id.task.kind {
            TaskKind::Map => {
                let partitions = text.map(id.task.index);
                let first = partitions[0].clone();
                self.outputs.insert(id, partitions);
                first
            }
            TaskKind::Reduce => task.fetched.clone(),
        };
        if id.task.kind == TaskKind::Reduce || text.reduces == 0 {
            let by = Some(id);
            let output = history.output(&task.spec.output);
            assert!(output.is_there, "{id} runs, and has nowhere to write");
            output.files.insert(temporary_name(id), File { by, counts });
        }
        drop(history);
        let mut counters = Counters::default();
        counters.task("TASKS", 1);
        self.core.ended(id, AttemptState::Done { counters });
    }

    fn fetch(&mut self, reduce: AttemptId, ctx: &mut Ctx<'_, Member>) {
        let Some(task) = self.tasks.get_mut(&reduce) else {
            return;
        };
        if reduce.task.kind == TaskKind::Map
            || task.shuffle.is_complete() && task.steps_left < STEPS
        {
            return;
        }
        task.shuffle.hear(self.core.events(reduce.task.job));
        for (map, address) in task.shuffle.begin(ctx.now()) {
            ctx.set_timer(Timer::Fetch(reduce, map), FETCH_TIMEOUT);
            ctx.send(node_of(&address), Message::Fetch { reduce, map });
        }
        if let Some((map, address)) = task.shuffle.hopeless() {
            let reason = format!("{map} on {address} cannot be fetched");
            self.core.ended(reduce, AttemptState::GivenUp { reason });
            self.tasks.remove(&reduce);
        } else if task.shuffle.is_complete() {
            ctx.set_timer(Timer::Work(reduce), self.nature.step);
        }
    }

    fn serve(&self, to: NodeId, reduce: AttemptId, map: AttemptId, ctx: &mut Ctx<'_, Member>) {
        let output = self.outputs.get(&map);
        let mut counts = output.map(|output| output[reduce.task.index as usize].clone());
        if self.nature.has_bad_luck && ctx.now() < CALM_AT && ctx.rng.percent(2) {
            self.history.borrow().count("damaged segments");
            counts = None;
        }
        ctx.send(
            to,
            Message::Segment {
                reduce,
                map,
                counts,
            },
        );
    }

    fn fetched(
        &mut self,
        reduce: AttemptId,
        map: AttemptId,
        counts: &Counts,
        ctx: &mut Ctx<'_, Member>,
    ) {
        ctx.cancel_timer(Timer::Fetch(reduce, map));
        let Some(task) = self.tasks.get_mut(&reduce) else {
            return;
        };
        let mut history = self.history.borrow_mut();
        let troubled = self.nature.has_bad_luck && ctx.now() < CALM_AT && history.bad_luck > 0;
        if troubled && ctx.rng.percent(1) {
            // The map's output is good, and this worker's disk is full: nobody is to complain of the map.
            history.bad_luck -= 1;
            history.count("disks full");
            history.unlucky.insert(reduce);
            let reason = "no space left on device".to_owned();
            self.core.ended(reduce, AttemptState::Failed { reason });
            self.tasks.remove(&reduce);
            return;
        }
        drop(history);
        if task.shuffle.fetched(map) {
            merge(&mut task.fetched, counts);
            let progress = task.shuffle.fraction() * 2.0 / 3.0;
            self.core.progress(reduce, progress, Counters::default());
            self.fetch(reduce, ctx);
        }
    }

    fn fetch_failed(&mut self, reduce: AttemptId, map: AttemptId, ctx: &mut Ctx<'_, Member>) {
        ctx.cancel_timer(Timer::Fetch(reduce, map));
        let Some(task) = self.tasks.get_mut(&reduce) else {
            return;
        };
        if task.shuffle.failed(map, ctx.now()) {
            self.history.borrow().count("fetches failed");
            self.core.fetch_failed(reduce, map);
            self.fetch(reduce, ctx);
        }
    }
}
