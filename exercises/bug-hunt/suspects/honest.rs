//! The honest NameNode. The suspects are this one with a function or two replaced: see the other files.
//! `cargo course stubs` makes `bug-hunt/src/suspects/*.rs` from them, without comments and with meaningless names.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node::{Ctx, Event, NodeId, Time};

use crate::member::{Member, NameNode};
use crate::message::{Message, Timer};
use crate::view::{File, FileId, Generation, REPLICATION, Registration, Replica};

const EDITS: &str = "edits";
const CHECK: Duration = Duration::from_millis(400);
/// A DataNode that was not heard for so long is dead.
const DEAD: Duration = Duration::from_millis(2_000);
/// Until a copy is ordered once more.
const COPYING: Duration = Duration::from_millis(2_500);

/// A registered DataNode.
struct Registered {
    who: Registration,
    /// The number of its last report: earlier ones that come later are old news.
    last: u64,
    heard: Time,
}

#[derive(Default)]
struct Master {
    files: BTreeMap<FileId, File>,
    alive: BTreeMap<NodeId, Registered>,
    /// Orders to erase a replica of this generation, since the DataNode registered. Never taken back: a DataNode may carry
    /// one out at any time, twice if the network repeats it, so it gets no new replica of that generation.
    doomed: BTreeSet<(NodeId, FileId, Generation)>,
    /// For each file, the survivors that were named when it was opened last, and to whom it is written.
    pipelines: BTreeMap<FileId, (Vec<NodeId>, Vec<NodeId>)>,
    /// When a copy was ordered last.
    copying_since: BTreeMap<FileId, Time>,
    /// What is not in the log on the disk yet.
    unsaved: String,
    /// Answers that wait for it.
    waiting: Vec<(NodeId, Message)>,
}

pub(super) fn new() -> Box<dyn NameNode> {
    Box::new(Master::default())
}

impl NameNode for Master {
    fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        match event {
            Event::Start => {
                self.recover(ctx);
                ctx.set_timer(Timer::Check, CHECK);
            }
            Event::Timer(Timer::Check) => {
                self.look_around(ctx);
                ctx.set_timer(Timer::Check, CHECK);
            }
            Event::Timer(Timer::Flush) => self.flush(ctx),
            Event::Timer(_) => {}
            Event::Message { from, message } => self.hear(from, message, ctx),
        }
    }

    fn files(&self) -> &BTreeMap<FileId, File> {
        &self.files
    }
}

impl Master {
    fn hear(&mut self, from: NodeId, message: Message, ctx: &mut Ctx<'_, Member>) {
        match message {
            Message::Open { file, survivors } => self.open(from, file, survivors, ctx),
            Message::Complete {
                file,
                generation,
                length,
            } => self.complete(from, file, generation, length, ctx),
            Message::Delete { file } => self.delete(from, file, ctx),
            Message::Register {
                registration,
                replicas,
            } => {
                if self.admit(from, registration, ctx) {
                    self.full_report(from, &replicas, ctx);
                }
            }
            Message::Heartbeat { registration } => self.heartbeat(from, registration, ctx),
            Message::Report {
                registration,
                number,
                replicas,
            } => {
                if self.is_news(from, registration, number) {
                    self.full_report(from, &replicas, ctx);
                }
            }
            Message::Received {
                registration,
                number,
                file,
                generation,
            } => {
                if self.is_news(from, registration, number) {
                    self.received(from, file, generation, ctx);
                }
            }
            Message::Erased {
                registration,
                number,
                file,
                generation,
            } => {
                if self.is_news(from, registration, number) {
                    self.erased(from, file, generation, ctx);
                }
            }
            _ => {}
        }
    }

    /// Adds to the log; it is on the disk only after [`Master::flush`].
    fn edit(&mut self, line: &str) {
        self.unsaved.push_str(line);
        self.unsaved.push('\n');
    }

    /// Answers once all edits until now are on the disk.
    fn answer(&mut self, to: NodeId, message: Message, ctx: &mut Ctx<'_, Member>) {
        if self.waiting.is_empty() {
            let soon = Duration::from_millis(5 + ctx.rng.below(350));
            ctx.set_timer(Timer::Flush, soon);
        }
        self.waiting.push((to, message));
    }

    /// Many edits, one sync.
    fn flush(&mut self, ctx: &mut Ctx<'_, Member>) {
        let bytes = std::mem::take(&mut self.unsaved);
        let written = ctx.disk.append(EDITS, bytes.as_bytes());
        let synced = written.and_then(|()| ctx.disk.sync(EDITS));
        if synced.and_then(|()| ctx.disk.sync_dir("")).is_err() {
            return;
        }
        for (to, message) in std::mem::take(&mut self.waiting) {
            ctx.send(to, message);
        }
    }

