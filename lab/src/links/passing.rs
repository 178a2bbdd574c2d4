//! Who watches what passes over links, and how a message is followed from its sender to its receiver.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Direction;
use super::recogniser::Seen;

/// A connection tells of so many messages in such a time, one way. Bulk data has thousands in a second, and nobody can see
/// them all.
const MESSAGES_MAX: u32 = 20;
const SPAN: Duration = Duration::from_millis(500);

/// Hears of messages on links. It is called from the relay, so it must be quick and must not block. Of each message that was
/// sent it hears later that it was delivered or lost, whichever.
pub trait Sink: Send + Sync {
    /// A message has entered the link between two nodes. `label` is its class, `text` what it is, as a phrase. Returns its number.
    fn send(&self, from: &str, to: &str, label: &str, text: &str) -> u64;
    /// All of it has got through.
    fn deliver(&self, from: &str, to: &str, message: u64);
    /// Not all of it has got through, and no more of it will, for the reason `why`.
    fn lose(&self, from: &str, to: &str, message: u64, why: &str);
}

/// One way of one connection, as it is told of.
pub(super) struct Teller {
    sink: Arc<dyn Sink>,
    direction: Arc<Direction>,
    /// When the present span began, and how many messages it has had.
    began: Instant,
    told: u32,
    untold: u64,
}

impl Teller {
    pub(super) fn new(sink: Arc<dyn Sink>, direction: &Direction) -> Teller {
        Teller {
            sink,
            direction: Arc::new(direction.clone()),
            began: Instant::now(),
            told: 0,
            untold: 0,
        }
    }

    /// Somebody dials, which gets through like any message.
    pub(super) fn connect(&mut self) -> Option<InFlight> {
        let seen = Seen {
            label: "connect".into(),
            text: "connect".to_owned(),
            end: 0,
        };
        self.tell(&seen, Instant::now())
    }

    /// A message has entered the link. None: there are too many to tell of.
    pub(super) fn tell(&mut self, seen: &Seen, now: Instant) -> Option<InFlight> {
        if now.saturating_duration_since(self.began) >= SPAN {
            (self.began, self.told) = (now, 0);
        }
        if self.told >= MESSAGES_MAX {
            self.untold += 1;
            return None;
        }
        self.told += 1;
        let (from, to) = &*self.direction;
        let text = match std::mem::take(&mut self.untold) {
            0 => Cow::Borrowed(&seen.text),
            untold => Cow::Owned(format!("{}, and {untold} messages before it", seen.text)),
        };
        let message = self.sink.send(from, to, &seen.label, &text);
        Some(InFlight {
            sink: self.sink.clone(),
            direction: self.direction.clone(),
            message,
            end: seen.end,
            delivered: false,
        })
    }
}

/// A message on its way. Dropped before it is delivered, it is lost.
pub(super) struct InFlight {
    sink: Arc<dyn Sink>,
    direction: Arc<Direction>,
    message: u64,
    /// How many bytes of the connection have to get through for it.
    pub(super) end: u64,
    delivered: bool,
}

impl InFlight {
    /// All of it has got through.
    pub(super) fn deliver(mut self) {
        self.delivered = true;
        let (from, to) = &*self.direction;
        self.sink.deliver(from, to, self.message);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.delivered {
            let (from, to) = &*self.direction;
            self.sink
                .lose(from, to, self.message, "the connection has ended");
        }
    }
}
