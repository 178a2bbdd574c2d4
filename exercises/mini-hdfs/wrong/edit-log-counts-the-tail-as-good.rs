//! The good part is said to reach to the end of the segment although its tail is torn: the next record is appended behind garbage, and lost with it.
//! caught-by: edit_log::a_torn_tail_is_cut_at_the_last_whole_record

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
                scan.good_len = bytes.len();
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
