//! Reads on behind a gap: a record that is missing as a whole is not missed.
//! caught-by: log::a_record_must_have_the_next_number

pub fn scan(bytes: &[u8], first: u64) -> Result<Scan<'_>, Damage> {
    let mut scan = Scan::default();
    let mut number = first;
    while scan.good_len < bytes.len() {
        let rest = &bytes[scan.good_len..];
        let bad = match split_frame(rest) {
            Ok(frame) => {
                scan.frames.push((scan.good_len, frame));
                scan.good_len += frame.len;
                number = frame.number + 1;
                continue;
            }
            Err(reason) => reason,
        };
        let witness = |at: usize| split_frame(&rest[at..]).is_ok_and(|frame| frame.durable >= number);
        if (1..rest.len()).any(witness) {
            return Err(Damage {
                offset: scan.good_len,
                reason: bad,
            });
        }
        scan.torn = Some(bad);
        break;
    }
    Ok(scan)
}
