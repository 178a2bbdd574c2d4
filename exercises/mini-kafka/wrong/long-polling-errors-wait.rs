//! Lets a fetch with an error wait for bytes that do not come: a consumer learns of a deleted topic half a second late.
//! caught-by: long_polling::what_cannot_get_better_is_answered_at_once

pub fn decide(
    found_bytes: usize,
    min_bytes: usize,
    failed: bool,
    asks_for_nothing: bool,
    deadline: Time,
    now: Time,
) -> Verdict {
    let _ = failed;
    if asks_for_nothing || found_bytes >= min_bytes || now >= deadline {
        Verdict::Answer
    } else {
        Verdict::WaitUntil(deadline)
    }
}
