//! The coordinator's core with its disk: what is decided is durable before anybody hears of it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use mini_mapreduce::coordinator::commit::{self, Step};
use mini_mapreduce::coordinator::owed::ActionError;
use mini_mapreduce::coordinator::{Action, Config, Coordinator};
use mini_mapreduce::output::SUCCESS;
use mini_mapreduce::protocol::{AttemptId, JobId, Order};
use node::{Ctx, Event, NodeId};

use crate::cluster::{CALM_AT, Member};
use crate::history::Shared;
use crate::wire::{Message, Timer};

const TICK: Duration = Duration::from_millis(100);
/// How long one step of a commit takes.
const STEP: Duration = Duration::from_millis(20);
const REOPEN: Duration = Duration::from_millis(500);

/// A commit under way, or the removal of what one has left.
struct Commit {
    output: String,
    winners: Vec<AttemptId>,
    steps: Option<VecDeque<Step>>,
}

/// What came of a step.
enum Came {
    /// More is to be done.
    On,
    End(Result<(), ActionError>),
}

fn failed(reason: String, may_pass: bool) -> Came {
    Came::End(Err(ActionError { reason, may_pass }))
}

/// The coordinator.
pub(crate) struct CoordinatorProcess {
    core: Option<Coordinator>,
    config: Config,
    commits: BTreeMap<JobId, Commit>,
    /// Output directories that are being made.
    setups: BTreeMap<JobId, String>,
    has_bad_luck: bool,
    history: Shared,
}

impl CoordinatorProcess {
    /// With `has_bad_luck` the file system fails now and then, and somebody removes parts.
    pub(crate) fn new(config: Config, has_bad_luck: bool, history: Shared) -> CoordinatorProcess {
        CoordinatorProcess {
            core: None,
            config,
            commits: BTreeMap::new(),
            setups: BTreeMap::new(),
            has_bad_luck,
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
            Event::Timer(Timer::SetUp(job)) => self.set_up(job, ctx),
            Event::Timer(Timer::Commit(job)) => self.commit(job, ctx),
            Event::Timer(Timer::Abort(job)) => self.abort(job, ctx),
            Event::Timer(_) => {}
        }
    }

    fn open(&mut self, ctx: &mut Ctx<'_, Member>) {
        self.commits.clear();
        self.setups.clear();
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
                Action::SetUp { job, output, .. } => {
                    self.setups.insert(job, output);
                    ctx.set_timer(Timer::SetUp(job), STEP);
                }
                Action::Commit {
                    job,
                    output,
                    winners,
                } => self.begin(job, output, winners, Timer::Commit(job), ctx),
                Action::Abort {
                    job,
                    output,
                    winners,
                } => self.begin(job, output, winners, Timer::Abort(job), ctx),
            }
        }
    }

    fn begin(
        &mut self,
        job: JobId,
        output: String,
        winners: Vec<AttemptId>,
        timer: Timer,
        ctx: &mut Ctx<'_, Member>,
    ) {
        let commit = Commit {
            output,
            winners,
            steps: None,
        };
        self.commits.insert(job, commit);
        ctx.set_timer(timer, STEP);
    }

    fn set_up(&mut self, job: JobId, ctx: &mut Ctx<'_, Member>) {
        let (Some(core), Some(output)) = (&mut self.core, self.setups.remove(&job)) else {
            return;
        };
        self.history.borrow_mut().output(&output).is_there = true;
        core.set_up(job, Ok(()), ctx.now());
        self.settle(None, ctx);
    }

    /// One step of a commit; the plan is made once, as a shell makes it.
    fn commit(&mut self, job: JobId, ctx: &mut Ctx<'_, Member>) {
        match self.commit_step(job, ctx) {
            Came::On => ctx.set_timer(Timer::Commit(job), STEP),
            Came::End(result) => {
                if let (Some(core), Some(_)) = (&mut self.core, self.commits.remove(&job)) {
                    core.committed(job, result, ctx.now());
                    self.settle(None, ctx);
                }
            }
        }
    }

    fn commit_step(&mut self, job: JobId, ctx: &mut Ctx<'_, Member>) -> Came {
        let Some(commit) = self.commits.get_mut(&job) else {
            return Came::End(Ok(()));
        };
        let mut history = self.history.borrow_mut();
        let troubled = self.has_bad_luck && ctx.now() < CALM_AT;
        if troubled && ctx.rng.percent(8) {
            history.count("commits failed");
            return failed("the file system does not answer".to_owned(), true);
        }
        let is_resumed = !history.output(&commit.output).promoted.is_empty();
        let steps = match &mut commit.steps {
            Some(steps) => steps,
            None => {
                // More often where some parts are visible already.
                let is_whole = history.output(&commit.output).files.contains_key(SUCCESS);
                if troubled
                    && !is_whole
                    && ctx.rng.percent(if is_resumed { 20 } else { 1 })
                    && let Some(winner) = ctx.rng.choose(&commit.winners).copied()
                {
                    let output = history.output(&commit.output);
                    output.files.remove(&commit::temporary_name(winner));
                    output.files.remove(&commit::part_name(winner));
                    history.sabotaged.insert(job);
                    history.count(match is_resumed {
                        true => "commits given up in the middle",
                        false => "commits given up",
                    });
                }
                let output = history.output(&commit.output);
                let plan = match commit::plan(&commit.winners, &output.names()) {
                    Ok(plan) => plan,
                    Err(error) if history.sabotaged.contains(&job) => {
                        return failed(error.to_string(), false);
                    }
                    Err(error) => panic!("{error}"),
                };
                if is_resumed && !plan.is_empty() {
                    history.count("commits resumed");
                }
                commit.steps.insert(plan.into())
            }
        };
        match steps.pop_front() {
            Some(step) => {
                history.output(&commit.output).carry_out(&step);
                Came::On
            }
            None => Came::End(Ok(())),
        }
    }

    /// Removes one file of a commit that was given up, and at last all that attempts have left.
    fn abort(&mut self, job: JobId, ctx: &mut Ctx<'_, Member>) {
        let Some(commit) = self.commits.get(&job) else {
            return;
        };
        let mut history = self.history.borrow_mut();
        let output = history.output(&commit.output);
        let fails = self.has_bad_luck && ctx.now() < CALM_AT && ctx.rng.percent(10);
        let undone = commit::undo(&commit.winners, &output.names());
        let came = match undone.first() {
            _ if fails => failed("the file system does not answer".to_owned(), true),
            Some(file) => {
                output.files.remove(file);
                Came::On
            }
            None => {
                output.remove_temporary();
                Came::End(Ok(()))
            }
        };
        drop(history);
        match came {
            Came::On => ctx.set_timer(Timer::Abort(job), STEP),
            Came::End(result) => {
                self.commits.remove(&job);
                if let Some(core) = &mut self.core {
                    core.aborted(job, result, ctx.now());
                    self.settle(None, ctx);
                }
            }
        }
    }
}
