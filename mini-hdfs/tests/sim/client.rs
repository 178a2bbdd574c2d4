//! A client as a process: one operation after the other, drawn from its seed; what it was promised goes into the history.

mod close;
mod read;
mod write;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mini_hdfs::client::retry::{Backoff, CallFailure, Repeat};
use node::{Ctx, Event, Rng, Time};

use self::close::Closing;
use self::read::Reading;
use self::write::Writing;
use crate::cluster::Member;
use crate::history::{Known, Shared};
use crate::wire::{Connections, Message, NAMENODE, Request, Response, Timer};

/// How often it tells the NameNode that it lives, while it writes; see `lease_soft_limit` in `cluster`.
const RENEW_EVERY: Duration = Duration::from_secs(2);
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(100),
    longest: Duration::from_secs(2),
    deadline: Duration::from_secs(25),
};

/// Something that a client does.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Mkdir(String),
    Write {
        path: String,
        bytes: Arc<[u8]>,
        replication: u16,
    },
    Read(String),
    Rename {
        from: String,
        to: String,
    },
    Delete(String),
    SetReplication(String, u16),
    /// Has a file closed that somebody is writing, or was.
    Close(String),
}

enum Task {
    /// Between two operations.
    Idle,
    /// A single call, and what was known of the path before.
    Call(Operation, Option<Known>),
    Write(Box<Writing>),
    Read(Box<Reading>),
    Close(Box<Closing>),
}

/// The call that is under way.
struct Pending {
    id: u64,
    request: Request,
    repeat: Repeat,
    attempt: u32,
    began: Time,
}

pub(crate) struct ClientProcess {
    history: Shared,
    /// Operations still to begin.
    left: u64,
    /// Files are written with so many replicas at least.
    replication_min: u16,
    /// From then on, everything is read back.
    calm_at: Time,
    to_verify: Option<VecDeque<String>>,
    /// Has files closed that others are writing.
    meddles: bool,
    /// Files that cannot be closed, since faults have taken all of their last block.
    hopeless: BTreeSet<String>,
    /// Names this life of the client, and its directory.
    name: String,
    /// The holder of its leases. After a file was given up it takes another one, and that file's lease runs out.
    holder: String,
    holders: u64,
    files: u64,
    task: Task,
    pending: Option<Pending>,
    connections: Connections,
}

impl ClientProcess {
    pub(crate) fn new(
        history: Shared,
        operations: u64,
        replication_min: u16,
        meddles: bool,
        calm_at: Time,
    ) -> ClientProcess {
        ClientProcess {
            history,
            left: operations,
            replication_min,
            calm_at,
            to_verify: None,
            meddles,
            hopeless: BTreeSet::new(),
            name: String::new(),
            holder: String::new(),
            holders: 0,
            files: 0,
            task: Task::Idle,
            pending: None,
            connections: Connections::default(),
        }
    }

