//! A DataNode to which nothing was sent yet cuts all others to nothing.
//! caught-by: lease_recovery::recovery_passes_over_replicas_without_a_byte

pub fn choose_replicas(block: Block, answers: &[(DatanodeId, Answer)]) -> Choice {
    let unknown = answers.iter().any(|(_, answer)| *answer == Answer::Unknown);
    let usable: Vec<(DatanodeId, u64, ReplicaState)> = answers
        .iter()
        .filter_map(|(datanode, answer)| match answer {
            Answer::Replica(replica, state) => {
                let useful = replica.generation >= block.generation;
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
