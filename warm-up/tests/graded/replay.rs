//! There is never more than one in the room, and it is never locked for ever.

use std::time::Duration;

use autograder::{Test, tests};
use node::{NodeId, Rng, Time};
use sim::{Fault, Invariant, Link, Record, Scenario, Setup, Timed, Trace, What, World};
use warm_up::room::{Doing, Door, Guest, Party};

use crate::run;

pub(crate) const TESTS: &[Test] = tests![
    who_leaves_is_outside,
    the_next_one_can_enter,
    what_somebody_else_says_opens_no_door,
    the_replay_ends_well,
    there_is_never_more_than_one_inside,
];

const ADA: NodeId = NodeId(1);
const BOB: NodeId = NodeId(2);

/// The replay that is to be read.
const REPLAY: &str = include_str!("../../replays/two-in-the-room.jsonl");

fn who_leaves_is_outside() {
    let mut door = Door::default();
    assert!(door.enter(ADA, 1));
    door.leave(ADA, 1);
    assert_eq!(door.inside, None, "ada has left: nobody should be inside");
}

fn the_next_one_can_enter() {
    let mut door = Door::default();
    for visit in 1..5 {
        for guest in [ADA, BOB] {
            assert!(
                door.enter(guest, visit),
                "the room is empty: {guest} should be let in"
            );
            let other = if guest == ADA { BOB } else { ADA };
            assert!(
                !door.enter(other, 9),
                "{guest} is inside: {other} should not be let in"
            );
            door.leave(guest, visit);
            door.leave(guest, visit);
        }
    }
}

fn what_somebody_else_says_opens_no_door() {
    let mut door = Door::default();
    door.enter(ADA, 1);
    door.leave(ADA, 1);
    door.enter(BOB, 1);
    door.leave(ADA, 1);
    assert_eq!(
        door.inside,
        Some((BOB, 1)),
        "ada says again that she has left; bob should still be inside"
    );
}

/// The seed in the first line of the replay.
fn seed_of_replay() -> u64 {
    let first: Record = serde_json::from_str(REPLAY.lines().next().unwrap()).unwrap();
    let What::Begin { seed, .. } = first.what else {
        panic!("a trace begins with its beginning");
    };
    u64::from_str_radix(seed.trim_start_matches("0x"), 16).unwrap()
}

/// The faults of the replay.
fn faults_of_replay() -> sim::Schedule {
    let records = REPLAY
        .lines()
        .map(|line| serde_json::from_str::<Record>(line).unwrap());
    let faults = records.filter_map(|record| match record.what {
        What::Fault { fault } => Some(Timed::new(Time::from_micros(record.time), fault)),
        _ => None,
    });
    faults.collect()
}

fn the_replay_ends_well() {
    let trace = Trace::on();
    let ran = sim::run_with(&Room, seed_of_replay(), Some(&faults_of_replay()), &trace);
    let text = trace.to_json_lines();
    // As far as nothing goes wrong in it, the same happens again: what is shown is what this code does.
    let same = text
        .lines()
        .zip(REPLAY.lines())
        .take_while(|(now, then)| now == then);
    assert!(same.count() > 10, "the replay is of other code than this");
    if let Err(violation) = ran {
        panic!(
            "{} What happens is still what replays/two-in-the-room.jsonl tells.",
            violation.text
        );
    }
}

fn there_is_never_more_than_one_inside() {
    for seed in autograder::seeds(150) {
        run::check(&Room, seed);
    }
}

/// Two or three guests who come again and again, and a network that brings messages twice, and late.
struct Room;

impl Scenario for Room {
    type Node = Party;

    fn name(&self) -> &str {
        "room"
    }

    fn replay_command(&self) -> &str {
        "cargo test -p warm-up --test graded -- replay:: --seed"
    }

    fn setup(&self, rng: &mut Rng) -> Setup<Party> {
        let guests = 2 + rng.index(2);
        let visits = 3 + rng.below(6);
        let mut world = World::new(rng.fork(), move |id, _| match id.0 {
            0 => Party::Door(Door::default()),
            _ => Party::Guest(Guest::new(visits)),
        });
        world.add_node("door");
        for name in ["ada", "bob", "cy"].iter().take(guests) {
            world.add_node(name);
        }
        // Repeats a request now and then, and brings some messages much later than others.
        let link = Link {
            delay_us_max: 20_000 + rng.below(200_000),
            duplicate_percent: u32::try_from(rng.below(40)).unwrap_or(0),
            reorder_percent: 50,
            ..Link::default()
        };
        let network = Timed::new(Time::ZERO, Fault::Network { link });
        Setup {
            world,
            schedule: vec![network],
            invariants: vec![Box::new(OneInside)],
            progress: Box::new(AllVisitsMade),
            calm_at: Time::from_millis(1500),
            patience: Duration::from_secs(60),
            check_every: Duration::ZERO,
        }
    }
}

fn guests(world: &World<Party>) -> impl Iterator<Item = (&str, &Guest)> {
    world.nodes().filter_map(|(id, party)| match party {
        Party::Guest(guest) => Some((world.name(id)?, guest)),
        Party::Door(_) => None,
    })
}

struct OneInside;

impl Invariant<Party> for OneInside {
    fn name(&self) -> &'static str {
        "one-inside"
    }

    fn check(&mut self, world: &World<Party>) -> Result<(), String> {
        let inside = guests(world).filter(|(_, guest)| guest.doing == Doing::Inside);
        let names: Vec<&str> = inside.map(|(name, _)| name).collect();
        match names.as_slice() {
            [] | [_] => Ok(()),
            several => Err(format!(
                "{} are in the room at the same time.",
                several.join(" and ")
            )),
        }
    }
}

struct AllVisitsMade;

impl Invariant<Party> for AllVisitsMade {
    fn name(&self) -> &'static str {
        "all-visits-made"
    }

    fn check(&mut self, world: &World<Party>) -> Result<(), String> {
        match guests(world).find(|(_, guest)| !guest.is_done()) {
            Some((name, guest)) => {
                let (visit, doing) = (guest.visit, guest.doing);
                Err(format!(
                    "Everything has worked for a while, and {name} is still at visit {visit}, {doing:?}."
                ))
            }
            None => Ok(()),
        }
    }
}
