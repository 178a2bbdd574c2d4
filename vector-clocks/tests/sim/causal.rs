//! A chat: everybody broadcasts, and nobody may see an answer before what it answers.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use node::{Ctx, Event, Node, NodeId, Rng, Time};
use sim::{Invariant, Mix, Scenario, Setup, Trouble, World};
use vector_clocks::causal_broadcast::{Broadcast, CausalBroadcast};

/// A broadcast by its sender and the sender's own count, which the test keeps for itself.
pub(crate) type Id = (NodeId, u64);

/// What everybody saw; written by the nodes, read by the judge. No clock is used in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Of each broadcast what its sender had seen before it: the causal past itself, as a set.
    pub(crate) past: BTreeMap<Id, BTreeSet<Id>>,
    /// Of each node what was delivered, in order; its own broadcasts when it sent them.
    pub(crate) seen: BTreeMap<NodeId, Vec<Id>>,
}

type Shared = Rc<RefCell<History>>;

#[derive(Clone, Debug)]
pub(crate) enum Message {
    Said(Broadcast<NodeId, Id>),
    /// Please send your broadcasts from this number on again.
    Again {
        from: u64,
    },
    /// This is how many of yours I have delivered.
    Delivered {
        count: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Speak,
    Repeat,
}

/// How often what is missing is asked for.
const REPEAT: Duration = Duration::from_millis(40);
/// How much is sent again for one request.
const AGAIN_MAX: usize = 20;

pub(crate) struct Member {
    core: CausalBroadcast<NodeId, Id>,
    others: Vec<NodeId>,
    left: u64,
    sent: Vec<Broadcast<NodeId, Id>>,
    history: Shared,
}

impl Member {
    fn saw(&self, me: NodeId, id: Id) {
        let mut history = self.history.borrow_mut();
        history.seen.entry(me).or_default().push(id);
    }

    fn speak(&mut self, ctx: &mut Ctx<'_, Member>) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let id = (ctx.id(), self.sent.len() as u64 + 1);
        let broadcast = self.core.broadcast(id);
        let seen = self
            .history
            .borrow()
            .seen
            .get(&ctx.id())
            .cloned()
            .unwrap_or_default();
        self.history
            .borrow_mut()
            .past
            .insert(id, seen.into_iter().collect());
        self.saw(ctx.id(), id);
        self.sent.push(broadcast.clone());
        for other in &self.others {
            ctx.send(*other, Message::Said(broadcast.clone()));
        }
        let pause = Duration::from_micros(ctx.rng.below(30_000));
        ctx.set_timer(Timer::Speak, pause);
    }

    fn send_again(&self, to: NodeId, from: u64, ctx: &mut Ctx<'_, Member>) {
        let begin = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
        for broadcast in self.sent.iter().skip(begin).take(AGAIN_MAX) {
            ctx.send(to, Message::Said(broadcast.clone()));
        }
    }

    fn heard(&mut self, from: NodeId, message: Message, ctx: &mut Ctx<'_, Member>) {
        match message {
            Message::Said(broadcast) => {
                for delivered in self.core.receive(broadcast) {
                    self.saw(ctx.id(), delivered.payload);
                }
            }
            Message::Again { from: number } => self.send_again(from, number, ctx),
            // The last broadcast is missed by nobody who has not heard of it: so everybody says what he has.
            Message::Delivered { count } => self.send_again(from, count + 1, ctx),
        }
    }
}

impl Node for Member {
    type Message = Message;
    type Timer = Timer;

    fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        match event {
            Event::Start => {
                let pause = Duration::from_micros(ctx.rng.below(30_000));
                ctx.set_timer(Timer::Speak, pause);
                ctx.set_timer(Timer::Repeat, REPEAT);
            }
            Event::Timer(Timer::Speak) => self.speak(ctx),
            Event::Timer(Timer::Repeat) => {
                for (process, from) in self.core.missing() {
                    ctx.send(process, Message::Again { from });
                }
                for other in &self.others {
                    let count = self.core.count(other);
                    ctx.send(*other, Message::Delivered { count });
                }
                ctx.set_timer(Timer::Repeat, REPEAT);
            }
            Event::Message { from, message } => self.heard(from, message, ctx),
        }
    }
}

/// Some members, and a bad network.
pub(crate) struct Chat;

impl Scenario for Chat {
    type Node = Member;

    fn name(&self) -> &str {
        "chat"
    }

    fn replay_command(&self) -> &str {
        "cargo test -p vector-clocks --test sim -- replay_causal"
    }