    pub(crate) fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        match event {
            Event::Start => {
                self.name = format!("client{}-{:04x}", ctx.id().0, ctx.rng.below(1 << 16));
                self.holder = format!("{}-0", self.name);
                ctx.set_timer(Timer::Renew, RENEW_EVERY);
                self.begin(Operation::Mkdir(self.directory()), ctx);
            }
            Event::Message {
                message: Message::Answer { id, result },
                ..
            } => {
                if self.pending.as_ref().is_some_and(|call| call.id == id) {
                    self.settle(result.map_err(CallFailure::Refused), ctx);
                }
            }
            Event::Message {
                from,
                message:
                    Message::Frame {
                        connection,
                        number,
                        frame,
                    },
            } => {
                let frames = self
                    .connections
                    .receive((connection, number), from, frame, ctx);
                for frame in frames {
                    match self.task {
                        Task::Write(_) => self.write_frame(connection, frame, ctx),
                        Task::Read(_) => self.read_frame(connection, frame, ctx),
                        Task::Idle | Task::Call(..) | Task::Close(_) => {}
                    }
                }
            }
            Event::Message { .. } => {}
            Event::Timer(Timer::Renew) => self.renew(ctx),
            Event::Timer(Timer::CallTimeout) => self.settle(Err(CallFailure::Unanswered), ctx),
            Event::Timer(Timer::Retry) => self.send_call(ctx),
            Event::Timer(Timer::Silence(connection)) => {
                self.connections.close(connection, ctx);
                let frame = crate::wire::Frame::Reset;
                match self.task {
                    Task::Write(_) => self.write_frame(connection, frame, ctx),
                    Task::Read(_) => self.read_frame(connection, frame, ctx),
                    Task::Idle | Task::Call(..) | Task::Close(_) => {}
                }
            }
            Event::Timer(Timer::Next) => self.next(ctx),
            Event::Timer(_) => {}
        }
    }

    fn renew(&mut self, ctx: &mut Ctx<'_, Member>) {
        ctx.set_timer(Timer::Renew, RENEW_EVERY);
        if matches!(self.task, Task::Write(_)) {
            let (id, request) = (ctx.rng.next_u64(), Request::RenewLease(self.holder.clone()));
            // Nobody waits for the answer.
            ctx.send(NAMENODE, Message::Call { id, request });
        }
    }

    fn directory(&self) -> String {
        format!("/{}", self.name)
    }

    // ---- operations

    fn next(&mut self, ctx: &mut Ctx<'_, Member>) {
        match &mut self.task {
            Task::Idle => {}
            // While a call is under way, its answer leads on.
            Task::Write(_) if self.pending.is_some() => return,
            Task::Write(_) => return self.write_on(ctx),
            Task::Read(_) => return self.after_pause(ctx),
            Task::Close(_) if self.pending.is_some() => return,
            Task::Close(_) => return self.close_on(ctx),
            Task::Call(..) => return,
        }
        if self.left > 0 {
            self.left -= 1;
            let operation = self.draw(ctx.rng);
            self.begin(operation, ctx);
        } else if ctx.now() < self.calm_at {
            let wait = self.calm_at.since(ctx.now()) + Duration::from_millis(1);
            ctx.set_timer(Timer::Next, wait);
        } else {
            self.verify(ctx);
        }
    }

    /// Has every file closed that was given up, then reads back every closed file, again and again until it can be read: those
    /// of its earlier lives too.
    fn verify(&mut self, ctx: &mut Ctx<'_, Member>) {
        let history = self.history.borrow();
        let prefix = format!("/client{}-", ctx.id().0);
        let mut open = history.open.keys();
        let open = open.find(|path| path.starts_with(&prefix) && !self.hopeless.contains(*path));
        if let Some(path) = open.cloned() {
            drop(history);
            return self.begin(Operation::Close(path), ctx);
        }
        let mine = history.closed_files().map(|(path, _)| path);
        let mine = mine.filter(|path| path.starts_with(&prefix));
        let to_verify = self
            .to_verify
            .get_or_insert_with(|| mine.cloned().collect());
        to_verify.retain(|path| history.closed_files().any(|(closed, _)| closed == path));
        let path = to_verify.front().cloned();
        drop(history);
        match path {
            Some(path) => self.begin(Operation::Read(path), ctx),
            None => {
                self.history.borrow_mut().finished.insert(ctx.id());
            }
        }
    }

    fn draw(&mut self, rng: &mut Rng) -> Operation {
        let prefix = format!("{}/", self.directory());
        let history = self.history.borrow();
        let closed: Vec<String> = history
            .closed_files()
            .map(|(path, _)| path.clone())
            .collect();
        let mine: Vec<String> = closed
            .iter()
            .filter(|path| path.starts_with(&prefix))
            .cloned()
            .collect();
        let open: Vec<String> = history.open.keys().cloned().collect();
        let readable: Vec<String> = closed.iter().chain(history.open.keys()).cloned().collect();
        drop(history);
        let fresh = |files: &mut u64| {
            *files += 1;
            format!("{prefix}f{files}")
        };
        let file = rng.choose(&mine).cloned();
        let own_open: Vec<&String> = open.iter().filter(|p| p.starts_with(&prefix)).collect();
        let given_up = rng.choose(&own_open).map(|path| (*path).clone());
        let given_up = given_up.filter(|_| rng.percent(50));
        let replication = 1 + u16::try_from(rng.below(3)).unwrap_or(0);
        match (rng.below(10), file) {
            (0, _) => Operation::Mkdir(format!("{prefix}d{}", rng.below(5))),
            (1, Some(from)) => Operation::Rename {
                from,
                to: fresh(&mut self.files),
            },
            // Files that it has given up, too.
            (2, Some(file)) => Operation::Delete(given_up.unwrap_or(file)),
            (3, Some(file)) => Operation::SetReplication(file, replication),
            // Others' files too, and those being written.
            (4 | 5, Some(file)) => Operation::Read(rng.choose(&readable).cloned().unwrap_or(file)),
            (6, _) if self.meddles && !open.is_empty() => {
                Operation::Close(rng.choose(&open).cloned().unwrap_or_default())
            }
            _ => {
                let len = [0, 1, 511, 512, 3000, 9000][rng.index(6)] + rng.index(600);
                let bytes: Vec<u8> = (0..len.div_ceil(8))
                    .flat_map(|_| rng.next_u64().to_le_bytes())
                    .take(len)
                    .collect();
                Operation::Write {
                    path: fresh(&mut self.files),
                    bytes: bytes.into(),
                    replication: replication.max(if rng.percent(70) {
                        2
                    } else {
                        self.replication_min
                    }),
                }
            }
        }
    }

    fn begin(&mut self, operation: Operation, ctx: &mut Ctx<'_, Member>) {
        let (request, repeat) = match operation.clone() {
            Operation::Mkdir(path) => (Request::Mkdirs(path), Repeat::Idempotent),
            Operation::Rename { from, to } => (Request::Rename { from, to }, Repeat::AtMostOnce),
            Operation::Delete(path) => (Request::Delete(path), Repeat::AtMostOnce),
            Operation::SetReplication(path, replication) => (
                Request::SetReplication(path, replication),
                Repeat::Idempotent,
            ),
            Operation::Write {
                path,
                bytes,
                replication,
            } => return self.begin_write(path, bytes, replication, ctx),
            Operation::Read(path) => return self.begin_read(path, ctx),
            Operation::Close(path) => return self.begin_close(path, ctx),
        };
        let before = self.under_way(&operation);
        self.task = Task::Call(operation, before);
        self.call(request, repeat, ctx);
    }

    /// Until it is answered, nobody knows what there is. Returns what was known before.
    fn under_way(&self, operation: &Operation) -> Option<Known> {
        let mut history = self.history.borrow_mut();
        let unknown = Known::Unknown;
        match operation {
            // Making one that is there changes nothing.
            Operation::Mkdir(path) if history.paths.contains_key(path) => None,
            Operation::Mkdir(path) => history.set(path, unknown),
            Operation::Delete(path) => {
                // Nobody is to take it for closed any more.
                history.open.remove(path);
                history.set(path, unknown)
            }
            Operation::Rename { from, to } => {
                history.set(to, unknown.clone());
                history.set(from, unknown)
            }
            Operation::SetReplication(path, _) => {
                history.set_replication(path, None);
                None
            }
            Operation::Read(_) | Operation::Write { .. } | Operation::Close(_) => None,
        }
    }

    /// A single call is over. Who was refused knows that nothing has happened; who was not answered knows nothing.
    fn over(
        &self,
        operation: Operation,
        before: Option<Known>,
        result: &Result<Response, CallFailure>,
    ) {
        let mut history = self.history.borrow_mut();
        let done = result.is_ok();
        if !done && !matches!(result, Err(CallFailure::Refused(_))) {
            return;
        }
        match (operation, before) {
            (Operation::Mkdir(path), _) if done => {
                history.set(&path, Known::Directory);
            }
            (Operation::Delete(path), _) if done => {
                history.set(&path, Known::Absent);
            }
            (Operation::Delete(path), Some(before)) => {
                history.set(&path, before);
            }
            (Operation::Rename { from, to }, Some(before)) => {
                let (left, moved) = if done {
                    (Known::Absent, before)
                } else {
                    (before, Known::Absent)
                };
                history.set(&from, left);
                history.set(&to, moved);
            }
            (Operation::SetReplication(path, replication), _) if done => {
                history.set_replication(&path, Some(replication));
            }
            _ => {}
        }
    }

    fn idle(&mut self, ctx: &mut Ctx<'_, Member>) {
        self.task = Task::Idle;
        let pause = Duration::from_micros(ctx.rng.below(600_000));
        ctx.set_timer(Timer::Next, pause);
    }

    // ---- calls

    fn call(&mut self, request: Request, repeat: Repeat, ctx: &mut Ctx<'_, Member>) {
        self.pending = Some(Pending {
            id: 0,
            request,
            repeat,
            attempt: 0,
            began: ctx.now(),
        });
        self.send_call(ctx);
    }

    fn send_call(&mut self, ctx: &mut Ctx<'_, Member>) {
        if let Some(call) = &mut self.pending {
            call.id = ctx.rng.next_u64();
            let (id, request) = (call.id, call.request.clone());
            ctx.send(NAMENODE, Message::Call { id, request });
            ctx.set_timer(Timer::CallTimeout, CALL_TIMEOUT);
        }
    }

    /// An attempt is over: another one, or its result.
    fn settle(&mut self, result: Result<Response, CallFailure>, ctx: &mut Ctx<'_, Member>) {
        ctx.cancel_timer(Timer::CallTimeout);
        let Some(mut call) = self.pending.take() else {
            return;
        };
        if let Err(failure) = &result {
            let elapsed = ctx.now().since(call.began);
            if let Some(pause) = BACKOFF.retry(call.repeat, failure, call.attempt, elapsed) {
                call.attempt += 1;
                call.id = 0;
                self.pending = Some(call);
                ctx.set_timer(Timer::Retry, pause);
                return;
            }
        }
        match std::mem::replace(&mut self.task, Task::Idle) {
            Task::Idle => {}
            Task::Call(operation, before) => {
                self.over(operation, before, &result);
                self.idle(ctx);
            }
            Task::Write(writing) => {
                self.task = Task::Write(writing);
                self.write_answered(result, ctx);
            }
            Task::Read(reading) => {
                self.task = Task::Read(reading);
                self.read_answered(result, ctx);
            }
            Task::Close(closing) => {
                self.task = Task::Close(closing);
                self.close_answered(result, ctx);
            }
        }
    }
}
