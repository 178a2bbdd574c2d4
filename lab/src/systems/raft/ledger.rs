//! What clients were promised, and whether it can have been so: every call and every answer is written down as it comes, and `history`
//! looks for an order that explains them. Reads that promise nothing (serializable ones) are kept apart.

use std::collections::{BTreeMap, BTreeSet};

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
    /// What such a write would have written, and calls that are under way: a value for a write.
    doubtful: BTreeSet<String>,
    under_way: usize,
    /// Nobody knows what was there before, so nothing can be said until it was read alone.
    is_open: bool,
}

/// A ledger that is longer begins anew as soon as it can, for checking takes longer with each call.
const CALLS_MAX: usize = 200;

/// A call that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    promised: Option<OperationId>,
    all: OperationId,
    /// What it writes, if it does.
    value: Option<String>,
}

impl Ledger {
    /// Of a key of which nobody knows what it was.
    pub(super) fn open() -> Ledger {
        Ledger {
            is_open: true,
            ..Ledger::default()
        }
    }

    /// A client calls.
    pub(crate) fn call(&mut self, client: u64, action: &Action) -> Call {
        let (input, promises) = match action {
            Action::Put(value) => (RegisterInput::write(value.clone()), true),
            Action::Get { serializable } => (RegisterInput::Read, !serializable),
        };
        self.under_way += 1;
        let value = match action {
            Action::Put(value) => Some(value.clone()),
            Action::Get { .. } => None,
        };
        Call {
            promised: promises.then(|| self.promised.call(client, input.clone())),
            all: self.all.call(client, input),
            value,
        }
    }

    /// It has an answer, or none.
    pub(crate) fn ended(&mut self, call: Call, outcome: &Outcome) {
        let Call {
            promised,
            all,
            value: written,
        } = call;
        let is_read = written.is_none();
        self.under_way = self.under_way.saturating_sub(1);
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
        if let (Outcome::Unknown(_), Some(written)) = (outcome, written) {
            self.unknown += 1;
            self.doubtful.insert(written);
        }
        // Nobody else was at it when this was read: that is what there is, whatever came before.
        if let (Outcome::Done { value, .. }, true) = (outcome, promised.is_some() && is_read)
            && self.under_way == 0
            && (self.is_open || self.len() > CALLS_MAX && self.promised() == Finding::Linearizable)
        {
            self.begin_anew(value.as_deref());
        }
    }

    /// Forgets all but what there is now, and writes that may still take effect.
    fn begin_anew(&mut self, value: Option<&str>) {
        let doubtful = std::mem::take(&mut self.doubtful);
        *self = Ledger {
            unknown: doubtful.len(),
            ..Ledger::default()
        };
        for calls in [&mut self.promised, &mut self.all] {
            if let Some(value) = value {
                let id = calls.call(0, RegisterInput::write(value));
                calls.returned(id, RegisterOutput::Written);
            }
            for (client, value) in (1..).zip(&doubtful) {
                calls.call(u64::MAX - client, RegisterInput::write(value.clone()));
            }
        }
        self.doubtful = doubtful;
    }

    /// How many calls there were.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether what was promised was kept.
    pub(crate) fn promised(&self) -> Finding {
        match self.is_open {
            true => Finding::Unknown,
            false => Finding::of(&self.promised),
        }
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
    fn a_long_ledger_begins_anew_and_still_knows_what_there_is_and_what_may_come() {
        let mut ledger = Ledger::default();
        put(&mut ledger, "late", &Outcome::Unknown("lost".to_owned()));
        for n in 0..CALLS_MAX {
            put(&mut ledger, &n.to_string(), &done(None));
            get(&mut ledger, false, &n.to_string());
        }
        assert!(ledger.len() < CALLS_MAX, "{}", ledger.len());
        let last = (CALLS_MAX - 1).to_string();
        for value in [last.as_str(), "late"] {
            get(&mut ledger, false, value);
            assert_eq!(ledger.promised(), Finding::Linearizable, "{value}");
        }
        get(&mut ledger, false, &last);
        assert!(matches!(ledger.promised(), Finding::Violation(_)));
    }

    #[test]
    fn where_nobody_knows_what_was_there_the_first_read_says_it() {
        let mut ledger = Ledger::open();
        put(&mut ledger, "a", &Outcome::Refused("no".to_owned()));
        assert_eq!(ledger.promised(), Finding::Unknown);
        get(&mut ledger, false, "old");
        assert_eq!(ledger.promised(), Finding::Linearizable);
        get(&mut ledger, false, "a");
        assert!(matches!(ledger.promised(), Finding::Violation(_)));
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
