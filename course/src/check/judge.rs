//! What the runs prove of an exercise, and what they disprove.

use std::collections::{BTreeMap, BTreeSet};

use super::runs::{Run, Subject};
use crate::catalogue::{Catalogue, Exercise};
use crate::report::{Report, Verdict};
use crate::variants::{Kind, Variant, shown};

/// Mistakes that an exercise must at least have.
const WRONG_MIN: usize = 3;
/// Right solutions unlike the reference's.
const RIGHT_MIN: usize = 1;

/// All that was run of one crate.
pub(super) struct Evidence<'a> {
    pub(super) catalogue: &'a Catalogue,
    /// Those that are judged.
    pub(super) exercises: Vec<&'a Exercise>,
    pub(super) variants: &'a [Variant],
    /// Two runs of the reference.
    pub(super) reference: [Report; 2],
    pub(super) runs: Vec<(Run, Report)>,
}

/// What is known of an exercise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) id: String,
    /// The tests that grade it, in learning order.
    pub(super) tests: Vec<String>,
    /// The tests that fail when it alone is a stub, in learning order.
    pub(super) stripped: Vec<String>,
    /// Of its own, those among them.
    pub(super) stripped_own: usize,
    /// Of its own, those that pass when all others are stubs.
    pub(super) alone: usize,
    /// Wrong solutions: those that were caught, and all.
    pub(super) wrong: (usize, usize),
    /// Right ones: those that pass, and all.
    pub(super) right: (usize, usize),
}

/// The tests of a report that did not pass; one of the reference's that the report lacks is among them, as a process that
/// died has not come to it.
fn failing<'a>(reference: &'a Report, report: &Report) -> Vec<&'a str> {
    let verdicts = report.by_name();
    let names = reference.tests.iter().map(|test| test.name.as_str());
    names
        .filter(|name| verdicts.get(name) != Some(&&Verdict::Ok))
        .collect()
}

