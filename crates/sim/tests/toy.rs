//! The simulator must tell a right protocol from a wrong one. This one stores numbers: a client sends
//! one after the other, each until it is acknowledged; the server writes it down and acknowledges it.
//! The wrong server acknowledges before it persists.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use node::{Ctx, Event, Node, NodeId, Rng, Time};
use serde_json::{Value, json};
use sim::{
    Fault, Fuse, Invariant, Link, Mix, Observer, Record, Scenario, Setup, Timed, Trace, Trouble,
    What, World,
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

    fn sentence(&self) -> &'static str {
        "What was acknowledged is there"
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
    let records: Vec<Record> = sim::parse_trace(&text).unwrap();
    assert!(matches!(
        &records.first().unwrap().what,
        What::Begin {
            version: sim::TRACE_VERSION,
            ..
        }
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
    assert_eq!(fingerprint, "0dc64baea15fcc56");
}

/// The same, with somebody who looks on.
struct Observed(Numbers);

impl Scenario for Observed {
    type Node = Toy;

    fn name(&self) -> &str {
        self.0.name()
    }

    fn replay_command(&self) -> &str {
        self.0.replay_command()
    }

    fn setup(&self, rng: &mut Rng) -> Setup<Toy> {
        self.0.setup(rng)
    }

    fn label(message: &Message) -> &'static str {
        match message {
            Message::Store(_) => "store",
            Message::Stored(_) => "ack",
        }
    }

    fn observer(&self) -> Option<Box<dyn Observer<Toy>>> {
        Some(Box::new(Onlooker))
    }
}

struct Onlooker;

impl Observer<Toy> for Onlooker {
    fn system(&self) -> &'static str {
        "toy"
    }

    fn look(&mut self, world: &World<Toy>) -> Value {
        match world.node(SERVER) {
            Some(Toy::Server { numbers, .. }) => {
                json!({"stored": numbers.len(), "nodes": {"server": {"role": "server"}}})
            }
            _ => json!({}),
        }
    }
}

/// What a trace says of the end of a run.
fn last_state(trace: &Trace) -> Value {
    let mut state = json!({});
    for record in trace.records().iter().flat_map(|records| records.iter()) {
        if let What::State { patch } = &record.what {
            sim::patch::apply(&mut state, patch);
        }
    }
    state
}

#[test]
fn the_state_is_written_as_it_changes() {
    let at = |ms, fault| Timed::new(Time::from_millis(ms), fault);
    let (node, client) = (SERVER, NodeId(1));
    let delay_us_max = 300_000;
    let slow = Link {
        delay_us_max,
        ..Link::default()
    };
    let schedule = vec![
        at(100, Fault::Pause { node }),
        at(200, Fault::DiskFull { node, free: 5 }),
        at(
            300,
            Fault::Cut {
                from: client,
                to: node,
            },
        ),
        at(
            300,
            Fault::Link {
                from: node,
                to: client,
                link: slow,
            },
        ),
        at(
            400,
            Fault::Crash {
                node: client,
                fuse: Fuse::Now,
            },
        ),
    ];
    let trace = Trace::on();
    sim::run_with(&Observed(RIGHT), 1, Some(&schedule), &trace).unwrap();
    let records = trace.records().unwrap();
    let begin = &records[0].what;
    assert!(matches!(begin, What::Begin { system, .. } if system == "toy"));
    // As it stands just before everything is mended.
    let mut state = json!({});
    for record in records.iter().take_while(|r| r.what != What::Calm) {
        if let What::State { patch } = &record.what {
            sim::patch::apply(&mut state, patch);
        }
    }
    let stored = state["stored"].as_u64().unwrap();
    let lamp = |order, sentence| json!({"order": order, "sentence": sentence, "holds": true, "reason": ""});
    let expected = json!({
        "stored": stored,
        "nodes": {"server": {"role": "server", "process": "paused"}, "client": {"process": "down"}},
        "links": {"client>server": {"cut": true}, "server>client": {"cut": false, "delay_ms": 298}},
        "disks": {"server": {"full": true}},
        "lamps": {
            "nothing-lost": lamp(1, "What was acknowledged is there"),
            "all-stored": lamp(2, "all-stored"),
        },
        "figures": {},
    });
    assert_eq!(state, expected);
    drop(records);
    let last = last_state(&trace);
    let whole = json!([100, {}, {}, "up"]);
    assert_eq!(
        json!([
            last["stored"],
            last["links"],
            last["disks"],
            last["nodes"]["client"]["process"]
        ]),
        whole
    );
    let text = trace.to_json_lines();
    assert!(text.contains(r#""label":"store""#) && text.contains(r#""label":"ack""#));
    assert_eq!(
        sim::parse_trace(&text).as_ref(),
        Ok(&*trace.records().unwrap())
    );
}

#[test]
fn the_lamp_of_what_does_not_hold_goes_out() {
    let failure = sim::run_seeds(&Observed(WRONG), 0..200).unwrap_err();
    let trace = Trace::on();
    let violation = sim::run(&Observed(WRONG), failure.seed, &trace).unwrap_err();
    let lamps = &last_state(&trace)["lamps"];
    let lamp = &lamps["nothing-lost"];
    assert_eq!(lamp["holds"], false);
    assert_eq!(lamp["reason"], violation.text);
    assert_eq!(lamps["all-stored"]["holds"], true);
}

#[test]
fn whoever_looks_on_changes_nothing() {
    let without_looks = |trace: &Trace| {
        let records = trace.records().unwrap();
        let mut records: Vec<Record> = records[1..].to_vec();
        records.retain(|record| !matches!(record.what, What::State { .. }));
        for record in &mut records {
            if let What::Send { label, .. } = &mut record.what {
                *label = None;
            }
        }
        records
    };
    let (alone, watched) = (Trace::on(), Trace::on());
    sim::run(&RIGHT, 7, &alone).unwrap();
    sim::run(&Observed(RIGHT), 7, &watched).unwrap();
    assert_eq!(without_looks(&alone), without_looks(&watched));
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
