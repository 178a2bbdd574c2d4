//! The rules of `capstone.rs`, each as a function of what can be seen: who the members are, what a router answers, what it plans. It knows
//! nothing of the router's inside. Its own tests are in `tests/judge.rs`.

use std::collections::{BTreeMap, BTreeSet};

use consistent_hash::capstone::{COPIES, MOVES_MAX, Move};
use consistent_hash::{Node, NodeId};

/// A rule, under the aspect that one test looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// Rule 1.
    Copies,
    /// Rule 2.
    Zones,
    /// Rule 3.
    Agreement,
    /// Rule 4.
    Balance,
    /// Rule 5.
    Firsts,
    /// Rule 6.
    Movement,
    /// Rule 7.
    Complete,
    /// Rule 8.
    Superfluous,
    /// Rule 9.
    Source,
    /// Rule 10.
    Refusal,
}

/// What breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    pub(crate) why: String,
}

pub(crate) type Members = BTreeMap<NodeId, Node>;

/// The nodes that hold a position.
pub(crate) type Held = Vec<NodeId>;

fn violation(rule: Rule, why: String) -> Option<Violation> {
    Some(Violation { rule, why })
}

/// How a list of nodes is written.
pub(crate) fn show(nodes: &[NodeId]) -> String {
    let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    format!("[{}]", names.join(", "))
}

/// Rule 1, for one position.
pub(crate) fn judge_copies(members: &Members, position: u64, held: &Held) -> Option<Violation> {
    let wanted = members.len().min(COPIES);
    let distinct: BTreeSet<&NodeId> = held.iter().collect();
    let stranger = held.iter().find(|id| !members.contains_key(id));
    let what = if let Some(stranger) = stranger {
        format!("{stranger} is no member")
    } else if distinct.len() < held.len() {
        "a node is named twice".to_owned()
    } else if held.len() != wanted {
        format!("with {} members there should be {wanted}", members.len())
    } else {
        return None;
    };
    let why = format!(
        "position {position:#018x} is held by {}: {what}",
        show(held)
    );
    violation(Rule::Copies, why)
}

/// Rule 2, for one position.
pub(crate) fn judge_zones(members: &Members, position: u64, held: &Held) -> Option<Violation> {
    let zones = |nodes: &mut dyn Iterator<Item = &Node>| -> usize {
        nodes.map(|node| node.zone).collect::<BTreeSet<_>>().len()
    };
    let all = zones(&mut members.values());
    let used = zones(&mut held.iter().filter_map(|id| members.get(id)));
    let wanted = all.min(COPIES).min(held.len());
    if used >= wanted {
        return None;
    }
    let why = format!(
        "position {position:#018x} is held by {} in {used} zones, and there are {all}",
        show(held)
    );
    violation(Rule::Zones, why)
}

/// Rule 3, for one position: what two routers say that know of the same members.
pub(crate) fn judge_agreement(position: u64, here: &Held, there: &Held) -> Option<Violation> {
    if here == there {
        return None;
    }
    let why = format!(
        "position {position:#018x} is held by {}, says the one that has seen every change; by {}, says one that \
         has heard of the same members one after the other",
        show(here),
        show(there)
    );
    violation(Rule::Agreement, why)
}

/// The weight of each zone.
fn zone_weights(members: &Members) -> BTreeMap<Option<u32>, f64> {
    let mut zones = BTreeMap::new();
    for node in members.values() {
        *zones.entry(node.zone).or_default() += f64::from(node.weight);
    }
    zones
}

/// Whether rules 4 to 6 speak of these members.
pub(crate) fn is_regular(members: &Members) -> bool {
    let zones = zone_weights(members);
    let weights = || zones.values().copied();
    let (least, most) = (
        weights().fold(f64::MAX, f64::min),
        weights().fold(0.0, f64::max),
    );
    zones.len() >= COPIES && most <= 2.0 * least
}

/// Which part of all positions each node should hold.
pub(crate) fn fair_shares(members: &Members) -> BTreeMap<NodeId, f64> {
    let weights = zone_weights(members);
    // Zones that hold every position, until no other one would have to hold more than that.
    let mut full: BTreeSet<Option<u32>> = BTreeSet::new();
    let share = loop {
        let open = weights.iter().filter(|(zone, _)| !full.contains(*zone));
        let open: f64 = open.map(|(_, weight)| weight).sum();
        let copies = (COPIES - full.len().min(COPIES)) as f64;
        let share = if open > 0.0 { copies / open } else { 0.0 };
        let filled = weights.iter().filter(|(_, weight)| **weight * share > 1.0);
        let filled: Vec<Option<u32>> = filled.map(|(zone, _)| *zone).collect();
        let before = full.len();
        full.extend(filled);
        if full.len() == before {
            break share;
        }
    };
    let of = |node: &Node| {
        let zone = weights[&node.zone];
        let of_zone = if full.contains(&node.zone) {
            1.0
        } else {
            zone * share
        };
        of_zone * f64::from(node.weight) / zone
    };
    members.iter().map(|(id, node)| (*id, of(node))).collect()
}

fn judge_shares(
    rule: Rule,
    fair: &BTreeMap<NodeId, f64>,
    counts: &BTreeMap<NodeId, usize>,
    positions: usize,
) -> Option<Violation> {
    for (id, fair) in fair {
        let share = counts.get(id).copied().unwrap_or(0) as f64 / positions as f64;
        if share > 1.5 * fair + 0.01 || share < 0.6 * fair - 0.01 {
            let as_what = match rule {
                Rule::Firsts => "is the first replica of",
                _ => "holds",
            };
            let why =
                format!("{id} {as_what} {share:.3} of all positions, and {fair:.3} would be fair");
            return violation(rule, why);
        }
    }
    None
}

