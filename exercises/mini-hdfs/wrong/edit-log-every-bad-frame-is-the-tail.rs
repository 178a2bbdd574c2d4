//! Whatever is bad is taken for a torn tail: one flipped bit in the middle cuts off all that was acknowledged after it.
//! caught-by: edit_log::a_flipped_bit_is_refused_or_is_the_tail

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
