//! How a segment's blocks are compressed. LZ4 is quicker, Zstandard makes less of it, which pays where disks or the network are slow.
//!
//! LZ4 is Rust. Zstandard is the C library, which the feature `server` brings.

use std::io;

use super::damaged;
use crate::job::{JobError, Settings};

/// The codec of blocks that are not compressed.
pub(super) const AS_IT_IS: u8 = 0;
pub(super) const LZ4: u8 = 1;
#[cfg(feature = "server")]
const ZSTD: u8 = 2;

/// Hadoop's `io.compression.codec.zstd.level`, as it is by default.
#[cfg(feature = "server")]
const ZSTD_LEVEL: i32 = 3;

/// How blocks are compressed, each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// With LZ4.
    Lz4,
    /// With Zstandard.
    #[cfg(feature = "server")]
    Zstd,
}

impl Compression {
    /// All that there are.
    pub const ALL: &[Compression] = &[
        Compression::None,
        Compression::Lz4,
        #[cfg(feature = "server")]
        Compression::Zstd,
    ];

    /// As a job asks for it: `mapreduce.map.output.compress` (yes; Hadoop's default is no) and
    /// `mapreduce.map.output.compress.codec`, `lz4` or `zstd`, or the names of Hadoop's classes.
    ///
    /// # Errors
    /// Where there is no such codec.
    pub fn of(settings: &Settings) -> Result<Compression, JobError> {
        const CODEC: &str = "mapreduce.map.output.compress.codec";
        let codec = match settings.get(CODEC).unwrap_or("lz4").trim() {
            "lz4" | "org.apache.hadoop.io.compress.Lz4Codec" => Compression::Lz4,
            #[cfg(feature = "server")]
            "zstd" | "org.apache.hadoop.io.compress.ZStandardCodec" => Compression::Zstd,
            other => {
                return Err(JobError::Setting {
                    name: CODEC.to_owned(),
                    value: other.to_owned(),
                    expected: "lz4 or zstd, or the name of Hadoop's class (org.apache.hadoop.io.compress.Lz4Codec, …ZStandardCodec)",
                });
            }
        };
        let compress = settings.parse("mapreduce.map.output.compress", true)?;
        Ok(if compress { codec } else { Compression::None })
    }
}

/// How many bytes so many stored ones can become at most: a byte of LZ4 stands for 255; Zstandard's blocks of 128 KiB take four bytes at least.
pub(super) fn raw_max(codec: u8, stored: usize) -> usize {
    let ratio = if codec == LZ4 { 255 } else { 32 << 10 };
    stored.saturating_mul(ratio)
}

/// Compresses blocks.
pub(super) enum Compressor {
    None,
    Lz4,
    /// Its memory is used for all blocks of a segment; it is made with the first one.
    #[cfg(feature = "server")]
    Zstd(Option<zstd::bulk::Compressor<'static>>),
}

impl Compressor {
    pub(super) fn new(compression: Compression) -> Compressor {
        match compression {
            Compression::None => Compressor::None,
            Compression::Lz4 => Compressor::Lz4,
            #[cfg(feature = "server")]
            Compression::Zstd => Compressor::Zstd(None),
        }
    }

    /// Puts a block into `stored`, in place of what is there, and tells its codec.
    pub(super) fn compress(&mut self, raw: &[u8], stored: &mut Vec<u8>) -> io::Result<u8> {
        match self {
            Compressor::None => {
                stored.clear();
                stored.extend_from_slice(raw);
                Ok(AS_IT_IS)
            }
            Compressor::Lz4 => {
                stored.resize(lz4_flex::block::get_maximum_output_size(raw.len()), 0);
                let length = lz4_flex::block::compress_into(raw, stored);
                stored.truncate(length.map_err(io::Error::other)?);
                Ok(LZ4)
            }
            #[cfg(feature = "server")]
            Compressor::Zstd(compressor) => {
                let compressor = match compressor {
                    Some(compressor) => compressor,
                    None => compressor.insert(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
                };
                stored.clear();
                stored.reserve(zstd::zstd_safe::compress_bound(raw.len()));
                compressor.compress_to_buffer(raw, stored)?;
                Ok(ZSTD)
            }
        }
    }
}

/// Decompresses blocks of any codec.
#[derive(Default)]
pub(super) struct Decompressor {
    #[cfg(feature = "server")]
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl Decompressor {
    /// Fills `raw`, which is as long as the block has to be.
    pub(super) fn decompress(
        &mut self,
        codec: u8,
        stored: &[u8],
        raw: &mut [u8],
    ) -> io::Result<()> {
        let length = match codec {
            LZ4 => lz4_flex::block::decompress_into(stored, raw).ok(),
            #[cfg(feature = "server")]
            ZSTD => {
                let decompressor = match &mut self.zstd {
                    Some(decompressor) => decompressor,
                    none => none.insert(zstd::bulk::Decompressor::new()?),
                };
                decompressor.decompress_to_buffer(stored, raw).ok()
            }
            _ => return Err(damaged("a block is of an unknown codec")),
        };
        if length == Some(raw.len()) {
            Ok(())
        } else {
            Err(damaged("a block does not decompress"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn check(settings: &[(&str, &str)]) -> Result<Compression, String> {
        let named = |&(name, value): &(&str, &str)| {
            let name = format!("mapreduce.map.output.{name}");
            (name, value.to_owned())
        };
        let settings = Settings(BTreeMap::from_iter(settings.iter().map(named)));
        Compression::of(&settings).map_err(|error| error.to_string())
    }

    #[test]
    fn codecs_have_our_names_and_those_of_hadoop() {
        let codec = |name| check(&[("compress.codec", name)]);
        assert_eq!(check(&[]), Ok(Compression::Lz4));
        assert_eq!(codec("lz4"), Ok(Compression::Lz4));
        let class = "org.apache.hadoop.io.compress.Lz4Codec";
        assert_eq!(codec(class), Ok(Compression::Lz4));
        assert_eq!(
            check(&[("compress", "false"), ("compress.codec", "lz4")]),
            Ok(Compression::None)
        );
        let error = codec("zip").unwrap_err();
        let expected = "mapreduce.map.output.compress.codec=zip has to be lz4 or zstd";
        assert!(error.contains(expected), "{error}");
    }

    #[cfg(feature = "server")]
    #[test]
    fn zstandard_is_one_of_them() {
        for name in ["zstd", "org.apache.hadoop.io.compress.ZStandardCodec"] {
            assert_eq!(check(&[("compress.codec", name)]), Ok(Compression::Zstd));
        }
    }
}
