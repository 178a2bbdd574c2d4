//! The world: nodes, their disks, the network between them, and a clock that jumps from event to event.

mod inject;
mod seen;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use node::{Ctx, Effect, Event, Node, NodeId, Rng, Time};

use crate::disk::SimDisk;
use crate::fault::{Fault, Timed};
use crate::network::{Fate, Network};
use crate::trace::{Trace, What};

/// How long an [`Effect::Sync`] takes at least and at most, in microseconds: between a good SSD and a tired disk.
const SYNC_US: (u64, u64) = (100, 10_000);

/// Something that will happen.
enum Due<N: Node> {
    Start(NodeId),
    Deliver {
        from: NodeId,
        to: NodeId,
        id: u64,
        message: N::Message,
    },
    Timer {
        node: NodeId,
        timer: N::Timer,
        /// Which setting of the timer this is: void if another came after it.
        set: u64,
    },
    Synced {
        node: NodeId,
        life: u32,
        sync: u64,
        mark: u64,
    },
    Fault(Fault),
}

impl<N: Node> Due<N> {
    /// The node that it happens to; it waits while that one is paused.
    fn node(&self) -> Option<NodeId> {
        match self {
            Due::Start(node) | Due::Timer { node, .. } | Due::Synced { node, .. } => Some(*node),
            Due::Deliver { to, .. } => Some(*to),
            Due::Fault(_) => None,
        }
    }
}

/// A message that waits for a sync.
struct Waiting<M> {
    sync: u64,
    to: NodeId,
    message: M,
}

/// One node with all that surrounds it.
struct Process<N: Node> {
    name: String,
    /// None while it is down.
    node: Option<N>,
    disk: SimDisk,
    rng: Rng,
    life: u32,
    /// What has happened to it while it was paused; none while it is not.
    paused: Option<VecDeque<Due<N>>>,
    timers: BTreeMap<N::Timer, u64>,
    outbox: VecDeque<Waiting<N::Message>>,
    syncs_asked: u64,
    syncs_done: u64,
    /// When the disk has finished the syncs asked so far: it does one after the other.
    disk_free_at: Time,
    /// Crash after this many more effects.
    fuse: Option<u32>,
}

/// Makes a node, at its first start and at each restart.
type Factory<N> = Box<dyn FnMut(NodeId, &mut Rng) -> N>;

/// A simulated world of nodes of one type (a system with several roles makes it an enum).
pub struct World<N: Node> {
    now: Time,
    /// By time, then in the order of scheduling.
    queue: BTreeMap<(Time, u64), Due<N>>,
    /// Numbers everything that needs a number.
    sequence: u64,
    processes: BTreeMap<NodeId, Process<N>>,
    network: Network,
    /// For disks: how long they take, what they lose.
    disk_rng: Rng,
    node_rng: Rng,
    factory: Factory<N>,
    trace: Trace,
    /// The sort of a message, for the trace; empty where none is known.
    label: fn(&N::Message) -> &'static str,
    events: u64,
}

impl<N: Node> World<N> {
    /// An empty world at time zero. All its luck follows from `rng`.
    pub fn new(mut rng: Rng, factory: impl FnMut(NodeId, &mut Rng) -> N + 'static) -> World<N> {
        World {
            now: Time::ZERO,
            queue: BTreeMap::new(),
            sequence: 0,
            processes: BTreeMap::new(),
            network: Network::new(rng.fork()),
            disk_rng: rng.fork(),
            node_rng: rng.fork(),
            factory: Box::new(factory),
            trace: Trace::off(),
            label: |_| "",
            events: 0,
        }
    }

    /// Adds a node with an empty disk, which starts now. Ids count from 0.
    pub fn add_node(&mut self, name: &str) -> NodeId {
        let id = NodeId(u32::try_from(self.processes.len()).unwrap_or(u32::MAX));
        let process = Process {
            name: name.to_owned(),
            node: None,
            disk: SimDisk::default(),
            rng: self.node_rng.fork(),
            life: 0,
            paused: None,
            timers: BTreeMap::new(),
            outbox: VecDeque::new(),
            syncs_asked: 0,
            syncs_done: 0,
            disk_free_at: Time::ZERO,
            fuse: None,
        };
        self.processes.insert(id, process);
        self.schedule(Duration::ZERO, Due::Start(id));
        id
    }

    /// Adds faults to what will happen.
    pub fn add_faults(&mut self, schedule: &[Timed]) {
        for timed in schedule {
            let after = Time::from_micros(timed.at_us).since(self.now);
            self.schedule(after, Due::Fault(timed.fault.clone()));
        }
    }

