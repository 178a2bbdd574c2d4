//! Takes as many bytes as have their eighth bit set, and shifts by more than a number has bits: hostile bytes end the broker.
//! caught-by: record::a_number_that_goes_on_and_on_is_refused

pub fn take_varlong(bytes: &mut &[u8]) -> Result<i64, RecordError> {
    let mut zigzag = 0u64;
    let mut shift = 0;
    loop {
        let Some((&byte, rest)) = bytes.split_first() else {
            return Err(RecordError::Truncated("a variable-length integer"));
        };
        *bytes = rest;
        zigzag |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed());
        }
        shift += 7;
    }
}
