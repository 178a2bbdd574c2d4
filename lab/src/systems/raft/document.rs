//! What the page is shown: the state document, with lamps and figures.

use serde_json::{Map, Value, json};

use super::watch::{Member, View, runs};
use crate::lab::{CLIENT, Lab, NodeView};

/// A member that lacks more entries than this is behind.
const BEHIND_MAX: u64 = 50;

/// The members of the document.
pub(super) fn members(view: &View, nodes: &[NodeView]) -> [(&'static str, Value); 4] {
    let proof = view.proof.as_ref();
    let proof = proof.map(|proof| json!({"words": proof.words, "picture": proof.picture}));
    [
        ("proof", json!(proof)),
        ("nodes", Value::Object(shown_nodes(view, nodes))),
        ("lamps", lamps(view, nodes)),
        ("figures", figures(view)),
    ]
}

/// What a member takes itself for.
fn role(member: &Member) -> &'static str {
    let me = member.members.get(&member.id);
    match &member.leader {
        Some(leader) if *leader == member.id => "leader",
        Some(_) if me.is_some_and(|me| !me.votes) => "learner",
        Some(_) => "follower",
        None => "candidate",
    }
}

fn shown_nodes(view: &View, nodes: &[NodeView]) -> Map<String, Value> {
    let mut shown = Lab::nodes_document(nodes);
    // There are clients of their own here.
    shown.remove(CLIENT);
    for (name, member) in &view.members {
        let Some(node) = shown.get_mut(name) else {
            continue;
        };
        let role = role(member);
        let leader = member.leader.as_ref();
        let leader = leader.map(|leader| view.name_of(leader).unwrap_or(leader));
        node["facts"] = json!(match (role, leader) {
            ("leader", _) => format!("leads in term {}", member.term),
            (_, Some(leader)) => format!("follows {leader} in term {}", member.term),
            (_, None) => format!("knows no leader in term {}", member.term),
        });
        if member.answers && leader.is_none() {
            node["state"] = json!("no leader");
        }
        let keys = member.keys.iter().map(|(key, (value, revision))| {
            (key.clone(), json!({"value": value, "revision": revision}))
        });
        let keys: Map<String, Value> = keys.collect();
        let known = member.members.values();
        let matched = known.filter_map(|known| Some((known.name.clone(), json!(known.matched?))));
        let matched: Map<String, Value> = matched.collect();
        node["raft"] = json!({
            "id": member.id, "role": role, "term": member.term, "leader": leader, "last": member.last, "committed": member.committed,
            "applied": member.applied, "snapshot": member.snapshot, "revision": member.revision, "keys": keys, "matched": matched,
            "old": member.term < view.term(), "answers": member.answers,
        });
    }
    for (name, heard) in &view.heard {
        if let Some(node) = shown.get_mut(name) {
            node["heard"] = json!(heard);
        }
    }
    shown
}

/// Whether something holds; none where nobody can tell.
type Holds = (Option<bool>, String);

fn lamps(view: &View, nodes: &[NodeView]) -> Value {
    let mut lamps = Map::new();
    let mut lamp = |id: &str, sentence: &str, (holds, reason): Holds| {
        let order = lamps.len() + 1;
        let shown = json!({"order": order, "sentence": sentence, "holds": holds, "reason": reason});
        lamps.insert(id.to_owned(), shown);
    };
    let absent =
        |found: &Option<String>| (Some(found.is_none()), found.clone().unwrap_or_default());
    lamp("leader", "A majority follows one leader", leader(view));
    lamp("term", "No term has two leaders", absent(&view.two_leaders));
    let alike = match view.compared_at {
        None => (None, "nobody has looked yet".to_owned()),
        Some(_) => absent(&view.different),
    };
    lamp("alike", "At each revision all members hold the same", alike);
    lamp(
        "linearizable",
        "An order explains all that the load saw",
        absent(&view.wrong),
    );
    lamp(
        "caught-up",
        "Every member has the log",
        caught_up(view, nodes),
    );
    Value::Object(lamps)
}

fn leader(view: &View) -> Holds {
    let Some(leader) = view.leader() else {
        return (Some(false), "nobody leads".to_owned());
    };
    let (following, voters) = (view.following(leader), view.voters().unwrap_or(0));
    match following > voters / 2 {
        true => (Some(true), String::new()),
        false => {
            let text = format!("{following} of {voters} say that {leader} leads");
            (Some(false), text)
        }
    }
}

fn caught_up(view: &View, nodes: &[NodeView]) -> Holds {
    let Some(leader) = view.leader() else {
        return (None, "nobody leads".to_owned());
    };
    let committed = view.members[leader].committed;
    for node in nodes.iter().filter(|node| node.role == "member") {
        let member = view.members.get(&node.name);
        match member.filter(|member| member.answers && runs(node)) {
            None => return (Some(false), format!("{} does not answer", node.name)),
            Some(member) if member.applied + BEHIND_MAX < committed => {
                let behind = committed - member.applied;
                return (Some(false), format!("{} lacks {behind} entries", node.name));
            }
            Some(_) => {}
        }
    }
    (Some(true), String::new())
}

#[allow(clippy::cast_precision_loss)]
fn figures(view: &View) -> Value {
    let figure = |order: u32, label: &str, unit: &str, value: u64| json!({"order": order, "label": label, "unit": unit, "value": value});
    let applied = || view.members.values().map(|member| member.applied);
    let committed = view.members.values().map(|member| member.committed).max();
    let (most, least) = (applied().max().unwrap_or(0), applied().min().unwrap_or(0));
    let revision = view.members.values().map(|member| member.revision).max();
    let revision = u64::try_from(revision.unwrap_or(0)).unwrap_or(0);
    let mut figures: Map<String, Value> = view.load.figures().collect();
    figures.extend([
        ("term".to_owned(), figure(10, "term", "", view.term())),
        (
            "committed".to_owned(),
            figure(11, "committed", "entries", committed.unwrap_or(0)),
        ),
        (
            "behind".to_owned(),
            figure(12, "the last one lacks", "entries", most - least),
        ),
        ("revision".to_owned(), figure(13, "revision", "", revision)),
    ]);
    Value::Object(figures)
}