    /// Records what happens from now on in `trace`.
    pub fn set_trace(&mut self, trace: Trace) {
        self.trace = trace;
    }

    /// Tells in the trace what sort of message each is, in a word or two; empty where there is none.
    pub fn set_label(&mut self, label: fn(&N::Message) -> &'static str) {
        self.label = label;
    }

    /// Where this world records what happens.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The present.
    pub fn now(&self) -> Time {
        self.now
    }

    /// How many events have happened.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// When the next event happens, if any will.
    pub fn next_event(&self) -> Option<Time> {
        self.queue.first_key_value().map(|((time, _), _)| *time)
    }

    /// All nodes, down ones too.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> {
        self.processes.keys().copied()
    }

    /// What a node was called when it was added.
    pub fn name(&self, id: NodeId) -> Option<&str> {
        Some(self.processes.get(&id)?.name.as_str())
    }

    /// A node, if it is up (a paused one is).
    pub fn node(&self, id: NodeId) -> Option<&N> {
        self.processes.get(&id)?.node.as_ref()
    }

    /// The nodes that are up.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &N)> {
        let all = self.processes.iter();
        all.filter_map(|(id, process)| Some((*id, process.node.as_ref()?)))
    }

    /// A node's disk, whether the node is up or not.
    pub fn disk(&self, id: NodeId) -> Option<&SimDisk> {
        self.processes.get(&id).map(|process| &process.disk)
    }

    /// Whether the node is paused.
    pub fn is_paused(&self, id: NodeId) -> bool {
        let process = self.processes.get(&id);
        process.is_some_and(|process| process.paused.is_some())
    }

    /// Counts the starts of a node: 0 before the first.
    pub fn life(&self, id: NodeId) -> u32 {
        self.processes.get(&id).map_or(0, |process| process.life)
    }

    /// Lets the next event happen; false if there is none.
    pub fn step(&mut self) -> bool {
        let Some(((time, _), due)) = self.queue.pop_first() else {
            return false;
        };
        self.now = time;
        self.events += 1;
        self.happen(due);
        true
    }

    /// Lets everything happen that happens until `time`, which is then the present.
    pub fn run_until(&mut self, time: Time) {
        while self.next_event().is_some_and(|next| next <= time) {
            self.step();
        }
        self.now = self.now.max(time);
    }

    fn schedule(&mut self, after: Duration, due: Due<N>) {
        self.schedule_at(self.now + after, due);
    }

    fn schedule_at(&mut self, at: Time, due: Due<N>) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), due);
    }

    fn happen(&mut self, due: Due<N>) {
        let process = due.node().and_then(|id| self.processes.get_mut(&id));
        if let Some(waiting) = process.and_then(|process| process.paused.as_mut()) {
            waiting.push_back(due);
            return;
        }
        match due {
            Due::Start(id) => self.start(id),
            Due::Deliver {
                from,
                to,
                id,
                message,
            } => self.deliver(from, to, id, message),
            Due::Timer { node, timer, set } => self.ring(node, timer, set),
            Due::Synced {
                node,
                life,
                sync,
                mark,
            } => self.synced(node, life, sync, mark),
            Due::Fault(fault) => self.inject(&fault),
        }
    }

    fn start(&mut self, id: NodeId) {
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        if process.node.is_some() {
            return;
        }
        process.life += 1;
        process.node = Some((self.factory)(id, &mut process.rng));
        let (name, life) = (&process.name, process.life);
        self.trace.add(self.now, || What::Start {
            node: id,
            name: name.clone(),
            life,
        });
        self.drive(id, Event::Start);
    }

    fn deliver(&mut self, from: NodeId, to: NodeId, id: u64, message: N::Message) {
        let lost = if self.network.is_cut(from, to) {
            Some("cut")
        } else if self.node(to).is_none() {
            Some("down")
        } else {
            None
        };
        if let Some(reason) = lost {
            self.lose(from, to, id, reason);
            return;
        }
        let delivered = What::Deliver {
            from,
            to,
            message: id,
        };
        self.trace.add(self.now, || delivered);
        self.drive(to, Event::Message { from, message });
    }

    fn lose(&self, from: NodeId, to: NodeId, message: u64, reason: &str) {
        self.trace.add(self.now, || What::Lose {
            from,
            to,
            message,
            text: reason.to_owned(),
        });
    }

    fn ring(&mut self, id: NodeId, timer: N::Timer, set: u64) {
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        // Crashing, cancelling and setting again all void what was set before.
        if process.timers.get(&timer) != Some(&set) {
            return;
        }
        process.timers.remove(&timer);
        self.trace.add(self.now, || What::Timer {
            node: id,
            text: format!("{timer:?}"),
        });
        self.drive(id, Event::Timer(timer));
    }

    fn synced(&mut self, id: NodeId, life: u32, sync: u64, mark: u64) {
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        if process.life != life || process.node.is_none() {
            return;
        }
        process.disk.commit(mark);
        process.syncs_done = sync;
        self.trace.add(self.now, || What::Synced { node: id, sync });
        while let Some(waiting) = self.next_to_leave(id) {
            self.transmit(id, waiting.to, &waiting.message);
            if self.burn(id) {
                return;
            }
        }
    }

    fn next_to_leave(&mut self, id: NodeId) -> Option<Waiting<N::Message>> {
        let process = self.processes.get_mut(&id)?;
        let front = process.outbox.front()?;
        if front.sync > process.syncs_done {
            return None;
        }
        process.outbox.pop_front()
    }

    /// One step of a node, and its effects.
    fn drive(&mut self, id: NodeId, event: Event<N::Message, N::Timer>) {
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        let Some(node) = process.node.as_mut() else {
            return;
        };
        let mut ctx = Ctx::new(id, self.now, &mut process.rng, &mut process.disk);
        node.step(event, &mut ctx);
        let effects = ctx.into_effects();
        if process.disk.is_crashed() {
            self.crash(id, "at a disk call");
            return;
        }
        for effect in effects {
            if self.perform(id, effect) && self.burn(id) {
                return;
            }
        }
    }

    /// Carries out an effect; false if it must wait for a sync.
    fn perform(&mut self, id: NodeId, effect: Effect<N::Message, N::Timer>) -> bool {
        self.sequence += 1;
        let set = self.sequence;
        let Some(process) = self.processes.get_mut(&id) else {
            return true;
        };
        match effect {
            Effect::Send { to, message } => {
                let sync = process.syncs_asked;
                if sync > process.syncs_done {
                    let waiting = Waiting { sync, to, message };
                    process.outbox.push_back(waiting);
                    return false;
                }
                self.transmit(id, to, &message);
            }
            Effect::SetTimer { timer, after } => {
                process.timers.insert(timer.clone(), set);
                let due = Due::Timer {
                    node: id,
                    timer,
                    set,
                };
                self.schedule(after, due);
            }
            Effect::CancelTimer { timer } => {
                process.timers.remove(&timer);
            }
            Effect::Sync => {
                process.syncs_asked += 1;
                let (sync, life, mark) = (process.syncs_asked, process.life, process.disk.mark());
                let (least, most) = SYNC_US;
                let takes = Duration::from_micros(least + self.disk_rng.below(most - least));
                let done_at = process.disk_free_at.max(self.now) + takes;
                process.disk_free_at = done_at;
                let due = Due::Synced {
                    node: id,
                    life,
                    sync,
                    mark,
                };
                self.schedule_at(done_at, due);
                self.trace.add(self.now, || What::Sync { node: id, sync });
            }
        }
        true
    }

    fn transmit(&mut self, from: NodeId, to: NodeId, message: &N::Message) {
        self.sequence += 1;
        let id = self.sequence;
        let label = self.label;
        self.trace.add(self.now, || What::Send {
            from,
            to,
            message: id,
            text: format!("{message:?}"),
            label: Some(label(message).to_owned()).filter(|label| !label.is_empty()),
        });
        match self.network.send(from, to, self.now) {
            Fate::Lost(reason) => self.lose(from, to, id, reason),
            Fate::Arrives(times) => {
                for at in times {
                    let message = message.clone();
                    let due = Due::Deliver {
                        from,
                        to,
                        id,
                        message,
                    };
                    self.schedule_at(at, due);
                }
            }
        }
    }

    /// Counts a carried-out effect; true if it was the last before a crash.
    fn burn(&mut self, id: NodeId) -> bool {
        let Some(fuse) = self
            .processes
            .get_mut(&id)
            .and_then(|process| process.fuse.as_mut())
        else {
            return false;
        };
        *fuse -= 1;
        let blown = *fuse == 0;
        if blown {
            self.crash(id, "between effects");
        }
        blown
    }

    fn crash(&mut self, id: NodeId, at: &str) {
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        if process.node.take().is_none() {
            return;
        }
        process.disk.crash(&mut self.disk_rng);
        process.timers.clear();
        process.outbox.clear();
        process.fuse = None;
        let unheard = process.paused.take().unwrap_or_default();
        (process.syncs_asked, process.syncs_done) = (0, 0);
        process.disk_free_at = self.now;
        self.trace.add(self.now, || What::Crash {
            node: id,
            text: at.to_owned(),
        });
        for due in unheard {
            if let Due::Deliver { from, to, id, .. } = due {
                self.lose(from, to, id, "down");
            }
        }
    }
}
