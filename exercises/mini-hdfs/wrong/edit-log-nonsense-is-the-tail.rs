//! A whole record that it does not understand is cut off like a torn one: an older program drops what a newer one has acknowledged.
//! caught-by: edit_log::a_good_checksum_over_nonsense_is_no_torn_tail

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
                let later = (1..rest.len()).filter_map(|at| split_frame(&rest[at..]).ok());
                if later.into_iter().any(|frame| frame.txid >= expected) {
                    return Err(damage(reason));
                }
                scan.tail = Some(reason);
                return Ok(scan);
            }
        };
        if frame.txid != expected {
            return Err(damage(format!("{} stands there", frame.txid)));
        }
        let op = match decode_payload(frame.payload) {
            Ok(op) => op,
            Err(reason) => {
                scan.tail = Some(reason);
                return Ok(scan);
            }
        };
        scan.ops.push((frame.txid, op));
        scan.good_len += frame.len;
        expected.0 += 1;
    }
    Ok(scan)
}
