//! Zeros are taken for space that was never written, and so for the end of the file; nobody cuts them off, and new records land behind them.
//! caught-by: edit_log::garbage_behind_the_last_record_is_a_torn_tail

pub fn scan(bytes: &[u8], first: TxId) -> Result<Scan, Damage> {
    let mut scan = Scan::default();
    let mut expected = first;
    while scan.good_len < bytes.len() {
        let offset = scan.good_len;
        let rest = &bytes[offset..];
        if rest.iter().all(|byte| *byte == 0) {
            break;
        }
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
        let op = decode_payload(frame.payload).map_err(damage)?;
        scan.ops.push((frame.txid, op));
        scan.good_len += frame.len;
        expected.0 += 1;
    }
    Ok(scan)
}
