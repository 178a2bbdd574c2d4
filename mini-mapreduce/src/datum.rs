//! How keys and values become bytes. Tasks sort, spill and merge bytes, without knowing of which type they are; so a
//! key's bytes compare in the order of its type. Hadoop's `Writable` with a `RawComparator` does the same, with a
//! comparator of its own for each type; here it is always that of byte strings.
//!
//! | type | bytes |
//! | --- | --- |
//! | `String`, `Vec<u8>` | as they are |
//! | `u64` | how many bytes, then those, the highest first: 0 is one byte, 200 two |
//! | `i64` | the same with `0x80` added to the length; where it is negative, `0x7F` less the length, then the bytes that are not all ones |
//! | `f64` | 8 bytes, in the order of `total_cmp` |
//! | `()` | nothing |
//! | `(A, B)` | A closed, then B; texts are closed by `00 00`, and a zero in them becomes `00 FF` |

use std::borrow::Cow;

/// Bytes that are no value of the type asked for: damage that no checksum caught, or two parts of a job that mean
/// different types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DatumError(pub String);

fn not(what: &str, bytes: &[u8]) -> DatumError {
    let shown = bytes.get(..20).unwrap_or(bytes).escape_ascii();
    DatumError(format!("{shown} is not {what}"))
}

/// A type of keys or values.
pub trait Datum: Send + 'static {
    /// How a value is handed over, without owning it: `&str` for `String`.
    type Ref<'a>;

    /// Whether there is nothing to be seen of it: a line of output has a tab only between two parts that are something.
    const IS_NOTHING: bool = false;

    /// Appends a value's bytes.
    fn encode(value: Self::Ref<'_>, out: &mut Vec<u8>);

    /// The value that these bytes, all of them, are.
    ///
    /// # Errors
    /// Where they are none.
    fn decode(bytes: &[u8]) -> Result<Self::Ref<'_>, DatumError>;

    /// Appends a value, given as bytes, as text of an output file. A tab or a line's end within it is left as it is, as
    /// Hadoop's `TextOutputFormat` does.
    ///
    /// # Errors
    /// Where the bytes are no value.
    fn text(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DatumError>;

    /// A value's bytes, in `room` where they do not stand anywhere yet.
    fn bytes<'a>(value: Self::Ref<'a>, room: &'a mut Vec<u8>) -> &'a [u8] {
        room.clear();
        Self::encode(value, room);
        room
    }
}

/// A type that may stand before another in a pair, since its bytes say where they end.
pub trait First: Datum {
    /// How it is handed over in a pair: `Cow<str>` for `String`, since a zero in a text is written otherwise there.
    type In<'a>;

    /// Appends a value's bytes, closed.
    fn encode_closed(value: Self::In<'_>, out: &mut Vec<u8>);

    /// How many of these bytes are the first value's.
    ///
    /// # Errors
    /// Where it does not end.
    fn closed_len(bytes: &[u8]) -> Result<usize, DatumError>;

    /// The value that these bytes are, closed.
    ///
    /// # Errors
    /// Where they are none.
    fn decode_closed(bytes: &[u8]) -> Result<Self::In<'_>, DatumError>;

    /// As [`Datum::text`], of closed bytes.
    ///
    /// # Errors
    /// Where the bytes are no value.
    fn text_closed(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DatumError>;
}

impl Datum for Vec<u8> {
    type Ref<'a> = &'a [u8];

    fn encode(value: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(value);
    }

    fn decode(bytes: &[u8]) -> Result<&[u8], DatumError> {
        Ok(bytes)
    }

    fn text(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DatumError> {
        out.extend_from_slice(bytes);
        Ok(())
    }

    fn bytes<'a>(value: &'a [u8], _: &'a mut Vec<u8>) -> &'a [u8] {
        value
    }
}

impl Datum for String {
    type Ref<'a> = &'a str;

    fn encode(value: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(value.as_bytes());
    }

    fn decode(bytes: &[u8]) -> Result<&str, DatumError> {
        std::str::from_utf8(bytes).map_err(|_| not("UTF-8", bytes))
    }

    fn text(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DatumError> {
        out.extend_from_slice(bytes);
        Ok(())
    }

    fn bytes<'a>(value: &'a str, _: &'a mut Vec<u8>) -> &'a [u8] {
        value.as_bytes()
    }
}

/// Appends bytes with `00 FF` for each zero, and `00 00` behind them.
fn close(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(zero) = memchr::memchr(0, rest) {
        out.extend_from_slice(&rest[..=zero]);
        out.push(0xff);
        rest = &rest[zero + 1..];
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(&[0, 0]);
}

fn closed_len(bytes: &[u8]) -> Result<usize, DatumError> {
    let mut at = 0;
    while let Some(zero) = memchr::memchr(0, &bytes[at..]) {
        at += zero + 2;
        match bytes.get(at - 1) {
            Some(0) => return Ok(at),
            Some(0xff) => {}
            _ => break,
        }
    }
    Err(not("a closed text", bytes))
}

fn open(bytes: &[u8]) -> Result<Cow<'_, [u8]>, DatumError> {
    if closed_len(bytes)? != bytes.len() {
        return Err(not("one closed text", bytes));
    }
    let inner = &bytes[..bytes.len() - 2];
    if memchr::memchr(0, inner).is_none() {
        return Ok(Cow::Borrowed(inner));
    }
    let mut opened = Vec::with_capacity(inner.len());
    let mut after_zero = false;
    for byte in inner {
        if !after_zero {
            opened.push(*byte);
        }
        after_zero = *byte == 0;
    }
    Ok(Cow::Owned(opened))
}

impl First for Vec<u8> {
    type In<'a> = Cow<'a, [u8]>;

    fn encode_closed(value: Cow<'_, [u8]>, out: &mut Vec<u8>) {
        close(&value, out);
    }

    fn closed_len(bytes: &[u8]) -> Result<usize, DatumError> {
        closed_len(bytes)
    }

    fn decode_closed(bytes: &[u8]) -> Result<Cow<'_, [u8]>, DatumError> {
        open(bytes)
    }

    fn text_closed(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DatumError> {
        out.extend_from_slice(&open(bytes)?);
        Ok(())
    }
}

impl First for String {
    type In<'a> = Cow<'a, str>;

    fn encode_closed(value: Cow<'_, str>, out: &mut Vec<u8>) {
        close(value.as_bytes(), out);
    }

    fn closed_len(bytes: &[u8]) -> Result<usize, DatumError> {
        closed_len(bytes)
    }

    fn decode_closed(bytes: &[u8]) -> Result<Cow<'_, str>, DatumError> {
        match open(bytes)? {
            Cow::Borrowed(text) => String::decode(text).map(Cow::Borrowed),
            Cow::Owned(text) => String::from_utf8(text)
                .map(Cow::Owned)
                .map_err(|_| not("UTF-8", bytes)),
        }
    }

    fn text_closed(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DatumError> {
        out.extend_from_slice(&open(bytes)?);
        Ok(())
    }
}

/// What numbers have in common: they say themselves where they end, so that a pair needs nothing more.
macro_rules! number {
    ($type:ty, $what:literal, $len:expr) => {
        impl First for $type {
            type In<'a> = $type;

            fn encode_closed(value: $type, out: &mut Vec<u8>) {
                <$type>::encode(value, out);
            }

            fn closed_len(bytes: &[u8]) -> Result<usize, DatumError> {
                let len: fn(&[u8]) -> Option<usize> = $len;
                match len(bytes) {
                    Some(len) if len <= bytes.len() => Ok(len),
                    _ => Err(not($what, bytes)),
                }
            }

            fn decode_closed(bytes: &[u8]) -> Result<$type, DatumError> {
                <$type>::decode(bytes)
            }

            fn text_closed(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DatumError> {
                <$type>::text(bytes, out)
            }
        }
    };
}

number!(u64, "a whole number", |bytes| Some(
    1 + usize::from(*bytes.first()?)
));
number!(i64, "a whole number", |bytes| {
    let first = *bytes.first()?;
    Some(1 + usize::from(first.abs_diff(if first < 0x80 { 0x7f } else { 0x80 })))
});
number!(f64, "a number", |_| Some(8));

/// How many bytes a number has without zeros in front.
#[expect(clippy::cast_possible_truncation, reason = "it is at most 8")]
fn digits(value: u64) -> u8 {
    8 - (value.leading_zeros() / 8) as u8
}

/// Appends a byte, and the last `count` bytes of a number. (A copy of eight bytes is one instruction, one of fewer is a call.)
fn push_digits(first: u8, value: u64, count: u8, out: &mut Vec<u8>) {
    let end = out.len() + 1 + usize::from(count);
    let shifted = value.unbounded_shl(64 - 8 * u32::from(count));
    let mut whole = [first; 9];
    whole[1..].copy_from_slice(&shifted.to_be_bytes());
    out.extend_from_slice(&whole);
    out.truncate(end);
}

/// The number that up to 8 bytes are, the highest first.
fn from_bytes(bytes: &[u8]) -> Option<u64> {
    let digits = bytes.iter();
    (bytes.len() <= 8).then(|| digits.fold(0, |number, digit| number << 8 | u64::from(*digit)))
}

impl Datum for u64 {
    type Ref<'a> = u64;

    fn encode(value: u64, out: &mut Vec<u8>) {
        let len = digits(value);
        push_digits(len, value, len, out);
    }

    fn decode(bytes: &[u8]) -> Result<u64, DatumError> {
        let value = match bytes {
            [len, digits @ ..] if usize::from(*len) == digits.len() => from_bytes(digits),
            _ => None,
        };
        value.ok_or_else(|| not("a whole number", bytes))
    }

    fn text(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DatumError> {
        out.extend_from_slice(u64::decode(bytes)?.to_string().as_bytes());
        Ok(())
    }
}

impl Datum for i64 {
    type Ref<'a> = i64;

    fn encode(value: i64, out: &mut Vec<u8>) {
        let len = digits(if value < 0 { !value } else { value }.cast_unsigned());
        // Further from zero is longer, and so comes earlier among the negative.
        let first = if value < 0 { 0x7f - len } else { 0x80 + len };
        push_digits(first, value.cast_unsigned(), len, out);
    }

    fn decode(bytes: &[u8]) -> Result<i64, DatumError> {
        let value = || match bytes {
            [first, digits @ ..] if usize::from(*first) == 0x80 + digits.len() => {
                from_bytes(digits).map(u64::cast_signed)
            }
            [first, digits @ ..] if usize::from(*first) + digits.len() == 0x7f => {
                let mut whole = [0xff; 8];
                whole[8_usize.checked_sub(digits.len())?..].copy_from_slice(digits);
                Some(i64::from_be_bytes(whole))
            }
            _ => None,
        };
        value().ok_or_else(|| not("a whole number", bytes))
    }

    fn text(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DatumError> {
        out.extend_from_slice(i64::decode(bytes)?.to_string().as_bytes());
        Ok(())
    }
}

const SIGN: u64 = 1 << 63;

impl Datum for f64 {
    type Ref<'a> = f64;

    fn encode(value: f64, out: &mut Vec<u8>) {
        let bits = value.to_bits();
        let ordered = if bits & SIGN == 0 { bits | SIGN } else { !bits };
        out.extend_from_slice(&ordered.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Result<f64, DatumError> {
        let whole = bytes.try_into().map_err(|_| not("a number", bytes))?;
        let ordered = u64::from_be_bytes(whole);
        let bits = if ordered & SIGN == 0 {
            !ordered
        } else {
            ordered & !SIGN
        };
        Ok(f64::from_bits(bits))
    }

    fn text(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DatumError> {
        out.extend_from_slice(f64::decode(bytes)?.to_string().as_bytes());
        Ok(())
    }
}

/// Nothing, Hadoop's `NullWritable`.
impl Datum for () {
    type Ref<'a> = ();

    const IS_NOTHING: bool = true;

    fn encode((): (), _: &mut Vec<u8>) {}

    fn decode(bytes: &[u8]) -> Result<(), DatumError> {
        if bytes.is_empty() {
            Ok(())
        } else {
            Err(not("nothing", bytes))
        }
    }

    fn text(_: &[u8], _: &mut Vec<u8>) -> Result<(), DatumError> {
        Ok(())
    }
}

impl<A: First, B: Datum> Datum for (A, B) {
    type Ref<'a> = (A::In<'a>, B::Ref<'a>);

    fn encode((first, second): Self::Ref<'_>, out: &mut Vec<u8>) {
        A::encode_closed(first, out);
        B::encode(second, out);
    }

    fn decode(bytes: &[u8]) -> Result<Self::Ref<'_>, DatumError> {
        let (first, second) = bytes.split_at(A::closed_len(bytes)?);
        Ok((A::decode_closed(first)?, B::decode(second)?))
    }

    fn text(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DatumError> {
        let (first, second) = bytes.split_at(A::closed_len(bytes)?);
        A::text_closed(first, out)?;
        out.push(b'\t');
        B::text(second, out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes<T: Datum>(value: T::Ref<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        T::encode(value, &mut out);
        out
    }

    fn interesting() -> impl Strategy<Value = i64> {
        prop_oneof![any::<i64>(), -300_i64..300, Just(i64::MIN), Just(i64::MAX)]
    }

    proptest! {
        #[test]
        fn numbers_come_back_and_their_bytes_are_in_their_order(a in interesting(), b in interesting()) {
            let (x, y) = (bytes::<i64>(a), bytes::<i64>(b));
            prop_assert_eq!(i64::decode(&x), Ok(a));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            let (a, b) = (a.cast_unsigned(), b.cast_unsigned());
            let (x, y) = (bytes::<u64>(a), bytes::<u64>(b));
            prop_assert_eq!(u64::decode(&x), Ok(a));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        }

        #[test]
        fn fractions_are_in_their_order(a in any::<f64>(), b in any::<f64>()) {
            let (x, y) = (bytes::<f64>(a), bytes::<f64>(b));
            prop_assert_eq!(f64::decode(&x).map(f64::to_bits), Ok(a.to_bits()));
            prop_assert_eq!(x.cmp(&y), a.total_cmp(&b));
        }

        #[test]
        fn pairs_are_in_the_order_of_first_then_second(
            a in prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0xff), any::<u8>()], 0..5),
            b in prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0xff), any::<u8>()], 0..5),
            m in interesting(), n in interesting(),
        ) {
            let x = bytes::<(Vec<u8>, i64)>((Cow::Borrowed(&a), m));
            let y = bytes::<(Vec<u8>, i64)>((Cow::Borrowed(&b), n));
            prop_assert_eq!(<(Vec<u8>, i64)>::decode(&x), Ok((Cow::Borrowed(&*a), m)));
            prop_assert_eq!(x.cmp(&y), (&a, m).cmp(&(&b, n)));
        }

        #[test]
        fn any_bytes_are_a_value_or_an_error(raw in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut out = Vec::new();
            let _ = (u64::text(&raw, &mut out), i64::text(&raw, &mut out), f64::text(&raw, &mut out));
            let _ = (String::decode(&raw), <(String, u64)>::text(&raw, &mut out), <(i64, Vec<u8>)>::text(&raw, &mut out));
        }
    }
}
