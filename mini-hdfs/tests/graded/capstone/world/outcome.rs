//! What came of it: whether all is mended in the end, and which rules were broken.

use std::collections::BTreeSet;

use mini_hdfs::block::{BlockId, DatanodeId};
use mini_hdfs::namenode::capstone::Event;

use super::super::judge::{Rule, Violation, name, show};
use super::super::story::Line;
use super::World;

impl World {
    /// What is not as it should be in the end, by rule 9.
    pub(crate) fn find_unmended(&mut self) {
        let alive = self.alive();
        let mut unmended = Vec::new();
        let rack = |id: &DatanodeId| self.nodes[id].rack.as_str();
        let racks: BTreeSet<&str> = alive.iter().map(rack).collect();
        for (id, (version, wanted)) in &self.files {
            let holders = self.holders(*id);
            let wanted = (*wanted).min(alive.len());
            let spread: BTreeSet<&str> = holders.iter().map(rack).collect();
            let on = names(&holders);
            if holders.is_empty() {
                continue;
            } else if holders.len() != wanted {
                let count = holders.len();
                let why = format!(
                    "{id} should have {wanted} good replicas in the end, and has {count} ({on})"
                );
                unmended.push((*id, why));
            } else if spread.len() < racks.len().min(wanted).min(2) {
                let why = format!("{id} stands in one rack ({on}), though there are two");
                unmended.push((*id, why));
            }
            let held = |at: &&DatanodeId| self.nodes[at].disk.contains_key(id);
            let bad = alive.iter().filter(held).find(|at| !holders.contains(at));
            if let Some(bad) = bad {
                let held = self.nodes[bad].disk[id];
                let corrupt = if held.rotten { ", corrupt" } else { "" };
                let what = format!("{}{corrupt}", show(held.version));
                let bad = name(*bad);
                let why = format!(
                    "{bad} still has a bad replica: {what}, and what counts is {}",
                    show(*version)
                );
                unmended.push((*id, why));
            }
        }
        for datanode in &alive {
            for id in self.nodes[datanode].disk.keys() {
                if !self.files.contains_key(id) {
                    let at = name(*datanode);
                    let why = format!("{at} still has a replica of {id}, which does not exist");
                    unmended.push((*id, why));
                }
            }
        }
        for (block, why) in unmended {
            self.violate(Violation {
                rule: Rule::Converges,
                block: Some(block),
                why,
            });
        }
    }

    pub(crate) fn violate(&mut self, violation: Violation) {
        if self
            .violations
            .iter()
            .all(|(v, _)| v.rule != violation.rule)
        {
            let story = self.story_of(violation.block);
            self.violations.push((violation, story));
        }
    }

    /// The first breach of one of these rules, with the story that led there.
    pub(crate) fn breach(&self, rules: &[Rule]) -> Option<(Rule, String)> {
        let breach = self
            .violations
            .iter()
            .find(|(v, _)| rules.contains(&v.rule));
        breach.map(|(violation, story)| (violation.rule, format!("{}\n{story}", violation.why)))
    }

    pub(super) fn fault(
        &mut self,
        block: Option<BlockId>,
        datanode: Option<DatanodeId>,
        what: &'static str,
    ) {
        self.tell_story(Line::Fault(block, datanode, what));
    }

    pub(super) fn tell_story(&mut self, line: Line) {
        if matches!(line, Line::Told(Event::Heartbeat { .. })) {
            return;
        }
        if self.story.len() == 20_000 {
            self.story.pop_front();
        }
        self.story.push_back((self.now, line));
    }

    /// The last lines that have to do with a block.
    fn story_of(&self, block: Option<BlockId>) -> String {
        let lines = self.story.iter().rev();
        let lines = lines.filter_map(|(at, line)| Some((at, line.about(block)?)));
        let mut lines: Vec<String> = lines
            .take(16)
            .map(|(at, line)| format!("  {at}  {line}"))
            .collect();
        lines.push(match block {
            Some(block) => format!("What had to do with {block} before that:"),
            None => "What happened before that:".to_owned(),
        });
        lines.reverse();
        lines.join("\n")
    }
}

fn names(datanodes: &[DatanodeId]) -> String {
    let names: Vec<String> = datanodes.iter().map(|id| name(*id)).collect();
    names.join(", ")
}