/// Rules 4 and 5, by what is held at positions that stand for all.
pub(crate) fn judge_balance(members: &Members, held: &[Held]) -> Vec<Violation> {
    if !is_regular(members) {
        return Vec::new();
    }
    let (mut counts, mut firsts) = (BTreeMap::new(), BTreeMap::new());
    for nodes in held {
        for id in nodes {
            *counts.entry(*id).or_default() += 1;
        }
        if let Some(first) = nodes.first() {
            *firsts.entry(*first).or_default() += 1;
        }
    }
    let all: f64 = members.values().map(|node| f64::from(node.weight)).sum();
    let part = |node: &Node| f64::from(node.weight) / all;
    let parts = members.iter().map(|(id, node)| (*id, part(node))).collect();
    let balance = judge_shares(Rule::Balance, &fair_shares(members), &counts, held.len());
    let first = judge_shares(Rule::Firsts, &parts, &firsts, held.len());
    balance.into_iter().chain(first).collect()
}

/// Rule 6: by what is held at positions that stand for all, before a change and after it.
pub(crate) fn judge_movement(
    (members_before, before): (&Members, &[Held]),
    (members_after, after): (&Members, &[Held]),
) -> Option<Violation> {
    if !is_regular(members_before) || !is_regular(members_after) {
        return None;
    }
    let (had, has) = (fair_shares(members_before), fair_shares(members_after));
    let grown = has
        .iter()
        .map(|(id, share)| share - had.get(id).unwrap_or(&0.0));
    let least: f64 = grown.filter(|by| *by > 0.0).sum();
    let gained =
        |(before, after): (&Held, &Held)| after.iter().filter(|id| !before.contains(id)).count();
    let copied: usize = before.iter().zip(after).map(gained).sum();
    let copied = copied as f64 / after.len() as f64;
    if copied <= 1.5 * least + 0.02 {
        return None;
    }
    let why = format!(
        "for each position {copied:.3} copies have to be made, where a perfectly fair router needs {least:.3}"
    );
    violation(Rule::Movement, why)
}

/// What is held at a position before a change and after it.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) position: u64,
    pub(crate) before: Held,
    pub(crate) after: Held,
}

/// Rules 7 to 9, at positions in ascending order. `failed` is the node that has just been lost.
pub(crate) fn judge_plan(plan: &[Move], at: &[At], failed: Option<NodeId>) -> Vec<Violation> {
    let too_many = format!("the plan has {} moves", plan.len());
    if plan.len() > MOVES_MAX {
        return violation(Rule::Superfluous, too_many).into_iter().collect();
    }
    let mut covering: Vec<Vec<&Move>> = vec![Vec::new(); at.len()];
    for step in plan {
        let begin = at.partition_point(|at| at.position < step.first);
        let end = at.partition_point(|at| at.position <= step.last);
        if step.first > step.last {
            let why = format!("{}: it ends before it begins", show_move(step));
            return violation(Rule::Superfluous, why).into_iter().collect();
        }
        for moves in &mut covering[begin..end] {
            // More than a few are wrong in any case.
            if moves.len() <= 2 * COPIES {
                moves.push(step);
            }
        }
    }
    let mut found: BTreeMap<Rule, Violation> = BTreeMap::new();
    for (at, moves) in at.iter().zip(&covering) {
        for breach in judge_moves(at, moves, failed) {
            found.entry(breach.rule).or_insert(breach);
        }
    }
    found.into_values().collect()
}

fn judge_moves(at: &At, moves: &[&Move], failed: Option<NodeId>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut breach = |rule, why: String| {
        let (before, after) = (show(&at.before), show(&at.after));
        let what = format!(
            "position {:#018x}, held by {before}, then by {after}: {why}",
            at.position
        );
        found.extend(violation(rule, what));
    };
    let gained = |id: &NodeId| at.after.contains(id) && !at.before.contains(id);
    for id in at
        .after
        .iter()
        .filter(|id| gained(id) && !at.before.is_empty())
    {
        if !moves.iter().any(|step| step.to == *id) {
            breach(Rule::Complete, format!("no move brings it to {id}"));
        }
    }
    for (index, step) in moves.iter().enumerate() {
        let what = show_move(step);
        let again = moves[..index].iter().any(|earlier| earlier.to == step.to);
        if at.before.is_empty() {
            breach(
                Rule::Superfluous,
                format!("{what}, and nobody held anything"),
            );
        } else if again {
            breach(
                Rule::Superfluous,
                format!("{what}, and another move brings it there too"),
            );
        } else if at.before.contains(&step.to) {
            breach(
                Rule::Superfluous,
                format!("{what}, and that holds it already"),
            );
        } else if !gained(&step.to) {
            breach(
                Rule::Superfluous,
                format!("{what}, and that is not to hold it"),
            );
        }
        if failed == Some(step.from) {
            breach(Rule::Source, format!("{what}, and {} is lost", step.from));
        } else if !at.before.contains(&step.from) {
            breach(
                Rule::Source,
                format!("{what}, and {} did not hold it", step.from),
            );
        }
    }
    found
}

fn show_move(step: &Move) -> String {
    let Move {
        first,
        last,
        from,
        to,
    } = step;
    format!("the plan moves {first:#018x} to {last:#018x} from {from} to {to}")
}
