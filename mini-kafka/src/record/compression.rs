//! The codecs of batches (`CompressionType`).
//!
//! The records of a batch are compressed as one piece. Each codec's framing is that of its own tools: gzip's format, LZ4's
//! frame format, Zstandard's frames; only snappy comes in two, the raw format and the one of Xerial's Java library, which
//! cuts the input into blocks.
//!
//! The codecs are libraries, which the feature `server` brings. Without it, compressed batches are refused.

/// A codec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compression {
    /// The records stand as they are.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// Snappy, raw or in Xerial's framing.
    Snappy,
    /// LZ4's frame format.
    Lz4,
    /// RFC 8878.
    Zstd,
}

/// All codecs, each at the place of its number.
pub const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

/// A batch decompresses to no more than this: a kilobyte could otherwise fill the memory. Far more than any client packs into one.
pub const DECOMPRESSED_BYTES_MAX: usize = 128 << 20;

/// Why something could not be compressed or decompressed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompressionError {
    /// The attributes name a codec that Kafka does not have.
    #[error("there is no compression codec {0}")]
    Unknown(i16),
    /// The codec was left out of this program.
    #[error("this program was built without {0}: build it with the feature `server`")]
    NotBuiltIn(&'static str),
    /// The bytes are not what the codec writes.
    #[error("cannot decompress {codec}: {reason}")]
    Damaged {
        /// Its name.
        codec: &'static str,
        /// What the library says.
        reason: String,
    },
    /// There is more in it than [`DECOMPRESSED_BYTES_MAX`].
    #[error("{0} decompresses to more than {DECOMPRESSED_BYTES_MAX} bytes")]
    TooLarge(&'static str),
}

impl Compression {
    /// The codec of a number in a batch's attributes.
    ///
    /// # Errors
    /// [`CompressionError::Unknown`].
    pub fn from_id(id: i16) -> Result<Compression, CompressionError> {
        let codec = usize::try_from(id).ok().and_then(|id| CODECS.get(id));
        codec.copied().ok_or(CompressionError::Unknown(id))
    }

    /// Its number in a batch's attributes.
    pub fn id(self) -> i16 {
        self as i16
    }

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Snappy => "snappy",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        }
    }
}

/// Compresses `bytes`.
///
/// # Errors
/// [`CompressionError::NotBuiltIn`].
pub fn compress(codec: Compression, bytes: &[u8]) -> Result<Vec<u8>, CompressionError> {
    match codec {
        Compression::None => Ok(bytes.to_vec()),
        _ => codecs::compress(codec, bytes),
    }
}

/// Decompresses `bytes`.
///
/// # Errors
/// [`CompressionError::NotBuiltIn`], [`CompressionError::Damaged`], [`CompressionError::TooLarge`].
pub fn decompress(codec: Compression, bytes: &[u8]) -> Result<Vec<u8>, CompressionError> {
    match codec {
        Compression::None => Ok(bytes.to_vec()),
        _ => codecs::decompress(codec, bytes),
    }
}

#[cfg(not(feature = "server"))]
mod codecs {
    use super::{Compression, CompressionError};

    pub(super) fn compress(codec: Compression, _: &[u8]) -> Result<Vec<u8>, CompressionError> {
        Err(CompressionError::NotBuiltIn(codec.name()))
    }

    pub(super) fn decompress(codec: Compression, _: &[u8]) -> Result<Vec<u8>, CompressionError> {
        Err(CompressionError::NotBuiltIn(codec.name()))
    }
}

#[cfg(feature = "server")]
mod codecs {
    use std::fmt::Display;
    use std::io::{Read, Write};

    use super::{Compression, CompressionError, DECOMPRESSED_BYTES_MAX};

