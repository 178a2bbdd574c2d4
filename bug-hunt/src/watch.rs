//! Makes the [`View`] of a world after each event, and shows it to the invariant.

use std::collections::BTreeMap;

use node::NodeId;
use sim::{Invariant, SimDisk, What, World};

use crate::cluster::{Check, DATANODES};
use crate::datanode::parse;
use crate::history::Shared;
use crate::member::{Member, NAMENODE};
use crate::view::{File, FileId, OrderState, Replica, View};

/// See the module.
pub(crate) struct Watch {
    check: Check,
    history: Shared,
    view: View,
    /// Of each DataNode's disk, its mark and damage when it was looked at.
    seen: BTreeMap<NodeId, (u64, u64)>,
}

impl Watch {
    pub(crate) fn new(check: Check, history: Shared) -> Watch {
        Watch {
            check,
            history,
            view: View::default(),
            seen: BTreeMap::new(),
        }
    }

    /// What has not changed is left as it is: this comes after every event.
    fn look(&mut self, world: &World<Member>) {
        let view = &mut self.view;
        view.now = world.now();
        let history = self.history.borrow();
        if view.promises != history.promises {
            view.promises.clone_from(&history.promises);
        }
        let files = match world.node(NAMENODE) {
            Some(Member::NameNode(process)) => Some(process.files()),
            _ => None,
        };
        if view.namenode.as_ref() != files {
            note(world, view.namenode.as_ref(), files);
            view.namenode = files.cloned();
        }
        for id in (1..=DATANODES).map(NodeId) {
            let datanode = view.datanodes.entry(id).or_default();
            datanode.up = world.node(id).is_some();
            let Some(disk) = world.disk(id) else { continue };
            let now = (disk.mark(), disk.damage());
            if self.seen.insert(id, now) != Some(now) {
                datanode.disk_lost = disk.damage() > 0;
                datanode.replicas = replicas(disk);
            }
        }
        drop(history);
        self.look_at_orders(world);
    }

    fn look_at_orders(&mut self, world: &World<Member>) {
        let mut history = self.history.borrow_mut();
        for order in &mut history.orders {
            let present = match world.node(order.to) {
                Some(Member::DataNode(datanode)) => Some(datanode.registration()),
                _ => None,
            };
            // The NameNode may know a registration before the next event of its DataNode: never the other way round.
            if order.state == OrderState::Standing && present != Some(order.registration) {
                order.state = OrderState::Void;
            }
        }
        if self.view.orders != history.orders {
            self.view.orders.clone_from(&history.orders);
        }
    }
}

impl Invariant<Member> for Watch {
    fn name(&self) -> &'static str {
        "your-invariant"
    }

    fn check(&mut self, world: &World<Member>) -> Result<(), String> {
        self.look(world);
        (self.check)(&self.view)
    }
}

fn replicas(disk: &SimDisk) -> BTreeMap<FileId, Replica> {
    let files = disk.files().filter_map(|name| {
        let bytes = disk.contents(name)?;
        parse(name, bytes)
    });
    files.collect()
}

type Files = BTreeMap<FileId, File>;

/// Tells the trace what has changed in the NameNode's mind.
fn note(world: &World<Member>, before: Option<&Files>, after: Option<&Files>) {
    let (Some(before), Some(after)) = (before, after) else {
        return;
    };
    let trace = world.trace();
    for (id, file) in after {
        if before.get(id) != Some(file) {
            trace.add(world.now(), || What::Note {
                text: describe(*id, file),
            });
        }
    }
    for id in before.keys().filter(|id| !after.contains_key(id)) {
        trace.add(world.now(), || What::Note {
            text: format!("    in the NameNode's mind, {id} is no more"),
        });
    }
}

fn describe(id: FileId, file: &File) -> String {
    let state = if file.closed { "closed" } else { "open" };
    let (generation, length, replicas) = (file.generation, file.length, &file.replicas);
    format!(
        "    in the NameNode's mind, {id} is {state}, {generation}, {length} bytes, at {replicas:?}"
    )
}
