//! Sorts what can be used by how good it is, and lets the best rank decide.

pub fn choose_replicas(block: Block, answers: &[(DatanodeId, Answer)]) -> Choice {
    let mut ranked: Vec<(u8, u64, DatanodeId)> = Vec::new();
    let mut silent = 0;
    for (datanode, answer) in answers {
        let (replica, state) = match answer {
            Answer::None => continue,
            Answer::Unknown => {
                silent += 1;
                continue;
            }
            Answer::Replica(replica, state) => (replica, *state),
        };
        let rank = match state {
            ReplicaState::Finalized => 0,
            ReplicaState::Rbw => 1,
            ReplicaState::Rwr => 2,
            ReplicaState::Temporary => continue,
        };
        if replica.generation < block.generation || replica.len == 0 {
            continue;
        }
        ranked.push((rank, replica.len, *datanode));
    }
    ranked.sort_unstable();
    let Some(&(best, len, _)) = ranked.first() else {
        return if silent > 0 { Choice::Wait } else { Choice::Remove };
    };
    if best == 2 && silent > 0 {
        return Choice::Wait;
    }
    ranked.retain(|&(rank, its, _)| rank == best || best == 0 && rank == 1 && its == len);
    let datanodes = ranked.into_iter().map(|(_, _, datanode)| datanode).collect();
    Choice::Agree { len, datanodes }
}
