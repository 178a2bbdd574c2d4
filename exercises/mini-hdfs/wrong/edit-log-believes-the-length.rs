//! The length is believed before anything is known about it: a record that is cut short ends the program.
//! caught-by: edit_log::a_cut_frame_is_none

pub fn split_frame(bytes: &[u8]) -> Result<RawFrame<'_>, String> {
    let header = bytes.get(..HEADER_LEN).ok_or("it is cut short")?;
    let len = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    if len > PAYLOAD_LEN_MAX {
        return Err("its length is out of range".to_owned());
    }
    let end = HEADER_LEN + len;
    let stored = &bytes[end..end + CHECKSUM_LEN];
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
