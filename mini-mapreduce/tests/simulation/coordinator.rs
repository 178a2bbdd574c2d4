//! The coordinator's core with its disk: what is decided is durable before anybody hears of it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use mini_mapreduce::coordinator::commit::{self, Step};
use mini_mapreduce::coordinator::{Action, Config, Coordinator};
use mini_mapreduce::protocol::{AttemptId, JobId, Order};
use node::{Ctx, Event, NodeId};

use crate::cluster::Member;
use crate::history::Shared;
use crate::wire::{Message, Timer};

const TICK: Duration = Duration::from_millis(100);
/// How long one step of a commit takes.
const STEP: Duration = Duration::from_millis(20);
const REOPEN: Duration = Duration::from_millis(500);

/// A commit under way.
struct Commit {
    output: String,
    winners: Vec<AttemptId>,
    steps: Option<VecDeque<Step>>,
}

/// The coordinator.
pub(crate) struct CoordinatorProcess {
    core: Option<Coordinator>,
    config: Config,
    commits: BTreeMap<JobId, Commit>,
    history: Shared,
}

impl CoordinatorProcess {
    pub(crate) fn new(config: Config, history: Shared) -> CoordinatorProcess {
        CoordinatorProcess {
            core: None,
            config,
            commits: BTreeMap::new(),
            history,
        }
    }

    pub(crate) fn core(&self) -> Option<&Coordinator> {
        self.core.as_ref()
    }

    pub(crate) fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        match event {
            Event::Start | Event::Timer(Timer::Reopen) => self.open(ctx),
            Event::Message { from, message } => {
                if let Some((to, answer)) = self.hear(from, message, ctx) {
                    self.settle(Some((to, answer)), ctx);
                }
            }
            Event::Timer(Timer::Tick) => {
                ctx.set_timer(Timer::Tick, TICK);
                if let Some(core) = &mut self.core {
                    core.tick(ctx.now());
                    self.settle(None, ctx);
                }
            }
            Event::Timer(Timer::Commit(job)) => self.commit(job, ctx),
            Event::Timer(_) => {}
        }
    }

    fn open(&mut self, ctx: &mut Ctx<'_, Member>) {
        self.commits.clear();
        let now = ctx.now();
        let Ok(core) = Coordinator::open(self.config.clone(), ctx.disk, now) else {
            // The machine crashes just now, or its disk is full.
            self.core = None;
            ctx.set_timer(Timer::Reopen, REOPEN);
            return;
        };
        if core.epoch() > 0 {
            self.history.borrow().count("coordinators restarted");
        }
        self.core = Some(core);
        ctx.set_timer(Timer::Tick, TICK);
        self.settle(None, ctx);
    }

    fn hear(
        &mut self,
        from: NodeId,
        message: Message,
        ctx: &Ctx<'_, Member>,
    ) -> Option<(NodeId, Message)> {
        let core = self.core.as_mut()?;
        let now = ctx.now();
        let answer = match message {
            Message::Submit(token, spec, splits) => {
                Message::Submitted(token, core.submit(token, spec, splits).unwrap())
            }
            Message::AskState(job) => Message::StateIs(job, core.job(job)?.state.clone()),
            Message::Register(registration) => {
                let worker = registration.worker.0;
                Message::Registered(worker, core.register(registration, now))
            }
            Message::Heartbeat(report) => match core.heartbeat(&report, now) {
                Ok(reply) => {
                    self.note(&reply.orders);
                    Message::Reply(report.worker.0, reply)
                }
                Err(unknown) => Message::Unknown(unknown.0.0),
            },
            _ => return None,
        };
        Some((from, answer))
    }

    fn note(&self, orders: &[Order]) {
        let core = self.core.as_ref().unwrap();
        for order in orders {
            if let Order::RunMap { attempt, .. } | Order::RunReduce { attempt, .. } = order {
                let job = core.job(attempt.task.job).unwrap();
                let task = &job.tasks(attempt.task.kind)[attempt.task.index as usize];
                if task.attempts.len() > 1 {
                    self.history.borrow().count("second attempts");
                }
            }
        }
    }

    /// What was decided becomes durable; then it is told, and acted upon.
    fn settle(&mut self, answer: Option<(NodeId, Message)>, ctx: &mut Ctx<'_, Member>) {
        let Some(core) = &mut self.core else {
            return;
        };
        if core.flush(ctx.disk).is_err() {
            // The process ends, and is started anew.
            self.core = None;
            ctx.cancel_timer(Timer::Tick);
            ctx.set_timer(Timer::Reopen, REOPEN);
            return;
        }
        if let Some((to, answer)) = answer {
            ctx.send(to, answer);
        }
        for action in core.take_actions() {
            match action {
                Action::Commit {
                    job,
                    output,
                    winners,
                } => {
                    let steps = None;
                    let commit = Commit {
                        output,
                        winners,
                        steps,
                    };
                    self.commits.insert(job, commit);
                    ctx.set_timer(Timer::Commit(job), STEP);
                }
                Action::Abort { output, .. } => {
                    let mut history = self.history.borrow_mut();
                    history.output(&output).remove_temporary();
                }
            }
        }
    }

    /// One step of a commit; the plan is made once, as a shell makes it.
    fn commit(&mut self, job: JobId, ctx: &mut Ctx<'_, Member>) {
        let (Some(core), Some(commit)) = (&mut self.core, self.commits.get_mut(&job)) else {
            return;
        };
        let mut history = self.history.borrow_mut();
        let output = history.output(&commit.output);
        let steps = match &mut commit.steps {
            Some(steps) => steps,
            None => {
                let is_resumed = !output.promoted.is_empty();
                let plan = match commit::plan(&commit.winners, &output.names()) {
                    Ok(plan) => plan,
                    Err(error) => panic!("{error}"),
                };
                if is_resumed && !plan.is_empty() {
                    history.count("commits resumed");
                }
                commit.steps.insert(plan.into())
            }
        };
        if let Some(step) = steps.pop_front() {
            history.output(&commit.output).carry_out(&step);
            ctx.set_timer(Timer::Commit(job), STEP);
            return;
        }
        drop(history);
        core.committed(job, Ok(()));
        self.commits.remove(&job);
        self.settle(None, ctx);
    }
}
