//! Sorted pairs as bytes on a disk and on the wire: Hadoop's `IFile`. A segment is what one map has for one reduce.
//!
//! ```text
//! segment  block, block, …, end
//! block    raw length u32 · stored length u32 · codec u8 · CRC-32C of these and of what is stored u32 · stored bytes
//! stored   the raw bytes as the codec says: 0 as they are, also where compressed they would not be shorter; 1 LZ4; 2 Zstandard
//! raw      pairs, each whole: key's length, value's length (LEB128), key, value
//! end      a block with raw length 0, which stores how many pairs there were, u64
//! ```
//!
//! Numbers are little-endian. A segment that was cut off, be it between two blocks, has no end, so nobody takes a part for
//! the whole.

mod codec;

use std::io::{self, Read, Write};

pub use codec::Compression;
use codec::{Compressor, Decompressor};

use crate::program::Pair;
use crate::task::SegmentRange;

/// A block is written once it has so many raw bytes.
const BLOCK_BYTES: usize = 1 << 16;
const HEADER_BYTES: usize = 13;
/// What of it is checked.
const CHECKED_BYTES: usize = 9;

/// What a segment ends with: a header, and how many pairs there were.
pub const END_BYTES: usize = HEADER_BYTES + 8;

/// Writes a segment.
pub struct SegmentWriter<'a> {
    out: &'a mut dyn Write,
    compressor: Compressor,
    raw: Vec<u8>,
    stored: Vec<u8>,
    range: SegmentRange,
}

impl<'a> SegmentWriter<'a> {
    /// Begins a segment at this offset of what is written to.
    pub fn new(out: &'a mut dyn Write, offset: u64, compression: Compression) -> SegmentWriter<'a> {
        SegmentWriter {
            out,
            compressor: Compressor::new(compression),
            raw: Vec::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 4),
            stored: Vec::new(),
            range: SegmentRange {
                offset,
                ..SegmentRange::default()
            },
        }
    }

    /// Appends a pair. The caller keeps the order of the keys.
    ///
    /// # Errors
    /// Where it cannot be written, or is larger than a block may be (4 GiB).
    pub fn write(&mut self, (key, value): Pair<'_>) -> io::Result<()> {
        push_varint(key.len(), &mut self.raw);
        push_varint(value.len(), &mut self.raw);
        self.raw.extend_from_slice(key);
        self.raw.extend_from_slice(value);
        self.range.records += 1;
        if self.raw.len() >= BLOCK_BYTES {
            self.write_block()?;
        }
        Ok(())
    }

    fn write_block(&mut self) -> io::Result<()> {
        let too_large = |_| io::Error::other("a pair of 4 GiB or more");
        let raw_length = u32::try_from(self.raw.len()).map_err(too_large)?;
        let codec = self.compressor.compress(&self.raw, &mut self.stored)?;
        let (codec, stored) = if self.stored.len() < self.raw.len() {
            (codec, &self.stored)
        } else {
            (codec::AS_IT_IS, &self.raw)
        };
        self.range.length += put_block(self.out, raw_length, codec, stored)?;
        self.raw.clear();
        Ok(())
    }

    /// Ends the segment.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(mut self) -> io::Result<SegmentRange> {
        if !self.raw.is_empty() {
            self.write_block()?;
        }
        let records = self.range.records.to_le_bytes();
        self.range.length += put_block(self.out, 0, codec::AS_IT_IS, &records)?;
        Ok(self.range)
    }
}

fn put_block(out: &mut dyn Write, raw_length: u32, codec: u8, stored: &[u8]) -> io::Result<u64> {
    let stored_length = u32::try_from(stored.len()).map_err(io::Error::other)?;
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(&raw_length.to_le_bytes());
    header[4..8].copy_from_slice(&stored_length.to_le_bytes());
    header[8] = codec;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&header[..CHECKED_BYTES]), stored);
    header[CHECKED_BYTES..].copy_from_slice(&crc.to_le_bytes());
    out.write_all(&header)?;
    out.write_all(stored)?;
    Ok((HEADER_BYTES + stored.len()) as u64)
}

