//! What the box office has said is true after any power failure.

use std::collections::BTreeMap;
use std::time::Duration;

use autograder::{Test, tests};
use node::{Disk, Effect, Event, MemDisk, NodeId, Rng, Time};
use sim::{Fault, Invariant, Mix, Scenario, Setup, SimDisk, Timed, Trouble, World};
use warm_up::persist::{AskAgain, Customer, FILE, Message, OFFICE, Office, Party, read_back};

use crate::run;

pub(crate) const TESTS: &[Test] = tests![
    a_free_seat_is_booked,
    the_disk_is_told_before_the_customer,
    a_seat_of_somebody_else_is_taken,
    who_asks_again_hears_the_same,
    what_cannot_be_written_is_not_promised,
    no_power_failure_takes_a_promise_back,
];

const ADA: NodeId = NodeId(1);
const BOB: NodeId = NodeId(2);

/// The customer asks for the seat.
fn ask(office: &mut Party, from: NodeId, seat: u8, disk: &mut dyn Disk) -> run::Effects<Party> {
    let message = Message::Book { seat };
    run::step(office, Event::Message { from, message }, disk)
}

fn opened(disk: &mut dyn Disk) -> Party {
    let mut office = Party::Office(Office::default());
    run::step(&mut office, Event::Start, disk);
    office
}

/// What was sent, to whom.
fn answers(effects: &run::Effects<Party>) -> Vec<(NodeId, Message)> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::Send { to, message } => Some((*to, message.clone())),
        _ => None,
    });
    sent.collect()
}

fn a_free_seat_is_booked() {
    let mut disk = MemDisk::default();
    let mut office = opened(&mut disk);
    let effects = ask(&mut office, ADA, 7, &mut disk);
    assert_eq!(
        answers(&effects),
        [(ADA, Message::Booked { seat: 7 })],
        "seat 7 is free: ada should be told that it is hers"
    );
    let Party::Office(office) = office else {
        return;
    };
    assert_eq!(
        office.seats,
        BTreeMap::from([(7, ADA)]),
        "the office should remember whose seat 7 is"
    );
}

fn the_disk_is_told_before_the_customer() {
    let mut disk = MemDisk::default();
    let mut office = opened(&mut disk);
    let effects = ask(&mut office, ADA, 7, &mut disk);
    assert_eq!(
        read_back(&disk),
        Ok(BTreeMap::from([(7, ADA)])),
        "the file {FILE:?} should say that ada has seat 7"
    );
    let place = |what: fn(&Effect<Message, AskAgain>) -> bool| effects.iter().position(what);
    let sync = place(|effect| matches!(effect, Effect::Sync));
    let send = place(|effect| matches!(effect, Effect::Send { .. }));
    assert!(
        sync.is_some(),
        "what was written should be synced; the office wants: {effects:?}"
    );
    assert!(
        sync < send,
        "the answer leaves before the sync is even asked for, and a power failure between the two takes back what ada \
         was told; the office wants: {effects:?}"
    );
}

fn a_seat_of_somebody_else_is_taken() {
    let mut disk = MemDisk::default();
    let mut office = opened(&mut disk);
    ask(&mut office, ADA, 7, &mut disk);
    let effects = ask(&mut office, BOB, 7, &mut disk);
    assert_eq!(
        answers(&effects),
        [(BOB, Message::Taken { seat: 7 })],
        "ada has seat 7: bob should hear that it is taken"
    );
    let mut office = opened(&mut disk);
    let effects = ask(&mut office, BOB, 7, &mut disk);
    assert_eq!(
        answers(&effects),
        [(BOB, Message::Taken { seat: 7 })],
        "the office was closed and opened again; ada still has seat 7"
    );
}

fn who_asks_again_hears_the_same() {
    let mut disk = MemDisk::default();
    let mut office = opened(&mut disk);
    for time in 1..4 {
        let effects = ask(&mut office, ADA, 7, &mut disk);
        assert_eq!(
            answers(&effects),
            [(ADA, Message::Booked { seat: 7 })],
            "ada asks for seat 7, the {time}. time: it is hers"
        );
    }
}

fn what_cannot_be_written_is_not_promised() {
    let mut disk = SimDisk::default();
    let mut office = opened(&mut disk);
    disk.set_capacity(Some(0));
    for _ in 0..2 {
        let effects = ask(&mut office, ADA, 7, &mut disk);
        assert_eq!(
            answers(&effects),
            [],
            "the disk is full, so nobody will know after a power failure that seat 7 is ada's: there is nothing to \
             tell her"
        );
    }
    disk.set_capacity(None);
    let effects = ask(&mut office, BOB, 7, &mut disk);
    assert_eq!(
        answers(&effects),
        [(BOB, Message::Booked { seat: 7 })],
        "the disk has room again, and the seat was never sold"
    );
    assert_eq!(
        read_back(&disk),
        Ok(BTreeMap::from([(7, BOB)])),
        "what the file says"
    );
}