    /// Xerial's stream begins with this, a version and the oldest version that can read it.
    const XERIAL_MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
    const XERIAL_VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];
    /// How much of the input goes into a block, as the library does by default.
    const XERIAL_BLOCK_BYTES: usize = 32 << 10;

    const LZ4_MAGIC: [u8; 4] = 0x184d_2204u32.to_le_bytes();

    pub(super) fn compress(codec: Compression, bytes: &[u8]) -> Result<Vec<u8>, CompressionError> {
        let failed = |error: &dyn Display| damaged(codec, error);
        match codec {
            Compression::None => Ok(bytes.to_vec()),
            Compression::Gzip => {
                let level = flate2::Compression::default();
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                (encoder.write_all(bytes)).map_err(|e| failed(&e))?;
                encoder.finish().map_err(|e| failed(&e))
            }
            Compression::Snappy => snappy_compress(bytes),
            Compression::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                (encoder.write_all(bytes)).map_err(|e| failed(&e))?;
                encoder.finish().map_err(|e| failed(&e))
            }
            Compression::Zstd => zstd::stream::encode_all(bytes, 0).map_err(|e| failed(&e)),
        }
    }

    pub(super) fn decompress(
        codec: Compression,
        bytes: &[u8],
    ) -> Result<Vec<u8>, CompressionError> {
        match codec {
            Compression::None => Ok(bytes.to_vec()),
            Compression::Gzip => read_all(codec, flate2::read::MultiGzDecoder::new(bytes)),
            Compression::Snappy => snappy_decompress(bytes),
            // The library takes a few bytes of anything for an empty frame.
            Compression::Lz4 if !bytes.starts_with(&LZ4_MAGIC) => {
                Err(damaged(codec, &"no frame begins here"))
            }
            Compression::Lz4 => read_all(codec, lz4_flex::frame::FrameDecoder::new(bytes)),
            Compression::Zstd => {
                let decoder = zstd::stream::Decoder::new(bytes);
                read_all(codec, decoder.map_err(|e| damaged(codec, &e))?)
            }
        }
    }

    fn damaged(codec: Compression, error: &dyn Display) -> CompressionError {
        CompressionError::Damaged {
            codec: codec.name(),
            reason: error.to_string(),
        }
    }

    fn read_all(codec: Compression, decoder: impl Read) -> Result<Vec<u8>, CompressionError> {
        let mut bytes = Vec::new();
        (decoder
            .take(DECOMPRESSED_BYTES_MAX as u64 + 1)
            .read_to_end(&mut bytes))
        .map_err(|e| damaged(codec, &e))?;
        if bytes.len() > DECOMPRESSED_BYTES_MAX {
            return Err(CompressionError::TooLarge(codec.name()));
        }
        Ok(bytes)
    }

    fn snappy_compress(bytes: &[u8]) -> Result<Vec<u8>, CompressionError> {
        let mut out = [XERIAL_MAGIC, XERIAL_VERSIONS].concat();
        for block in bytes.chunks(XERIAL_BLOCK_BYTES) {
            let block = (snap::raw::Encoder::new().compress_vec(block))
                .map_err(|e| damaged(Compression::Snappy, &e))?;
            let len = u32::try_from(block.len()).unwrap_or(u32::MAX);
            out.extend(len.to_be_bytes());
            out.extend(block);
        }
        Ok(out)
    }

    fn snappy_decompress(bytes: &[u8]) -> Result<Vec<u8>, CompressionError> {
        let mut out = Vec::new();
        let Some(framed) = bytes.strip_prefix(&XERIAL_MAGIC) else {
            snappy_block(bytes, &mut out)?;
            return Ok(out);
        };
        let ends = || damaged(Compression::Snappy, &"it ends in the middle of a block");
        let mut rest = framed.get(XERIAL_VERSIONS.len()..).ok_or_else(ends)?;
        while let Some((len, behind)) = rest.split_first_chunk() {
            let len = u32::from_be_bytes(*len) as usize;
            let (block, behind) = behind.split_at_checked(len).ok_or_else(ends)?;
            snappy_block(block, &mut out)?;
            rest = behind;
        }
        if rest.is_empty() {
            Ok(out)
        } else {
            Err(ends())
        }
    }

    fn snappy_block(block: &[u8], out: &mut Vec<u8>) -> Result<(), CompressionError> {
        let failed = |e| damaged(Compression::Snappy, &e);
        let len = snap::raw::decompress_len(block).map_err(failed)?;
        if out.len().saturating_add(len) > DECOMPRESSED_BYTES_MAX {
            return Err(CompressionError::TooLarge("snappy"));
        }
        out.extend(
            snap::raw::Decoder::new()
                .decompress_vec(block)
                .map_err(failed)?,
        );
        Ok(())
    }
}

#[cfg(all(test, feature = "server"))]
mod tests {
    use super::*;

    #[test]
    fn every_codec_gives_back_what_it_took() {
        let text: Vec<u8> = (0..200_000u32)
            .flat_map(|n| (n / 7).to_le_bytes())
            .collect();
        for codec in CODECS {
            for bytes in [&text[..], &text[..1], &[]] {
                let packed = compress(codec, bytes).unwrap();
                assert_eq!(decompress(codec, &packed).unwrap(), bytes, "{codec:?}");
            }
            assert!(
                codec == Compression::None || compress(codec, &text).unwrap().len() < text.len()
            );
        }
    }

    #[test]
    fn raw_snappy_is_read_too() {
        let raw = snap::raw::Encoder::new()
            .compress_vec(b"hello hello hello")
            .unwrap();
        assert_eq!(
            decompress(Compression::Snappy, &raw).unwrap(),
            b"hello hello hello"
        );
    }

    #[test]
    fn damage_is_an_error_and_a_bomb_goes_no_further_than_its_limit() {
        for codec in &CODECS[1..] {
            let packed = compress(*codec, &[7; 1000]).unwrap();
            let cut = decompress(*codec, &packed[..packed.len() / 2]);
            assert!(cut.is_err(), "{codec:?}: {cut:?}");
            assert!(
                decompress(*codec, b"\x01\x02\x03\x04").is_err(),
                "{codec:?}"
            );
            let bomb = compress(*codec, &vec![0; DECOMPRESSED_BYTES_MAX + 1]).unwrap();
            assert_eq!(
                decompress(*codec, &bomb),
                Err(CompressionError::TooLarge(codec.name()))
            );
        }
    }
}
