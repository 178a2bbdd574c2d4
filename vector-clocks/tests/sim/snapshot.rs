//! A bank: money travels between accounts all the time, and every snapshot of all accounts has all of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use node::{Ctx, Event, Node, NodeId, Rng, Time};
use sim::{Invariant, Mix, Scenario, Setup, Trouble, World};
use vector_clocks::snapshot::{Piece, SnapshotId, Snapshots};

use crate::link::{Link, Wire};

/// What each account begins with.
const MONEY: u64 = 1000;

/// An account, and how many transfers it has sent to and received from each other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    balance: u64,
    sent: BTreeMap<NodeId, u64>,
    received: BTreeMap<NodeId, u64>,
}

/// The `number`th transfer from its sender to its receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    number: u64,
    amount: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum Packet {
    Transfer(Transfer),
    Marker(SnapshotId),
}

type Pieces = BTreeMap<NodeId, Piece<NodeId, Account, Transfer>>;

/// The pieces of all snapshots, as they become complete, and which were begun.
#[derive(Clone, Debug, Default)]
pub(crate) struct Album {
    begun: Vec<SnapshotId>,
    pieces: BTreeMap<SnapshotId, Pieces>,
}

type Shared = Rc<RefCell<Album>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Pay,
    Picture,
    Repeat,
}

const REPEAT: Duration = Duration::from_millis(40);

pub(crate) struct Branch {
    account: Account,
    snapshots: Snapshots<NodeId, Account, Transfer>,
    link: Link<Packet>,
    others: Vec<NodeId>,
    transfers_left: u64,
    pictures_left: u64,
    album: Shared,
}

impl Branch {
    fn pay(&mut self, ctx: &mut Ctx<'_, Branch>) {
        if self.transfers_left == 0 {
            return;
        }
        self.transfers_left -= 1;
        if let Some(to) = ctx.rng.choose(&self.others).copied() {
            let amount = ctx.rng.below(self.account.balance.min(50) + 1);
            self.account.balance -= amount;
            let number = self.account.sent.entry(to).or_default();
            *number += 1;
            let transfer = Transfer {
                number: *number,
                amount,
            };
            ctx.send(to, self.link.send(to, Packet::Transfer(transfer)));
        }
        let pause = Duration::from_micros(ctx.rng.below(10_000));
        ctx.set_timer(Timer::Pay, pause);
    }

    fn picture(&mut self, ctx: &mut Ctx<'_, Branch>) {
        if self.pictures_left == 0 {
            return;
        }
        self.pictures_left -= 1;
        let id = u64::from(ctx.id().0) * 100 + self.pictures_left;
        self.album.borrow_mut().begun.push(id);
        if self.snapshots.start(id, &self.account) {
            self.send_markers(id, ctx);
        }
        let pause = Duration::from_micros(ctx.rng.below(100_000));
        ctx.set_timer(Timer::Picture, pause);
    }

    fn send_markers(&mut self, id: SnapshotId, ctx: &mut Ctx<'_, Branch>) {
        for other in &self.others {
            ctx.send(*other, self.link.send(*other, Packet::Marker(id)));
        }
    }

    fn heard(&mut self, from: NodeId, wire: Wire<Packet>, ctx: &mut Ctx<'_, Branch>) {
        let (packet, answer) = self.link.receive(from, wire);
        if let Some(answer) = answer {
            ctx.send(from, answer);
        }
        match packet {
            None => {}
            Some(Packet::Marker(id)) => {
                let is_first = self.snapshots.marker(&from, id, &self.account);
                if is_first {
                    self.send_markers(id, ctx);
                }
            }
            Some(Packet::Transfer(transfer)) => {
                self.snapshots.message(&from, &transfer);
                self.account.balance += transfer.amount;
                *self.account.received.entry(from).or_default() += 1;
            }
        }
        while let Some((id, piece)) = self.snapshots.take_complete() {
            let mut album = self.album.borrow_mut();
            let pieces = album.pieces.entry(id).or_default();
            pieces.insert(ctx.id(), piece);
        }
    }
}

impl Node for Branch {
    type Message = Wire<Packet>;
    type Timer = Timer;

