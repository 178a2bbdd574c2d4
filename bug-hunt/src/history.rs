//! What no crash may take away: what clients were told, and what the NameNode ordered. Nodes write it down here, outside of
//! the simulated world.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use node::NodeId;

use crate::view::{FileId, Generation, Order, OrderState, Promise, Registration};

/// The history that all nodes of one run share.
pub(crate) type Shared = Rc<RefCell<History>>;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) promises: BTreeMap<FileId, Promise>,
    pub(crate) orders: Vec<Order>,
    /// The last id that was given to a file.
    last_file: u32,
}

impl History {
    pub(crate) fn new_file(&mut self) -> FileId {
        self.last_file += 1;
        FileId(self.last_file)
    }

    pub(crate) fn promise(&mut self, file: FileId) -> &mut Promise {
        self.promises.entry(file).or_default()
    }

    /// A DataNode got round to its orders to erase a file's replica up to a generation.
    pub(crate) fn settle(
        &mut self,
        to: NodeId,
        registration: Registration,
        file: FileId,
        most: Generation,
        state: OrderState,
    ) {
        let key = (to, registration, file);
        for order in &mut self.orders {
            let standing = order.state == OrderState::Standing;
            if standing
                && (order.to, order.registration, order.file) == key
                && order.generation <= most
            {
                order.state = state;
            }
        }
    }
}