    fn setup(&self, rng: &mut Rng) -> Setup<Member> {
        let history = Shared::default();
        let count = 2 + rng.below(4);
        let ids: Vec<NodeId> = (0..u32::try_from(count).unwrap_or(2)).map(NodeId).collect();
        let each = 1 + rng.below(12);
        let (members, shared) = (ids.clone(), Rc::clone(&history));
        let mut world = World::new(rng.fork(), move |id, _| Member {
            core: CausalBroadcast::new(id),
            others: members
                .iter()
                .copied()
                .filter(|other| *other != id)
                .collect(),
            left: each,
            sent: Vec::new(),
            history: Rc::clone(&shared),
        });
        for name in ["ada", "bob", "cy", "dee", "eve"].iter().take(ids.len()) {
            world.add_node(name);
        }
        let mix = Mix {
            nodes: ids.clone(),
            kinds: vec![
                Trouble::Noise,
                Trouble::NoisyLink,
                Trouble::Cut,
                Trouble::Partition,
                Trouble::Pause,
            ],
            count: 2 + rng.below(8),
            from: Time::ZERO,
            until: Time::from_millis(300),
            longest: Duration::from_millis(300),
            flip_within: String::new(),
        };
        let expected = ids.len() * usize::try_from(each).unwrap_or(0);
        Setup {
            world,
            schedule: mix.draw(rng),
            invariants: vec![Box::new(NoAnswerBeforeItsQuestion {
                history: Rc::clone(&history),
                judged: BTreeMap::new(),
            })],
            progress: Box::new(AllSeen {
                history,
                members: ids,
                expected,
            }),
            calm_at: Time::from_millis(700),
            patience: Duration::from_secs(20),
            check_every: Duration::ZERO,
        }
    }
}

/// Whether these deliveries, of which the first `judged` are known to be right, are right: each once, and behind its past.
pub(crate) fn judge(
    past: &BTreeMap<Id, BTreeSet<Id>>,
    seen: &[Id],
    judged: usize,
) -> Result<(), String> {
    for (at, id) in seen.iter().enumerate().skip(judged) {
        let before = &seen[..at];
        let show = |(sender, number): &Id| format!("number {number} of {sender}");
        if before.contains(id) {
            return Err(format!("{} is delivered twice.", show(id)));
        }
        let Some(past) = past.get(id) else {
            return Err(format!("{} is delivered, and nobody sent it.", show(id)));
        };
        if let Some(missing) = past.iter().find(|earlier| !before.contains(earlier)) {
            return Err(format!(
                "{} is delivered before {}, which its sender had seen when it sent it.",
                show(id),
                show(missing)
            ));
        }
    }
    Ok(())
}

struct NoAnswerBeforeItsQuestion {
    history: Shared,
    judged: BTreeMap<NodeId, usize>,
}

impl Invariant<Member> for NoAnswerBeforeItsQuestion {
    fn name(&self) -> &'static str {
        "no-answer-before-its-question"
    }

    fn check(&mut self, _: &World<Member>) -> Result<(), String> {
        let history = self.history.borrow();
        for (node, seen) in &history.seen {
            let judged = self.judged.entry(*node).or_default();
            judge(&history.past, seen, *judged).map_err(|what| format!("At {node}: {what}"))?;
            *judged = seen.len();
        }
        Ok(())
    }
}

struct AllSeen {
    history: Shared,
    members: Vec<NodeId>,
    expected: usize,
}

impl Invariant<Member> for AllSeen {
    fn name(&self) -> &'static str {
        "all-seen"
    }

    fn check(&mut self, world: &World<Member>) -> Result<(), String> {
        let history = self.history.borrow();
        for node in &self.members {
            let seen = history.seen.get(node).map_or(0, Vec::len);
            if seen < self.expected {
                let waiting = world
                    .node(*node)
                    .map_or(0, |member| member.core.waiting.len());
                return Err(format!(
                    "The network has been good for a while, and {node} has delivered {seen} of {} broadcasts; {waiting} wait in its buffer.",
                    self.expected
                ));
            }
        }
        Ok(())
    }
}

#[test]
fn the_judge_knows_bad_deliveries() {
    let (question, answer) = ((NodeId(0), 1), (NodeId(1), 1));
    let past = BTreeMap::from([
        (question, BTreeSet::new()),
        (answer, BTreeSet::from([question])),
    ]);
    assert_eq!(judge(&past, &[question, answer], 0), Ok(()));
    let said = |seen: &[Id]| judge(&past, seen, 0).unwrap_err();
    assert!(said(&[answer, question]).contains("before number 1 of n0"));
    assert!(said(&[question, question]).contains("twice"));
    assert!(said(&[(NodeId(2), 1)]).contains("nobody sent it"));
}
