//! A cluster whose membership changes at random, with a router that is told, one that is a change behind (so that any position can be
//! asked for before and after), and the judge.

use std::collections::BTreeSet;

use consistent_hash::capstone::router::router;
use consistent_hash::capstone::{Change, Move, Router, WEIGHT_MAX};
use consistent_hash::{MembershipError, Node, NodeId};
use node::Rng;

use super::judge::{self, At, Held, Members, Rule, Violation};

/// Positions that stand for all: one at random in each of so many parts of equal size.
const SAMPLES: u64 = 2048;
/// Of so many moves the ends are looked at exactly.
const ENDS: usize = 100;

/// The cluster.
pub(crate) struct World {
    router: Box<dyn Router>,
    /// Has heard of everything but the last change.
    behind: Box<dyn Router>,
    members: Members,
    rng: Rng,
    samples: Vec<u64>,
    held: Vec<Held>,
    last: Option<Change>,
    told: Vec<String>,
    violations: Vec<(Violation, String)>,
}

/// A number below `n`.
pub(crate) fn below(rng: &mut Rng, n: u32) -> u32 {
    u32::try_from(rng.below(u64::from(n))).unwrap()
}

fn describe(change: &Change) -> String {
    match change {
        Change::Join(node) => {
            let zone = node.zone.map_or("none".to_owned(), |zone| zone.to_string());
            format!(
                "{} of weight {} joins, in zone {zone}",
                node.id, node.weight
            )
        }
        Change::Leave(id) => format!("{id} leaves"),
        Change::Fail(id) => format!("{id} fails"),
    }
}

impl World {
    /// Without members.
    pub(crate) fn new(seed: u64) -> World {
        let mut rng = Rng::new(seed);
        let width = u64::MAX / SAMPLES + 1;
        let samples: Vec<u64> = (0..SAMPLES).map(|i| i * width + rng.below(width)).collect();
        World {
            router: router(),
            behind: router(),
            members: Members::new(),
            rng,
            held: vec![Held::new(); samples.len()],
            samples,
            last: None,
            told: Vec::new(),
            violations: Vec::new(),
        }
    }

    pub(crate) fn members(&self) -> &Members {
        &self.members
    }

    pub(crate) fn replicas(&self, position: u64) -> Held {
        self.router.replicas(position)
    }

    /// The first breach of one of these rules, or of the first rule: without copies there is nothing to judge.
    pub(crate) fn breach(&self, rules: &[Rule]) -> Option<(Rule, String)> {
        let judged = |rule: Rule| rule == Rule::Copies || rules.contains(&rule);
        let mut found = self.violations.iter();
        let (violation, story) = found.find(|(violation, _)| judged(violation.rule))?;
        Some((violation.rule, format!("{}\n{story}", violation.why)))
    }

    /// Says who the members are and what happened last.
    fn story(&self) -> String {
        let member = |node: &Node| {
            let zone = node.zone.map_or("-".to_owned(), |zone| zone.to_string());
            format!("{} ({}, {zone})", node.id, node.weight)
        };
        let members: Vec<String> = self.members.values().map(member).collect();
        let from = self.told.len().saturating_sub(4);
        format!(
            "Members, with weight and zone: {}.\nThe last of {} changes: {}.",
            members.join(", "),
            self.told.len(),
            self.told[from..].join("; ")
        )
    }

    fn note(&mut self, found: impl IntoIterator<Item = Violation>) {
        let story = self.story();
        let found = found
            .into_iter()
            .map(|violation| (violation, story.clone()));
        self.violations.extend(found);
    }

    /// Nodes join of whom all but the last are not looked at.
    pub(crate) fn begin(&mut self, nodes: &[Node]) {
        for (index, node) in nodes.iter().enumerate() {
            self.step(Change::Join(*node), index + 1 == nodes.len());
        }
    }

    /// A change that should be possible.
    pub(crate) fn change(&mut self, change: Change) {
        self.step(change, true);
    }

