//! Replicas that must all do the same in the same order, over channels that keep theirs.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use node::{Ctx, Event, Node, NodeId, Rng, Time};
use sim::{Invariant, Mix, Scenario, Setup, Trouble, World};
use vector_clocks::total_order::{Packet, TotalOrder};

use crate::link::{Link, Wire};

/// A command by its sender and the sender's own count.
type Id = (NodeId, u64);

/// What everybody did; no clock is used in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Of each command what its sender had sent or received before it.
    past: BTreeMap<Id, BTreeSet<Id>>,
    /// Of each node what it has sent or received.
    known: BTreeMap<NodeId, BTreeSet<Id>>,
    /// Of each node what was delivered, in order.
    done: BTreeMap<NodeId, Vec<Id>>,
}

type Shared = Rc<RefCell<History>>;
type Message = Wire<Packet<NodeId, Id>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Speak,
    Repeat,
}

const REPEAT: Duration = Duration::from_millis(40);

pub(crate) struct Replica {
    core: TotalOrder<NodeId, Id>,
    link: Link<Packet<NodeId, Id>>,
    others: Vec<NodeId>,
    left: u64,
    sent: u64,
    history: Shared,
}

impl Replica {
    fn send_all(&mut self, packet: &Packet<NodeId, Id>, ctx: &mut Ctx<'_, Replica>) {
        for other in &self.others {
            ctx.send(*other, self.link.send(*other, packet.clone()));
        }
    }

    fn speak(&mut self, ctx: &mut Ctx<'_, Replica>) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        self.sent += 1;
        let id = (ctx.id(), self.sent);
        {
            let history = &mut *self.history.borrow_mut();
            let known = history.known.entry(ctx.id()).or_default();
            history.past.insert(id, known.clone());
            known.insert(id);
        }
        let packet = self.core.broadcast(id);
        self.send_all(&packet, ctx);
        self.deliver(ctx.id());
        let pause = Duration::from_micros(ctx.rng.below(40_000));
        ctx.set_timer(Timer::Speak, pause);
    }

    fn deliver(&mut self, me: NodeId) {
        let delivered = self.core.deliver();
        let mut history = self.history.borrow_mut();
        let done = history.done.entry(me).or_default();
        done.extend(delivered.into_iter().map(|(_, id)| id));
    }

    fn heard(&mut self, from: NodeId, wire: Message, ctx: &mut Ctx<'_, Replica>) {
        let (packet, answer) = self.link.receive(from, wire);
        if let Some(answer) = answer {
            ctx.send(from, answer);
        }
        let Some(packet) = packet else { return };
        if let Packet::Message { payload, .. } = &packet {
            let mut history = self.history.borrow_mut();
            history.known.entry(ctx.id()).or_default().insert(*payload);
        }
        if let Some(ack) = self.core.receive(&from, packet) {
            self.send_all(&ack, ctx);
        }
        self.deliver(ctx.id());
    }
}

impl Node for Replica {
    type Message = Message;
    type Timer = Timer;

    fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Replica>) {
        match event {
            Event::Start => {
                let pause = Duration::from_micros(ctx.rng.below(40_000));
                ctx.set_timer(Timer::Speak, pause);
                ctx.set_timer(Timer::Repeat, REPEAT);
            }
            Event::Timer(Timer::Speak) => self.speak(ctx),
            Event::Timer(Timer::Repeat) => {
                for (to, wire) in self.link.again() {
                    ctx.send(to, wire);
                }
                ctx.set_timer(Timer::Repeat, REPEAT);
            }
            Event::Message { from, message } => self.heard(from, message, ctx),
        }
    }
}

fn world(rng: &mut Rng, count: usize, each: u64, history: &Shared) -> World<Replica> {
    let ids: Vec<NodeId> = (0..).take(count).map(NodeId).collect();
    let shared = Rc::clone(history);
    let mut world = World::new(rng.fork(), move |id, _| Replica {
        core: TotalOrder::new(id, ids.iter().copied()),
        link: Link::new(),
        others: ids.iter().copied().filter(|other| *other != id).collect(),
        left: each,
        sent: 0,
        history: Rc::clone(&shared),
    });
    for name in ["ada", "bob", "cy", "dee"].iter().take(count) {
        world.add_node(name);
    }
    world
}

pub(crate) struct Replicas;

impl Scenario for Replicas {
    type Node = Replica;

    fn name(&self) -> &str {
        "replicas"
    }

    fn replay_command(&self) -> &str {
        "cargo test -p vector-clocks --test sim -- replay_total_order"
    }

