//! Which replicas a block is made of when its writer has died, and how long it is.

use autograder::{Test, tests};
use mini_hdfs::block::{Block, DatanodeId, ReplicaState};
use mini_hdfs::datanode::block_recovery::{Answer, Choice, choose_replicas};
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    recovery_cuts_what_was_being_written_to_the_shortest,
    recovery_keeps_the_length_of_what_was_finalised,
    recovery_takes_along_what_is_as_long_as_the_finalised,
    recovery_passes_over_old_generations,
    recovery_passes_over_replicas_without_a_byte,
    recovery_trusts_restarted_nodes_only_where_there_is_nothing_better,
    recovery_removes_a_block_of_which_nobody_has_a_byte,
    recovery_waits_where_one_that_was_not_heard_may_have_more,
    recovery_goes_on_where_another_recovery_stopped,
    recovery_keeps_every_byte_that_the_writer_was_told_is_safe,
];

const BLOCK: Block = Block::new(1_073_741_825, 1002, 0);

fn replica(state: ReplicaState, generation: u64, len: u64) -> Answer {
    Answer::Replica(Block::new(BLOCK.id.0, generation, len), state)
}

fn finalized(len: u64) -> Answer {
    replica(ReplicaState::Finalized, 1002, len)
}

fn rbw(len: u64) -> Answer {
    replica(ReplicaState::Rbw, 1002, len)
}

fn rwr(len: u64) -> Answer {
    replica(ReplicaState::Rwr, 1002, len)
}

/// Asks DataNodes 1, 2, … in order.
fn choose(answers: &[Answer]) -> Choice {
    let answers: Vec<(DatanodeId, Answer)> =
        (1..).map(DatanodeId).zip(answers.iter().cloned()).collect();
    let choice = choose_replicas(BLOCK, &answers);
    match choice {
        Choice::Agree { len, datanodes } => {
            let mut datanodes = datanodes;
            datanodes.sort_unstable();
            Choice::Agree { len, datanodes }
        }
        other => other,
    }
}

fn agree(len: u64, datanodes: &[u64]) -> Choice {
    Choice::Agree {
        len,
        datanodes: datanodes.iter().copied().map(DatanodeId).collect(),
    }
}

fn recovery_cuts_what_was_being_written_to_the_shortest() {
    assert_eq!(
        choose(&[rbw(700), rbw(512), rbw(600)]),
        agree(512, &[1, 2, 3]),
        "bytes were on their way: what all three have is certain, and all three go on"
    );
    assert_eq!(
        choose(&[rbw(700), Answer::Unknown]),
        agree(700, &[1]),
        "the other one cannot be asked, but every byte that was acknowledged is on this one too"
    );
}

fn recovery_keeps_the_length_of_what_was_finalised() {
    assert_eq!(
        choose(&[rbw(900), finalized(800), rbw(700)]),
        agree(800, &[2]),
        "the writer had sent all of the block, and DataNode 2 has closed it"
    );
    assert_eq!(
        choose(&[finalized(800), finalized(800), rwr(800)]),
        agree(800, &[1, 2]),
        "whoever restarted in the middle does not count beside a finalised replica"
    );
}

fn recovery_takes_along_what_is_as_long_as_the_finalised() {
    assert_eq!(
        choose(&[rbw(800), rbw(800), finalized(800)]),
        agree(800, &[1, 2, 3]),
        "1 and 2 had all of it, and just not heard that it is the end"
    );
    assert_eq!(
        choose(&[rbw(799), finalized(800)]),
        agree(800, &[2]),
        "a byte less is another block"
    );
}

fn recovery_passes_over_old_generations() {
    let old = |state, len| replica(state, 1001, len);
    assert_eq!(
        choose(&[old(ReplicaState::Rbw, 100), rbw(700)]),
        agree(700, &[2]),
        "DataNode 1 missed the rebuilding of the pipeline"
    );
    assert_eq!(
        choose(&[old(ReplicaState::Finalized, 500), rwr(700)]),
        agree(700, &[2]),
        "an old replica does not count, whatever its state"
    );
    let newer = replica(ReplicaState::Rbw, 1003, 600);
    assert_eq!(
        choose(&[newer, rbw(700)]),
        agree(600, &[1, 2]),
        "a pipeline was being rebuilt when the writer died: the newer one is as good"
    );
}

fn recovery_passes_over_replicas_without_a_byte() {
    assert_eq!(
        choose(&[rbw(0), rbw(700)]),
        agree(700, &[2]),
        "DataNode 1 was sent nothing yet, so nothing was acknowledged; but why lose what there is?"
    );
    assert_eq!(
        choose(&[rbw(0), rwr(300)]),
        agree(300, &[2]),
        "an empty replica says nothing about the others"
    );
}

