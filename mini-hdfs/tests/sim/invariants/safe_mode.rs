//! Never a write in safe mode: no edit is logged, and no DataNode is told to copy or delete.

use sim::{Invariant, World};

use crate::cluster::Member;
use crate::history::Shared;

/// What one call or timer made the NameNode do while safe mode was on, before it and after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SafeModeStep {
    /// Transactions logged.
    pub(crate) edits: u64,
    /// Commands to copy or delete, handed to a DataNode.
    pub(crate) orders: usize,
}

fn judge(step: SafeModeStep) -> Result<(), String> {
    match step {
        SafeModeStep {
            edits: 0,
            orders: 0,
        } => Ok(()),
        SafeModeStep { edits, orders } => Err(format!(
            "in safe mode, {edits} edits were logged and {orders} orders given to a DataNode"
        )),
    }
}

pub(crate) struct NoWrites(pub(crate) Shared);

impl Invariant<Member> for NoWrites {
    fn name(&self) -> &'static str {
        "no-write-in-safe-mode"
    }

    fn sentence(&self) -> &'static str {
        "Never a write in safe mode"
    }

    fn check(&mut self, _world: &World<Member>) -> Result<(), String> {
        let steps = std::mem::take(&mut self.0.borrow_mut().safe_mode_steps);
        steps.into_iter().try_for_each(judge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_and_orders_are_writes() {
        let step = |edits, orders| judge(SafeModeStep { edits, orders });
        assert_eq!(step(0, 0), Ok(()));
        assert!(step(1, 0).is_err());
        assert!(step(0, 1).is_err());
    }
}