    fn setup(&self, rng: &mut Rng) -> Setup<Replica> {
        let history = Shared::default();
        let count = 2 + rng.index(3);
        let each = 1 + rng.below(8);
        let world = world(rng, count, each, &history);
        let mix = Mix {
            nodes: world.ids().collect(),
            kinds: vec![
                Trouble::Noise,
                Trouble::NoisyLink,
                Trouble::Cut,
                Trouble::Partition,
                Trouble::Pause,
            ],
            count: 2 + rng.below(6),
            from: Time::ZERO,
            until: Time::from_millis(300),
            longest: Duration::from_millis(300),
            flip_within: String::new(),
        };
        let expected = count * usize::try_from(each).unwrap_or(0);
        Setup {
            world,
            schedule: mix.draw(rng),
            invariants: vec![Box::new(OneOrder {
                history: Rc::clone(&history),
                judged: 0,
            })],
            progress: Box::new(AllDone { history, expected }),
            calm_at: Time::from_millis(700),
            patience: Duration::from_secs(20),
            check_every: Duration::ZERO,
        }
    }
}

/// All do the same in the same order, each once, and nothing before what its sender knew.
pub(crate) fn judge(history: &History) -> Result<(), String> {
    let Some(longest) = history.done.values().max_by_key(|done| done.len()) else {
        return Ok(());
    };
    for (node, done) in &history.done {
        if let Some(at) = (0..done.len()).find(|at| done[*at] != longest[*at]) {
            return Err(format!(
                "{node} has delivered {:?} as number {at}, and another replica {:?}.",
                done[at], longest[at]
            ));
        }
    }
    for (at, id) in longest.iter().enumerate() {
        let Some(past) = history.past.get(id) else {
            return Err(format!("{id:?} is delivered, and nobody sent it."));
        };
        if longest[..at].contains(id) {
            return Err(format!("{id:?} is delivered twice."));
        }
        if let Some(late) = past.iter().find(|earlier| !longest[..at].contains(earlier)) {
            return Err(format!(
                "{id:?} is delivered before {late:?}, which its sender knew."
            ));
        }
    }
    Ok(())
}

struct OneOrder {
    history: Shared,
    /// How many deliveries were looked at.
    judged: usize,
}

impl Invariant<Replica> for OneOrder {
    fn name(&self) -> &'static str {
        "one-order"
    }

    fn check(&mut self, _: &World<Replica>) -> Result<(), String> {
        let history = self.history.borrow();
        let count = history.done.values().map(Vec::len).sum();
        if count == self.judged {
            return Ok(());
        }
        self.judged = count;
        judge(&history)
    }
}

struct AllDone {
    history: Shared,
    expected: usize,
}

impl Invariant<Replica> for AllDone {
    fn name(&self) -> &'static str {
        "all-done"
    }

    fn check(&mut self, world: &World<Replica>) -> Result<(), String> {
        let history = self.history.borrow();
        for (id, replica) in world.nodes() {
            let done = history.done.get(&id).map_or(0, Vec::len);
            if done < self.expected {
                return Err(format!(
                    "The network has been good for a while, and {id} has delivered {done} of {} messages; it waits for {:?}.",
                    self.expected,
                    replica.core.waits_for()
                ));
            }
        }
        Ok(())
    }
}

#[test]
fn one_silent_process_stops_all_and_is_named() {
    use sim::{Fault, Timed};

    let history = Shared::default();
    let mut rng = Rng::new(4);
    let mut world = world(&mut rng, 3, 2, &history);
    let cy = NodeId(2);
    world.add_faults(&[
        Timed::new(Time::ZERO, Fault::Pause { node: cy }),
        Timed::new(Time::from_millis(5000), Fault::Resume { node: cy }),
    ]);
    world.run_until(Time::from_millis(4999));
    assert!(
        history.borrow().done.values().all(Vec::is_empty),
        "nothing can be delivered without cy"
    );
    for id in [NodeId(0), NodeId(1)] {
        assert_eq!(world.node(id).unwrap().core.waits_for(), [cy]);
    }
    world.run_until(Time::from_millis(8000));
    let history = history.borrow();
    assert!(history.done.values().all(|done| done.len() == 6));
    judge(&history).unwrap();
}

#[test]
fn the_judge_knows_bad_orders() {
    let (a, b) = ((NodeId(0), 1), (NodeId(1), 1));
    let mut history = History {
        past: BTreeMap::from([(a, BTreeSet::new()), (b, BTreeSet::from([a]))]),
        ..History::default()
    };
    let mut said = |ada: &[Id], bob: &[Id]| {
        history.done = BTreeMap::from([(NodeId(0), ada.to_vec()), (NodeId(1), bob.to_vec())]);
        judge(&history)
    };
    assert_eq!(said(&[a, b], &[a]), Ok(()));
    assert!(said(&[a, b], &[b]).unwrap_err().contains("another replica"));
    assert!(said(&[a, a], &[a]).unwrap_err().contains("twice"));
    assert!(
        said(&[b, a], &[])
            .unwrap_err()
            .contains("which its sender knew")
    );
    assert!(
        said(&[(NodeId(3), 1)], &[])
            .unwrap_err()
            .contains("nobody sent it")
    );
}