fn recovery_trusts_restarted_nodes_only_where_there_is_nothing_better() {
    assert_eq!(
        choose(&[rwr(400), rbw(700)]),
        agree(700, &[2]),
        "DataNode 1 may have lost what was only in its memory"
    );
    assert_eq!(
        choose(&[rwr(900), rbw(700)]),
        agree(700, &[2]),
        "even if it happens to have more"
    );
    assert_eq!(
        choose(&[rwr(400), rwr(512), Answer::None]),
        agree(400, &[1, 2]),
        "all have restarted: what is synced is on each of them"
    );
}

fn recovery_removes_a_block_of_which_nobody_has_a_byte() {
    let cases = [
        vec![Answer::None, Answer::None],
        vec![rbw(0), Answer::None],
        vec![replica(ReplicaState::Rbw, 1001, 700)],
        vec![replica(ReplicaState::Temporary, 1002, 700)],
    ];
    for answers in cases {
        assert_eq!(choose(&answers), Choice::Remove, "after {answers:?}");
    }
}

fn recovery_waits_where_one_that_was_not_heard_may_have_more() {
    assert_eq!(
        choose(&[Answer::None, Answer::Unknown]),
        Choice::Wait,
        "DataNode 2 may have all of it"
    );
    assert_eq!(
        choose(&[rwr(400), Answer::Unknown]),
        Choice::Wait,
        "DataNode 2 may still have in memory what 1 has lost"
    );
    assert_eq!(
        choose(&[finalized(800), Answer::Unknown]),
        agree(800, &[1]),
        "a finalised replica has everything: there is nothing to wait for"
    );
}

fn recovery_goes_on_where_another_recovery_stopped() {
    let cut = replica(ReplicaState::Finalized, 1005, 512);
    assert_eq!(
        choose(&[cut.clone(), rbw(700), rbw(600)]),
        agree(512, &[1]),
        "an earlier attempt had cut and finalised one replica, and then its primary died"
    );
    assert_eq!(
        choose(&[cut, finalized(700)]),
        agree(512, &[1, 2]),
        "two finalised replicas of different length: what both have is certain"
    );
}

/// A pipeline at the moment in which its writer dies: for each node how many bytes came beyond those before it in the row have
/// acknowledged, and what becomes of it.
#[derive(Clone, Debug)]
struct Dying {
    synced: u64,
    acked: u64,
    /// Of each node: bytes beyond `acked`; what becomes of it: 0 unreachable, 1 restarted, else nothing.
    nodes: Vec<(u64, u8)>,
    /// Bytes beyond `synced` that a restarted node kept by luck.
    luck: u64,
}

fn any_dying() -> impl Strategy<Value = Dying> {
    let nodes = prop::collection::vec((0..900u64, 0..5u8), 1..4);
    (0..600u64, 0..600u64, nodes, 0..900u64).prop_map(|(synced, more, nodes, luck)| Dying {
        synced,
        acked: synced + more,
        nodes,
        luck,
    })
}

impl Dying {
    fn answers(&self) -> Vec<Answer> {
        let answer = |&(beyond, fate): &(u64, u8)| {
            let len = self.acked + beyond;
            match fate {
                0 => Answer::Unknown,
                1 => rwr(len.min(self.synced + self.luck)),
                _ => rbw(len),
            }
        };
        self.nodes.iter().map(answer).collect()
    }
}

proptest! {
    #![proptest_config(autograder::property(512))]

    fn recovery_keeps_every_byte_that_the_writer_was_told_is_safe(dying in any_dying()) {
        let answers = dying.answers();
        let lens: Vec<Option<u64>> = answers
            .iter()
            .map(|answer| match answer {
                Answer::Replica(block, _) => Some(block.len),
                Answer::None | Answer::Unknown => None,
            })
            .collect();
        let lives = dying.nodes.iter().any(|(_, fate)| *fate > 1);
        let silent = dying.nodes.iter().any(|(_, fate)| *fate == 0);
        match choose(&answers) {
            Choice::Agree { len, datanodes } => {
                prop_assert!(len > 0, "{:?}: nobody has a byte", answers);
                for id in &datanodes {
                    let its = lens[usize::try_from(id.0).unwrap() - 1];
                    prop_assert!(its.is_some_and(|its| its >= len), "{:?}: DataNode {} has no {} bytes", answers, id, len);
                }
                prop_assert!(!datanodes.is_empty(), "{:?}: somebody must have it", answers);
                prop_assert!(len >= dying.synced, "{:?}: {} bytes were synced", answers, dying.synced);
                if lives || silent {
                    prop_assert!(len >= dying.acked, "{:?}: {} bytes were acknowledged, and not every node has lost its memory", answers, dying.acked);
                }
            }
            Choice::Remove => prop_assert!(
                lens.iter().all(|len| *len == Some(0)),
                "{:?}: there may be bytes", answers
            ),
            Choice::Wait => prop_assert!(
                silent && !lens.iter().zip(&dying.nodes).any(|(len, (_, fate))| *fate > 1 && *len > Some(0)),
                "{:?}: there is nothing to wait for", answers
            ),
        }
    }
}
