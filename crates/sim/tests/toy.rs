//! The simulator must tell a right protocol from a wrong one. This one stores numbers: a client sends
//! one after the other, each until it is acknowledged; the server writes it down and acknowledges it.
//! The wrong server acknowledges before it persists.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use node::{Ctx, Event, Node, NodeId, Rng, Time};
use sim::{
    Fault, Fuse, Invariant, Mix, Record, Scenario, Setup, Timed, Trace, Trouble, What, World,
};

const SERVER: NodeId = NodeId(0);
const FILE: &str = "numbers";

type Acknowledged = Rc<RefCell<BTreeSet<u8>>>;

#[derive(Clone, Debug)]
enum Message {
    Store(u8),
    Stored(u8),
}

enum Toy {
    Server {
        persists_first: bool,
        numbers: BTreeSet<u8>,
    },
    Client {
        acknowledged: Acknowledged,
        next: u8,
    },
}

impl Node for Toy {
    type Message = Message;
    type Timer = ();

    fn step(&mut self, event: Event<Message, ()>, ctx: &mut Ctx<'_, Self>) {
        match (self, event) {
            (Toy::Server { numbers, .. }, Event::Start) => {
                numbers.extend(ctx.disk.read(FILE).unwrap_or_default());
            }
            (Toy::Server { .. }, Event::Timer(())) => {}
            (
                Toy::Server {
                    persists_first,
                    numbers,
                },
                Event::Message { from, message },
            ) => {
                let Message::Store(number) = message else {
                    return;
                };
                if numbers.insert(number) && ctx.disk.append(FILE, &[number]).is_err() {
                    return;
                }
                if *persists_first {
                    ctx.sync();
                    ctx.send(from, Message::Stored(number));
                } else {
                    ctx.send(from, Message::Stored(number));
                    ctx.sync();
                }
            }
            (Toy::Client { acknowledged, next }, event) => {
                if let Event::Message {
                    message: Message::Stored(number),
                    ..
                } = event
                {
                    acknowledged.borrow_mut().insert(number);
                    *next = (*next).max(number + 1);
                }
                if *next < 100 {
                    ctx.send(SERVER, Message::Store(*next));
                    ctx.set_timer((), Duration::from_millis(50));
                }
            }
        }
    }
}

/// What was acknowledged is known to the server whenever it is up.
struct NothingLost(Acknowledged);

impl Invariant<Toy> for NothingLost {
    fn name(&self) -> &'static str {
        "nothing-lost"
    }

    fn check(&mut self, world: &World<Toy>) -> Result<(), String> {
        let Some(Toy::Server { numbers, .. }) = world.node(SERVER) else {
            return Ok(());
        };
        match self.0.borrow().difference(numbers).next() {
            Some(number) => Err(format!("{number} was acknowledged and is lost")),
            None => Ok(()),
        }
    }
}

/// The client gets everything acknowledged in the end.
struct AllStored(Acknowledged);

impl Invariant<Toy> for AllStored {
    fn name(&self) -> &'static str {
        "all-stored"
    }

    fn check(&mut self, _world: &World<Toy>) -> Result<(), String> {
        match self.0.borrow().len() {
            100 => Ok(()),
            stored => Err(format!("only {stored} of 100 are stored")),
        }
    }
}

struct Numbers {
    persists_first: bool,
}

impl Scenario for Numbers {
    type Node = Toy;

    fn name(&self) -> &str {
        "toy"
    }

    fn replay_command(&self) -> &str {
        "cargo test -p sim --test toy -- replay"
    }

