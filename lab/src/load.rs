//! A load on a system: operations at a rate, each checked against what was acknowledged before.
//!
//! What an operation is, a system says by a [`Workload`]; here stands what is the same for all: when the next one is due, how long they
//! take, what is counted. The generator is an *open* one up to a point: operations are due at fixed times, however
//! long those before take, so that a system that stalls is seen to stall (a *closed* one would politely wait, and report fine
//! latencies). With 32 under way no more begin, and what was due longer than a second ago is left
//! out.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Debug};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::{Value, json};

use crate::lab::lock;

/// Operations in a second, at most.
pub const RATE_MAX: u32 = 1000;
/// Operations under way at a time, at most.
const WORKERS: u64 = 32;
/// What was due longer ago is left out.
const LAG_MAX: Duration = Duration::from_secs(1);
/// Figures are those of the last span and the one that has begun.
const SPAN: Duration = Duration::from_secs(2);
/// So many different reasons of failures are told apart; the rest is `other`.
const REASONS_MAX: usize = 10;
/// Latencies beyond this count as this, in microseconds.
const LATENCY_MAX_US: u64 = 120_000_000;

/// What a system's load consists of.
pub trait Workload: Send + Sync {
    /// Somebody who does one operation after the other. What he wrote, nobody else changes. He is the `number`th.
    fn worker(&self, number: u64) -> Box<dyn Worker>;

    /// Something that was acknowledged is not so.
    fn wrong(&self, text: &str);
}

/// See [`Workload::worker`].
pub trait Worker: Send {
    /// Does one operation, whichever.
    fn operate(&mut self) -> Outcome;
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It changed something, and was acknowledged; so many bytes were written.
    Acknowledged(u64),
    /// It read so many bytes, and they are what was acknowledged.
    Checked(u64),
    /// It read something else than what was acknowledged, as the text says.
    Wrong(String),
    /// It was refused, or nobody knows what became of it. The reason names no file and no number, so that equal ones are equal.
    Failed(String),
}

/// What a load has done so far, and does just now.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Status {
    /// Whether it goes on.
    pub on: bool,
    /// How many operations in a second are wanted.
    pub rate: u32,
    /// Changes that were acknowledged.
    pub acknowledged: u64,
    /// Operations that failed.
    pub failed: u64,
    /// Reads that gave what was acknowledged.
    pub checked: u64,
    /// Reads that gave something else.
    pub wrong: u64,
    /// Why the last one failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why operations failed, and how many for each reason.
    pub reasons: BTreeMap<String, u64>,
    /// Operations in a second, over the past few.
    #[serde(skip)]
    pub per_second: f64,
    /// Bytes in a second, written and read.
    #[serde(skip)]
    pub bytes_per_second: f64,
    /// Half of the past few seconds' operations took less, in milliseconds.
    #[serde(skip)]
    pub p50_ms: f64,
    /// 99 of 100 did.
    #[serde(skip)]
    pub p99_ms: f64,
}

impl Status {
    /// The member `load` of the state document.
    pub fn document(&self) -> Value {
        json!(self)
    }

    /// Its members of `figures`; none before the load was first put on.
    pub fn figures(&self) -> impl Iterator<Item = (String, Value)> {
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        let figures = [
            ("operations", "operations", "1/s", self.per_second),
            ("bytes", "written and read", "B/s", self.bytes_per_second),
            ("p50", "half take less than", "ms", self.p50_ms),
            ("p99", "99 of 100 take less than", "ms", self.p99_ms),
        ];
        let has_run = self.on || self.acknowledged + self.failed + self.checked > 0;
        let figures = figures.into_iter().zip(1..).filter(move |_| has_run);
        figures.map(move |((id, label, unit, value), order)| {
            let figure = json!({
                "order": order, "label": label, "unit": unit, "value": tenths(value),
            });
            (id.to_owned(), figure)
        })
    }
}

/// A load generator. It stops when it is dropped.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    workers: Mutex<Vec<thread::JoinHandle<()>>>,
}

struct Shared {
    workload: Box<dyn Workload>,
    pace: Mutex<Pace>,
    changed: Condvar,
    counts: Mutex<Counts>,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// When the next operation is due.
#[derive(Debug)]
struct Pace {
    rate: u32,
    next: Instant,
    /// Whoever took his turn before this changed asks again.
    version: u64,
    ended: bool,
}

/// A part of the time.
#[derive(Debug)]
struct Span {
    began: Instant,
    operations: u64,
    bytes: u64,
    latency_us: Histogram<u64>,
}

#[derive(Debug)]
struct Counts {
    total: Status,
    /// The last one that is over, and the present one.
    spans: VecDeque<Span>,
}

impl Load {
    /// A load of this kind, at rate 0.
    pub fn new(workload: impl Workload + 'static) -> Load {
        let pace = Pace {
            rate: 0,
            next: Instant::now(),
            version: 0,
            ended: false,
        };
        let counts = Counts {
            total: Status::default(),
            spans: VecDeque::new(),
        };
        let shared = Shared {
            workload: Box::new(workload),
            pace: Mutex::new(pace),
            changed: Condvar::new(),
            counts: Mutex::new(counts),
        };
        Load {
            shared: Arc::new(shared),
            workers: Mutex::default(),
        }
    }