/// Reads a segment, a block at a time.
pub struct SegmentReader {
    input: Box<dyn Read + Send>,
    decompressor: Decompressor,
    raw: Vec<u8>,
    stored: Vec<u8>,
    /// Where in `raw` the next pair begins.
    next: usize,
    /// Where the present pair's key and value begin, and where it ends.
    pair: (usize, usize, usize),
    records: u64,
    has_ended: bool,
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the segment is damaged: {what}"),
    )
}

/// How many pairs a segment has that ends with these [`END_BYTES`].
///
/// # Errors
/// Where that is no end.
pub fn records(end: &[u8]) -> io::Result<u64> {
    let mut reader = SegmentReader::new(Box::new(io::Cursor::new(end.to_vec())));
    let (raw_length, _) = reader.read_stored()?;
    match reader.stored.first_chunk() {
        Some(records) if raw_length == 0 && end.len() == END_BYTES => {
            Ok(u64::from_le_bytes(*records))
        }
        _ => Err(damaged("it has no end")),
    }
}

impl SegmentReader {
    /// Of these bytes, which begin with the segment.
    pub fn new(input: Box<dyn Read + Send>) -> SegmentReader {
        SegmentReader {
            input,
            decompressor: Decompressor::default(),
            raw: Vec::new(),
            stored: Vec::new(),
            next: 0,
            pair: (0, 0, 0),
            records: 0,
            has_ended: false,
        }
    }

    /// Goes on to the next pair; false where there is none.
    ///
    /// # Errors
    /// Where it cannot be read, or the segment is damaged or cut off.
    pub fn advance(&mut self) -> io::Result<bool> {
        while self.next == self.raw.len() {
            if self.has_ended || !self.read_block()? {
                return Ok(false);
            }
        }
        let lengths = || {
            let (key, at) = read_varint(&self.raw, self.next)?;
            let (value, at) = read_varint(&self.raw, at)?;
            let middle = at.checked_add(key)?;
            let end = middle.checked_add(value)?;
            (end <= self.raw.len()).then_some((at, middle, end))
        };
        self.pair = lengths().ok_or_else(|| damaged("a pair is longer than its block"))?;
        self.next = self.pair.2;
        self.records += 1;
        Ok(true)
    }

    /// The pair that it stands at.
    pub fn current(&self) -> Pair<'_> {
        let (key, value, end) = self.pair;
        (&self.raw[key..value], &self.raw[value..end])
    }

    /// Reads a block as it is stored; how long it is raw, and its codec.
    fn read_stored(&mut self) -> io::Result<(usize, u8)> {
        let mut header = [0; HEADER_BYTES];
        let cut_off = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged("it is cut off"),
            _ => error,
        };
        self.input.read_exact(&mut header).map_err(cut_off)?;
        let word = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let (raw_length, stored_length, crc) = (word(0) as usize, word(4), word(CHECKED_BYTES));
        self.stored.clear();
        // Not more memory than there are bytes, whatever a damaged length says.
        let mut stored = (&mut self.input).take(u64::from(stored_length));
        if stored.read_to_end(&mut self.stored)? < stored_length as usize {
            return Err(damaged("it is cut off"));
        }
        if crc32c::crc32c_append(crc32c::crc32c(&header[..CHECKED_BYTES]), &self.stored) != crc {
            return Err(damaged("a block's checksum is wrong"));
        }
        Ok((raw_length, header[8]))
    }

    fn read_block(&mut self) -> io::Result<bool> {
        let (raw_length, codec) = self.read_stored()?;
        self.next = 0;
        if raw_length == 0 {
            self.raw.clear();
            self.has_ended = true;
            return if self.stored == self.records.to_le_bytes() {
                Ok(false)
            } else {
                Err(damaged("it has not as many pairs as its end says"))
            };
        }
        if codec == codec::AS_IT_IS {
            std::mem::swap(&mut self.raw, &mut self.stored);
        } else {
            // Nor for what the stored bytes can never become.
            if raw_length > codec::raw_max(codec, self.stored.len()) {
                return Err(damaged("a block's length is more than it can hold"));
            }
            self.raw.resize(raw_length, 0);
            let decompressor = &mut self.decompressor;
            decompressor.decompress(codec, &self.stored, &mut self.raw)?;
        }
        if self.raw.len() != raw_length {
            return Err(damaged("a block has not as many bytes as its header says"));
        }
        Ok(true)
    }
}

