//! A node in 60 lines: a counter, and a client that has it add up a few numbers.
//!
//! It is right as long as every message arrives once and no power ever fails. `tests/counter.rs` shows what becomes of it
//! otherwise; `cargo run -p warm-up --example counter` tells the story.

// ANCHOR: node
use std::collections::VecDeque;

use node::{Ctx, Event, Node, NodeId};

/// Where the counter is. The clients know it beforehand.
pub const COUNTER: NodeId = NodeId(0);

/// What travels between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// To the counter: add this.
    Add(u64),
    /// To the client: this is the total now.
    Total(u64),
}

/// What a process of this system is: one of two things.
#[derive(Clone, Debug)]
pub enum Process {
    /// Adds up.
    Counter {
        /// The sum of all that it was told to add.
        total: u64,
    },
    /// Has numbers added, one after the other.
    Client {
        /// What is still to be added.
        left: VecDeque<u64>,
        /// What the counter answered.
        totals: Vec<u64>,
    },
}

impl Node for Process {
    type Message = Message;
    type Timer = ();

    /// Something happened. Change what you remember, and say what you want done.
    fn step(&mut self, event: Event<Message, ()>, ctx: &mut Ctx<'_, Process>) {
        match (self, event) {
            (Process::Counter { total }, Event::Message { from, message }) => {
                if let Message::Add(amount) = message {
                    *total += amount;
                    ctx.send(from, Message::Total(*total));
                }
            }
            (Process::Client { left, totals }, event) => {
                if let Event::Message { message, .. } = event
                    && let Message::Total(total) = message
                {
                    totals.push(total);
                }
                if let Some(amount) = left.pop_front() {
                    ctx.send(COUNTER, Message::Add(amount));
                }
            }
            (Process::Counter { .. }, Event::Start | Event::Timer(())) => {}
        }
    }
}
// ANCHOR_END: node