    fn step(&mut self, event: Event<Wire<Packet>, Timer>, ctx: &mut Ctx<'_, Branch>) {
        match event {
            Event::Start => {
                for (timer, within) in [(Timer::Pay, 10_000), (Timer::Picture, 100_000)] {
                    let pause = Duration::from_micros(ctx.rng.below(within));
                    ctx.set_timer(timer, pause);
                }
                ctx.set_timer(Timer::Repeat, REPEAT);
            }
            Event::Timer(Timer::Pay) => self.pay(ctx),
            Event::Timer(Timer::Picture) => self.picture(ctx),
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

pub(crate) struct Bank;

impl Scenario for Bank {
    type Node = Branch;

    fn name(&self) -> &str {
        "bank"
    }

    fn replay_command(&self) -> &str {
        "cargo test -p vector-clocks --test sim -- replay_snapshot"
    }

    fn setup(&self, rng: &mut Rng) -> Setup<Branch> {
        let album = Shared::default();
        let count = 2 + rng.index(4);
        let ids: Vec<NodeId> = (0..).take(count).map(NodeId).collect();
        let (transfers, pictures) = (rng.below(40), 1 + rng.below(3));
        let (branches, shared) = (ids.clone(), Rc::clone(&album));
        let mut world = World::new(rng.fork(), move |id, _| {
            let others: Vec<NodeId> = branches
                .iter()
                .copied()
                .filter(|other| *other != id)
                .collect();
            let account = Account {
                balance: MONEY,
                sent: BTreeMap::new(),
                received: BTreeMap::new(),
            };
            Branch {
                account,
                snapshots: Snapshots::new(others.iter().copied()),
                link: Link::new(),
                others,
                transfers_left: transfers,
                pictures_left: pictures,
                album: Rc::clone(&shared),
            }
        });
        for name in ["ada", "bob", "cy", "dee", "eve"].iter().take(count) {
            world.add_node(name);
        }
        let mix = Mix {
            nodes: ids,
            kinds: vec![
                Trouble::Noise,
                Trouble::NoisyLink,
                Trouble::Cut,
                Trouble::Partition,
                Trouble::Pause,
            ],
            count: rng.below(8),
            from: Time::ZERO,
            until: Time::from_millis(300),
            longest: Duration::from_millis(300),
            flip_within: String::new(),
        };
        let expected = count * usize::try_from(pictures).unwrap_or(0);
        Setup {
            world,
            schedule: mix.draw(rng),
            invariants: vec![Box::new(AllMoneyInEachPicture {
                album: Rc::clone(&album),
                count,
            })],
            progress: Box::new(AllComplete {
                album,
                count,
                expected,
            }),
            calm_at: Time::from_millis(700),
            patience: Duration::from_secs(30),
            check_every: Duration::ZERO,
        }
    }
}

/// Whether the pieces of all accounts make a consistent cut: each channel holds what was sent and had not been received, no more
/// and no less, in order; and so all the money is there.
pub(crate) fn judge(pieces: &Pieces) -> Result<(), String> {
    let mut sum = 0;
    for (to, piece) in pieces {
        sum += piece.state.balance;
        for from in pieces.keys().filter(|from| *from != to) {
            let Some(channel) = piece.channels.get(from) else {
                return Err(format!("The channel from {from} to {to} is missing."));
            };
            let sent = pieces[from].state.sent.get(to).copied().unwrap_or(0);
            let received = piece.state.received.get(from).copied().unwrap_or(0);
            let numbers: Vec<u64> = channel.iter().map(|transfer| transfer.number).collect();
            let expected: Vec<u64> = (received + 1..=sent).collect();
            if received > sent {
                return Err(format!(
                    "{to} has received {received} transfers from {from}, which has sent {sent}: no consistent cut."
                ));
            }
            if numbers != expected {
                return Err(format!(
                    "{from} has sent {sent} transfers to {to}, which has received {received}; those under way are {expected:?}, and {numbers:?} are recorded."
                ));
            }
            sum += channel.iter().map(|transfer| transfer.amount).sum::<u64>();
        }
    }
    let all = MONEY * pieces.len() as u64;
    if sum == all {
        Ok(())
    } else {
        Err(format!("The picture has {sum} of {all}."))
    }
}

struct AllMoneyInEachPicture {
    album: Shared,
    count: usize,
}

impl Invariant<Branch> for AllMoneyInEachPicture {
    fn name(&self) -> &'static str {
        "all-money-in-each-picture"
    }

    fn check(&mut self, _: &World<Branch>) -> Result<(), String> {
        let mut album = self.album.borrow_mut();
        // What was judged is not judged again: an empty entry stays in its place.
        for (id, pieces) in &mut album.pieces {
            if pieces.len() == self.count {
                judge(pieces).map_err(|what| format!("In snapshot {id}: {what}"))?;
                pieces.clear();
            }
        }
        Ok(())
    }
}

struct AllComplete {
    album: Shared,
    count: usize,
    expected: usize,
}

impl Invariant<Branch> for AllComplete {
    fn name(&self) -> &'static str {
        "all-complete"
    }

    fn check(&mut self, world: &World<Branch>) -> Result<(), String> {
        let album = self.album.borrow();
        let open = album
            .begun
            .iter()
            .filter(|id| album.pieces.get(id).is_none_or(|pieces| !pieces.is_empty()));
        let open: Vec<&SnapshotId> = open.collect();
        if album.begun.len() < self.expected || !open.is_empty() {
            return Err(format!(
                "{} of {} snapshots were begun, and these are not complete at all {} accounts: {open:?}.",
                album.begun.len(),
                self.expected,
                self.count
            ));
        }
        let now: u64 = world
            .nodes()
            .map(|(_, branch)| branch.account.balance)
            .sum();
        // What is under way at the end is nowhere yet.
        if now > MONEY * self.count as u64 {
            return Err(format!("The accounts have {now}: money was made."));
        }
        Ok(())
    }
}

#[test]
fn the_judge_knows_bad_pictures() {
    let (ada, bob) = (NodeId(0), NodeId(1));
    let account = |balance, sent, received| {
        let (other_sent, other_received) = (
            BTreeMap::from([(bob, sent)]),
            BTreeMap::from([(ada, received)]),
        );
        Account {
            balance,
            sent: other_sent,
            received: other_received,
        }
    };
    let picture = |sent: u64, received: u64, under_way: &[u64]| {
        let transfers = under_way.iter().map(|number| Transfer {
            number: *number,
            amount: 10,
        });
        let ada_piece = Piece {
            state: account(MONEY - 10 * sent, sent, 0),
            channels: BTreeMap::from([(bob, Vec::new())]),
        };
        let bob_piece = Piece {
            state: account(MONEY + 10 * received, 0, received),
            channels: BTreeMap::from([(ada, transfers.collect())]),
        };
        judge(&BTreeMap::from([(ada, ada_piece), (bob, bob_piece)]))
    };
    assert_eq!(picture(3, 1, &[2, 3]), Ok(()));
    assert!(
        picture(1, 2, &[])
            .unwrap_err()
            .contains("no consistent cut")
    );
    assert!(picture(3, 1, &[3]).unwrap_err().contains("under way"));
    assert!(picture(3, 1, &[3, 2]).unwrap_err().contains("under way"));
    assert!(picture(1, 1, &[1]).unwrap_err().contains("under way"));
}
