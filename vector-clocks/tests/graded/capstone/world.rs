//! Replicas in the simulator, with clients that go from one to another: messages get lost, come twice, overtake each other, and
//! partitions come and go. Everything follows from one seed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use node::{Ctx, Event, Node, NodeId, Rng, Time};
use sim::{Mix, Trouble, World};
use vector_clocks::capstone::replica::replica;
use vector_clocks::capstone::{Context, Message, Replica, ReplicaId};

use super::judge::{Cause, Judge, Rule, Write, Writes};

pub(crate) const KEYS: [&str; 3] = ["cart", "list", "note"];
/// From then on nobody writes, and the network is good.
const CALM_AT: Time = Time::from_millis(2_000);
/// How long replicas may take after that to agree.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client: of each key the context of its last read, and what the judge says that it has read.
type Session = BTreeMap<&'static str, (Context, Writes)>;

/// What the nodes of a world share. It is not part of the system: clients, and the one who watches.
struct Shared {
    judge: Judge,
    clients: Vec<Session>,
    values: usize,
}

/// A message, and what its sender knew.
#[derive(Clone)]
pub(crate) struct Letter {
    message: Message,
    known: Writes,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "all that I know: {:?}", self.known)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A client comes.
    Client,
    /// It is time to tell another replica.
    Gossip,
}

/// A replica with its clients.
struct Party {
    me: usize,
    replicas: usize,
    replica: Box<dyn Replica>,
    shared: Rc<RefCell<Shared>>,
}

impl Party {
    fn gossip(&mut self, ctx: &mut Ctx<'_, Self>) {
        let message = self.replica.gossip();
        let mut shared = self.shared.borrow_mut();
        shared.judge.send(self.me, &message);
        let known = shared.judge.known(self.me);
        let peers: Vec<usize> = (0..self.replicas).filter(|peer| *peer != self.me).collect();
        if let Some(peer) = ctx.rng.choose(&peers) {
            let to = NodeId(u32::try_from(*peer).unwrap());
            ctx.send(to, Letter { message, known });
        }
    }

    /// One of the clients does something here.
    fn client(&mut self, rng: &mut Rng) {
        let mut shared = self.shared.borrow_mut();
        let client = rng.index(shared.clients.len());
        let key = rng.choose(&KEYS).copied().unwrap_or(KEYS[0]);
        let action = rng.below(10);
        if action < 3 || shared.judge.is_full() {
            let read = (
                self.replica.read(key).1,
                shared.judge.known_of(self.me, key),
            );
            shared.clients[client].insert(key, read);
            return;
        }
        // Mostly it has read; sometimes it writes without having looked.
        let session = shared.clients[client].get(key).cloned();
        let (context, overwrites) = session.filter(|_| action > 3).unwrap_or_default();
        let value = (action < 9).then(|| {
            shared.values += 1;
            format!("{key}-{}", shared.values)
        });
        self.replica.write(key, &context, value.as_deref());
        let write = Write {
            key,
            value,
            overwrites,
        };
        let id = shared.judge.take(self.me, write);
        self.look(&mut shared.judge, Cause::Wrote(id));
        if rng.percent(50) {
            let read = (
                self.replica.read(key).1,
                shared.judge.known_of(self.me, key),
            );
            shared.clients[client].insert(key, read);
        }
    }

    /// Has the judge read everything.
    fn look(&self, judge: &mut Judge, cause: Cause) {
        for key in KEYS {
            let (values, context) = self.replica.read(key);
            judge.read(self.me, key, &values, &context, cause);
        }
    }
}

impl Node for Party {
    type Message = Letter;
    type Timer = Timer;

