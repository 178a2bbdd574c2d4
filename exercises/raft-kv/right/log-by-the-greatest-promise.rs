//! Finds the good frames at all bytes first, from the end on, and with them what had been durable.

pub fn scan(bytes: &[u8], first: u64) -> Result<Scan<'_>, Damage> {
    let good = |at: usize| split_frame(&bytes[at..]).ok();
    let mut frames = Vec::new();
    let mut end = 0;
    while let Some(frame) = good(end).filter(|frame| frame.number == first + frames.len() as u64) {
        frames.push((end, frame));
        end += frame.len;
    }
    if end == bytes.len() {
        return Ok(Scan { frames, good_len: end, torn: None });
    }
    let promised = (end..bytes.len()).rev().filter_map(good).map(|frame| frame.durable).max();
    if promised.is_some_and(|durable| durable >= first + frames.len() as u64) {
        let reason = "a record that had been durable is not there".to_owned();
        return Err(Damage { offset: end, reason });
    }
    Ok(Scan { frames, good_len: end, torn: Some("a record is not whole".to_owned()) })
}
