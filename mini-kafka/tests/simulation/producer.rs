//! A producer, idempotent or not: it sends, waits for answers, and sends again what it has heard nothing of.

use std::collections::VecDeque;
use std::time::Duration;

use mini_kafka::error::ErrorCode;
use mini_kafka::record::builder::BatchBuilder;
use mini_kafka::record::compression::Compression;
use mini_kafka::record::framing::Header;
use node::{Ctx, Event, Rng, Time};

use crate::cluster::{CALM_AT, Member};
use crate::history::{Sender, Shared};
use crate::invariants::lost_write;
use crate::wire::{Answer, BROKER, Bytes, Correlation, Message, Request, Timer};

/// What it has heard nothing of for so long it sends again.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(700);
/// As many as a broker remembers (`max.in.flight.requests.per.connection`).
const IN_FLIGHT_MAX: usize = 5;
const KEYS: u64 = 7;

#[derive(Clone, Copy)]
struct Sent {
    id: u64,
    key: u8,
    is_tombstone: bool,
}

/// A batch that was sent.
struct InFlight {
    correlation: Correlation,
    records: Vec<Sent>,
    sequence: i32,
    sent: Time,
    /// It was sent when all before it had been acknowledged.
    is_next: bool,
    /// It stays until all before it are, too: a broker remembers no more than five, so from the first that is not on there may be no more.
    is_acknowledged: bool,
}

/// A producer to one partition.
pub(crate) struct ProducerProcess {
    history: Shared,
    partition: usize,
    /// How many batches it still has to send.
    left: u64,
    producer: u64,
    is_idempotent: bool,
    epoch: i16,
    sequence: i32,
    /// Whether the broker knows it. Of one that it does not know, it takes whatever sequence comes first: so nothing may overtake the first
    /// batch, which on a real connection nothing does.
    is_known: bool,
    in_flight: VecDeque<InFlight>,
    rng: Rng,
}

impl ProducerProcess {
    pub(crate) fn new(
        history: Shared,
        partition: usize,
        batches: u64,
        rng: &mut Rng,
    ) -> ProducerProcess {
        let producer = history.borrow_mut().number();
        let mut rng = rng.fork();
        ProducerProcess {
            history,
            partition,
            left: batches,
            producer,
            is_idempotent: rng.percent(70),
            epoch: 0,
            sequence: 0,
            is_known: false,
            in_flight: VecDeque::new(),
            rng,
        }
    }

    /// What it waits for.
    pub(crate) fn is_waiting(&self) -> Option<String> {
        let waits = self.left > 0 || !self.in_flight.is_empty();
        waits.then(|| {
            format!(
                "has {} batches to send and {} under way",
                self.left,
                self.in_flight.len()
            )
        })
    }