    fn step(&mut self, change: Change, look: bool) {
        if let Some(last) = self.last.replace(change) {
            // It was possible, or has been found not to be.
            let _ = self.behind.change(last);
        }
        let before = self.members.clone();
        match change {
            Change::Join(node) => self.members.insert(node.id, node),
            Change::Leave(id) | Change::Fail(id) => self.members.remove(&id),
        };
        self.told.push(describe(&change));
        match self.router.change(change) {
            Ok(plan) if look => self.judge(&before, &plan, change),
            Ok(_) => {}
            Err(error) => {
                let why = format!("{}, and is refused: {error}", describe(&change));
                self.note([Violation {
                    rule: Rule::Refusal,
                    why,
                }]);
            }
        }
    }

    fn judge(&mut self, members_before: &Members, plan: &[Move], change: Change) {
        let ask = |router: &dyn Router| -> Vec<Held> {
            self.samples.iter().map(|p| router.replicas(*p)).collect()
        };
        let before = ask(&*self.behind);
        self.held = ask(&*self.router);
        let mut found = Vec::new();
        for (position, held) in self.samples.iter().zip(&self.held) {
            found.extend(judge::judge_copies(&self.members, *position, held));
            found.extend(judge::judge_zones(&self.members, *position, held));
            if !found.is_empty() {
                break;
            }
        }
        found.extend(judge::judge_balance(&self.members, &self.held));
        let after = (&self.members, &self.held[..]);
        found.extend(judge::judge_movement((members_before, &before), after));
        let failed = match change {
            Change::Fail(id) => Some(id),
            _ => None,
        };
        let at = self.looked_at(plan);
        found.extend(judge::judge_plan(plan, &at, failed));
        self.note(found);
    }

    /// The samples, and the ends of some moves with what is beside them.
    fn looked_at(&mut self, plan: &[Move]) -> Vec<At> {
        let mut moves: Vec<&Move> = plan.iter().collect();
        self.rng.shuffle(&mut moves);
        let ends = moves.iter().take(ENDS).flat_map(|step| {
            let beside = [step.first.wrapping_sub(1), step.last.wrapping_add(1)];
            [[step.first, step.last], beside].concat()
        });
        let positions: BTreeSet<u64> = ends.chain(self.samples.iter().copied()).collect();
        let at = |position| At {
            position,
            before: self.behind.replicas(position),
            after: self.router.replicas(position),
        };
        positions.into_iter().map(at).collect()
    }

    /// Something that must be refused.
    pub(crate) fn expect_refusal(&mut self, change: Change, expected: &MembershipError) {
        let what = match self.router.change(change) {
            Err(error) if error == *expected => {
                let samples = self.samples.iter().zip(&self.held);
                let changed = samples.filter(|(p, held)| self.router.replicas(**p) != **held);
                match changed.count() {
                    0 => return,
                    count => format!("and {count} of {SAMPLES} positions are held by others then"),
                }
            }
            Err(error) => format!("and is refused with `{error}` instead of `{expected}`"),
            Ok(_) => format!("and is not refused with `{expected}`"),
        };
        let why = format!("{}, {what}", describe(&change));
        self.note([Violation {
            rule: Rule::Refusal,
            why,
        }]);
    }

    /// Asks a router that hears of the members in another order, and of some who do not stay.
    pub(crate) fn ask_another(&mut self) {
        let mut other = router();
        let mut order: Vec<Change> = self.members.values().copied().map(Change::Join).collect();
        self.rng.shuffle(&mut order);
        let guest = Node {
            id: NodeId(5_000),
            weight: 1 + below(&mut self.rng, WEIGHT_MAX),
            zone: Some(0),
        };
        let (come, go) = (self.rng.index(order.len() + 1), Change::Leave(guest.id));
        order.insert(come, Change::Join(guest));
        order.push(go);
        for change in order {
            if let Err(error) = other.change(change) {
                let why = format!("{}, and is refused: {error}", describe(&change));
                self.note([Violation {
                    rule: Rule::Agreement,
                    why,
                }]);
            }
        }
        let samples = self.samples.iter().zip(&self.held);
        let mut compared =
            samples.map(|(p, held)| judge::judge_agreement(*p, held, &other.replicas(*p)));
        let found = compared.find_map(|found| found);
        self.note(found);
    }
}
