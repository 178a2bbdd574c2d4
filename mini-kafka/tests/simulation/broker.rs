//! The broker's cores with their disk, as `server/` has them: appends are answered once they may be, a sync takes its time while
//! others append, compaction writes without a lock, groups' records are on a log of theirs.

mod groups;
mod housekeeping;
mod requests;

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use mini_kafka::error::ErrorCode;
use mini_kafka::group::{AppendId, Coordinator, Ticket};
use mini_kafka::partition::{CleanResult, LogError, Partition, PendingSync};
use node::{Ctx, Disk, DiskErrorKind, Event, NodeId, Rng, Time};

use crate::cluster::{CALM_AT, Member, Topic};
use crate::history::{LogView, Shared, entries};
use crate::invariants::judge_log;
use crate::wire::{Answer, Correlation, Message, Timer};

/// How often the broker looks whether a sync is due by `flush.ms`.
const FLUSH_EVERY: Duration = Duration::from_millis(50);
/// How often it looks what is old.
const HOUSEKEEPING_EVERY: Duration = Duration::from_millis(200);

/// An answer that waits until all before `end` is durable.
struct Waiting {
    end: i64,
    to: NodeId,
    correlation: Correlation,
    answer: Answer,
}

/// A partition that is served.
struct Served {
    log: Partition,
    waiting: Vec<Waiting>,
    /// The sync that is under way, and whether the disk has done it, though nobody knows yet.
    syncing: Option<(PendingSync, bool)>,
}

/// The broker.
pub(crate) struct BrokerProcess {
    history: Shared,
    topics: Rc<Vec<Topic>>,
    /// By number; none while they cannot be opened.
    served: Vec<Served>,
    coordinator: Coordinator,
    tickets: BTreeMap<Ticket, (NodeId, Correlation)>,
    /// Groups' records that are in the log, or could not be put there, and the offset behind them.
    in_log: VecDeque<(AppendId, Result<i64, ErrorCode>)>,
    cleaning: Option<(usize, CleanResult)>,
    rng: Rng,
}

/// All that a log holds, as consumers see it.
pub(crate) fn read_log(log: &Partition, disk: &dyn Disk) -> Result<LogView, String> {
    let mut view = LogView {
        start: log.log_start_offset(),
        end: log.high_watermark(),
        entries: Vec::new(),
    };
    let mut offset = view.start;
    loop {
        let bytes = read(log, disk, offset, 4096).map_err(|error| error.to_string())?;
        if bytes.is_empty() {
            return Ok(view);
        }
        let (found, next) = entries(&bytes, offset)?;
        if next <= offset {
            return Err(format!("no whole batch at offset {offset}"));
        }
        view.entries.extend(found);
        offset = next;
    }
}

/// The bytes of a fetch.
fn read(
    log: &Partition,
    disk: &dyn Disk,
    offset: i64,
    max_bytes: u64,
) -> Result<Vec<u8>, LogError> {
    let slice = log.read(disk, offset, max_bytes)?;
    let len = usize::try_from(slice.len).unwrap_or(usize::MAX);
    Ok(disk.read_at(&slice.file, slice.position, len)?)
}

/// What came of a call that a crash may cut off, or a full disk: none then. No other error of the disk's may come.
fn unless_crashed<T>(result: Result<T, LogError>) -> Option<Result<T, LogError>> {
    match result {
        Err(LogError::Disk(error)) if error.kind == DiskErrorKind::Crashed => None,
        Err(error) if error.is_fatal() || matches!(error, LogError::Damaged { .. }) => {
            panic!("{error}")
        }
        other => Some(other),
    }
}

impl BrokerProcess {
    pub(crate) fn new(topics: Rc<Vec<Topic>>, history: Shared, rng: &mut Rng) -> BrokerProcess {
        let mut rng = rng.fork();
        BrokerProcess {
            history,
            topics,
            served: Vec::new(),
            coordinator: Coordinator::new(groups::config(), rng.fork()),
            tickets: BTreeMap::new(),
            in_log: VecDeque::new(),
            cleaning: None,
            rng,
        }
    }

    /// A partition's log, if it is open.
    pub(crate) fn partition(&self, partition: usize) -> Option<&Partition> {
        self.served.get(partition).map(|served| &served.log)
    }

    /// The coordinator.
    pub(crate) fn coordinator(&self) -> &Coordinator {
        &self.coordinator
    }

