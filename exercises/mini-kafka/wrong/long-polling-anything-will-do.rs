//! Answers as soon as there is a byte, whatever `fetch.min.bytes` says: many small answers, where the client asked for few
//! large ones.
//! caught-by: long_polling::enough_is_answered_and_too_little_waits

pub fn decide(
    found_bytes: usize,
    min_bytes: usize,
    failed: bool,
    asks_for_nothing: bool,
    deadline: Time,
    now: Time,
) -> Verdict {
    if failed || asks_for_nothing || found_bytes > 0 || min_bytes == 0 || now >= deadline {
        Verdict::Answer
    } else {
        Verdict::WaitUntil(deadline)
    }
}
