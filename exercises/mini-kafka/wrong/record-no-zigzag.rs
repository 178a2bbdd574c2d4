//! The sign bit stays where it is: -1 takes ten bytes, and no other program reads the log.
//! caught-by: record::small_numbers_take_one_byte

pub fn put_varlong(value: i64, out: &mut Vec<u8>) {
    let mut rest = value.cast_unsigned();
    while rest >= 0x80 {
        out.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    out.push(rest.to_le_bytes()[0]);
}