    fn step(&mut self, event: Event<Letter, Timer>, ctx: &mut Ctx<'_, Self>) {
        match event {
            Event::Start => {
                ctx.set_timer(Timer::Client, Duration::from_millis(1));
                ctx.set_timer(Timer::Gossip, Duration::from_millis(10));
            }
            Event::Message { from, message } => {
                self.replica.receive(&message.message);
                let mut shared = self.shared.borrow_mut();
                shared.judge.hear(self.me, from.0 as usize, message.known);
                self.look(&mut shared.judge, Cause::Heard);
            }
            Event::Timer(Timer::Gossip) => {
                self.gossip(ctx);
                let pause = Duration::from_millis(10 + ctx.rng.below(80));
                ctx.set_timer(Timer::Gossip, pause);
            }
            Event::Timer(Timer::Client) if ctx.now() < CALM_AT => {
                self.client(ctx.rng);
                let pause = Duration::from_millis(5 + ctx.rng.below(100));
                ctx.set_timer(Timer::Client, pause);
            }
            Event::Timer(Timer::Client) => {}
        }
    }
}

/// How a run went.
pub(crate) struct Outcome {
    /// The first breach of each rule.
    pub(crate) breaches: BTreeMap<Rule, String>,
    /// How often a replica had read right what came from another one.
    pub(crate) shown: usize,
    /// Everything that the judge was told and all that was read at the end, to be compared with another run's.
    #[allow(dead_code, reason = "the tests of the judge compare it")]
    pub(crate) digest: String,
}

/// Two seconds of trouble, then calm until all agree.
pub(crate) fn chaos(seed: u64) -> Outcome {
    let mut rng = Rng::new(seed ^ 0x5151_1135);
    let replicas = 2 + rng.index(3);
    let shared = Rc::new(RefCell::new(Shared {
        judge: Judge::new(replicas),
        clients: vec![Session::new(); 2 + rng.index(4)],
        values: 0,
    }));
    let mut world = world(replicas, &mut rng, &shared);
    let mix = Mix {
        nodes: world.ids().collect(),
        kinds: vec![
            Trouble::Partition,
            Trouble::Noise,
            Trouble::NoisyLink,
            Trouble::Cut,
            Trouble::Pause,
        ],
        count: 2 + rng.below(6),
        from: Time::ZERO,
        until: Time::from_millis(1_500),
        longest: Duration::from_millis(800),
        flip_within: String::new(),
    };
    world.add_faults(&mix.draw(&mut rng));
    world.run_until(CALM_AT);
    world.calm();
    let end = CALM_AT + PATIENCE;
    while world.now() < end && disagreement(&world).is_some() {
        world.run_until(world.now() + Duration::from_millis(50));
    }
    if let Some((key, why)) = disagreement(&world) {
        shared.borrow_mut().judge.breach(Rule::Converges, key, &why);
    }
    let digest = format!(
        "{:?} after {} events",
        shared.borrow().judge,
        world.events()
    );
    let judge = &shared.borrow().judge;
    Outcome {
        breaches: judge.breaches.clone(),
        shown: judge.shown,
        digest,
    }
}

fn world(replicas: usize, rng: &mut Rng, shared: &Rc<RefCell<Shared>>) -> World<Party> {
    let ids: Vec<ReplicaId> = (0..).map(ReplicaId).take(replicas).collect();
    let shared = shared.clone();
    let mut world = World::new(rng.fork(), move |id, _| Party {
        me: id.0 as usize,
        replicas,
        replica: replica(ReplicaId(id.0), &ids),
        shared: shared.clone(),
    });
    for at in 0..replicas {
        world.add_node(&format!("r{at}"));
    }
    world
}

/// A key that some replica does not read as it must in the end.
fn disagreement(world: &World<Party>) -> Option<(&'static str, String)> {
    for (_, party) in world.nodes() {
        let judge = &party.shared.borrow().judge;
        for key in KEYS {
            let values: BTreeSet<String> = party.replica.read(key).0.into_iter().collect();
            let expected = judge.expected_in_the_end(key);
            if values != expected {
                let why = format!(
                    "the network has been good for a while, r{} reads {values:?}, and what nobody has overwritten is {expected:?}",
                    party.me
                );
                return Some((key, why));
            }
        }
    }
    None
}
