//! A process of the cluster, as the simulator drives it.

use node::{Ctx, Effect, Event, Node, NodeId};
use std::collections::BTreeMap;

use crate::client::Client;
use crate::datanode::DataNode;
use crate::history::Shared;
use crate::message::{Message, Timer};
use crate::view::{File, FileId, Order, OrderState};

/// The NameNode's address. DataNodes follow it, then clients.
pub const NAMENODE: NodeId = NodeId(0);

/// A NameNode: an honest one, or a suspect.
pub trait NameNode {
    /// Handles one event.
    fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>);

    /// What it knows and believes.
    fn files(&self) -> &BTreeMap<FileId, File>;
}

/// One of the processes.
pub enum Member {
    /// There is one.
    NameNode(NameNodeProcess),
    /// There are four.
    DataNode(DataNode),
    /// There are two.
    Client(Client),
}

impl Node for Member {
    type Message = Message;
    type Timer = Timer;

    fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Self>) {
        match self {
            Member::NameNode(process) => process.step(event, ctx),
            Member::DataNode(process) => process.step(event, ctx),
            Member::Client(process) => process.step(event, ctx),
        }
    }
}

/// A NameNode, and a look at what it sends.
pub struct NameNodeProcess {
    namenode: Box<dyn NameNode>,
    history: Shared,
}

impl NameNodeProcess {
    pub(crate) fn new(namenode: Box<dyn NameNode>, history: Shared) -> NameNodeProcess {
        NameNodeProcess { namenode, history }
    }

    pub(crate) fn files(&self) -> &BTreeMap<FileId, File> {
        self.namenode.files()
    }

    fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        let (id, now) = (ctx.id(), ctx.now());
        let mut inner = Ctx::new(id, now, ctx.rng, ctx.disk);
        self.namenode.step(event, &mut inner);
        for effect in inner.into_effects() {
            match effect {
                Effect::Send { to, message } => {
                    self.note(to, &message, ctx);
                    ctx.send(to, message);
                }
                Effect::SetTimer { timer, after } => ctx.set_timer(timer, after),
                Effect::CancelTimer { timer } => ctx.cancel_timer(timer),
                Effect::Sync => ctx.sync(),
            }
        }
    }

    fn note(&self, to: NodeId, message: &Message, ctx: &Ctx<'_, Member>) {
        if let Message::Erase {
            registration,
            file,
            generation,
        } = *message
        {
            self.history.borrow_mut().orders.push(Order {
                at: ctx.now(),
                to,
                registration,
                file,
                generation,
                state: OrderState::Standing,
            });
        }
    }
}