    pub(crate) fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        match event {
            Event::Start => ctx.set_timer(Timer::Client, Duration::ZERO),
            Event::Timer(_) => {
                self.act(ctx);
                let pause = Duration::from_millis(20 + self.rng.below(500));
                ctx.set_timer(Timer::Client, pause);
            }
            Event::Message { message, .. } => {
                if let Message::Answer(correlation, Answer::Produce(result)) = message {
                    self.answered(correlation, result, ctx);
                }
            }
        }
    }

    fn act(&mut self, ctx: &mut Ctx<'_, Member>) {
        let is_late = |first: &InFlight| ctx.now().since(first.sent) >= REQUEST_TIMEOUT;
        if self.in_flight.front().is_some_and(is_late) {
            self.send_all_again(ctx);
        }
        let may_pipeline = self.is_idempotent && self.is_known;
        let most = if may_pipeline { IN_FLIGHT_MAX } else { 1 };
        // In the end it makes haste.
        let count = if ctx.now() < CALM_AT { 1 } else { most };
        for _ in 0..count {
            if self.left > 0 && self.in_flight.len() < most {
                self.send_new(ctx);
            }
        }
    }

    fn send_new(&mut self, ctx: &mut Ctx<'_, Member>) {
        self.left -= 1;
        let count = 1 + self.rng.below(4);
        let records: Vec<Sent> = (0..count).map(|_| self.draw_record()).collect();
        let sequence = self.sequence;
        self.sequence += i32::try_from(records.len()).unwrap_or(0);
        self.in_flight.push_back(InFlight {
            correlation: 0,
            records,
            sequence,
            sent: ctx.now(),
            is_next: false,
            is_acknowledged: false,
        });
        self.send(self.in_flight.len() - 1, ctx);
    }

    fn draw_record(&mut self) -> Sent {
        let history = &mut *self.history.borrow_mut();
        let id = history.number();
        let sender = Sender {
            producer: self.producer,
            is_idempotent: self.is_idempotent,
        };
        history.senders.insert(id, sender);
        Sent {
            id,
            key: b'a' + u8::try_from(self.rng.below(KEYS)).unwrap_or(0),
            is_tombstone: self.rng.percent(25),
        }
    }

    /// Sends one of what is under way, the first time or again.
    fn send(&mut self, at: usize, ctx: &mut Ctx<'_, Member>) {
        let mut batch = BatchBuilder::new(Compression::None);
        let sent = &mut self.in_flight[at];
        if self.is_idempotent {
            let id = i64::try_from(self.producer).unwrap_or(0);
            batch = batch.producer(id, self.epoch, sent.sequence);
        }
        let timestamp = i64::try_from(ctx.now().as_millis()).unwrap_or(0);
        for record in &sent.records {
            let id = record.id.to_be_bytes();
            let header = Header {
                key: "id",
                value: Some(&id),
            };
            let value = (!record.is_tombstone).then_some(&id[..]);
            batch.push(timestamp, Some(&[record.key]), value, &[header]);
        }
        sent.correlation = self.history.borrow_mut().number();
        (sent.sent, sent.is_next) = (ctx.now(), at == 0);
        let request = Request::Produce {
            partition: self.partition,
            batch: Bytes(batch.build().unwrap()),
        };
        ctx.send(BROKER, Message::Request(sent.correlation, request));
    }

    fn send_all_again(&mut self, ctx: &mut Ctx<'_, Member>) {
        for at in 0..self.in_flight.len() {
            if !self.in_flight[at].is_acknowledged {
                self.send(at, ctx);
            }
        }
    }

    fn answered(
        &mut self,
        correlation: Correlation,
        result: Result<i64, ErrorCode>,
        ctx: &mut Ctx<'_, Member>,
    ) {
        let is_it = |sent: &InFlight| sent.correlation == correlation && !sent.is_acknowledged;
        let Some(at) = self.in_flight.iter().position(is_it) else {
            return;
        };
        match result {
            Ok(base_offset) => {
                self.is_known = true;
                let sent = &mut self.in_flight[at];
                sent.is_acknowledged = true;
                let past = &mut self.history.borrow_mut().partitions[self.partition];
                let ids = (base_offset..).zip(sent.records.iter().map(|record| record.id));
                past.acknowledged.extend(ids);
                while self
                    .in_flight
                    .front()
                    .is_some_and(|sent| sent.is_acknowledged)
                {
                    self.in_flight.pop_front();
                }
            }
            Err(ErrorCode::OutOfOrderSequenceNumber) if at == 0 && self.in_flight[0].is_next => {
                self.start_over(ctx);
            }
            // What came before it had not arrived yet, or has now.
            Err(ErrorCode::OutOfOrderSequenceNumber) if at == 0 => self.send(0, ctx),
            // Once it takes too long, it is sent again.
            Err(_) => {}
        }
    }

    /// The broker has lost what it acknowledged: the producer numbers anew, in a new epoch (KIP-360).
    fn start_over(&mut self, ctx: &mut Ctx<'_, Member>) {
        let mut history = self.history.borrow_mut();
        history.count("epochs bumped");
        let topic = &history.partitions[self.partition].topic;
        if topic.syncs_always {
            let name = topic.name.clone();
            let text = format!("a producer to {name} hears that what was acknowledged is missing");
            history.find(lost_write::NAME, Err(text));
        }
        drop(history);
        self.epoch += 1;
        self.sequence = 0;
        self.in_flight.retain(|sent| !sent.is_acknowledged);
        for sent in &mut self.in_flight {
            sent.sequence = self.sequence;
            self.sequence += i32::try_from(sent.records.len()).unwrap_or(0);
        }
        self.send_all_again(ctx);
    }
}