/// Appends a number in 7 bits a byte, the lowest first (LEB128).
#[expect(clippy::cast_possible_truncation, reason = "only 7 bits are taken")]
fn push_varint(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The number that stands here, and where it ends.
fn read_varint(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(at)?;
        at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((value, at));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

    fn written(pairs: &Pairs, compression: Compression) -> (Vec<u8>, SegmentRange) {
        let mut out = Vec::new();
        let mut writer = SegmentWriter::new(&mut out, 0, compression);
        for (key, value) in pairs {
            writer.write((key, value)).unwrap();
        }
        let range = writer.finish().unwrap();
        (out, range)
    }

    fn read(bytes: Vec<u8>) -> io::Result<Pairs> {
        let mut reader = SegmentReader::new(Box::new(io::Cursor::new(bytes)));
        let mut pairs = Vec::new();
        while reader.advance()? {
            let (key, value) = reader.current();
            pairs.push((key.to_vec(), value.to_vec()));
        }
        assert!(!reader.advance()?, "an end stays an end");
        Ok(pairs)
    }

    fn pairs() -> impl Strategy<Value = Pairs> {
        let bytes = || prop::collection::vec(0_u8..4, 0..300);
        prop::collection::vec((bytes(), bytes()), 0..600)
    }

    fn compressions() -> impl Strategy<Value = Compression> {
        prop::sample::select(Compression::ALL)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn what_is_written_is_read(pairs in pairs(), compression in compressions()) {
            let (bytes, range) = written(&pairs, compression);
            prop_assert_eq!(range.length, bytes.len() as u64);
            prop_assert_eq!(range.records, pairs.len() as u64);
            prop_assert_eq!(read(bytes).unwrap(), pairs);
        }

        #[test]
        fn no_flipped_bit_and_no_cut_passes(pairs in pairs(), at: prop::sample::Index, bit in 0..8_u8, compression in compressions()) {
            let (mut bytes, _) = written(&pairs, compression);
            let at = at.index(bytes.len());
            prop_assert!(read(bytes[..at].to_vec()).is_err());
            bytes[at] ^= 1_u8 << bit;
            prop_assert!(read(bytes).is_err());
        }

        #[test]
        fn any_bytes_are_a_segment_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(bytes);
        }
    }

    #[test]
    fn how_many_pairs_there_are_is_in_the_end() {
        for count in [0, 1, 3] {
            let (bytes, _) = written(&vec![(vec![1], vec![2]); count], Compression::Lz4);
            let end = &bytes[bytes.len() - END_BYTES..];
            assert_eq!(records(end).unwrap(), count as u64);
            assert!(records(&end[1..]).is_err());
            assert!(records(&bytes[..END_BYTES.min(bytes.len() - 1)]).is_err());
        }
    }

    /// The checksum is right, and the length a lie: no memory is taken for it.
    #[test]
    fn a_block_that_cannot_be_as_long_as_it_says_is_damaged() {
        let mut bytes = Vec::new();
        put_block(&mut bytes, u32::MAX, codec::LZ4, &[0; 100]).unwrap();
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.contains("more than it can hold"), "{error}");
        // As much as a codec can make of it passes.
        let pairs = vec![(vec![0; 1 << 20], vec![0; 1 << 20])];
        for &compression in Compression::ALL {
            assert_eq!(read(written(&pairs, compression).0).unwrap(), pairs);
        }
    }

    #[test]
    fn a_pair_may_be_larger_than_a_block() {
        let pairs = vec![(vec![1; 100], vec![2; 3 * BLOCK_BYTES]), (vec![3], vec![])];
        for &compression in Compression::ALL {
            let (bytes, _) = written(&pairs, compression);
            let is_small = bytes.len() < BLOCK_BYTES;
            assert_eq!(is_small, compression != Compression::None);
            assert_eq!(read(bytes).unwrap(), pairs);
        }
    }
}
