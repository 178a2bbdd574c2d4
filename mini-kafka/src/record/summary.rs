//! What a leader must know of a batch's records before it appends them, in one walk that makes nothing of them
//! (`PartialDefaultRecord`): with small records, looking at each is what costs a broker most.
//!
//! The walk says that all is well, or nothing. What is wrong with which record, [`Records`](super::batch::Records) says, which
//! takes what this takes.

use super::varint::take_varlong;

/// The records of a batch that are all whole, have the offset deltas 0, 1, 2 …, and are as many as its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The lowest timestamp, in milliseconds behind the batch's base timestamp; `i64::MAX` where there is no record.
    pub timestamp_delta_min: i64,
    /// The highest; `i64::MIN` where there is no record.
    pub timestamp_delta_max: i64,
    /// Whether each has a key.
    pub keyed: bool,
}

/// Looks at all that a batch has behind its header, decompressed; none where something is not as it should be.
pub fn summarize(mut records: &[u8], record_count: i32) -> Option<Summary> {
    let mut summary = Summary {
        timestamp_delta_min: i64::MAX,
        timestamp_delta_max: i64::MIN,
        keyed: true,
    };
    for offset_delta in 0..record_count {
        let mut body = take_bytes(&mut records)??;
        body.split_off_first()?; // Attributes, unused.
        let timestamp_delta = take(&mut body)?;
        summary.timestamp_delta_min = summary.timestamp_delta_min.min(timestamp_delta);
        summary.timestamp_delta_max = summary.timestamp_delta_max.max(timestamp_delta);
        if take(&mut body)? != i64::from(offset_delta) {
            return None;
        }
        summary.keyed &= take_bytes(&mut body)?.is_some();
        take_bytes(&mut body)?;
        let headers = take(&mut body)?;
        if headers != 0 {
            skip_headers(&mut body, headers)?;
        }
        if !body.is_empty() {
            return None;
        }
    }
    records.is_empty().then_some(summary)
}

fn skip_headers(body: &mut &[u8], count: i64) -> Option<()> {
    for _ in 0..u32::try_from(count).ok()? {
        std::str::from_utf8(take_bytes(body)??).ok()?;
        take_bytes(body)?;
    }
    Some(())
}

/// Takes bytes with their length before them; none within where that is −1.
#[inline]
fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    match take(bytes)? {
        -1 => Some(None),
        len => bytes.split_off(..usize::try_from(len).ok()?).map(Some),
    }
}

/// Nearly all numbers of a record have one byte or two.
#[inline(always)]
fn take(bytes: &mut &[u8]) -> Option<i64> {
    let (zigzag, rest) = match *bytes {
        [only @ ..0x80, rest @ ..] => (i64::from(*only), rest),
        [low, high @ ..0x80, rest @ ..] => (i64::from(low & 0x7f) | (i64::from(*high) << 7), rest),
        _ => return take_varlong(bytes).ok(),
    };
    *bytes = rest;
    Some((zigzag >> 1) ^ -(zigzag & 1))
}
