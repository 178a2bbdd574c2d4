//! What clients were promised, and whether it can have been so: every call and every answer is written down as it comes, and `history`
//! looks for an order that explains them. Reads that promise nothing (serializable ones) are kept apart.

use std::collections::BTreeMap;

use history::draw::draw;
use history::models::{Register, RegisterInput, RegisterOutput};
use history::{History, OperationId, Verdict, check};

use super::client::{Action, Outcome};

/// A search that takes longer is given up; nothing is said then.
const STEPS_MAX: u64 = 200_000;

type Calls = History<RegisterInput, RegisterOutput>;

/// What was done to one key, which nobody wrote before.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Writes, and reads that must be as of now.
    promised: Calls,
    /// These, and the others.
    all: Calls,
    /// Writes of which nobody knows what became.
    pub(super) unknown: usize,
}

/// A call that is under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    promised: Option<OperationId>,
    all: OperationId,
    is_read: bool,
}

impl Ledger {
    /// A client calls.
    pub(crate) fn call(&mut self, client: u64, action: &Action) -> Call {
        let (input, promises) = match action {
            Action::Put(value) => (RegisterInput::write(value.clone()), true),
            Action::Get { serializable } => (RegisterInput::Read, !serializable),
        };
        Call {
            promised: promises.then(|| self.promised.call(client, input.clone())),
            is_read: input == RegisterInput::Read,
            all: self.all.call(client, input),
        }
    }

    /// It has an answer, or none.
    pub(crate) fn ended(&mut self, call: Call, outcome: &Outcome) {
        let Call {
            promised,
            all,
            is_read,
        } = call;
        let calls = [(&mut self.promised, promised), (&mut self.all, Some(all))];
        for (calls, id) in calls
            .into_iter()
            .filter_map(|(calls, id)| Some((calls, id?)))
        {
            match outcome {
                Outcome::Done { value, .. } if is_read => {
                    calls.returned(id, RegisterOutput::Value(value.clone()));
                }
                Outcome::Done { .. } => calls.returned(id, RegisterOutput::Written),
                Outcome::Refused(_) => calls.refused(id),
                // It may take effect at any later time.
                Outcome::Unknown(_) => {}
            }
        }
        if matches!(outcome, Outcome::Unknown(_)) && !is_read {
            self.unknown += 1;
        }
    }

    /// How many calls there were.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether what was promised was kept.
    pub(crate) fn promised(&self) -> Finding {
        Finding::of(&self.promised)
    }

    /// Whether it would have been, had all reads promised something.
    pub(crate) fn all(&self) -> Finding {
        Finding::of(&self.all)
    }
}

/// What is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// There is an order that explains it.
    Linearizable,
    /// There is none.
    Violation(Proof),
    /// It would have taken too long to find out.
    Unknown,
}

/// The few calls that no order explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// In words, on one line.
    pub(crate) words: String,
    /// As SVG.
    pub(crate) picture: String,
}

impl Finding {
    fn of(calls: &Calls) -> Finding {
        match check(&Register, calls, STEPS_MAX) {
            Verdict::Linearizable { .. } => Finding::Linearizable,
            Verdict::Unknown { .. } => Finding::Unknown,
            Verdict::Violation(proof) => {
                let calls = proof.operations.iter().zip(&proof.texts);
                let calls = calls.map(|(call, text)| format!("client {}: {text}", call.client));
                let calls: Vec<String> = calls.collect();
                Finding::Violation(Proof {
                    words: calls.join("; "),
                    picture: draw(&proof, "No order explains what clients saw"),
                })
            }
        }
    }
}

/// Ledgers by key.
pub(crate) type Ledgers = BTreeMap<String, Ledger>;

#[cfg(test)]
mod tests {
    use super::*;

    fn put(ledger: &mut Ledger, value: &str, outcome: &Outcome) {
        let call = ledger.call(1, &Action::Put(value.to_owned()));
        ledger.ended(call, outcome);
    }

    fn get(ledger: &mut Ledger, serializable: bool, found: &str) {
        let call = ledger.call(2, &Action::Get { serializable });
        ledger.ended(call, &done(Some(found)));
    }

    fn done(value: Option<&str>) -> Outcome {
        Outcome::Done {
            value: value.map(str::to_owned),
            revision: 1,
        }
    }

    #[test]
    fn a_stale_read_is_a_violation_only_where_it_promised_something() {
        let mut ledger = Ledger::default();
        put(&mut ledger, "a", &done(None));
        put(&mut ledger, "b", &done(None));
        get(&mut ledger, true, "a");
        assert_eq!(ledger.promised(), Finding::Linearizable);
        let proves = |finding| {
            let Finding::Violation(proof) = finding else {
                panic!("{finding:?}");
            };
            let expected = "client 1: write a → ok; client 1: write b → ok; client 2: read → a";
            assert_eq!(proof.words, expected);
            assert!(proof.picture.starts_with("<svg "), "{}", proof.picture);
        };
        proves(ledger.all());
        get(&mut ledger, false, "a");
        proves(ledger.promised());
    }

    #[test]
    fn a_write_whose_fate_is_not_known_may_be_seen_or_not_but_a_refused_one_may_not() {
        for (outcome, expected) in [
            (Outcome::Unknown("lost".to_owned()), true),
            (Outcome::Refused("no".to_owned()), false),
        ] {
            let mut ledger = Ledger::default();
            put(&mut ledger, "a", &done(None));
            put(&mut ledger, "b", &outcome);
            get(&mut ledger, false, "a");
            get(&mut ledger, false, "b");
            assert_eq!(ledger.promised() == Finding::Linearizable, expected);
        }
    }
}
