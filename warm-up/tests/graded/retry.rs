//! A request is sent until it is answered, and done once.

use std::time::Duration;

use autograder::{Test, tests};
use node::{Effect, Event, MemDisk, NodeId, Rng, Time};
use sim::{Invariant, Mix, Scenario, Setup, Trouble, World};
use warm_up::retry::{Client, Message, NoAnswer, PATIENCE, Party, SERVER, Server};

use crate::run;

pub(crate) const TESTS: &[Test] = tests![
    a_request_is_sent_to_the_server,
    without_an_answer_the_same_request_is_sent_again,
    whoever_has_all_its_answers_is_silent,
    a_request_counts,
    a_copy_counts_no_more_and_is_answered_as_the_first_time,
    an_old_copy_counts_no_more,
    clients_number_their_requests_each_for_itself,
    on_a_bad_network_everything_is_added_once,
];

const ADA: NodeId = NodeId(1);
const BOB: NodeId = NodeId(2);

/// What a client wants done when this happens to it.
fn happens(client: &mut Party, event: Event<Message, NoAnswer>) -> run::Effects<Party> {
    run::step(client, event, &mut MemDisk::default())
}

fn sends(effects: &run::Effects<Party>) -> Vec<(NodeId, Message)> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::Send { to, message } => Some((*to, message.clone())),
        _ => None,
    });
    sent.collect()
}

fn timer_is_set(effects: &run::Effects<Party>) -> bool {
    let (timer, after) = (NoAnswer, PATIENCE);
    effects.contains(&Effect::SetTimer { timer, after })
}

fn add(number: u64, amount: u64) -> (NodeId, Message) {
    (SERVER, Message::Add { number, amount })
}

fn a_request_is_sent_to_the_server() {
    let mut client = Party::Client(Client::new(&[5, 6]));
    let effects = happens(&mut client, Event::Start);
    assert_eq!(
        sends(&effects),
        [add(0, 5)],
        "at the start the client should send its first amount, under the number 0, and no more"
    );
}

fn without_an_answer_the_same_request_is_sent_again() {
    let mut client = Party::Client(Client::new(&[5, 6]));
    let effects = happens(&mut client, Event::Start);
    assert!(
        timer_is_set(&effects),
        "with the request the client should set the timer NoAnswer, to {PATIENCE:?}; it wants: {effects:?}"
    );
    for _ in 0..3 {
        let effects = happens(&mut client, Event::Timer(NoAnswer));
        assert_eq!(
            sends(&effects),
            [add(0, 5)],
            "when no answer has come, the same request should be sent again, under the same number"
        );
        assert!(
            timer_is_set(&effects),
            "the copy may be lost as well: the timer should be set again; it wants: {effects:?}"
        );
    }
}

fn whoever_has_all_its_answers_is_silent() {
    let mut client = Party::Client(Client::new(&[5]));
    happens(&mut client, Event::Start);
    let message = Message::Added {
        number: 0,
        total: 5,
    };
    let from = SERVER;
    let effects = happens(&mut client, Event::Message { from, message });
    assert_eq!(sends(&effects), [], "nothing is left to be sent");
    assert!(
        !timer_is_set(&effects),
        "nothing is left to wait for, but the timer is set: {effects:?}"
    );
}

fn a_request_counts() {
    let mut server = Server::default();
    assert_eq!(server.add(ADA, 0, 5), 5, "5 was added to nothing");
    assert_eq!(server.add(ADA, 1, 7), 12, "7 was added to 5");
    assert_eq!(server.total, 12);
}

fn a_copy_counts_no_more_and_is_answered_as_the_first_time() {
    let mut server = Server::default();
    server.add(ADA, 0, 5);
    server.add(BOB, 0, 100);
    let again = server.add(ADA, 0, 5);
    assert_eq!(
        server.total, 105,
        "a copy of ada's request should not be added"
    );
    assert_eq!(
        again, 5,
        "the answer to the copy should be the total of the first time: perhaps that answer was lost"
    );
    server.add(ADA, 1, 0);
    server.add(ADA, 1, 0);
    assert_eq!(server.add(ADA, 2, 1), 106, "the next request is no copy");
}

fn an_old_copy_counts_no_more() {
    let mut server = Server::default();
    for number in 0..4 {
        server.add(ADA, number, 1);
    }
    for number in 0..4 {
        server.add(ADA, number, 1);
        assert_eq!(
            server.total, 4,
            "a copy of request {number} has been under way while request 3 was answered, and should not be added"
        );
    }
    assert_eq!(
        server.add(ADA, 4, 1),
        5,
        "request 4 is new, whatever old copies came before"
    );
}

