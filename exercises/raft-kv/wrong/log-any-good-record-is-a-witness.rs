//! Takes any good record behind a bad one for proof of damage, as if one write reached the disk in order: after a power cut the member does not start.
//! caught-by: log::a_flush_may_be_torn_in_its_middle

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
        if (1..rest.len()).any(|at| split_frame(&rest[at..]).is_ok()) {
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