    fn recover(&mut self, ctx: &mut Ctx<'_, Member>) {
        let bytes = ctx.disk.read(EDITS).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        // A torn last line was never acknowledged.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if ctx.disk.exists(EDITS) && ctx.disk.truncate(EDITS, whole as u64).is_err() {
            return;
        }
        for line in text[..whole].lines() {
            self.replay(line);
        }
    }

    fn replay(&mut self, line: &str) {
        let mut words = line.split(' ');
        let verb = words.next().unwrap_or_default();
        let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let id = FileId(number());
        let stamp = Generation(number());
        let size = number();
        match verb {
            "o" => {
                let entry = self.files.entry(id).or_default();
                entry.generation = stamp;
                entry.closed = false;
            }
            "c" => {
                let entry = self.files.entry(id).or_default();
                entry.closed = true;
                entry.length = size;
            }
            _ => {
                self.files.remove(&id);
            }
        }
    }

    fn open(
        &mut self,
        from: NodeId,
        id: FileId,
        survivors: Vec<NodeId>,
        ctx: &mut Ctx<'_, Member>,
    ) {
        if self.is_repeated(id, &survivors) {
            self.opened(from, id, ctx);
            return;
        }
        let known = self.files.get(&id);
        let mut targets = if !survivors.is_empty() {
            survivors.clone()
        } else if known.is_some_and(|entry| entry.length > 0) {
            self.settled(id)
        } else {
            let mut all: Vec<NodeId> = self.alive.keys().copied().collect();
            ctx.rng.shuffle(&mut all);
            all.truncate(REPLICATION);
            all
        };
        targets.retain(|target| self.alive.contains_key(target));
        if targets.is_empty() {
            ctx.send(from, Message::Refused { file: id });
            return;
        }
        let entry = self.files.entry(id).or_default();
        entry.generation.0 += 1;
        entry.closed = false;
        // Nobody has the new generation yet.
        entry.replicas.clear();
        let stamp = entry.generation;
        self.pipelines.insert(id, (survivors, targets));
        self.edit(&format!("o {} {}", id.0, stamp.0));
        self.opened(from, id, ctx);
    }

    /// Whether the answer to this request is under way or lost: then it gets the same one.
    fn is_repeated(&self, id: FileId, survivors: &[NodeId]) -> bool {
        let open = self.files.get(&id).is_some_and(|entry| !entry.closed);
        let last = self.pipelines.get(&id);
        open && last.is_some_and(|(named, _)| named == survivors)
    }

    fn opened(&mut self, from: NodeId, id: FileId, ctx: &mut Ctx<'_, Member>) {
        if let Some(entry) = self.files.get(&id)
            && let Some((_, targets)) = self.pipelines.get(&id)
        {
            let opened = Message::Opened {
                file: id,
                generation: entry.generation,
                datanodes: targets.clone(),
            };
            self.answer(from, opened, ctx);
        }
    }

    fn complete(
        &mut self,
        from: NodeId,
        id: FileId,
        stamp: Generation,
        size: u32,
        ctx: &mut Ctx<'_, Member>,
    ) {
        let completed = Message::Completed {
            file: id,
            generation: stamp,
        };
        match self.files.get_mut(&id) {
            Some(entry) if entry.generation == stamp => {
                if entry.closed {
                    // Asked again. The edit may still be unsaved.
                    self.answer(from, completed, ctx);
                } else if !entry.replicas.is_empty() {
                    entry.closed = true;
                    entry.length = size;
                    self.edit(&format!("c {} {} {}", id.0, stamp.0, size));
                    self.answer(from, completed, ctx);
                    self.balance(id, ctx);
                }
            }
            _ => ctx.send(from, Message::Refused { file: id }),
        }
    }

    fn delete(&mut self, from: NodeId, id: FileId, ctx: &mut Ctx<'_, Member>) {
        // Its replicas go when they are reported next.
        if self.files.remove(&id).is_some() {
            self.edit(&format!("d {}", id.0));
        }
        self.answer(from, Message::Deleted { file: id }, ctx);
    }

    /// Whether a registration is new; then the DataNode's earlier one is forgotten.
    fn admit(&mut self, from: NodeId, who: Registration, ctx: &Ctx<'_, Member>) -> bool {
        if self.alive.get(&from).is_some_and(|old| old.who >= who) {
            return false;
        }
        self.forget(from);
        let heard = ctx.now();
        let last = 0;
        self.alive.insert(from, Registered { who, last, heard });
        true
    }

    fn forget(&mut self, gone: NodeId) {
        self.alive.remove(&gone);
        self.doomed.retain(|(at, _, _)| *at != gone);
        for entry in self.files.values_mut() {
            entry.replicas.remove(&gone);
        }
    }

    fn heartbeat(&mut self, from: NodeId, who: Registration, ctx: &mut Ctx<'_, Member>) {
        match self.alive.get_mut(&from) {
            Some(known) if known.who == who => known.heard = ctx.now(),
            Some(known) if known.who > who => {}
            _ => ctx.send(from, Message::RegisterAgain),
        }
    }

    fn is_news(&mut self, from: NodeId, who: Registration, number: u64) -> bool {
        match self.alive.get_mut(&from) {
            Some(known) if known.who == who && known.last < number => {
                known.last = number;
                true
            }
            _ => false,
        }
    }

    fn full_report(
        &mut self,
        from: NodeId,
        listed: &BTreeMap<FileId, Replica>,
        ctx: &mut Ctx<'_, Member>,
    ) {
        for (id, entry) in &mut self.files {
            let there = listed.get(id).map(|copy| copy.generation);
            if there == Some(entry.generation) {
                entry.replicas.insert(from);
            } else {
                entry.replicas.remove(&from);
            }
        }
        for (id, copy) in listed {
            let useless = match self.files.get(id) {
                // Deleted; but if that is not saved yet, a crash brings the file back.
                None => self.unsaved.is_empty(),
                Some(entry) => {
                    copy.generation < entry.generation
                        && entry.closed
                        && self.settled(*id).len() >= REPLICATION
                }
            };
            if useless {
                self.erase(from, *id, copy.generation, ctx);
            }
        }
        let all: Vec<FileId> = self.files.keys().copied().collect();
        for id in all {
            self.balance(id, ctx);
        }
    }

    fn received(&mut self, from: NodeId, id: FileId, stamp: Generation, ctx: &mut Ctx<'_, Member>) {
        if let Some(entry) = self.files.get_mut(&id)
            && entry.generation == stamp
        {
            entry.replicas.insert(from);
            self.balance(id, ctx);
        }
    }

    fn erased(&mut self, from: NodeId, id: FileId, stamp: Generation, ctx: &mut Ctx<'_, Member>) {
        if let Some(entry) = self.files.get_mut(&id)
            && entry.generation == stamp
        {
            entry.replicas.remove(&from);
            self.balance(id, ctx);
        }
    }

    fn look_around(&mut self, ctx: &mut Ctx<'_, Member>) {
        let is_dead = |known: &Registered| ctx.now().since(known.heard) > DEAD;
        let dead = self.alive.iter().filter(|(_, known)| is_dead(known));
        let dead: Vec<NodeId> = dead.map(|(at, _)| *at).collect();
        for gone in dead {
            self.forget(gone);
        }
        let all: Vec<FileId> = self.files.keys().copied().collect();
        for id in all {
            self.balance(id, ctx);
            self.remind(id, ctx);
        }
    }

    /// The replicas that will stay.
    fn settled(&self, id: FileId) -> Vec<NodeId> {
        let Some(entry) = self.files.get(&id) else {
            return Vec::new();
        };
        let stays = |at: &&NodeId| !self.doomed.contains(&(**at, id, entry.generation));
        entry.replicas.iter().filter(stays).copied().collect()
    }

    /// Too many replicas: some go. Too few: one is copied.
    fn balance(&mut self, id: FileId, ctx: &mut Ctx<'_, Member>) {
        let Some(entry) = self.files.get(&id).filter(|entry| entry.closed) else {
            return;
        };
        let stamp = entry.generation;
        let mut stay = self.settled(id);
        if stay.len() < REPLICATION {
            self.copy(id, ctx);
            return;
        }
        ctx.rng.shuffle(&mut stay);
        for surplus in stay.split_off(REPLICATION) {
            self.doomed.insert((surplus, id, stamp));
            self.erase(surplus, id, stamp, ctx);
        }
    }

    /// Orders may be lost.
    fn remind(&mut self, id: FileId, ctx: &mut Ctx<'_, Member>) {
        let stay = self.settled(id);
        let Some(entry) = self.files.get(&id).filter(|entry| entry.closed) else {
            return;
        };
        if stay.len() < REPLICATION {
            return;
        }
        let stamp = entry.generation;
        let doomed: Vec<NodeId> = entry.replicas.iter().copied().collect();
        for late in doomed.into_iter().filter(|at| !stay.contains(at)) {
            self.erase(late, id, stamp, ctx);
        }
    }

    fn copy(&mut self, id: FileId, ctx: &mut Ctx<'_, Member>) {
        let Some(entry) = self.files.get(&id) else {
            return;
        };
        let last = self.copying_since.get(&id);
        if last.is_some_and(|last| ctx.now().since(*last) < COPYING) {
            return;
        }
        let sources: Vec<NodeId> = entry.replicas.iter().copied().collect();
        let free = |at: &&NodeId| {
            !entry.replicas.contains(at) && !self.doomed.contains(&(**at, id, entry.generation))
        };
        let targets: Vec<NodeId> = self.alive.keys().filter(free).copied().collect();
        let source = ctx.rng.choose(&sources).copied();
        let target = ctx.rng.choose(&targets).copied();
        if let (Some(source), Some(to)) = (source, target)
            && let Some(known) = self.alive.get(&source)
        {
            let message = Message::Copy {
                registration: known.who,
                file: id,
                to,
            };
            ctx.send(source, message);
            self.copying_since.insert(id, ctx.now());
        }
    }

    fn erase(&self, at: NodeId, id: FileId, stamp: Generation, ctx: &mut Ctx<'_, Member>) {
        if let Some(known) = self.alive.get(&at) {
            let message = Message::Erase {
                registration: known.who,
                file: id,
                generation: stamp,
            };
            ctx.send(at, message);
        }
    }
}
