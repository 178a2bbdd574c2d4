//! Nobody before me, so it is mine: a client whose lease ran out believes that it holds the lock, beside the next one.
//! caught-by: lock::who_has_lost_his_key_holds_nothing

pub fn turn(contenders: &[Contender], mine: &Contender) -> Turn {
    let before = contenders.iter().filter(|other| other.created < mine.created);
    match before.max_by_key(|other| other.created) {
        Some(other) => Turn::WaitFor(other.key.clone()),
        None => Turn::Held,
    }
}
