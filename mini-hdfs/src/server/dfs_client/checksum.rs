//! The checksum of a whole file, from its blocks' checksums (`FileChecksumHelper`): two files with the same bytes and the
//! same block size have the same one, and no byte of them is read for it.

use std::fmt;

use md5::{Digest, Md5};

use super::{DfsClient, DfsError, sockets};
use crate::block::LocatedBlock;
use crate::client::block_reader::ReadError;
use crate::packet::BYTES_PER_CHECKSUM;

/// An MD5 of MD5s of CRC32Cs (`MD5MD5CRC32FileChecksum`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileChecksum {
    /// Bytes under one CRC32C; 0 of an empty file.
    pub bytes_per_crc: u32,
    /// CRCs in a block; 0 where there are fewer than two blocks.
    pub crc_per_block: u64,
    /// The digest of the blocks' digests.
    pub md5: [u8; 16],
}

impl FileChecksum {
    /// From the MD5 of each block's checksums, in order. `crcs_of_first` is how many the first block has.
    ///
    /// HDFS digests the whole buffer that it has collected them in, zeros at its end included: 32 bytes at first, doubled as
    /// often as needed. Whoever wants the same answer has to do the same.
    pub fn of_blocks(blocks: &[[u8; 16]], crcs_of_first: u64) -> FileChecksum {
        let mut buffer = blocks.concat();
        buffer.resize(buffer.len().next_power_of_two().max(32), 0);
        let bytes_per_crc = match blocks {
            [] => 0,
            _ => u32::try_from(BYTES_PER_CHECKSUM).unwrap_or(u32::MAX),
        };
        FileChecksum {
            bytes_per_crc,
            crc_per_block: if blocks.len() > 1 { crcs_of_first } else { 0 },
            md5: Md5::digest(&buffer).into(),
        }
    }

    /// `MD5-of-0MD5-of-512CRC32C` (`getAlgorithmName`).
    pub fn algorithm(&self) -> String {
        // An empty file has no checksums of which HDFS could tell the kind: it takes the oldest.
        let crc = if self.bytes_per_crc == 0 {
            "CRC32"
        } else {
            "CRC32C"
        };
        format!(
            "MD5-of-{}MD5-of-{}{crc}",
            self.crc_per_block, self.bytes_per_crc
        )
    }
}

impl fmt::Display for FileChecksum {
    /// The bytes as HDFS's commands print them, in hexadecimal: bytes per CRC, CRCs in a block, digest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}{:016x}", self.bytes_per_crc, self.crc_per_block)?;
        self.md5.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl DfsClient {
    /// The checksum of a file that is closed (`getFileChecksum`).
    pub fn checksum(&self, path: &str) -> Result<FileChecksum, DfsError> {
        let located = self.block_locations(path, 0, u64::MAX)?;
        if located.under_construction {
            return Err(DfsError::BeingWritten {
                path: path.to_owned(),
            });
        }
        let of = |block: &LocatedBlock| self.block_checksum(path, block);
        let blocks = located.blocks.iter().map(of);
        let blocks = blocks.collect::<Result<Vec<_>, _>>()?;
        let first = located.blocks.first().map_or(0, |first| first.block.len);
        let crcs = first.div_ceil(BYTES_PER_CHECKSUM as u64);
        Ok(FileChecksum::of_blocks(&blocks, crcs))
    }

    /// Asks one DataNode after the other.
    fn block_checksum(&self, path: &str, located: &LocatedBlock) -> Result<[u8; 16], DfsError> {
        let mut reasons = String::new();
        for node in &located.locations {
            match sockets::checksum(self.settings(), node, located.block) {
                Ok(md5) => return Ok(md5),
                Err(reason) => reasons += &format!("\n  {}: {reason}", node.address),
            }
        }
        if reasons.is_empty() {
            reasons = "no DataNode with a good replica is known".to_owned();
        }
        Err(DfsError::Read {
            path: path.to_owned(),
            error: ReadError {
                block: located.block,
                offset: 0,
                reasons,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_written_as_hadoop_writes_them() {
        let empty = FileChecksum::of_blocks(&[], 0);
        // What any empty file has in a real cluster.
        assert_eq!(
            (empty.algorithm().as_str(), empty.to_string().as_str()),
            (
                "MD5-of-0MD5-of-0CRC32",
                "00000000000000000000000070bc8f4b72a86921468bf8e8441dce51"
            )
        );
        let one = FileChecksum::of_blocks(&[[7; 16]], 9);
        assert_eq!(one.algorithm(), "MD5-of-0MD5-of-512CRC32C");
        assert!(one.to_string().starts_with("000002000000000000000000"));
        let three = FileChecksum::of_blocks(&[[7; 16]; 3], 0x40000);
        assert_eq!(three.algorithm(), "MD5-of-262144MD5-of-512CRC32C");
        let mut padded = [7; 64];
        padded[48..].fill(0);
        assert_eq!(three.md5, <[u8; 16]>::from(Md5::digest(padded)));
    }
}
