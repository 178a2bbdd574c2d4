//! Looks for its key by name alone: after its lease ran out, a client takes the next one's key for its own.
//! caught-by: lock::a_name_used_again_is_another_ones

pub fn turn(contenders: &[Contender], mine: &Contender) -> Turn {
    if !contenders.iter().any(|other| other.key == mine.key) {
        return Turn::Lost;
    }
    let before = contenders.iter().filter(|other| other.created < mine.created);
    match before.max_by_key(|other| other.created) {
        Some(other) => Turn::WaitFor(other.key.clone()),
        None => Turn::Held,
    }
}
