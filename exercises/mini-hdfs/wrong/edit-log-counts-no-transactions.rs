//! Whatever transaction a frame has is taken: a log that lost a record in the middle is replayed without it.
//! caught-by: edit_log::a_missing_transaction_is_refused

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
        let op = decode_payload(frame.payload).map_err(damage)?;
        scan.ops.push((frame.txid, op));
        scan.good_len += frame.len;
        expected.0 += 1;
    }
    Ok(scan)
}