fn clients_number_their_requests_each_for_itself() {
    let mut server = Server::default();
    for number in 0..3 {
        server.add(ADA, number, 1);
    }
    assert_eq!(
        server.add(BOB, 0, 10),
        13,
        "ada has sent a request with the number 0; bob's is another one, and should be added"
    );
}

fn on_a_bad_network_everything_is_added_once() {
    for seed in autograder::seeds(100) {
        run::check(&BadNetwork, seed);
    }
}

/// Some clients, and a network that loses, delays, repeats and mixes up messages.
struct BadNetwork;

impl Scenario for BadNetwork {
    type Node = Party;

    fn name(&self) -> &str {
        "retry"
    }

    fn replay_command(&self) -> &str {
        "cargo test -p warm-up --test graded -- retry:: --seed"
    }

    fn setup(&self, rng: &mut Rng) -> Setup<Party> {
        let clients = 1 + rng.index(3);
        let amounts = |_| (0..1 + rng.index(8)).map(|_| 1 + rng.below(9)).collect();
        let amounts: Vec<Vec<u64>> = (0..clients).map(amounts).collect();
        let lists = amounts.clone();
        let mut world = World::new(rng.fork(), move |id, _| match id.0.checked_sub(1) {
            None => Party::Server(Server::default()),
            Some(client) => Party::Client(Client::new(&lists[client as usize])),
        });
        world.add_node("server");
        for name in ["ada", "bob", "cy"].iter().take(clients) {
            world.add_node(name);
        }
        let mix = Mix {
            nodes: world.ids().collect(),
            kinds: vec![Trouble::Noise, Trouble::Noise, Trouble::Cut, Trouble::Pause],
            count: 2 + rng.below(5),
            from: Time::ZERO,
            until: Time::from_millis(300),
            longest: Duration::from_millis(500),
            flip_within: String::new(),
        };
        Setup {
            world,
            schedule: mix.draw(rng),
            invariants: vec![Box::new(AddedOnce(amounts.clone()))],
            progress: Box::new(AllAdded(amounts)),
            calm_at: Time::from_millis(800),
            patience: Duration::from_secs(20),
            check_every: Duration::ZERO,
        }
    }
}

/// The clients and the amounts that they wanted added in the beginning.
fn clients<'a>(
    world: &'a World<Party>,
    amounts: &'a [Vec<u64>],
) -> impl Iterator<Item = (&'a Client, &'a Vec<u64>)> {
    let all = world.nodes().filter_map(|(_, party)| match party {
        Party::Client(client) => Some(client),
        Party::Server(_) => None,
    });
    all.zip(amounts)
}

/// The total is what clients have heard to be added, and of each client at most the request that it waits for.
struct AddedOnce(Vec<Vec<u64>>);

impl Invariant<Party> for AddedOnce {
    fn name(&self) -> &'static str {
        "added-once"
    }

    fn check(&mut self, world: &World<Party>) -> Result<(), String> {
        let Some(Party::Server(server)) = world.node(SERVER) else {
            return Ok(());
        };
        let (mut answered, mut asked, mut totals) = (0, 0, Vec::<u64>::new());
        for (client, amounts) in clients(world, &self.0) {
            let done = client.totals.len();
            answered += amounts[..done].iter().sum::<u64>();
            asked += amounts.iter().take(done + 1).sum::<u64>();
            totals.extend(&client.totals);
        }
        let total = server.total;
        if total > asked {
            return Err(format!(
                "The clients have asked for no more than {asked} in all, and the total is {total}: a copy was added."
            ));
        }
        if total < answered {
            return Err(format!(
                "The clients were told of {answered} being added, and the total is only {total}."
            ));
        }
        totals.sort_unstable();
        match totals.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!(
                "Two requests were answered with the total {}: one answer is not the total right after its request.",
                pair[0]
            )),
            None => Ok(()),
        }
    }
}

/// In the end every request has its answer.
struct AllAdded(Vec<Vec<u64>>);

impl Invariant<Party> for AllAdded {
    fn name(&self) -> &'static str {
        "all-added"
    }

    fn check(&mut self, world: &World<Party>) -> Result<(), String> {
        for (client, amounts) in clients(world, &self.0) {
            let (have, want) = (client.totals.len(), amounts.len());
            if have < want {
                return Err(format!(
                    "The network has been good for a while, and a client still has {have} of {want} answers."
                ));
            }
        }
        Ok(())
    }
}
