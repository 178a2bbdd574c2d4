//! Variable-length integers (`ByteUtils.readVarint`, `writeVarlong`): small numbers in few bytes.
//!
//! Seven bits a byte, the lowest first; the eighth bit says that another byte follows. That alone would give −1 ten bytes,
//! since its upper bits are all set. So numbers are *zig-zag* encoded first: 0, −1, 1, −2, 2 … become 0, 1, 2, 3, 4 …, and
//! what is small in magnitude is small. Both are those of Protocol Buffers (`sint32`, `sint64`).

use super::RecordError;

/// An `i32` has at most this many bytes.
pub const VARINT_BYTES_MAX: usize = 5;
/// An `i64` has at most this many bytes.
pub const VARLONG_BYTES_MAX: usize = 10;

/// Appends `value` in as few bytes as it needs, 1 to 10. An `i32` is written the same way.
pub fn put_varlong(value: i64, out: &mut Vec<u8>) {
    // EXERCISE(kafka/record): zig-zag, then seven bits a byte, the lowest first.
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    out.push(rest.to_le_bytes()[0]);
}

/// Takes an `i64` off the front of `bytes`.
///
/// # Errors
/// [`RecordError::Truncated`] where the bytes end before it does; [`RecordError::VarintTooLong`] where it goes on behind its
/// tenth byte, or has more than 64 bits. `bytes` is then somewhere in it.
pub fn take_varlong(bytes: &mut &[u8]) -> Result<i64, RecordError> {
    // EXERCISE(kafka/record): the inverse; hostile bytes must neither panic nor shift too far.
    // Nearly all numbers of a record have one byte.
    if let Some((&byte @ ..0x80, rest)) = bytes.split_first() {
        *bytes = rest;
        return Ok(i64::from(byte >> 1) ^ -i64::from(byte & 1));
    }
    let mut zigzag = 0u64;
    for position in 0..VARLONG_BYTES_MAX {
        let Some((&byte, rest)) = bytes.split_first() else {
            return Err(RecordError::Truncated("a variable-length integer"));
        };
        *bytes = rest;
        if position + 1 == VARLONG_BYTES_MAX && byte > 1 {
            break;
        }
        zigzag |= u64::from(byte & 0x7f) << (7 * position);
        if byte < 0x80 {
            return Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed());
        }
    }
    Err(RecordError::VarintTooLong(VARLONG_BYTES_MAX))
}

/// Takes an `i32` off the front of `bytes`.
///
/// # Errors
/// As [`take_varlong`]; [`RecordError::VarintTooLong`] also where the number is no `i32`.
pub fn take_varint(bytes: &mut &[u8]) -> Result<i32, RecordError> {
    let value = take_varlong(bytes)?;
    i32::try_from(value).map_err(|_| RecordError::VarintTooLong(VARINT_BYTES_MAX))
}

/// How many bytes [`put_varlong`] writes.
pub fn varlong_len(value: i64) -> usize {
    let zigzag = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let bits = 64 - zigzag.leading_zeros() as usize;
    bits.div_ceil(7).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_borders_of_lengths() {
        for (value, expected) in [
            (0, &[0x00][..]),
            (-1, &[0x01]),
            (1, &[0x02]),
            (63, &[0x7e]),
            (-64, &[0x7f]),
            (64, &[0x80, 0x01]),
            (300, &[0xd8, 0x04]),
        ] {
            let mut out = Vec::new();
            put_varlong(value, &mut out);
            assert_eq!(out, expected, "{value}");
        }
        for shift in 0..64 {
            for value in [
                1i64 << shift,
                -(1i64 << shift.min(62)),
                (1i64 << shift).wrapping_sub(1),
            ] {
                let mut out = Vec::new();
                put_varlong(value, &mut out);
                assert_eq!(out.len(), varlong_len(value), "{value}");
                let mut rest = &out[..];
                assert_eq!(take_varlong(&mut rest), Ok(value));
                assert!(rest.is_empty());
            }
        }
    }

    #[test]
    fn bad_bytes_are_errors() {
        let take = |mut bytes: &[u8]| take_varlong(&mut bytes);
        assert_eq!(
            take(&[]),
            Err(RecordError::Truncated("a variable-length integer"))
        );
        assert_eq!(
            take(&[0x80; 3]),
            Err(RecordError::Truncated("a variable-length integer"))
        );
        assert_eq!(take(&[0xff; 11]), Err(RecordError::VarintTooLong(10)));
        let mut ten = [0xff; 10];
        ten[9] = 2;
        assert_eq!(take(&ten), Err(RecordError::VarintTooLong(10)));
        ten[9] = 1;
        assert_eq!(take(&ten), Ok(i64::MIN));
        let mut wide = Vec::new();
        put_varlong(1 << 40, &mut wide);
        assert_eq!(
            take_varint(&mut &wide[..]),
            Err(RecordError::VarintTooLong(5))
        );
    }
}
