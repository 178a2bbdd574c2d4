//! A load on a system: operations at a rate, each checked against what was acknowledged before.
//!
//! What an operation is, a system says by a [`Workload`]; here stands what is the same for all: when the next one is due, how long they
//! take, what is counted. The generator is an *open* one up to a point: operations are due at fixed times, however
//! long those before take, so that a system that stalls is seen to stall (a *closed* one would politely wait, and report fine
//! latencies). With 32 under way no more begin, and what was due longer than a second ago is left
//! out.

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

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::atomic::{AtomicU64, Ordering};

    const DEADLINE: Duration = Duration::from_secs(20);

    /// Outcomes in turn, each after a moment.
    #[derive(Clone)]
    struct Script {
        outcomes: Arc<Vec<Outcome>>,
        takes: Duration,
        next: Arc<AtomicU64>,
        heard: Arc<Mutex<Vec<String>>>,
    }

    impl Script {
        fn new(takes: Duration, outcomes: &[Outcome]) -> Script {
            Script {
                outcomes: Arc::new(outcomes.to_vec()),
                takes,
                next: Arc::default(),
                heard: Arc::default(),
            }
        }
    }

    impl Workload for Script {
        fn worker(&self, _number: u64) -> Box<dyn Worker> {
            Box::new(self.clone())
        }

        fn wrong(&self, text: &str) {
            lock(&self.heard).push(text.to_owned());
        }
    }

    impl Worker for Script {
        fn operate(&mut self) -> Outcome {
            thread::sleep(self.takes);
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            let len = self.outcomes.len() as u64;
            self.outcomes[usize::try_from(n % len).unwrap()].clone()
        }
    }

    #[track_caller]
    fn until(what: &str, mut holds: impl FnMut() -> bool) {
        let end = Instant::now() + DEADLINE;
        while !holds() {
            assert!(Instant::now() < end, "waited in vain until {what}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn everything_is_counted_and_what_is_wrong_is_told() {
        let script = Script::new(
            Duration::from_millis(2),
            &[
                Outcome::Acknowledged(1000),
                Outcome::Checked(500),
                Outcome::Failed("safe mode".to_owned()),
                Outcome::Wrong("/f is not as written".to_owned()),
            ],
        );
        let load = Load::new(script.clone());
        assert_eq!(load.status(), Status::default());
        load.set_rate(200);
        until("much was done", || load.status().wrong >= 10);
        let now = load.status();
        assert!(
            now.on && now.per_second > 1.0 && now.bytes_per_second > 1.0,
            "{now:?}"
        );
        assert!(now.p50_ms >= 2.0 && now.p99_ms >= now.p50_ms, "{now:?}");
        load.set_rate(0);
        until("what was under way has ended", || {
            let Status {
                acknowledged,
                failed,
                checked,
                wrong,
                ..
            } = load.status();
            acknowledged + failed + checked + wrong == script.next.load(Ordering::Relaxed)
        });
        let now = load.status();
        assert!(
            !now.on && now.acknowledged.abs_diff(now.checked) <= 1,
            "{now:?}"
        );
        assert_eq!(
            now.reasons,
            BTreeMap::from([("safe mode".to_owned(), now.failed)])
        );
        assert_eq!(lock(&script.heard).len() as u64, now.wrong);
        assert_eq!(lock(&script.heard)[0], "/f is not as written");
    }

    #[test]
    fn the_rate_is_kept_and_no_more() {
        let script = Script::new(Duration::ZERO, &[Outcome::Acknowledged(1)]);
        let load = Load::new(script);
        let began = Instant::now();
        load.set_rate(100);
        until("as many were done as are due in half a second", || {
            load.status().acknowledged >= 50
        });
        assert!(began.elapsed() >= Duration::from_millis(480));
        // A new rate holds at once, though the old one had the next turn far away.
        load.set_rate(1);
        load.set_rate(1000);
        let before = load.status().acknowledged;
        until("it goes on at the new rate", || {
            load.status().acknowledged >= before + 100
        });
        let most = began.elapsed().as_millis() + 52;
        assert!(u128::from(load.status().acknowledged) <= most);
    }

    #[test]
    fn a_system_that_stalls_is_not_flooded_afterwards() {
        let mut pace = Pace {
            rate: 10,
            next: Instant::now(),
            version: 0,
            ended: false,
        };
        pace.next -= Duration::from_secs(30);
        let load = Load::new(Script::new(Duration::ZERO, &[Outcome::Checked(0)]));
        *lock(&load.shared.pace) = pace;
        let turns = (0..).take_while(|_| {
            let before = Instant::now();
            load.shared.turn() && before.elapsed() < Duration::from_millis(50)
        });
        assert!(
            (10..=12).contains(&turns.count()),
            "those of the last second"
        );
    }

    #[test]
    fn many_reasons_are_one() {
        let mut counts = Counts {
            total: Status::default(),
            spans: VecDeque::new(),
        };
        let now = Instant::now();
        for n in 0..100 {
            counts.count(Outcome::Failed(format!("reason {n}")), now, now);
        }
        assert_eq!(counts.total.reasons.len(), REASONS_MAX + 1);
        assert_eq!(counts.total.reasons["other"], 90);
    }
}
