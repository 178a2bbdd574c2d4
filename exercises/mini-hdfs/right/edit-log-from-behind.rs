//! Finds the last good frame of all first; a bad one before it is damage, and one behind it is the tail.

pub fn split_frame(bytes: &[u8]) -> Result<RawFrame<'_>, String> {
    let header = bytes.get(..HEADER_LEN).ok_or("it is cut short")?;
    let len = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    if len > PAYLOAD_LEN_MAX {
        return Err("its length is out of range".to_owned());
    }
    let end = HEADER_LEN + len;
    let stored = bytes
        .get(end..end + CHECKSUM_LEN)
        .ok_or("it is cut short")?;
    if crc32c::crc32c(&bytes[..end]).to_be_bytes() != *stored {
        return Err("its checksum does not match".to_owned());
    }
    let txid = header[4..]
        .iter()
        .fold(0, |n, byte| n << 8 | u64::from(*byte));
    Ok(RawFrame {
        txid: TxId(txid),
        payload: &bytes[HEADER_LEN..end],
        len: end + CHECKSUM_LEN,
    })
}

pub fn scan(bytes: &[u8], first: TxId) -> Result<Scan, Damage> {
    let is_good = |at: &usize| split_frame(&bytes[*at..]).is_ok_and(|frame| frame.txid >= first);
    let last_good = (0..bytes.len()).rev().find(is_good);
    let mut ops: Vec<(TxId, EditOp)> = Vec::new();
    let mut offset = 0;
    let mut tail = None;
    while offset < bytes.len() && tail.is_none() {
        let damage = |reason: String| Damage { offset, reason };
        let expected = TxId(first.0 + ops.len() as u64);
        match split_frame(&bytes[offset..]) {
            Err(reason) if last_good.is_some_and(|at| at > offset) => return Err(damage(reason)),
            Err(reason) => tail = Some(reason),
            Ok(frame) if frame.txid != expected => {
                return Err(damage(format!("it is not transaction {expected}")));
            }
            Ok(frame) => {
                ops.push((expected, decode_payload(frame.payload).map_err(damage)?));
                offset += frame.len;
            }
        }
    }
    Ok(Scan {
        ops,
        good_len: offset,
        tail,
    })
}
