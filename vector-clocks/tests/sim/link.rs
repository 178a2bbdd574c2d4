//! Channels that lose nothing and keep their order, made of a network that does neither: what is sent is numbered, sent again
//! until it is acknowledged, and taken in order (go-back-N, as in any book on TCP).

use std::collections::{BTreeMap, VecDeque};

use node::NodeId;

/// How much is sent again at a time.
const WINDOW: usize = 16;

/// What travels.
#[derive(Clone, Debug)]
pub(crate) enum Wire<M> {
    /// The message with this number in its channel.
    Data { number: u64, message: M },
    /// All before this number have come.
    Got { next: u64 },
}

/// What is under way to one process.
#[derive(Clone, Debug)]
struct Outgoing<M> {
    next: u64,
    unheard: VecDeque<(u64, M)>,
}

/// One process's end of all its channels.
#[derive(Clone, Debug)]
pub(crate) struct Link<M> {
    outgoing: BTreeMap<NodeId, Outgoing<M>>,
    expected: BTreeMap<NodeId, u64>,
}

impl<M: Clone> Link<M> {
    pub(crate) fn new() -> Link<M> {
        Link {
            outgoing: BTreeMap::new(),
            expected: BTreeMap::new(),
        }
    }

    /// What is to be sent for a message.
    pub(crate) fn send(&mut self, to: NodeId, message: M) -> Wire<M> {
        let outgoing = self.outgoing.entry(to).or_insert_with(|| Outgoing {
            next: 0,
            unheard: VecDeque::new(),
        });
        let number = outgoing.next;
        outgoing.next += 1;
        outgoing.unheard.push_back((number, message.clone()));
        Wire::Data { number, message }
    }

    /// Something has come: the message in it, if it is the next, and what is to be answered.
    pub(crate) fn receive(&mut self, from: NodeId, wire: Wire<M>) -> (Option<M>, Option<Wire<M>>) {
        match wire {
            Wire::Data { number, message } => {
                let expected = self.expected.entry(from).or_default();
                let is_next = number == *expected;
                *expected += u64::from(is_next);
                let got = Wire::Got { next: *expected };
                (is_next.then_some(message), Some(got))
            }
            Wire::Got { next } => {
                if let Some(outgoing) = self.outgoing.get_mut(&from) {
                    while outgoing
                        .unheard
                        .front()
                        .is_some_and(|(number, _)| *number < next)
                    {
                        outgoing.unheard.pop_front();
                    }
                }
                (None, None)
            }
        }
    }

    /// What has not been heard yet, to be sent again.
    pub(crate) fn again(&self) -> Vec<(NodeId, Wire<M>)> {
        let mut again = Vec::new();
        for (to, outgoing) in &self.outgoing {
            for (number, message) in outgoing.unheard.iter().take(WINDOW) {
                let (number, message) = (*number, message.clone());
                again.push((*to, Wire::Data { number, message }));
            }
        }
        again
    }
}
