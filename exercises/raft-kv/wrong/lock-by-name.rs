//! The first by name holds the lock: a latecomer with a small name takes it from its holder.
//! caught-by: lock::the_order_is_that_of_revisions

pub fn turn(contenders: &[Contender], mine: &Contender) -> Turn {
    if !contenders.contains(mine) {
        return Turn::Lost;
    }
    let before = contenders.iter().filter(|other| other.key < mine.key);
    match before.max_by_key(|other| &other.key) {
        Some(other) => Turn::WaitFor(other.key.clone()),
        None => Turn::Held,
    }
}
