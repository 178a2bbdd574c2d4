//! Takes every bad record for a torn tail: what was promised is dropped without a word.
//! caught-by: log::what_was_durable_must_be_good

pub fn scan(bytes: &[u8], first: u64) -> Result<Scan<'_>, Damage> {
    let mut scan = Scan::default();
    let mut number = first;
    while scan.good_len < bytes.len() {
        let rest = &bytes[scan.good_len..];
        let bad = match split_frame(rest) {
            Ok(frame) if frame.number == number => {
                scan.frames.push((scan.good_len, frame));
                scan.good_len += frame.len;
                number += 1;
                continue;
            }
            Ok(frame) => format!("record {} stands where {number} should", frame.number),
            Err(reason) => reason,
        };

        scan.torn = Some(bad);
        break;
    }
    Ok(scan)
}
