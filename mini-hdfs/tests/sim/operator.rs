//! The operator: takes DataNodes out of service and back, in the middle of everything else. The file that says so is on no disk
//! of the simulation, since it is the operator's own.

use mini_hdfs::namenode::NameNode;
use mini_hdfs::namenode::hosts::{Host, Wish};
use node::{NodeId, Rng, Time};

use crate::cluster::CALM_AT;
use crate::history::Shared;

/// What the operator wants from some moment on.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) at: Time,
    /// Of which DataNode.
    pub(crate) node: NodeId,
    pub(crate) wish: Option<Wish>,
}

/// Draws the orders of a run. In the end all DataNodes are in service again, but perhaps for `stays_out`.
pub(crate) fn draw_orders(
    rng: &mut Rng,
    datanodes: &[NodeId],
    stays_out: Option<NodeId>,
) -> Vec<Order> {
    let mut orders = Vec::new();
    for _ in 0..rng.below(5) {
        let at = Time::from_millis(1_000 + rng.below(CALM_AT.as_millis() - 1_000));
        let node = datanodes[rng.index(datanodes.len())];
        let until_ms = Some(at.as_millis() + rng.below(20_000));
        let wish = match rng.below(4) {
            0 => None,
            1 => Some(Wish::Maintenance { until_ms }),
            _ => Some(Wish::Decommission),
        };
        orders.push(Order { at, node, wish });
    }
    orders.sort_by_key(|order| order.at);
    let last = |node: &NodeId| Order {
        at: CALM_AT,
        node: *node,
        wish: (Some(*node) == stays_out).then_some(Wish::Decommission),
    };
    orders.extend(datanodes.iter().map(last));
    orders
}

/// How the DataNode of a process is called in the file.
pub(crate) fn host(node: NodeId) -> Host {
    let name = format!("host{}", node.0);
    Host { name, port: 0 }
}

/// Which orders the NameNode has heard of in this life; it was told of all before when it started.
#[derive(Default)]
pub(crate) struct Operator {
    heard: usize,
}

impl Operator {
    /// Writes down what is due, and has it read.
    pub(crate) fn act(&mut self, core: &mut NameNode, history: &Shared, now: Time) {
        let mut history = history.borrow_mut();
        let due = history
            .orders_of_operator
            .partition_point(|order| order.at <= now);
        if due == self.heard {
            return;
        }
        let orders = history.orders_of_operator[self.heard..due].to_vec();
        self.heard = due;
        for order in orders {
            history.hosts.set(&host(order.node), order.wish);
        }
        core.refresh_nodes(history.hosts.clone(), now);
    }
}
