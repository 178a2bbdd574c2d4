//! Bringing the replicas of a block whose writer is gone to one length (`BlockRecoveryWorker`).
//!
//! A writer died in the middle of a block. Each DataNode of his pipeline has a beginning of it, and perhaps no two the same:
//! bytes were on their way. One of them, the *primary*, is told by the NameNode to end this:
//!
//! 1. It asks every DataNode of the pipeline for its replica (`initReplicaRecovery`). Each stops its writer, so that nothing grows any
//!    more, and remembers the recovery's id, so that an earlier attempt cannot come in between.
//! 2. It chooses which replicas go on and with which length: [`choose_replicas`].
//! 3. It has each of them cut to that length, given the recovery's id as its generation, and finalised
//!    (`updateReplicaUnderRecovery`).
//! 4. It tells the NameNode (`commitBlockSynchronization`).
//!
//! It may die after any of these; then another one does all of it anew, under a higher id. [`BlockRecovery`] carries one attempt from step to
//! step; who calls it has the connections.

use std::fmt::Write;

use crate::block::{Block, DatanodeId, DatanodeInfo, ReplicaState};
use crate::protocol::{BlockSynchronization, RecoveringBlock};

/// What a DataNode answered when it was asked for its replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The replica, which nobody writes any more: its generation, its bytes that are good, and the state in which it was
    /// found (`ReplicaRecoveryInfo`).
    Replica(Block, ReplicaState),
    /// It has none, or none that can be used.
    None,
    /// It could not be reached, or had no time: nobody knows what it has.
    Unknown,
}

/// What is to be done with a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// These DataNodes' replicas become the block, with this length. In any order.
    Agree {
        /// In bytes.
        len: u64,
        /// Whose.
        datanodes: Vec<DatanodeId>,
    },
    /// Nobody has a byte of it: the block is removed.
    Remove,
    /// Not now: a DataNode that could not be asked may have more than those that were.
    Wait,
}

/// Chooses which replicas of `block` become the block, and how long it is, from what each DataNode answered.
///
/// A replica whose generation is older than that of `block` missed the rebuilding of a pipeline, and one without a byte has nothing to add: both are
/// passed over, as if they were not there; so is a `Temporary` one. Of the others only the best state counts:
///
/// 1. `Finalized`: its writer had sent all of the block and heard that all nodes after it had it. The length is theirs; the least of theirs, should an
///    earlier recovery have cut some and not others. Replicas being written (`Rbw`) that have just this length are as good, and go along.
/// 2. `Rbw`: every byte that the writer was told is safe is in each of these, but the end may be on some alone. The length is the
///    shortest of theirs, and all of them go on.
/// 3. `Rwr`: its DataNode has restarted in the middle of the writing, so it has what was synced, and perhaps no more. The
///    length is the shortest of theirs.
///
/// Where a DataNode's answer is [`Answer::Unknown`], it may hold a better replica than those of the third kind, or the only one: in place
/// of the third, or of [`Choice::Remove`], which is the choice where no replica is left, it is [`Choice::Wait`] then.
pub fn choose_replicas(block: Block, answers: &[(DatanodeId, Answer)]) -> Choice {
    // EXERCISE(hdfs/lease-recovery): leave out what is old or empty; the best state that is left decides, by its own rule.
    let unknown = answers.iter().any(|(_, answer)| *answer == Answer::Unknown);
    let usable: Vec<(DatanodeId, u64, ReplicaState)> = answers
        .iter()
        .filter_map(|(datanode, answer)| match answer {
            Answer::Replica(replica, state) => {
                let useful = replica.generation >= block.generation && replica.len > 0;
                useful.then_some((*datanode, replica.len, *state))
            }
            Answer::None | Answer::Unknown => None,
        })
        .collect();
    let shortest = |wanted: ReplicaState| {
        let lens = usable.iter().filter(|(_, _, state)| *state == wanted);
        lens.map(|(_, len, _)| *len).min()
    };
    let agree = |len: u64, goes_on: &dyn Fn(u64, ReplicaState) -> bool| Choice::Agree {
        len,
        datanodes: usable
            .iter()
            .filter(|(_, its_len, state)| goes_on(*its_len, *state))
            .map(|(datanode, _, _)| *datanode)
            .collect(),
    };
    if let Some(len) = shortest(ReplicaState::Finalized) {
        return agree(len, &|its_len, state| {
            state == ReplicaState::Finalized || (state == ReplicaState::Rbw && its_len == len)
        });
    }
    if let Some(len) = shortest(ReplicaState::Rbw) {
        return agree(len, &|_, state| state == ReplicaState::Rbw);
    }
    if unknown {
        return Choice::Wait;
    }
    match shortest(ReplicaState::Rwr) {
        Some(len) => agree(len, &|_, state| state == ReplicaState::Rwr),
        None => Choice::Remove,
    }
}

/// What the primary has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask this DataNode for its replica, then call [`BlockRecovery::on_replica`].
    Init(DatanodeInfo),
    /// Have this DataNode cut its replica to so many bytes and finalise it, then call [`BlockRecovery::on_updated`].
    Update(DatanodeInfo, u64),
    /// Tell the NameNode. There is nothing to do afterwards.
    Commit(BlockSynchronization),
    /// This attempt has failed. The NameNode will notice, and have another one made.
    Fail(String),
}

