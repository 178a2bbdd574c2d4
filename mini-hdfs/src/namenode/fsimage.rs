//! The fsimage (`FSImageFormatProtobuf`): the whole namespace at one transaction, in one file.
//!
//! ```text
//! header | inode | inode | …      each record: length of payload: u32 | payload in postcard | CRC32C of both: u32
//! ```
//!
//! Each inode comes after its parent, with the durable part of its blocks. The header says how many there
//! are, so that a file that ends too early is known by it. Written and read in pieces: an image may be larger
//! than what is free of memory.

use node::{Disk, DiskError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::blocks::{BlockState, BlocksMap};
use super::namespace::{Inode, Namespace, ROOT};
use super::storage::StorageError;
use crate::block::{Block, BlockId, GenerationStamp, InodeId, TxId};

/// The version of this format.
pub const VERSION: u32 = 1;

/// Bytes handed to, or taken from, the disk at a time.
const PIECE_LEN: usize = 1 << 20;

/// The most bytes in a payload. A length beyond it is damage.
const PAYLOAD_LEN_MAX: usize = 64 << 20;

/// The first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`VERSION`].
    pub version: u32,
    /// Which file system this is an image of, as drawn when it was formatted.
    pub namespace_id: u64,
    /// The transaction up to which the image reaches.
    pub txid: TxId,
    /// The highest inode id ever used.
    pub last_inode: InodeId,
    /// The highest block id ever handed out.
    pub last_block_id: BlockId,
    /// The highest generation stamp ever handed out.
    pub last_generation: GenerationStamp,
    /// How many inodes follow.
    pub inodes: u64,
}

/// An inode as a record of an image: with the durable part of its blocks.
pub type InodeRecord = (Inode, Vec<(Block, BlockState)>);

/// What an image holds.
#[derive(Clone, Debug)]
pub struct Image {
    /// Which file system it is of.
    pub namespace_id: u64,
    /// The transaction up to which it reaches.
    pub txid: TxId,
    /// Directories and files.
    pub namespace: Namespace,
    /// Their blocks, without replicas.
    pub blocks: BlocksMap,
}

/// Writes an image to a new file. It is not synced.
///
/// # Errors
/// The disk's.
pub fn write(image: &Image, file: &str, disk: &mut dyn Disk) -> Result<(), DiskError> {
    let (namespace, blocks) = (&image.namespace, &image.blocks);
    let header = Header {
        version: VERSION,
        namespace_id: image.namespace_id,
        txid: image.txid,
        last_inode: namespace.last_inode(),
        last_block_id: blocks.last_id(),
        last_generation: blocks.last_generation(),
        inodes: namespace.len() as u64,
    };
    let mut writer = ImageWriter::create(&header, file, disk)?;
    let root = namespace.get(ROOT).expect("the root is never removed");
    for inode in namespace.walk(root) {
        let ids = inode.as_file().map_or(&[][..], |file| &file.blocks[..]);
        let its_blocks: Vec<(Block, BlockState)> = ids
            .iter()
            .filter_map(|id| blocks.get(*id))
            .map(|info| (info.block, info.state))
            .collect();
        writer.inode(inode, &its_blocks)?;
    }
    writer.finish()
}

/// Reads an image.
///
/// # Errors
/// [`StorageError::Corrupt`] for any damage; the disk's.
pub fn read(file: &str, disk: &dyn Disk) -> Result<Image, StorageError> {
    let mut reader = ImageReader::open(file, disk)?;
    let mut namespace = Namespace::default();
    let mut blocks = BlocksMap::default();
    while let Some((inode, its_blocks)) = reader.next_inode()? {
        if let Some(file) = inode.as_file() {
            if !file
                .blocks
                .iter()
                .eq(its_blocks.iter().map(|(block, _)| &block.id))
            {
                return Err(reader.misfit("a file without its blocks".to_owned()));
            }
            for (block, state) in its_blocks {
                blocks.insert(block, inode.id, file.replication, state);
            }
        }
        namespace
            .restore(inode)
            .map_err(|e| reader.misfit(e.to_string()))?;
    }
    let header = reader.header;
    namespace.reserve_inodes(header.last_inode);
    blocks.raise_last_id(header.last_block_id);
    blocks.raise_last_generation(header.last_generation);
    Ok(Image {
        namespace_id: header.namespace_id,
        txid: header.txid,
        namespace,
        blocks,
    })
}

/// Writes an image record by record.
pub struct ImageWriter<'a>(Writer<'a>);

impl<'a> ImageWriter<'a> {
    /// Begins a new file.
    ///
    /// # Errors
    /// The disk's.
    pub fn create(
        header: &Header,
        file: &'a str,
        disk: &'a mut dyn Disk,
    ) -> Result<ImageWriter<'a>, DiskError> {
        let mut writer = Writer {
            disk,
            file,
            offset: 0,
            buffer: Vec::new(),
        };
        writer.record(header)?;
        Ok(ImageWriter(writer))
    }

    /// Adds an inode, after its parent, with the durable part of its blocks.
    ///
    /// # Errors
    /// The disk's.
    pub fn inode(
        &mut self,
        inode: &Inode,
        blocks: &[(Block, BlockState)],
    ) -> Result<(), DiskError> {
        self.0.record(&(inode, blocks))
    }

    /// Writes what is left. The file is not synced.
    ///
    /// # Errors
    /// The disk's.
    pub fn finish(mut self) -> Result<(), DiskError> {
        self.0.flush()
    }
}