    pub(crate) fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        // Where it is none, the machine has crashed in the middle of it.
        let _ = match event {
            Event::Start => {
                self.flip_tails(ctx);
                self.open(ctx)
            }
            Event::Message { from, message } => match message {
                Message::Request(correlation, request) => {
                    self.request(from, correlation, request, ctx)
                }
                Message::Answer(..) => Some(()),
            },
            Event::Timer(timer) => self.ring(timer, ctx),
        };
    }

    fn ring(&mut self, timer: Timer, ctx: &mut Ctx<'_, Member>) -> Option<()> {
        match timer {
            Timer::Reopen => self.open(ctx),
            Timer::Flush => {
                ctx.set_timer(Timer::Flush, FLUSH_EVERY);
                for partition in 0..self.served.len() {
                    self.sync_if_due(partition, ctx)?;
                }
                Some(())
            }
            Timer::Synced(partition) => self.synced(partition, ctx),
            Timer::Housekeeping => {
                ctx.set_timer(Timer::Housekeeping, HOUSEKEEPING_EVERY);
                self.keep_house(ctx)
            }
            Timer::Cleaned => self.finish_cleaning(ctx),
            Timer::Groups => {
                let actions = self.coordinator.tick(ctx.now());
                self.carry_out(actions, ctx)
            }
            Timer::Client => Some(()),
        }
    }

    /// Opens all logs, and judges what is there. A disk that is full now may have room later.
    fn open(&mut self, ctx: &mut Ctx<'_, Member>) -> Option<()> {
        self.served.clear();
        for (partition, topic) in self.topics.clone().iter().enumerate() {
            let now = ctx.now();
            let opened = Partition::open(ctx.disk, &topic.name, topic.config(), now);
            let Ok((log, report)) = unless_crashed(opened)? else {
                self.served.clear();
                ctx.set_timer(Timer::Reopen, HOUSEKEEPING_EVERY);
                return Some(());
            };
            self.found(partition, &log, &*ctx.disk);
            if let Some(lost) = report.lost {
                panic!("{lost:?} is lost: {report}");
            }
            self.served.push(Served {
                log,
                waiting: Vec::new(),
                syncing: None,
            });
        }
        self.load_groups(ctx);
        ctx.set_timer(Timer::Flush, FLUSH_EVERY);
        ctx.set_timer(Timer::Housekeeping, HOUSEKEEPING_EVERY);
        self.wake_groups(ctx);
        Some(())
    }

    /// A log has been opened: what is in it is durable, and what is not is gone.
    fn found(&mut self, partition: usize, log: &Partition, disk: &dyn Disk) {
        let history = &mut *self.history.borrow_mut();
        let Some(past) = history.partitions.get_mut(partition) else {
            return;
        };
        let view = match read_log(log, disk) {
            Ok(view) => view,
            Err(text) => return history.find(crate::invariants::recovered::NAME, Err(text)),
        };
        // What was asked to be deleted when the machine crashed may be.
        past.written.split_off(&view.end);
        judge_log(history, partition, &view);
        let past = &mut history.partitions[partition];
        if past
            .written
            .keys()
            .next_back()
            .is_some_and(|last| *last >= past.synced)
        {
            *history.counts.entry("tails recovered").or_default() += 1;
        }
        past.synced = view.end;
        past.durable = Some(log.log().end());
    }

    /// Answers at once.
    fn answer(
        &self,
        to: NodeId,
        correlation: Correlation,
        answer: Answer,
        ctx: &mut Ctx<'_, Member>,
    ) {
        ctx.send(to, Message::Answer(correlation, answer));
    }

    /// Begins a sync, where one is due and none is under way. The disk does it now, or when it is about to be known: what is appended
    /// meanwhile is durable or not.
    fn sync_if_due(&mut self, partition: usize, ctx: &mut Ctx<'_, Member>) -> Option<()> {
        let served = &mut self.served[partition];
        if served.syncing.is_some() || !served.log.sync_due(ctx.now()) {
            return Some(());
        }
        let Some(pending) = served.log.begin_sync() else {
            return Some(());
        };
        let is_written = self.rng.percent(50);
        if is_written {
            unless_crashed(pending.write(ctx.disk).map_err(Into::into))?.ok()?;
        }
        served.syncing = Some((pending, is_written));
        let takes = Duration::from_micros(100 + self.rng.below(8_000));
        ctx.set_timer(Timer::Synced(partition), takes);
        Some(())
    }

    /// A sync has come to its end.
    fn synced(&mut self, partition: usize, ctx: &mut Ctx<'_, Member>) -> Option<()> {
        let Some(served) = self.served.get_mut(partition) else {
            return Some(());
        };
        let Some((pending, is_written)) = served.syncing.take() else {
            return Some(());
        };
        if ctx.now() < CALM_AT && self.rng.below(400) == 0 {
            self.history.borrow_mut().count("syncs failed");
            return self.restart_process(ctx);
        }
        if !is_written {
            unless_crashed(pending.write(ctx.disk).map_err(Into::into))?.ok()?;
        }
        served.log.end_sync(&pending);
        let durable = served.log.durable_end_offset();
        let (ready, waiting) = std::mem::take(&mut served.waiting)
            .into_iter()
            .partition(|waiting: &Waiting| waiting.end <= durable);
        served.waiting = waiting;
        if let Some(past) = self.history.borrow_mut().partitions.get_mut(partition) {
            past.synced = past.synced.max(durable);
            past.durable = Some(pending.end);
        }
        for Waiting {
            to,
            correlation,
            answer,
            ..
        } in ready
        {
            self.answer(to, correlation, answer, ctx);
        }
        self.settle_groups(ctx)?;
        self.sync_if_due(partition, ctx)
    }

    /// The process is gone, and comes back at once: the machine lives, so the disk has all that it was told. A sync that failed ends
    /// so too, since nobody may try it again.
    fn restart_process(&mut self, ctx: &mut Ctx<'_, Member>) -> Option<()> {
        self.history.borrow_mut().count("restarts");
        let (topics, history) = (self.topics.clone(), self.history.clone());
        *self = BrokerProcess::new(topics, history, &mut self.rng);
        self.open(ctx)
    }
}

/// The time, in the milliseconds of records.
fn now_ms(now: Time) -> i64 {
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
