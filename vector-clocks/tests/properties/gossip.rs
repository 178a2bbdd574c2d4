//! A node that tells others something now and then, and keeps three clocks while it does. Every event of every node is recorded, with
//! the one before it on the same node and the one at which the message was sent that arrives: the graph that the clocks are judged by.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use node::{Ctx, Event, Node, NodeId, Rng, Time};
use sim::{Mix, Trouble, World};
use vector_clocks::hlc::{HybridClock, Timestamp};
use vector_clocks::lamport::{LamportClock, Stamp};
use vector_clocks::vector_clock::VectorClock;

/// No two wall clocks differ by more, in milliseconds.
pub(crate) const EPSILON_MS: u64 = 50;
/// The wall clocks' time when the world begins.
const BEGINNING_MS: u64 = 1_700_000_000_000;

/// Something that happened, with what the clocks of its node showed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) node: u32,
    /// The true time, in milliseconds.
    pub(crate) time_ms: u64,
    /// What the node's wall clock showed.
    pub(crate) wall_ms: u64,
    /// The event before it on its node, by its place in the record.
    pub(crate) previous: Option<usize>,
    /// The event at which the message was sent that arrives here.
    pub(crate) sent_at: Option<usize>,
    pub(crate) lamport: Stamp<u32>,
    pub(crate) vector: VectorClock<u32>,
    pub(crate) hybrid: Timestamp,
}

/// A message: where it was sent in the record, and what the clocks showed there.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    sent_at: usize,
    lamport: u64,
    vector: VectorClock<u32>,
    hybrid: Timestamp,
}

type Record = Rc<RefCell<Vec<Recorded>>>;

struct Gossiper {
    id: u32,
    nodes: u32,
    wrong_ms: u64,
    previous: Option<usize>,
    lamport: LamportClock<u32>,
    vector: VectorClock<u32>,
    hybrid: HybridClock,
    record: Record,
}

impl Gossiper {
    /// Something happens: the arrival of a message, or something else. Returns its place in the record.
    fn happens(&mut self, told: Option<&Told>, now: Time) -> usize {
        let time_ms = BEGINNING_MS + now.as_micros() / 1_000;
        let wall_ms = time_ms + self.wrong_ms;
        let (lamport, hybrid) = match told {
            Some(told) => {
                self.vector.observe(&self.id, &told.vector);
                (
                    self.lamport.observe(told.lamport),
                    self.hybrid.observe(told.hybrid, wall_ms),
                )
            }
            None => {
                self.vector.tick(&self.id);
                (self.lamport.tick(), self.hybrid.now(wall_ms))
            }
        };
        let mut record = self.record.borrow_mut();
        let place = record.len();
        record.push(Recorded {
            node: self.id,
            time_ms,
            wall_ms,
            previous: self.previous.replace(place),
            sent_at: told.map(|told| told.sent_at),
            lamport,
            vector: self.vector.clone(),
            hybrid: hybrid.unwrap(),
        });
        place
    }
}

impl Node for Gossiper {
    type Message = Told;
    type Timer = ();

    fn step(&mut self, event: Event<Told, ()>, ctx: &mut Ctx<'_, Self>) {
        match event {
            Event::Message { message, .. } => {
                self.happens(Some(&message), ctx.now());
            }
            Event::Start | Event::Timer(()) => {
                let sent_at = self.happens(None, ctx.now());
                let told = Told {
                    sent_at,
                    lamport: self.lamport.time,
                    vector: self.vector.clone(),
                    hybrid: self.hybrid.latest,
                };
                for _ in 0..ctx.rng.below(3) {
                    let to = NodeId(u32::try_from(ctx.rng.below(u64::from(self.nodes))).unwrap());
                    ctx.send(to, told.clone());
                }
                let pause = Duration::from_millis(1 + ctx.rng.below(40));
                ctx.set_timer((), pause);
            }
        }
    }
}

/// Half a second of gossip on a network that loses, repeats and mixes up messages.
pub(crate) fn execution(seed: u64) -> Vec<Recorded> {
    let mut rng = Rng::new(seed);
    let nodes = u32::try_from(2 + rng.index(9)).unwrap();
    let record = Record::default();
    let shared = record.clone();
    let mut world = World::new(rng.fork(), move |id, rng| Gossiper {
        id: id.0,
        nodes,
        wrong_ms: rng.below(EPSILON_MS + 1),
        previous: None,
        lamport: LamportClock::new(id.0),
        vector: VectorClock::new(),
        hybrid: HybridClock::new(EPSILON_MS + 1),
        record: shared.clone(),
    });
    for id in 0..nodes {
        world.add_node(&format!("n{id}"));
    }
    let mix = Mix {
        nodes: world.ids().collect(),
        kinds: vec![
            Trouble::Noise,
            Trouble::Noise,
            Trouble::Partition,
            Trouble::Pause,
        ],
        count: 1 + rng.below(6),
        from: Time::ZERO,
        until: Time::from_millis(400),
        longest: Duration::from_millis(300),
        flip_within: String::new(),
    };
    world.add_faults(&mix.draw(&mut rng));
    world.run_until(Time::from_millis(500));
    record.take()
}

/// Of each event all those from which a path of the graph leads to it.
pub(crate) fn reachable(events: &[Recorded]) -> Vec<BTreeSet<usize>> {
    let mut before: Vec<BTreeSet<usize>> = Vec::new();
    for event in events {
        let mut known = BTreeSet::new();
        for from in event.previous.into_iter().chain(event.sent_at) {
            known.extend(&before[from]);
            known.insert(from);
        }
        before.push(known);
    }
    before
}
