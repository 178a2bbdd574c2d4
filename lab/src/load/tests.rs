//! A load of outcomes from a script.

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
