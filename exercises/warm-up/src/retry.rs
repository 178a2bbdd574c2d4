//! Retry, and do it once: the counter on a network that loses messages, brings them twice, and mixes up their order.
//!
//! A client that gets no answer cannot know which of the two was lost, its request or the answer. So it sends the request
//! again, and the server may get it twice. It has to tell a copy from the next request: by a number that the client gives
//! each request, and keeps when it sends it again. TCP does so with bytes, Kafka's producers with batches, HDFS's clients
//! with RPCs (`RetryCache`).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use node::{Ctx, Event, Node, NodeId};

/// Where the server is.
pub const SERVER: NodeId = NodeId(0);

/// How long a client waits for an answer before it sends again.
pub const PATIENCE: Duration = Duration::from_millis(50);

/// What travels between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// To the server: add this.
    Add {
        /// Which request of this client it is, counted from 0.
        number: u64,
        /// What to add.
        amount: u64,
    },
    /// To the client: it is done.
    Added {
        /// Which request is answered.
        number: u64,
        /// The total right after it was added.
        total: u64,
    },
}

/// The client's timer: no answer has come for [`PATIENCE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoAnswer;

/// Adds up what its clients send.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// The sum of all that was added.
    pub total: u64,
    /// Of each client the latest request that was added: its number, and the total that was answered.
    pub latest: BTreeMap<NodeId, (u64, u64)>,
}

impl Server {
    /// Adds `amount`, if this request of this client is new. Returns the total to answer with: the one right after the
    /// request was added. A copy is answered as it was the first time.
    ///
    /// A client sends one request at a time; the next one, whose number is higher by one, when it has its answer. So what
    /// has a lower number than the client's latest request is an old copy. Nothing is added for it; which total is
    /// returned does not matter, since nobody waits for it any more.
    pub fn add(&mut self, client: NodeId, number: u64, amount: u64) -> u64 {
        let _ = (client, number, amount);
        todo!(
            "warm-up/retry: add once for each number of each client; answer a copy as the first time."
        )
    }
}

/// Has a list of amounts added, one after the other.
#[derive(Clone, Debug)]
pub struct Client {
    /// The number of the request that it wants answered now.
    pub number: u64,
    /// What is still to be added. The first is the amount of that request.
    pub left: VecDeque<u64>,
    /// The totals that were answered.
    pub totals: Vec<u64>,
}

impl Client {
    /// One that wants these amounts added.
    pub fn new(amounts: &[u64]) -> Client {
        Client {
            number: 0,
            left: amounts.iter().copied().collect(),
            totals: Vec::new(),
        }
    }

    /// Sends the request that is to be answered now, if any is left, and makes sure of being called again after
    /// [`PATIENCE`], in case no answer comes.
    ///
    /// It is called at the start, when an answer has come, and when the timer [`NoAnswer`] rings.
    pub fn send(&mut self, ctx: &mut Ctx<'_, Party>) {
        let _ = ctx;
        todo!("warm-up/retry: send the request to SERVER, and set the timer NoAnswer.")
    }

    /// An answer has come.
    fn added(&mut self, number: u64, total: u64, ctx: &mut Ctx<'_, Party>) {
        // Answers come twice too.
        if number != self.number || self.left.is_empty() {
            return;
        }
        ctx.cancel_timer(NoAnswer);
        self.totals.push(total);
        self.left.pop_front();
        self.number += 1;
        self.send(ctx);
    }
}

/// A process of this system.
#[derive(Clone, Debug)]
pub enum Party {
    /// The one that adds.
    Server(Server),
    /// One that has things added.
    Client(Client),
}

impl Node for Party {
    type Message = Message;
    type Timer = NoAnswer;

    fn step(&mut self, event: Event<Message, NoAnswer>, ctx: &mut Ctx<'_, Party>) {
        match (self, event) {
            (Party::Server(server), Event::Message { from, message }) => {
                if let Message::Add { number, amount } = message {
                    let total = server.add(from, number, amount);
                    ctx.send(from, Message::Added { number, total });
                }
            }
            (Party::Client(client), Event::Message { message, .. }) => {
                if let Message::Added { number, total } = message {
                    client.added(number, total, ctx);
                }
            }
            (Party::Client(client), Event::Start | Event::Timer(NoAnswer)) => client.send(ctx),
            (Party::Server(_), Event::Start | Event::Timer(NoAnswer)) => {}
        }
    }
}
