//! Checking that a history of concurrent operations is linearizable: 10,000 operations of 16 clients on one store with transactions, of which
//! some were never answered; and the same with one read that saw what was not there, found and made small.

use std::time::Duration;

use benches::size;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use history::models::{Store, Txn, TxnOutput};
use history::{History, Model, OperationId, check};
use node::Rng;

const CLIENTS: u64 = 16;
const KEYS: u64 = 20;
/// Of so many operations, one is never answered, and takes effect at once.
const LOST_ONE_IN: u64 = 200;
const STEPS_MAX: u64 = 10_000_000;

/// What a client waits for.
enum Waits {
    ForEffect(OperationId, Txn),
    ForAnswer(OperationId, TxnOutput),
}

fn ask(rng: &mut Rng) -> Txn {
    let key = format!("k{}", rng.below(KEYS));
    match rng.below(10) {
        0..4 => Txn::get(key),
        4..9 => Txn::put(key, format!("v{}", rng.below(100))),
        _ => Txn::delete(key),
    }
}

/// What a store that does one thing after the other answers to clients that do not.
fn recorded(operations: u64) -> History<Txn, TxnOutput> {
    let (mut history, mut rng, mut state) = (History::new(), Rng::new(1), Store.initial());
    let mut clients: Vec<Option<Waits>> = (0..CLIENTS).map(|_| None).collect();
    while (history.len() as u64) < operations || clients.iter().any(Option::is_some) {
        let number = rng.below(CLIENTS);
        let client = &mut clients[usize::try_from(number).unwrap_or(0)];
        *client = match client.take() {
            None if history.len() as u64 >= operations => None,
            None => {
                let txn = ask(&mut rng);
                let id = history.call(number, txn.clone());
                Some(Waits::ForEffect(id, txn))
            }
            Some(Waits::ForEffect(id, txn)) => {
                let (output, next) = state.apply(&txn);
                state = next.unwrap_or(state);
                (rng.below(LOST_ONE_IN) > 0).then_some(Waits::ForAnswer(id, output))
            }
            Some(Waits::ForAnswer(id, output)) => {
                history.returned(id, output);
                None
            }
        };
    }
    history
}

fn checker(c: &mut Criterion) {
    let operations = size("HISTORY", 10_000, 500);
    let good = recorded(operations);
    let mut all: Vec<_> = good.operations().cloned().collect();
    let late = all.len() * 9 / 10;
    let answered = all[late..].iter_mut().find_map(|op| op.output.as_mut());
    answered.expect("most are answered").revision += 20;
    let bad: History<Txn, TxnOutput> = all.into_iter().collect();

    let mut group = c.benchmark_group("history: 16 clients");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(10))
        .throughput(Throughput::Elements(operations));
    group.bench_function("linearizable", |b| {
        b.iter(|| assert!(check(&Store, &good, STEPS_MAX).is_linearizable()));
    });
    group.bench_function("not, and why", |b| {
        b.iter(|| {
            let verdict = check(&Store, &bad, STEPS_MAX);
            assert!(verdict.violation().is_some(), "{verdict:?}");
        });
    });
    group.finish();
}

criterion_group!(benches, checker);
criterion_main!(benches);