impl Evidence<'_> {
    /// What holds for each exercise, and a sentence for all that does not.
    pub(super) fn judge(&self) -> (Vec<Proof>, Vec<String>) {
        let mut findings = self.judge_reference();
        let broken = self.broken();
        let mut proofs = Vec::new();
        for exercise in &self.exercises {
            let mut proof = Proof {
                id: exercise.id.clone(),
                tests: self
                    .tests_of(&exercise.id)
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
                ..Proof::default()
            };
            if proof.tests.is_empty() {
                findings.push(format!(
                    "{} has no test: the graded binary lists none for it",
                    exercise.id
                ));
            }
            for (run, report) in self.runs.iter().filter(|(run, _)| run.id == exercise.id) {
                let mut failing = failing(&self.reference[0], report);
                // One that fails in any case, or did not run, says nothing.
                failing.retain(|test| !broken.contains(test) && run.has(test));
                match run.subject {
                    Subject::Reference => {}
                    Subject::Stub => self.judge_stub(exercise, &failing, &mut proof, &mut findings),
                    Subject::Alone => judge_alone(exercise, &failing, &mut proof, &mut findings),
                    Subject::Variant(index) => {
                        self.judge_variant(
                            &self.variants[index],
                            &failing,
                            report,
                            &mut proof,
                            &mut findings,
                        );
                    }
                }
            }
            for (kind, (_, count), min) in [
                (Kind::Wrong, proof.wrong, WRONG_MIN),
                (Kind::Right, proof.right, RIGHT_MIN),
            ] {
                if count < min {
                    let (id, kind) = (&exercise.id, kind.name());
                    findings.push(format!(
                        "{id} has {count} {kind} solutions; an exercise has {min} at least"
                    ));
                }
            }
            proofs.push(proof);
        }
        (proofs, findings)
    }

    fn tests_of(&self, id: &str) -> Vec<&str> {
        let tests = self.reference[0]
            .tests
            .iter()
            .filter(|test| test.exercise == id);
        tests.map(|test| test.name.as_str()).collect()
    }

    /// The tests that fail with the reference.
    fn broken(&self) -> BTreeSet<&str> {
        let [first, second] = &self.reference;
        failing(first, first)
            .into_iter()
            .chain(failing(first, second))
            .collect()
    }

    fn judge_reference(&self) -> Vec<String> {
        let [first, second] = &self.reference;
        let mut findings = Vec::new();
        if first.tests.is_empty() {
            findings.push("the graded binary reported no test".to_owned());
        }
        for test in self.broken() {
            findings.push(format!("{test} fails with the reference"));
        }
        let names = |report: &Report| {
            report
                .tests
                .iter()
                .map(|test| test.name.clone())
                .collect::<BTreeSet<_>>()
        };
        for test in names(first).symmetric_difference(&names(second)) {
            findings.push(format!(
                "of two runs of the reference, one alone has {test}"
            ));
        }
        findings
    }

    fn judge_stub(
        &self,
        exercise: &Exercise,
        failing: &[&str],
        proof: &mut Proof,
        findings: &mut Vec<String>,
    ) {
        let id = &exercise.id;
        proof.stripped = failing.iter().map(|&test| test.to_owned()).collect();
        let exercises: BTreeMap<&str, &str> = self.reference[0]
            .tests
            .iter()
            .map(|test| (test.name.as_str(), test.exercise.as_str()))
            .collect();
        let mut others: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for &test in failing {
            let owner = exercises[test];
            if owner == id {
                proof.stripped_own += 1;
            } else if !self.may_need(owner, id) {
                others.entry(owner).or_default().push(test);
            }
        }
        let broken = self.broken();
        for test in proof.tests.iter().map(String::as_str) {
            if !failing.contains(&test) && !broken.contains(test) {
                findings.push(format!(
                    "{test} passes though {id} is a stub: it would give points for nothing"
                ));
            }
        }
        for (other, tests) in others {
            findings.push(format!(
                "with the stub of {id}, tests of {other} fail, which does not list it under `needs`: {}",
                tests.join(", ")
            ));
        }
    }

    /// Whether an exercise may lean on another: it says so, or one that it needs does, or it is a capstone.
    fn may_need(&self, id: &str, needed: &str) -> bool {
        if id.ends_with("/capstone") {
            return true;
        }
        let Ok(exercise) = self.catalogue.get(id) else {
            return false;
        };
        exercise
            .needs
            .iter()
            .any(|need| need == needed || self.may_need(need, needed))
    }

    fn judge_variant(
        &self,
        variant: &Variant,
        failing: &[&str],
        report: &Report,
        proof: &mut Proof,
        findings: &mut Vec<String>,
    ) {
        let (file, list) = (shown(&variant.path), failing.join(", "));
        if variant.kind == Kind::Right {
            proof.right.1 += 1;
            if failing.is_empty() {
                proof.right.0 += 1;
            } else {
                findings.push(format!("{file} is right, and fails {list}: the test asks for more than the exercise does"));
            }
            return;
        }
        proof.wrong.1 += 1;
        let known: BTreeSet<&str> = self.reference[0]
            .tests
            .iter()
            .map(|test| test.name.as_str())
            .collect();
        let verdicts = report.by_name();
        let mut caught = true;
        for test in &variant.caught_by {
            let sentence = if !known.contains(test.as_str()) {
                format!("{file} says that {test} catches it, which is no test")
            } else if let Some(Verdict::Todo(id)) = verdicts.get(test.as_str()) {
                format!("{file} comes to the stub of {id}, so it is no wrong solution but none")
            } else if failing.contains(&test.as_str()) {
                continue;
            } else if failing.is_empty() {
                format!("no test catches {file}: {}", variant.about)
            } else {
                format!(
                    "{test} does not catch {file}, as it should: {} What fails is {list}",
                    variant.about
                )
            };
            caught = false;
            findings.push(sentence);
        }
        proof.wrong.0 += usize::from(caught);
    }
}

fn judge_alone(
    exercise: &Exercise,
    failing: &[&str],
    proof: &mut Proof,
    findings: &mut Vec<String>,
) {
    let failed: Vec<&str> = proof
        .tests
        .iter()
        .map(String::as_str)
        .filter(|test| failing.contains(test))
        .collect();
    proof.alone = proof.tests.len() - failed.len();
    if 2 * proof.alone < proof.tests.len() {
        findings.push(format!(
            "{} of {} tests of {} pass without the other exercises; half of them should. These do not: {}",
            proof.alone, proof.tests.len(), exercise.id, failed.join(", ")
        ));
    }
}
