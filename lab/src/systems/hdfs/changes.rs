//! From two snapshots to what happened between them, as sentences for the journal.

use std::collections::{BTreeMap, BTreeSet};

use mini_hdfs::view::{BlockView, FileView, Health};
use sim::Level;

use super::snapshot::Snapshot;

/// Something that happened: what sort, to which node if to one, and a sentence.
pub(crate) type Change = (Level, Option<String>, String);

/// What happened between `before` and `after`.
pub(crate) fn changes(before: &Snapshot, after: &Snapshot) -> Vec<Change> {
    let mut changes = Vec::new();
    if after.answered {
        datanodes(before, after, &mut changes);
        files(before, after, &mut changes);
    }
    lamps(before, after, &mut changes);
    changes
}

fn datanodes(before: &Snapshot, after: &Snapshot, changes: &mut Vec<Change>) {
    for node in &after.processes {
        let name = &node.name;
        let state_in = |snapshot: &Snapshot| snapshot.node(name).map(|node| node.state);
        let (was, is) = (state_in(before), state_in(after));
        if was == is {
            continue;
        }
        let (kind, text) = match is {
            Some("live") if was.is_none() => (Level::Good, "has registered"),
            Some("live") => (Level::Good, "is heard again"),
            Some("stale") => (Level::Bad, "has not been heard for a while: stale"),
            Some("dead") => (Level::Bad, "is given up: dead, its replicas count no more"),
            _ => (Level::Change, "is not known to the NameNode"),
        };
        changes.push((kind, Some(name.clone()), format!("{name} {text}")));
    }
}

fn files(before: &Snapshot, after: &Snapshot, changes: &mut Vec<Change>) {
    let mut change = |kind, text| changes.push((kind, None, text));
    let old: BTreeMap<&str, &FileView> = by_path(before);
    let new: BTreeMap<&str, &FileView> = by_path(after);
    for path in old.keys().filter(|path| !new.contains_key(*path)) {
        change(Level::Change, format!("{path} is gone"));
    }
    for (path, file) in &new {
        let was = old.get(path);
        if was.is_none() && file.open {
            change(Level::Change, format!("{path} is being written"));
        }
        if !file.open && was.is_none_or(|was| was.open) {
            let blocks = match file.blocks.len() {
                1 => "1 block".to_owned(),
                blocks => format!("{blocks} blocks"),
            };
            change(Level::Good, format!("{path} is closed: {blocks}"));
        }
    }
    let old_blocks: BTreeMap<&str, &BlockView> = before.blocks().map(|b| (&*b.id, b)).collect();
    let mut copied: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for block in after.blocks() {
        let Some(was) = old_blocks.get(&*block.id) else {
            continue;
        };
        if was.generation != block.generation {
            let text = format!(
                "the pipeline of {} is rebuilt: generation {} instead of {}",
                block.id, block.generation, was.generation
            );
            change(Level::Change, text);
        }
        if was.is_complete() {
            for replica in block.replicas.iter().filter(|r| r.health == Health::Good) {
                if was.replicas.iter().all(|old| old.node != replica.node) {
                    copied.entry(&replica.node).or_default().insert(&block.id);
                }
            }
        }
    }
    for (node, blocks) in copied {
        let ids: Vec<&str> = blocks.into_iter().collect();
        let text = match ids.as_slice() {
            [id] => format!("{node} has a replica of {id} now"),
            [first, ..] => format!(
                "{node} has replicas of {} more blocks now, {first} first",
                ids.len()
            ),
            [] => continue,
        };
        changes.push((Level::Change, Some(node.to_owned()), text));
    }
}

fn by_path(snapshot: &Snapshot) -> BTreeMap<&str, &FileView> {
    let files = snapshot.files.iter();
    files.map(|file| (file.path.as_str(), file)).collect()
}

fn lamps(before: &Snapshot, after: &Snapshot, changes: &mut Vec<Change>) {
    for lamp in &after.lamps {
        let was = before.lamps.iter().find(|old| old.id == lamp.id);
        // From "nobody can tell" to "it holds" is news only if it did not hold before that; the first look is none.
        let (Some(was), Some(holds)) = (was, lamp.holds) else {
            continue;
        };
        if was.holds != Some(holds) && (was.holds.is_some() || !holds) {
            let (kind, text) = match holds {
                true => (Level::Good, format!("holds again: {}", lamp.sentence)),
                false => (
                    Level::Bad,
                    format!("does not hold: {} ({})", lamp.sentence, lamp.reason),
                ),
            };
            changes.push((kind, None, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use mini_hdfs::view::{ReplicaView, View};

    use super::super::lamps::Lamp;
    use super::*;

    fn replica(node: &str, health: Health) -> ReplicaView {
        let node = node.to_owned();
        ReplicaView { node, health }
    }

    fn snapshot(generation: u64, replicas: Vec<ReplicaView>, open: bool) -> Snapshot {
        let view = View {
            answered: true,
            files: vec![FileView {
                path: "/a".to_owned(),
                len: 1,
                replication: 2,
                open,
                blocks: vec![BlockView {
                    id: "blk_1".to_owned(),
                    index: 0,
                    generation,
                    len: 1,
                    state: "complete",
                    expected: 2,
                    badly_distributed: false,
                    replicas,
                }],
            }],
            ..View::default()
        };
        Snapshot {
            view,
            ..Snapshot::default()
        }
    }

    fn texts(before: &Snapshot, after: &Snapshot) -> Vec<String> {
        let changes = changes(before, after).into_iter();
        changes.map(|(_, _, text)| text).collect()
    }

    #[test]
    fn what_did_not_change_is_no_event() {
        let same = snapshot(1001, vec![replica("dn1", Health::Good)], false);
        assert_eq!(texts(&same, &same), Vec::<String>::new());
    }

    #[test]
    fn a_write_a_broken_pipeline_and_a_copy_are_told() {
        let mut nothing = Snapshot::default();
        nothing.view.answered = true;
        let one = replica("dn1", Health::Good);
        let begun = snapshot(1001, vec![one.clone()], true);
        assert_eq!(texts(&nothing, &begun), ["/a is being written"]);
        let rebuilt = snapshot(1002, vec![one.clone()], true);
        assert_eq!(
            texts(&begun, &rebuilt),
            ["the pipeline of blk_1 is rebuilt: generation 1002 instead of 1001"]
        );
        let closed = snapshot(1002, vec![one.clone()], false);
        assert_eq!(texts(&rebuilt, &closed), ["/a is closed: 1 block"]);
        let copied = snapshot(1002, vec![one, replica("dn2", Health::Good)], false);
        assert_eq!(texts(&closed, &copied), ["dn2 has a replica of blk_1 now"]);
        assert_eq!(texts(&copied, &nothing), ["/a is gone"]);
    }

    #[test]
    fn a_lamp_is_told_when_it_goes_out_and_when_it_holds_again() {
        let with = |holds| Snapshot {
            lamps: vec![Lamp {
                id: "namenode",
                sentence: "The NameNode answers",
                holds,
                reason: "why".to_owned(),
            }],
            ..Snapshot::default()
        };
        let (holds, broken, unknown) = (with(Some(true)), with(Some(false)), with(None));
        assert_eq!(
            texts(&holds, &broken),
            ["does not hold: The NameNode answers (why)"]
        );
        assert_eq!(
            texts(&broken, &holds),
            ["holds again: The NameNode answers"]
        );
        assert_eq!(texts(&unknown, &holds), Vec::<String>::new());
        assert_eq!(texts(&Snapshot::default(), &broken), Vec::<String>::new());
    }
}
