//! Looks for the next record where the bad one's length says that it ends, though that may be what is bad.
//! caught-by: log::the_length_may_be_what_is_bad

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
        let len = rest.first_chunk().map_or(0, |len| u32::from_be_bytes(*len) as usize);
        let behind = rest.get(HEADER_LEN + len + CHECKSUM_LEN..).unwrap_or(&[]);
        if split_frame(behind).is_ok_and(|frame| frame.durable >= number) {
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
