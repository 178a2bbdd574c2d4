//! Persist before you acknowledge: a box office that must not sell a seat twice, though its power may fail.
//!
//! What a node remembers is gone when its power fails, and what it has written too, until a *sync* has brought it onto the
//! disk; that takes some milliseconds. What it has told others, they will not forget. So a promise may leave only when it
//! is durable. A database's commit waits for its log, HDFS's NameNode for its edit log, Raft for its entries, all for this
//! reason.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use node::{Ctx, Disk, DiskError, DiskErrorKind, Event, Node, NodeId};

/// Where the box office is.
pub const OFFICE: NodeId = NodeId(0);

/// The file on the office's disk. Byte number `seat` is the id of the node that has this seat; 0 while it is free.
pub const FILE: &str = "seats";

/// How long a customer waits before he asks again.
const PAUSE: Duration = Duration::from_millis(40);

/// What travels between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// To the office: I want this seat.
    Book {
        /// Which.
        seat: u8,
    },
    /// To the customer: the seat is yours.
    Booked {
        /// Which.
        seat: u8,
    },
    /// To the customer: somebody else has it.
    Taken {
        /// Which.
        seat: u8,
    },
}

/// The customer's timer: no answer has come for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AskAgain;

/// The box office.
#[derive(Clone, Debug, Default)]
pub struct Office {
    /// Who has which seat.
    pub seats: BTreeMap<u8, NodeId>,
}

/// Writes into the file that `customer` has `seat`. It is written, not durable: that takes a sync.
///
/// # Errors
/// When the disk is full. Then the file is as it was.
pub fn write_down(disk: &mut dyn Disk, seat: u8, customer: NodeId) -> Result<(), DiskError> {
    let id = u8::try_from(customer.0).unwrap_or(u8::MAX);
    disk.write_at(FILE, u64::from(seat), &[id])
}

/// Who has which seat, as the file says. No file: all are free.
///
/// # Errors
/// When the file cannot be read.
pub fn read_back(disk: &dyn Disk) -> Result<BTreeMap<u8, NodeId>, DiskError> {
    let ids = match disk.read(FILE) {
        Err(error) if error.kind == DiskErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    let sold = (0..=u8::MAX).zip(ids).filter(|(_, id)| *id != 0);
    Ok(sold
        .map(|(seat, id)| (seat, NodeId(u32::from(id))))
        .collect())
}

impl Office {
    /// The office opens: for the first time, or after its power has failed. It knows what its disk knows.
    fn open(&mut self, ctx: &mut Ctx<'_, Party>) {
        self.seats = read_back(ctx.disk).unwrap_or_default();
    }

    /// A customer wants a seat, perhaps not for the first time: who has heard nothing asks again.
    ///
    /// Answers [`Message::Booked`] if the seat is his now, or was his already; [`Message::Taken`] if it is another's. Where
    /// it cannot be written down ([`write_down`] fails) there is no answer, and nothing is sold: he will ask again.
    ///
    /// No power failure may take back what was answered. `ctx.send` after `ctx.sync` leaves when that sync is done.
    pub fn book(&mut self, customer: NodeId, seat: u8, ctx: &mut Ctx<'_, Party>) {
        let _ = (customer, seat, ctx);
        todo!("warm-up/persist: write it down, sync, and only then say that it is booked.")
    }
}

/// Wants some seats, one after the other, and asks for each until it has an answer.
#[derive(Clone, Debug, Default)]
pub struct Customer {
    /// The seats that it has no answer about yet.
    pub wishes: VecDeque<u8>,
    /// Those that it was told to have.
    pub booked: Vec<u8>,
}

impl Customer {
    fn ask(&self, ctx: &mut Ctx<'_, Party>) {
        if let Some(&seat) = self.wishes.front() {
            ctx.send(OFFICE, Message::Book { seat });
            ctx.set_timer(AskAgain, PAUSE);
        }
    }

    fn answered(&mut self, message: &Message, ctx: &mut Ctx<'_, Party>) {
        let (Message::Book { seat } | Message::Booked { seat } | Message::Taken { seat }) = message;
        if self.wishes.front() != Some(seat) {
            return;
        }
        self.wishes.pop_front();
        if matches!(message, Message::Booked { .. }) {
            self.booked.push(*seat);
        }
        self.ask(ctx);
    }
}

/// A process of this system.
#[derive(Clone, Debug)]
pub enum Party {
    /// The one that sells.
    Office(Office),
    /// One that buys.
    Customer(Customer),
}

impl Node for Party {
    type Message = Message;
    type Timer = AskAgain;

    fn step(&mut self, event: Event<Message, AskAgain>, ctx: &mut Ctx<'_, Party>) {
        match (self, event) {
            (Party::Office(office), Event::Start) => office.open(ctx),
            (Party::Office(office), Event::Message { from, message }) => {
                if let Message::Book { seat } = message {
                    office.book(from, seat, ctx);
                }
            }
            (Party::Office(_), Event::Timer(AskAgain)) => {}
            (Party::Customer(customer), Event::Message { message, .. }) => {
                customer.answered(&message, ctx);
            }
            (Party::Customer(customer), Event::Start | Event::Timer(AskAgain)) => customer.ask(ctx),
        }
    }
}
