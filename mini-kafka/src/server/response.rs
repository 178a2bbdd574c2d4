//! An answer on its way to a client: bytes that were made for it, and slices of files that are spliced between them.

use std::fs::File;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::{Encodable, HeaderVersion};

/// Part of a file, which goes to the socket without a stop in this process's memory.
#[derive(Clone, Debug)]
pub struct FileSlice {
    /// Held open, so that retention may remove its name meanwhile.
    pub file: Arc<File>,
    /// In bytes, from the beginning of the file.
    pub position: u64,
    /// In bytes.
    pub len: usize,
}

/// A piece of an answer.
#[derive(Clone, Debug)]
pub enum Piece {
    /// As they are.
    Bytes(Bytes),
    /// From a file.
    File(FileSlice),
}

/// A whole answer, with its length before it.
#[derive(Debug, Default)]
pub struct Response {
    /// In their order. Empty where nothing is to be said (Produce with `acks=0`).
    pub pieces: Vec<Piece>,
}

impl Response {
    /// An answer of the protocol's own format. In a flexible version its header has tagged fields, of which there are none; that of
    /// ApiVersions never does, so that a client can read it before it knows what the broker speaks.
    ///
    /// # Errors
    /// When a field is set that this version does not have: a mistake of ours.
    pub fn encode<T: Encodable + HeaderVersion>(
        correlation_id: i32,
        version: i16,
        body: &T,
    ) -> anyhow::Result<Response> {
        let mut bytes = BytesMut::with_capacity(9 + body.compute_size(version)?);
        bytes.put_i32(0);
        bytes.put_i32(correlation_id);
        if T::header_version(version) >= 1 {
            bytes.put_u8(0);
        }
        body.encode(&mut bytes, version)?;
        let len = i32::try_from(bytes.len() - 4)?;
        bytes[..4].copy_from_slice(&len.to_be_bytes());
        Ok(Response {
            pieces: vec![Piece::Bytes(bytes.freeze())],
        })
    }

    /// Bytes, all in all.
    pub fn bytes(&self) -> usize {
        let lens = self.pieces.iter().map(|piece| match piece {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::File(slice) => slice.len,
        });
        lens.sum()
    }
}
