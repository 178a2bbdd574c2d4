//! Everyone waits for the holder: each release wakes all who wait, and all but one wait again.
//! caught-by: lock::everyone_waits_for_the_one_right_before_him

pub fn turn(contenders: &[Contender], mine: &Contender) -> Turn {
    if !contenders.contains(mine) {
        return Turn::Lost;
    }
    match contenders.iter().min_by_key(|other| other.created) {
        Some(first) if first != mine => Turn::WaitFor(first.key.clone()),
        _ => Turn::Held,
    }
}