    fn setup(&self, rng: &mut Rng) -> Setup<Toy> {
        let acknowledged = Acknowledged::default();
        let (persists_first, shared) = (self.persists_first, acknowledged.clone());
        let mut world = World::new(rng.fork(), move |id, _| match id {
            SERVER => Toy::Server {
                persists_first,
                numbers: BTreeSet::new(),
            },
            _ => Toy::Client {
                acknowledged: shared.clone(),
                next: 0,
            },
        });
        world.add_node("server");
        world.add_node("client");
        let mix = Mix {
            nodes: vec![SERVER, NodeId(1)],
            kinds: vec![Trouble::Crash, Trouble::Noise, Trouble::Cut, Trouble::Pause],
            count: 1 + rng.below(8),
            from: Time::ZERO,
            until: Time::from_millis(800),
            longest: Duration::from_millis(200),
            flip_within: String::new(),
        };
        Setup {
            world,
            schedule: mix.draw(rng),
            invariants: vec![Box::new(NothingLost(acknowledged.clone()))],
            progress: Box::new(AllStored(acknowledged)),
            calm_at: Time::from_millis(1000),
            patience: Duration::from_secs(60),
            check_every: Duration::ZERO,
        }
    }
}

const RIGHT: Numbers = Numbers {
    persists_first: true,
};
const WRONG: Numbers = Numbers {
    persists_first: false,
};

#[test]
fn the_right_protocol_passes() {
    if let Err(failure) = sim::run_seeds(&RIGHT, 0..200) {
        panic!("{failure}");
    }
}

#[test]
fn the_wrong_protocol_is_caught_and_one_crash_explains_it() {
    let failure = sim::run_seeds(&WRONG, 0..200).unwrap_err();
    assert_eq!(failure.violation.invariant, "nothing-lost");
    assert!(
        failure.replay.ends_with(&format!("{:#x}", failure.seed)),
        "{failure}"
    );
    assert!(
        matches!(
            failure.schedule.as_slice(),
            [Timed {
                fault: Fault::Crash { node: SERVER, .. },
                ..
            }] | [
                Timed {
                    fault: Fault::Crash { node: SERVER, .. },
                    ..
                },
                Timed {
                    fault: Fault::Restart { node: SERVER },
                    ..
                }
            ]
        ),
        "{failure}"
    );
    // What was written can be read back, and ends with what went wrong.
    let text = std::fs::read_to_string(&failure.minimal_trace).unwrap();
    let records: Vec<Record> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(matches!(
        &records.first().unwrap().what,
        What::Begin { version: 1, .. }
    ));
    assert!(
        matches!(&records.last().unwrap().what, What::Violation { invariant, .. } if invariant == "nothing-lost")
    );
}

#[test]
fn a_given_schedule_replaces_the_drawn_one() {
    let crash = |fuse| {
        let at = Time::from_millis(100);
        vec![Timed::new(at, Fault::Crash { node: SERVER, fuse })]
    };
    let fails = |fuse| sim::run_with(&WRONG, 1, Some(&crash(fuse)), &Trace::off()).is_err();
    // The acknowledgement is the wrong server's first effect, the sync its second: a crash between the
    // two may lose the number; it may also survive by luck, hence the several tries.
    assert!((1..20).any(|effects| fails(Fuse::Effects(effects))));
    let passes = |fuse| sim::run_with(&RIGHT, 1, Some(&crash(fuse)), &Trace::off()).is_ok();
    assert!((1..20).all(|effects| passes(Fuse::Effects(effects))));
    assert!((0..20).all(|calls| passes(Fuse::DiskCalls(calls))));
}

#[test]
fn a_seed_means_the_same_trace_everywhere() {
    let trace = |seed| {
        let trace = Trace::on();
        sim::run(&RIGHT, seed, &trace).unwrap();
        trace.to_json_lines()
    };
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7), trace(8));
    // If this changes, so does the meaning of every seed in every bug report: it must be on purpose.
    let traces: String = (0..10).map(trace).collect();
    assert!(traces.contains(r#""kind":"crash""#) && traces.contains(r#""text":"drop""#));
    let fingerprint = format!("{:016x}", sim::fingerprint(&traces));
    assert_eq!(fingerprint, "ecc6b86c6df5d75e");
}

#[test]
fn replay() {
    if let Some(seed) = sim::number_after("replay") {
        match sim::replay(&WRONG, seed) {
            Ok(trace) => println!("it passes; trace: {}", trace.display()),
            Err(failure) => panic!("{failure}"),
        }
    }
}
