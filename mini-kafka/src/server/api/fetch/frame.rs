//! The frame of an answer, made by hand: an encoder would want the records in memory.

use bytes::{BufMut, BytesMut};

use super::Part;
use crate::error::ErrorCode;
use crate::fetch::session::TopicKey;
use crate::server::api::Header;
use crate::server::metrics;
use crate::server::response::{Piece, Response};

/// From this version on, the layout is flexible (KIP-482).
const FLEXIBLE: i16 = 12;
/// The tag of what [`Part::diverging`] says, and its size: epoch, offset, and no tagged fields.
const DIVERGING_TAG: u8 = 0;
const DIVERGING_BYTES: u8 = 4 + 8 + 1;

/// What is made of it so far.
struct Frame {
    version: i16,
    pieces: Vec<Piece>,
    /// Behind the last piece.
    bytes: BytesMut,
}

pub(super) fn frame(
    header: &Header,
    error: ErrorCode,
    session_id: i32,
    parts: &[Part],
) -> Response {
    let mut frame = Frame {
        version: header.version,
        pieces: Vec::new(),
        bytes: BytesMut::with_capacity(64 + 64 * parts.len()),
    };
    frame.bytes.put_i32(0);
    frame.bytes.put_i32(header.correlation_id);
    frame.put_no_tags();
    // Throttling: none.
    frame.bytes.put_i32(0);
    if header.version >= 7 {
        frame.bytes.put_i16(error.code());
        frame.bytes.put_i32(session_id);
    }
    // Partitions of a topic stand together as long as they follow each other.
    let groups: Vec<&[Part]> = parts.chunk_by(|a, b| a.key.0 == b.key.0).collect();
    frame.put_count(groups.len());
    for group in groups {
        frame.put_topic(&group[0].key.0);
        frame.put_count(group.len());
        for part in group {
            frame.put_part(part);
        }
        frame.put_no_tags();
    }
    frame.put_no_tags();
    frame.finish()
}

impl Frame {
    fn is_flexible(&self) -> bool {
        self.version >= FLEXIBLE
    }

    /// Of an array, or of bytes.
    fn put_count(&mut self, count: usize) {
        if self.is_flexible() {
            self.put_varint(count + 1);
        } else {
            self.bytes.put_i32(i32::try_from(count).unwrap_or(i32::MAX));
        }
    }

    fn put_varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.bytes.put_u8(low_bits(value) | 0x80);
            value >>= 7;
        }
        self.bytes.put_u8(low_bits(value));
    }

    fn put_no_tags(&mut self) {
        if self.is_flexible() {
            self.bytes.put_u8(0);
        }
    }

    fn put_topic(&mut self, topic: &TopicKey) {
        match topic {
            TopicKey::Id(id) => self.bytes.put_u128(*id),
            TopicKey::Name(name) if self.is_flexible() => {
                self.put_count(name.len());
                self.bytes.put_slice(name.as_bytes());
            }
            TopicKey::Name(name) => {
                self.bytes
                    .put_i16(i16::try_from(name.len()).unwrap_or(i16::MAX));
                self.bytes.put_slice(name.as_bytes());
            }
        }
    }

    fn put_part(&mut self, part: &Part) {
        let offsets = part.offsets;
        self.bytes.put_i32(part.key.1);
        self.bytes.put_i16(part.error.code());
        self.bytes.put_i64(offsets.map_or(-1, |o| o.high_watermark));
        // The last stable offset: without transactions, all is stable.
        self.bytes.put_i64(offsets.map_or(-1, |o| o.high_watermark));
        if self.version >= 5 {
            self.bytes.put_i64(offsets.map_or(-1, |o| o.log_start));
        }
        // Aborted transactions: null.
        if self.is_flexible() {
            self.bytes.put_u8(0);
        } else {
            self.bytes.put_i32(-1);
        }
        if self.version >= 11 {
            // The preferred read replica: none.
            self.bytes.put_i32(-1);
        }
        self.put_count(part.len());
        if let Some(slice) = &part.slice {
            if let Some(served) = &part.served {
                metrics::fetched(&served.key.0, slice.len);
            }
            self.pieces.push(Piece::Bytes(self.bytes.split().freeze()));
            self.pieces.push(Piece::File(slice.clone()));
        }
        match part.diverging {
            Some((epoch, end)) => {
                self.bytes.put_slice(&[1, DIVERGING_TAG, DIVERGING_BYTES]);
                self.bytes.put_i32(epoch);
                self.bytes.put_i64(end);
                self.put_no_tags();
            }
            None => self.put_no_tags(),
        }
    }

    /// With its length, now that it is known.
    fn finish(mut self) -> Response {
        self.pieces.push(Piece::Bytes(self.bytes.freeze()));
        let mut response = Response {
            pieces: self.pieces,
        };
        let len = i32::try_from(response.bytes() - 4).unwrap_or(i32::MAX);
        if let Some(Piece::Bytes(head)) = response.pieces.first_mut() {
            let mut whole = BytesMut::from(&head[..]);
            whole[..4].copy_from_slice(&len.to_be_bytes());
            *head = whole.freeze();
        }
        response
    }
}

/// The lowest seven.
fn low_bits(value: usize) -> u8 {
    value.to_le_bytes()[0] & 0x7f
}