/// One attempt to recover a block, on its primary.
#[derive(Clone, Debug)]
pub struct BlockRecovery {
    order: RecoveringBlock,
    answers: Vec<(DatanodeId, Answer)>,
    /// Once all have answered.
    choice: Option<Choice>,
    /// How many of the chosen were told to update, and which of them did.
    told: usize,
    updated: Vec<DatanodeId>,
    failures: String,
}

impl BlockRecovery {
    /// Before the first step.
    pub fn new(order: RecoveringBlock) -> BlockRecovery {
        BlockRecovery {
            order,
            answers: Vec::new(),
            choice: None,
            told: 0,
            updated: Vec::new(),
            failures: String::new(),
        }
    }

    /// What is being recovered.
    pub fn order(&self) -> &RecoveringBlock {
        &self.order
    }

    /// What to do next. Asking changes nothing.
    pub fn step(&self) -> Step {
        let RecoveringBlock {
            block,
            recovery_id,
            locations,
        } = &self.order;
        let commit = |len, datanodes| {
            Step::Commit(BlockSynchronization {
                block: *block,
                recovery_id: *recovery_id,
                len,
                datanodes,
            })
        };
        let fail =
            |why: &str| Step::Fail(format!("cannot recover {block}: {why}{}", self.failures));
        match &self.choice {
            None => match locations.get(self.answers.len()) {
                Some(next) => Step::Init(next.clone()),
                None => fail("no DataNode was named"),
            },
            Some(Choice::Remove) => commit(None, Vec::new()),
            Some(Choice::Wait) => fail("DataNodes that may have more of it could not be asked"),
            Some(Choice::Agree { len, datanodes }) => {
                let next = datanodes.get(self.told);
                let next = next.and_then(|id| locations.iter().find(|node| node.id == *id));
                match next {
                    Some(node) => Step::Update(node.clone(), *len),
                    None if self.updated.is_empty() => fail("no replica could be updated"),
                    None => commit(Some(*len), self.updated.clone()),
                }
            }
        }
    }

    /// The DataNode of [`Step::Init`] has answered; the text says why, where it has not.
    pub fn on_replica(&mut self, answer: Result<Answer, String>) {
        let Some(node) = self.order.locations.get(self.answers.len()) else {
            return;
        };
        let answer = answer.unwrap_or_else(|reason| {
            // Writing to a String cannot fail.
            let _ = write!(self.failures, "\n  {}: {reason}", node.address);
            Answer::Unknown
        });
        self.answers.push((node.id, answer));
        if self.answers.len() == self.order.locations.len() {
            self.choice = Some(choose_replicas(self.order.block, &self.answers));
        }
    }

    /// The DataNode of [`Step::Update`] has done it, or not.
    pub fn on_updated(&mut self, result: Result<(), String>) {
        let Step::Update(node, _) = self.step() else {
            return;
        };
        self.told += 1;
        match result {
            Ok(()) => self.updated.push(node.id),
            Err(reason) => {
                let _ = write!(self.failures, "\n  {}: {reason}", node.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::GenerationStamp;

    fn recovery(nodes: &[u64]) -> BlockRecovery {
        let node = |id: &u64| DatanodeInfo {
            id: DatanodeId(*id),
            hostname: String::new(),
            address: format!("node{id}"),
            rack: String::new(),
        };
        BlockRecovery::new(RecoveringBlock {
            block: Block::new(7, 1001, 0),
            recovery_id: GenerationStamp(1002),
            locations: nodes.iter().map(node).collect(),
        })
    }

    fn rbw(len: u64) -> Result<Answer, String> {
        Ok(Answer::Replica(Block::new(7, 1001, len), ReplicaState::Rbw))
    }

    #[test]
    fn all_are_asked_those_chosen_are_updated_and_the_namenode_hears_who_was() {
        let mut recovery = recovery(&[1, 2, 3]);
        for (node, answer) in ["node1", "node2", "node3"]
            .iter()
            .zip([rbw(700), rbw(500), rbw(600)])
        {
            assert!(matches!(recovery.step(), Step::Init(asked) if asked.address == *node));
            recovery.on_replica(answer);
        }
        for (node, done) in [
            ("node1", Ok(())),
            ("node2", Err("died".to_owned())),
            ("node3", Ok(())),
        ] {
            assert!(matches!(recovery.step(), Step::Update(told, 500) if told.address == node));
            recovery.on_updated(done);
        }
        let expected = BlockSynchronization {
            block: Block::new(7, 1001, 0),
            recovery_id: GenerationStamp(1002),
            len: Some(500),
            datanodes: vec![DatanodeId(1), DatanodeId(3)],
        };
        assert_eq!(recovery.step(), Step::Commit(expected));
    }

    #[test]
    fn what_nobody_could_be_asked_about_is_not_removed() {
        let mut recovery = recovery(&[1, 2]);
        recovery.on_replica(Ok(Answer::None));
        recovery.on_replica(Err("no route".to_owned()));
        let Step::Fail(reason) = recovery.step() else {
            panic!("{:?}", recovery.step());
        };
        assert!(reason.contains("node2: no route"), "{reason}");
    }
}
