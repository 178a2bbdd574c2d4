//! A DataNode: keeps replicas, reports them, copies and erases as it is told.

use std::collections::BTreeMap;
use std::time::Duration;

use node::{Ctx, Disk, DiskError, Event, NodeId, Rng};

use crate::history::Shared;
use crate::member::{Member, NAMENODE};
use crate::message::{Message, Timer};
use crate::view::{FileId, Generation, OrderState, Registration, Replica};

const HEARTBEAT: Duration = Duration::from_millis(500);
const REPORT: Duration = Duration::from_millis(2_500);

/// See the module.
pub struct DataNode {
    history: Shared,
    registration: Registration,
    /// Reports of this registration so far.
    number: u64,
    replicas: BTreeMap<FileId, Replica>,
    /// What to erase soon, up to which generation.
    erasing: BTreeMap<FileId, Generation>,
    /// What is being copied to whom.
    copying: BTreeMap<(FileId, NodeId), Replica>,
}

impl DataNode {
    pub(crate) fn new(history: Shared) -> DataNode {
        DataNode {
            history,
            registration: 0,
            number: 0,
            replicas: BTreeMap::new(),
            erasing: BTreeMap::new(),
            copying: BTreeMap::new(),
        }
    }

    /// Its present registration.
    pub(crate) fn registration(&self) -> Registration {
        self.registration
    }

    pub(crate) fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        match event {
            Event::Start => {
                self.replicas = load(ctx.disk);
                self.register(ctx);
                ctx.set_timer(Timer::Heartbeat, HEARTBEAT);
                ctx.set_timer(Timer::Report, REPORT);
            }
            Event::Timer(timer) => self.ring(timer, ctx),
            Event::Message { from, message } => self.handle(from, &message, ctx),
        }
    }

    fn ring(&mut self, timer: Timer, ctx: &mut Ctx<'_, Member>) {
        match timer {
            Timer::Heartbeat => {
                let registration = self.registration;
                ctx.send(NAMENODE, Message::Heartbeat { registration });
                ctx.set_timer(Timer::Heartbeat, HEARTBEAT);
            }
            Timer::Report => {
                let (registration, number) = self.next_report();
                let replicas = self.replicas.clone();
                let report = Message::Report {
                    registration,
                    number,
                    replicas,
                };
                ctx.send(NAMENODE, report);
                ctx.set_timer(Timer::Report, REPORT);
            }
            Timer::Erase(file) => self.erase(file, ctx),
            Timer::Copy(file, to) => {
                if let Some(replica) = self.copying.remove(&(file, to)) {
                    ctx.send(to, Message::Transfer { file, replica });
                }
            }
            Timer::Check | Timer::Flush | Timer::Retry => {}
        }
    }

    fn handle(&mut self, from: NodeId, message: &Message, ctx: &mut Ctx<'_, Member>) {
        match *message {
            Message::Write { file, replica } => {
                let generation = replica.generation;
                if self.store(file, replica, ctx) {
                    ctx.send(from, Message::Written { file, generation });
                }
            }
            Message::Transfer { file, replica } => {
                self.store(file, replica, ctx);
            }
            Message::RegisterAgain => self.register(ctx),
            Message::Copy {
                registration,
                file,
                to,
            } if registration == self.registration => {
                if let Some(replica) = self.replicas.get(&file) {
                    self.copying.insert((file, to), *replica);
                    let soon = a_while(ctx.rng);
                    ctx.set_timer(Timer::Copy(file, to), soon);
                }
            }
            Message::Erase {
                registration,
                file,
                generation,
            } if registration == self.registration => {
                let most = self.erasing.entry(file).or_default();
                *most = generation.max(*most);
                let soon = a_while(ctx.rng);
                ctx.set_timer(Timer::Erase(file), soon);
            }
            _ => {}
        }
    }

    /// A new registration: orders for the last one are void.
    fn register(&mut self, ctx: &mut Ctx<'_, Member>) {
        self.registration = ctx.now().as_micros().max(self.registration + 1);
        self.number = 0;
        self.erasing.clear();
        let registration = self.registration;
        let replicas = self.replicas.clone();
        let register = Message::Register {
            registration,
            replicas,
        };
        ctx.send(NAMENODE, register);
    }

    fn next_report(&mut self) -> (Registration, u64) {
        self.number += 1;
        (self.registration, self.number)
    }

    /// Puts a replica on the disk unless there is a newer one; false where the disk failed or there is.
    fn store(&mut self, file: FileId, replica: Replica, ctx: &mut Ctx<'_, Member>) -> bool {
        let newest = self.replicas.get(&file).map(|old| old.generation);
        if newest.is_some_and(|newest| newest > replica.generation) {
            return false;
        }
        if save(ctx.disk, file, replica).is_err() {
            return false;
        }
        self.replicas.insert(file, replica);
        let (registration, number) = self.next_report();
        let received = Message::Received {
            registration,
            number,
            file,
            generation: replica.generation,
        };
        ctx.send(NAMENODE, received);
        true
    }

    fn erase(&mut self, file: FileId, ctx: &mut Ctx<'_, Member>) {
        let Some(most) = self.erasing.remove(&file) else {
            return;
        };
        let old = self.replicas.get(&file).map(|old| old.generation);
        let old = old.filter(|old| *old <= most);
        if old.is_some() && remove(ctx.disk, file).is_err() {
            return;
        }
        let state = old.map_or(OrderState::Void, |_| OrderState::Done);
        let mut history = self.history.borrow_mut();
        history.settle(ctx.id(), self.registration, file, most, state);
        drop(history);
        if let Some(generation) = old {
            self.replicas.remove(&file);
            let (registration, number) = self.next_report();
            let erased = Message::Erased {
                registration,
                number,
                file,
                generation,
            };
            ctx.send(NAMENODE, erased);
        }
    }
}

/// Copying and erasing are slow on a busy disk.
fn a_while(rng: &mut Rng) -> Duration {
    Duration::from_millis(50 + rng.below(1_000))
}

/// Each replica is a file, written aside and renamed, so that it is there whole or not at all.
fn save(disk: &mut dyn Disk, file: FileId, replica: Replica) -> Result<(), DiskError> {
    let name = file.to_string();
    let text = format!("{} {}", replica.generation.0, replica.length);
    let _ = disk.remove("tmp");
    disk.append("tmp", text.as_bytes())?;
    disk.sync("tmp")?;
    disk.rename("tmp", &name)?;
    disk.sync_dir("")
}

fn remove(disk: &mut dyn Disk, file: FileId) -> Result<(), DiskError> {
    disk.remove(&file.to_string())?;
    disk.sync_dir("")
}

fn load(disk: &dyn Disk) -> BTreeMap<FileId, Replica> {
    let names = disk.list("").unwrap_or_default();
    let replicas = names.iter().filter_map(|name| {
        let bytes = disk.read(name).ok()?;
        parse(name, &bytes)
    });
    replicas.collect()
}

/// A replica from its file; none where the name is not that of one.
pub(crate) fn parse(name: &str, bytes: &[u8]) -> Option<(FileId, Replica)> {
    let file = FileId(name.strip_prefix('f')?.parse().ok()?);
    let (generation, length) = std::str::from_utf8(bytes).ok()?.split_once(' ')?;
    let replica = Replica {
        generation: Generation(generation.parse().ok()?),
        length: length.parse().ok()?,
    };
    Some((file, replica))
}
