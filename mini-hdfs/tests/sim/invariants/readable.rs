//! A closed file reads back byte for byte while one replica of each block keeps its disk.

use std::cell::RefCell;
use std::rc::Rc;

use sim::{Invariant, World};

use crate::cluster::Member;
use crate::history::Shared;
use crate::truth::{Holders, Truth};

/// What is to be said of one block.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// There is a good replica.
    Good,
    /// There is none, and faults are to blame.
    Lost,
    /// There is none, and the system is to blame.
    Broken,
}

fn judge(block: &Holders, disks_were_damaged: bool) -> Verdict {
    if !block.now.is_empty() {
        return Verdict::Good;
    }
    let faults_took_the_last = match &block.before {
        Some(before) => before.is_subset(&block.damaged_now),
        // They were damaged before the file was closed, when nobody looked.
        None => disks_were_damaged,
    };
    // Nobody can know of a replica that it is damaged before somebody reads it. So the NameNode may keep damaged ones
    // and delete a good one -- but not if there were more good ones than it had to keep.
    let misled = block.damaged.len() >= usize::from(block.replication.unwrap_or(1));
    if faults_took_the_last || misled {
        Verdict::Lost
    } else {
        Verdict::Broken
    }
}

pub(crate) struct Readable {
    history: Shared,
    truth: Rc<RefCell<Truth>>,
}

impl Readable {
    pub(crate) fn new(history: Shared, truth: Rc<RefCell<Truth>>) -> Readable {
        Readable { history, truth }
    }
}

impl Invariant<Member> for Readable {
    fn name(&self) -> &'static str {
        "closed-files-are-readable"
    }

    fn sentence(&self) -> &'static str {
        "A closed file reads back byte for byte while one replica of each block keeps its disk"
    }

    fn check(&mut self, _world: &World<Member>) -> Result<(), String> {
        let truth = self.truth.borrow();
        let mut history = self.history.borrow_mut();
        if let Some(wrong) = history.wrong_reads.pop() {
            return Err(wrong);
        }
        history.damaged |= truth.is_damaged();
        for block in truth.blocks() {
            match judge(block, history.damaged) {
                Verdict::Good => {}
                Verdict::Lost => history.lose(block.block.id),
                Verdict::Broken => {
                    let (path, id, before) = (&block.path, block.block, &block.before);
                    return Err(format!(
                        "{path}: {id} has no good replica on any disk; there were {before:?}, damaged {:?}",
                        block.damaged
                    ));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use node::NodeId;

    use super::*;

    fn nodes(ids: &[u32]) -> BTreeSet<NodeId> {
        ids.iter().copied().map(NodeId).collect()
    }

    #[test]
    fn a_block_may_vanish_only_with_its_disks() {
        let judged = |before: &[u32], now: &[u32], damaged: &[u32], damaged_now: &[u32]| {
            let block = Holders {
                before: Some(nodes(before)),
                now: nodes(now),
                damaged: nodes(damaged),
                damaged_now: nodes(damaged_now),
                replication: Some(2),
                ..Holders::default()
            };
            judge(&block, true)
        };
        assert_eq!(judged(&[1, 2], &[2], &[1], &[1]), Verdict::Good);
        assert_eq!(judged(&[1], &[], &[], &[]), Verdict::Broken);
        assert_eq!(judged(&[1], &[], &[1], &[1]), Verdict::Lost);
        // One was damaged earlier, and now the good one was deleted.
        assert_eq!(judged(&[1], &[], &[2], &[]), Verdict::Broken);
        assert_eq!(judged(&[1], &[], &[2, 3], &[]), Verdict::Lost);
        // A new one.
        assert_eq!(judge(&Holders::default(), false), Verdict::Broken);
    }
}