fn no_power_failure_takes_a_promise_back() {
    for seed in autograder::seeds(150) {
        run::check(&PowerFailures, seed);
    }
}

/// Customers that want the same seats, and an office whose power fails and whose disk is full now and then.
struct PowerFailures;

impl Scenario for PowerFailures {
    type Node = Party;

    fn name(&self) -> &str {
        "persist"
    }

    fn replay_command(&self) -> &str {
        "cargo test -p warm-up --test graded -- persist:: --seed"
    }

    fn setup(&self, rng: &mut Rng) -> Setup<Party> {
        let customers = 2 + rng.index(2);
        let mut wishes = |_| {
            let mut seats: Vec<u8> = (0..10).collect();
            rng.shuffle(&mut seats);
            seats
        };
        let wishes: Vec<Vec<u8>> = (0..customers).map(&mut wishes).collect();
        let mut world = World::new(rng.fork(), move |id, _| match id.0.checked_sub(1) {
            None => Party::Office(Office::default()),
            Some(customer) => Party::Customer(Customer {
                wishes: wishes[customer as usize].iter().copied().collect(),
                ..Customer::default()
            }),
        });
        world.add_node("office");
        for name in ["ada", "bob", "cy"].iter().take(customers) {
            world.add_node(name);
        }
        let mix = Mix {
            // The customers' power does not fail: they remember what they were told.
            nodes: vec![OFFICE],
            kinds: vec![Trouble::Crash, Trouble::Crash, Trouble::Noise],
            count: 1 + rng.below(6),
            from: Time::ZERO,
            until: Time::from_millis(150),
            longest: Duration::from_millis(60),
            flip_within: String::new(),
        };
        let mut schedule = mix.draw(rng);
        let full_at = Time::from_micros(rng.below(60_000));
        let freed_at = full_at + Duration::from_micros(rng.below(100_000));
        let (node, free) = (OFFICE, 0);
        schedule.push(Timed::new(full_at, Fault::DiskFull { node, free }));
        schedule.push(Timed::new(freed_at, Fault::DiskFreed { node }));
        Setup {
            world,
            schedule,
            invariants: vec![Box::new(PromisesHold)],
            progress: Box::new(AllAnswered),
            calm_at: Time::from_millis(400),
            patience: Duration::from_secs(20),
            check_every: Duration::ZERO,
        }
    }
}

fn customers(world: &World<Party>) -> impl Iterator<Item = (NodeId, &Customer)> {
    world.nodes().filter_map(|(id, party)| match party {
        Party::Customer(customer) => Some((id, customer)),
        Party::Office(_) => None,
    })
}

/// What a customer was told is what the office knows whenever it is open, and no two were told the same.
struct PromisesHold;

impl Invariant<Party> for PromisesHold {
    fn name(&self) -> &'static str {
        "promises-hold"
    }

    fn check(&mut self, world: &World<Party>) -> Result<(), String> {
        let name = |id| world.name(id).unwrap_or("?");
        let mut sold: BTreeMap<u8, NodeId> = BTreeMap::new();
        for (id, customer) in customers(world) {
            for seat in &customer.booked {
                if let Some(other) = sold.insert(*seat, id) {
                    let (one, two) = (name(other), name(id));
                    return Err(format!("Seat {seat} was sold to {one} and to {two}."));
                }
            }
        }
        let file = world.disk(OFFICE).and_then(|disk| disk.durable(FILE));
        for (seat, customer) in &sold {
            let byte = file.and_then(|file| file.get(usize::from(*seat)));
            if byte.map(|id| u32::from(*id)) != Some(customer.0) {
                let told = name(*customer);
                return Err(format!(
                    "{told} has heard that seat {seat} is booked, and that is not durable yet: a power failure now takes it back."
                ));
            }
        }
        let Some(Party::Office(office)) = world.node(OFFICE) else {
            return Ok(());
        };
        for (seat, customer) in sold {
            let knows = office.seats.get(&seat).copied();
            if knows != Some(customer) {
                let (told, knows) = (name(customer), knows.map_or("nobody", name));
                return Err(format!(
                    "The office has told {told} that seat {seat} is booked, and now it knows of {knows} who has it."
                ));
            }
        }
        Ok(())
    }
}

/// In the end nobody waits for an answer.
struct AllAnswered;

impl Invariant<Party> for AllAnswered {
    fn name(&self) -> &'static str {
        "all-answered"
    }

    fn check(&mut self, world: &World<Party>) -> Result<(), String> {
        for (id, customer) in customers(world) {
            if let Some(seat) = customer.wishes.front() {
                let name = world.name(id).unwrap_or("?");
                return Err(format!(
                    "Everything has worked for a while, and {name} still has no answer about seat {seat}."
                ));
            }
        }
        Ok(())
    }
}
