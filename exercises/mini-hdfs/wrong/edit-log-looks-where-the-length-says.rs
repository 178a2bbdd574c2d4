//! What follows a bad frame is looked for only where its length says that it ends; but the length may be what is bad.
//! caught-by: edit_log::a_lost_page_in_the_middle_is_refused

pub fn scan(bytes: &[u8], first: TxId) -> Result<Scan, Damage> {
    let mut scan = Scan::default();
    let mut expected = first;
    while scan.good_len < bytes.len() {
        let offset = scan.good_len;
        let rest = &bytes[offset..];
        let damage = |reason: String| Damage { offset, reason };
        let frame = match split_frame(rest) {
            Ok(frame) => frame,
            Err(reason) => {
                let len = rest
                    .iter()
                    .take(4)
                    .fold(0, |n, byte| n << 8 | usize::from(*byte));
                let next = rest.get(HEADER_LEN + len + CHECKSUM_LEN..).unwrap_or(&[]);
                if split_frame(next).is_ok_and(|frame| frame.txid >= expected) {
                    return Err(damage(reason));
                }
                scan.tail = Some(reason);
                return Ok(scan);
            }
        };
        if frame.txid != expected {
            return Err(damage(format!("{} stands there", frame.txid)));
        }
        let op = decode_payload(frame.payload).map_err(damage)?;
        scan.ops.push((frame.txid, op));
        scan.good_len += frame.len;
        expected.0 += 1;
    }
    Ok(scan)
}