/// Reads an image record by record.
pub struct ImageReader<'a> {
    /// The first record.
    pub header: Header,
    reader: Reader<'a>,
    /// Inodes that are still to come.
    left: u64,
    /// Where the last inode begins in the file.
    at: u64,
}

impl<'a> ImageReader<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] where it is damaged, or of another version; the disk's.
    pub fn open(file: &'a str, disk: &'a dyn Disk) -> Result<ImageReader<'a>, StorageError> {
        let mut reader = Reader::open(disk, file)?;
        let header: Header = reader.record()?;
        if header.version != VERSION {
            let reason = format!(
                "its format, {}, is not {VERSION}, the one known here",
                header.version
            );
            return Err(reader.corrupt(0, reason));
        }
        Ok(ImageReader {
            header,
            reader,
            left: header.inodes,
            at: 0,
        })
    }

    /// The next inode, with the durable part of its blocks; none at the end.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] for any damage, something that follows the last inode among it; the disk's.
    pub fn next_inode(&mut self) -> Result<Option<InodeRecord>, StorageError> {
        self.at = self.reader.offset;
        let Some(left) = self.left.checked_sub(1) else {
            return match self.reader.is_at_end() {
                true => Ok(None),
                false => Err(self.misfit("more follows after the last inode".to_owned())),
            };
        };
        self.left = left;
        self.reader.record().map(Some)
    }

    /// The last inode does not fit to those before it.
    fn misfit(&self, reason: String) -> StorageError {
        self.reader.corrupt(self.at, reason)
    }
}

struct Writer<'a> {
    disk: &'a mut dyn Disk,
    file: &'a str,
    /// Where `buffer` goes.
    offset: u64,
    buffer: Vec<u8>,
}

impl Writer<'_> {
    fn record(&mut self, record: &impl Serialize) -> Result<(), DiskError> {
        let payload = postcard::to_stdvec(record).expect("plain data in memory can be encoded");
        let len = u32::try_from(payload.len()).expect("no inode takes gigabytes");
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&len.to_be_bytes());
        self.buffer.extend_from_slice(&payload);
        let checksum = crc32c::crc32c(&self.buffer[start..]);
        self.buffer.extend_from_slice(&checksum.to_be_bytes());
        if self.buffer.len() >= PIECE_LEN {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        self.disk.write_at(self.file, self.offset, &self.buffer)?;
        self.offset += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

struct Reader<'a> {
    disk: &'a dyn Disk,
    file: &'a str,
    file_len: u64,
    /// Where the next record begins in the file.
    offset: u64,
    /// What has been read, of which the part up to `taken` is used.
    buffer: Vec<u8>,
    taken: usize,
}

impl<'a> Reader<'a> {
    fn open(disk: &'a dyn Disk, file: &'a str) -> Result<Reader<'a>, StorageError> {
        Ok(Reader {
            disk,
            file,
            file_len: disk.len(file)?,
            offset: 0,
            buffer: Vec::new(),
            taken: 0,
        })
    }

    fn is_at_end(&self) -> bool {
        self.offset >= self.file_len
    }

    fn corrupt(&self, offset: u64, reason: String) -> StorageError {
        StorageError::Corrupt {
            file: self.file.to_owned(),
            offset,
            reason,
        }
    }

    /// The next `len` bytes, which stay in the buffer; fewer only at the end of the file.
    fn peek(&mut self, len: usize) -> Result<&[u8], StorageError> {
        if self.buffer.len() - self.taken < len {
            self.buffer.drain(..self.taken);
            self.taken = 0;
            let missing = (len - self.buffer.len()).max(PIECE_LEN);
            let from = self.offset + self.buffer.len() as u64;
            let read = self.disk.read_at(self.file, from, missing)?;
            self.buffer.extend_from_slice(&read);
        }
        let rest = &self.buffer[self.taken..];
        Ok(&rest[..len.min(rest.len())])
    }

    fn record<T: DeserializeOwned>(&mut self) -> Result<T, StorageError> {
        let at = self.offset;
        let cut_short = "it ends in the middle of a record";
        let Some(len) = self.peek(4)?.first_chunk().copied() else {
            return Err(self.corrupt(at, cut_short.to_owned()));
        };
        let len = usize::try_from(u32::from_be_bytes(len)).unwrap_or(usize::MAX);
        if len > PAYLOAD_LEN_MAX {
            return Err(self.corrupt(
                at,
                format!("the length of a record, {len}, is out of range"),
            ));
        }
        let whole = 4 + len + 4;
        let bytes = self.peek(whole)?;
        if bytes.len() < whole {
            return Err(self.corrupt(at, cut_short.to_owned()));
        }
        let (framed, checksum) = bytes.split_at(4 + len);
        let record = if crc32c::crc32c(framed).to_be_bytes() != *checksum {
            Err("the checksum of a record does not match".to_owned())
        } else {
            postcard::from_bytes(&framed[4..]).map_err(|e| format!("a record makes no sense: {e}"))
        };
        self.taken += whole;
        self.offset += whole as u64;
        record.map_err(|reason| self.corrupt(at, reason))
    }
}
