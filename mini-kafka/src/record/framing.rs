//! A record inside a batch (`DefaultRecord`).
//!
//! ```text
//! length: varint                 bytes of all that follows
//! attributes: i8                 unused
//! timestamp delta: varlong       to the batch's base timestamp, in milliseconds
//! offset delta: varint           to the batch's base offset
//! key, value: varint length, bytes; length −1 is null
//! headers: varint count; each: varint length, UTF-8 key; varint length, value; length −1 is null
//! ```

use super::RecordError;
use super::varint::{put_varlong, take_varint, varlong_len};

// BEGIN SOLUTION
use super::varint::take_varlong;
// END SOLUTION

/// A record, borrowed from the bytes of its batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// Milliseconds after the batch's base timestamp; may be negative.
    pub timestamp_delta: i64,
    /// How far its offset is behind the batch's base offset.
    pub offset_delta: i32,
    /// The key; none is not the same as an empty one.
    pub key: Option<&'a [u8]>,
    /// The value; none, in a compacted topic, is a *tombstone*: the key is deleted.
    pub value: Option<&'a [u8]>,
    /// The record's headers, in order; keys may come twice.
    pub headers: Vec<Header<'a>>,
}

/// A header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name.
    pub key: &'a str,
    /// Its value.
    pub value: Option<&'a [u8]>,
}

impl<'a> Record<'a> {
    /// Appends the record, its length first.
    pub fn encode(&self, out: &mut Vec<u8>) {
        // EXERCISE(kafka/record): length, then the fields; the length does not count itself.
        put_varlong(self.body_len() as i64, out);
        out.push(0);
        put_varlong(self.timestamp_delta, out);
        put_varlong(i64::from(self.offset_delta), out);
        put_bytes(self.key, out);
        put_bytes(self.value, out);
        put_varlong(self.headers.len() as i64, out);
        for header in &self.headers {
            put_bytes(Some(header.key.as_bytes()), out);
            put_bytes(header.value, out);
        }
    }

    /// Takes a record off the front of `bytes`. Nothing is copied but the list of headers.
    ///
    /// # Errors
    /// [`RecordError::Truncated`] where the bytes end before the record does; [`RecordError::BadLength`] of negative lengths
    /// other than −1 where null is allowed; [`RecordError::WrongRecordLength`] where the fields have more or fewer bytes
    /// than the record's length says; [`RecordError::HeaderKey`]; those of [`take_varlong`].
    pub fn decode(bytes: &mut &'a [u8]) -> Result<Record<'a>, RecordError> {
        // EXERCISE(kafka/record): split the record off by its length, then take its fields; none may be left over.
        let stated = take_len("a record's length", bytes)?;
        let (mut body, rest) = bytes
            .split_at_checked(stated)
            .ok_or(RecordError::Truncated("a record"))?;
        *bytes = rest;
        // What reaches over the record's end is its length's fault, not that of the bytes behind it.
        let wrong = |actual| RecordError::WrongRecordLength { stated, actual };
        let record = take_fields(&mut body).map_err(|error| match error {
            RecordError::Truncated(_) => wrong(stated + 1),
            other => other,
        })?;
        if !body.is_empty() {
            return Err(wrong(stated - body.len()));
        }
        Ok(record)
    }

    /// Bytes that [`Record::encode`] appends.
    pub fn encoded_len(&self) -> usize {
        let body = self.body_len();
        varlong_len(body as i64) + body
    }

    fn body_len(&self) -> usize {
        let headers: usize = (self.headers.iter())
            .map(|header| bytes_len(Some(header.key.as_bytes())) + bytes_len(header.value))
            .sum();
        1 + varlong_len(self.timestamp_delta)
            + varlong_len(i64::from(self.offset_delta))
            + bytes_len(self.key)
            + bytes_len(self.value)
            + varlong_len(self.headers.len() as i64)
            + headers
    }
}

fn bytes_len(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| varlong_len(bytes.len() as i64) + bytes.len())
}

/// Appends bytes with their length before them; −1 for null.
pub fn put_bytes(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    match bytes {
        None => put_varlong(-1, out),
        Some(bytes) => {
            put_varlong(bytes.len() as i64, out);
            out.extend_from_slice(bytes);
        }
    }
}

// BEGIN SOLUTION
fn take_fields<'a>(body: &mut &'a [u8]) -> Result<Record<'a>, RecordError> {
    let (_attributes, rest) = body
        .split_first()
        .ok_or(RecordError::Truncated("a record"))?;
    *body = rest;
    let mut record = Record {
        timestamp_delta: take_varlong(body)?,
        offset_delta: take_varint(body)?,
        key: take_bytes("a key's length", body)?,
        value: take_bytes("a value's length", body)?,
        headers: Vec::new(),
    };
    // The count is not believed: each header has at least two bytes, and space is made as they come.
    for _ in 0..take_len("the number of headers", body)? {
        let key = take_bytes("a header key's length", body)?.ok_or(RecordError::BadLength {
            what: "a header key's length",
            value: -1,
        })?;
        let key = std::str::from_utf8(key).map_err(|_| RecordError::HeaderKey)?;
        let value = take_bytes("a header value's length", body)?;
        record.headers.push(Header { key, value });
    }
    Ok(record)
}
// END SOLUTION

/// Takes a length that cannot be negative; `what` it is, for the error.
///
/// # Errors
/// [`RecordError::BadLength`] where it is; those of [`take_varint`].
pub fn take_len(what: &'static str, bytes: &mut &[u8]) -> Result<usize, RecordError> {
    let value = take_varint(bytes)?;
    usize::try_from(value).map_err(|_| RecordError::BadLength {
        what,
        value: value.into(),
    })
}

/// Takes bytes with their length before them; none where that is −1.
///
/// # Errors
/// [`RecordError::Truncated`] where there are not as many; those of [`take_len`].
pub fn take_bytes<'a>(
    what: &'static str,
    bytes: &mut &'a [u8],
) -> Result<Option<&'a [u8]>, RecordError> {
    let mut ahead = *bytes;
    if take_varint(&mut ahead)? == -1 {
        *bytes = ahead;
        return Ok(None);
    }
    let len = take_len(what, bytes)?;
    let (taken, rest) = bytes
        .split_at_checked(len)
        .ok_or(RecordError::Truncated("a record"))?;
    *bytes = rest;
    Ok(Some(taken))
}