    /// From now on so many operations in a second are due; [`RATE_MAX`] at most.
    pub fn set_rate(&self, per_second: u32) {
        let mut pace = lock(&self.shared.pace);
        (pace.rate, pace.next) = (per_second.min(RATE_MAX), Instant::now());
        pace.version += 1;
        drop(pace);
        self.shared.changed.notify_all();
        let mut workers = lock(&self.workers);
        if per_second > 0 && workers.is_empty() {
            let start = |number| {
                let shared = self.shared.clone();
                thread::spawn(move || shared.work(number))
            };
            workers.extend((0..WORKERS).map(start));
        }
    }

    /// What it has done and does.
    pub fn status(&self) -> Status {
        let rate = lock(&self.shared.pace).rate;
        let mut counts = lock(&self.shared.counts);
        counts.turn(Instant::now());
        counts.status(rate)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let mut pace = lock(&self.shared.pace);
        (pace.ended, pace.version) = (true, pace.version + 1);
        drop(pace);
        // Whoever is in the middle of an operation ends it, which nobody waits for: the system may be down.
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn work(&self, number: u64) {
        let mut worker = self.workload.worker(number);
        while self.turn() {
            let began = Instant::now();
            let outcome = worker.operate();
            if let Outcome::Wrong(text) = &outcome {
                self.workload.wrong(text);
            }
            lock(&self.counts).count(outcome, began, Instant::now());
        }
    }

    /// Waits until an operation is due. Says whether there is to be one.
    fn turn(&self) -> bool {
        let mut pace = lock(&self.pace);
        loop {
            let (now, version) = (Instant::now(), pace.version);
            if pace.ended {
                return false;
            }
            let wait = match pace.rate {
                0 => Duration::MAX,
                rate => {
                    let longest_ago = now.checked_sub(LAG_MAX).unwrap_or(now);
                    let due = pace.next.max(longest_ago);
                    pace.next = due + Duration::from_secs(1) / rate;
                    due.saturating_duration_since(now)
                }
            };
            if wait.is_zero() {
                return true;
            }
            let same = |pace: &mut Pace| pace.version == version;
            let waited = self.changed.wait_timeout_while(pace, wait, same);
            let (after, waited) = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
            if waited.timed_out() {
                return true;
            }
            pace = after;
        }
    }
}

impl Counts {
    /// Begins a new span where the present one is over.
    fn turn(&mut self, now: Instant) {
        let over = |span: &Span| now.saturating_duration_since(span.began) >= SPAN;
        if self.spans.back().is_some_and(|span| !over(span)) {
            return;
        }
        while self.spans.len() > 1 {
            self.spans.pop_front();
        }
        // After a silence the last span is none of the past few seconds'.
        self.spans
            .retain(|span| now.saturating_duration_since(span.began) < 2 * SPAN);
        // Two digits are what anybody reads.
        if let Ok(latency_us) = Histogram::new_with_max(LATENCY_MAX_US, 2) {
            self.spans.push_back(Span {
                began: now,
                operations: 0,
                bytes: 0,
                latency_us,
            });
        }
    }

    fn count(&mut self, outcome: Outcome, began: Instant, now: Instant) {
        self.turn(now);
        let total = &mut self.total;
        let mut bytes = 0;
        match outcome {
            Outcome::Acknowledged(len) => {
                total.acknowledged += 1;
                bytes = len;
            }
            Outcome::Checked(len) => {
                total.checked += 1;
                bytes = len;
            }
            Outcome::Wrong(_) => total.wrong += 1,
            Outcome::Failed(reason) => {
                total.failed += 1;
                let known = total.reasons.contains_key(&reason);
                let other = !known && total.reasons.len() >= REASONS_MAX;
                let reason = if other { "other".to_owned() } else { reason };
                *total.reasons.entry(reason.clone()).or_default() += 1;
                total.reason = Some(reason);
                // How soon an error comes is no latency.
                return;
            }
        }
        if let Some(span) = self.spans.back_mut() {
            span.operations += 1;
            span.bytes += bytes;
            let took = now.saturating_duration_since(began).as_micros();
            let took = u64::try_from(took).unwrap_or(u64::MAX);
            span.latency_us.saturating_record(took);
        }
    }

    fn status(&self, rate: u32) -> Status {
        let mut status = Status {
            on: rate > 0,
            rate,
            ..self.total.clone()
        };
        let Some(first) = self.spans.front() else {
            return status;
        };
        let mut latency_us = first.latency_us.clone();
        for span in self.spans.iter().skip(1) {
            // They are of one make.
            let _ = latency_us.add(&span.latency_us);
        }
        let seconds = first
            .began
            .elapsed()
            .as_secs_f64()
            .max(SPAN.as_secs_f64() / 2.0);
        let sum = |of: fn(&Span) -> u64| self.spans.iter().map(of).sum::<u64>() as f64;
        status.per_second = sum(|span| span.operations) / seconds;
        status.bytes_per_second = sum(|span| span.bytes) / seconds;
        let ms = |quantile| latency_us.value_at_quantile(quantile) as f64 / 1000.0;
        (status.p50_ms, status.p99_ms) = (ms(0.5), ms(0.99));
        status
    }
}
