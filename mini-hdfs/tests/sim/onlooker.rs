//! Who looks on while a trace is kept, and writes into it what the lab's page draws: the same as of a real cluster.

use std::collections::BTreeMap;

use mini_hdfs::view::{Answers, Outside, Process, View};
use node::NodeId;
use serde_json::{Value, json};
use sim::{FigureView, Observer, World, patch};

use crate::cluster::{Member, rack_of};
use crate::wire::NAMENODE;

/// Sees what the NameNode believes; while it is down or paused, what it believed last.
#[derive(Default)]
pub(crate) struct Onlooker {
    answers: Answers,
}

impl Observer<Member> for Onlooker {
    fn system(&self) -> &'static str {
        "hdfs"
    }

    fn look(&mut self, world: &World<Member>) -> Value {
        let core = world.node(NAMENODE).and_then(Member::namenode);
        let core = core.filter(|_| !world.is_paused(NAMENODE));
        if let Some(core) = core {
            self.answers = Answers::of(core, world.now());
        }
        let outside: BTreeMap<String, Outside> = world
            .ids()
            .map(|id| (id.0.to_string(), outside(world, id)))
            .collect();
        let mut view = View::new(&self.answers, &outside);
        view.answered = core.is_some();
        let mut document = json!({
            "nodes": roles(world),
            "figures": {"under-replicated": self.under_replicated()},
        });
        patch::apply(&mut document, &json!(view));
        document
    }
}

impl Onlooker {
    fn under_replicated(&self) -> FigureView {
        FigureView {
            order: 1,
            label: "under-replicated blocks".to_owned(),
            unit: "blocks".to_owned(),
            value: Some(self.answers.status.under_replicated as f64),
        }
    }
}

fn outside(world: &World<Member>, id: NodeId) -> Outside {
    let process = match world.node(id) {
        None => Process::Down,
        Some(_) if world.is_paused(id) => Process::Paused,
        Some(_) => Process::Up,
    };
    let name = world.name(id).unwrap_or_default().to_owned();
    Outside { name, process }
}

/// What each node is, and where it stands: by its name, since those that are down stand there too.
fn roles(world: &World<Member>) -> Value {
    let role = |id: NodeId| {
        let name = world.name(id)?;
        let role = match name.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "datanode" => json!({"role": "datanode", "rack": rack_of(id)}),
            role => json!({ "role": role }),
        };
        Some((name.to_owned(), role))
    };
    world.ids().filter_map(role).collect()
}
