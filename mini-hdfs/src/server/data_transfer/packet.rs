//! Packets of block data, and their acknowledgements.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::Arc;

use prost::Message;

use super::{invalid, receive_message, wire};
use crate::packet::{AckStatus, BYTES_PER_CHECKSUM, PACKET_DATA_MAX, Packet, PipelineAck};

/// The most data that one packet may bring, in bytes: more than anybody sends.
pub const RECEIVED_DATA_MAX: usize = 16 * PACKET_DATA_MAX;
/// The longest packet header, in bytes.
const HEADER_MAX: usize = 256;

/// Sends a packet, its data straight from where it is, in one system call where the connection takes it whole.
///
/// # Errors
/// As the connection's; `InvalidInput` where there is more data than a packet can say.
pub fn send_packet(to: &mut impl Write, packet: &Packet) -> io::Result<()> {
    let header = wire::PacketHeader {
        offset_in_block: packet.offset,
        seqno: packet.seqno,
        last_packet_in_block: packet.last,
        data_len: 0,
        sync_block: packet.sync,
    };
    send_parts(to, header, &packet.checksums, &packet.data)
}

/// Sends data as packet `seqno`, neither the last nor to be synced.
///
/// # Errors
/// As [`send_packet`].
pub(in crate::server) fn send_data(
    to: &mut impl Write,
    seqno: u64,
    offset: u64,
    checksums: &[u32],
    data: &[u8],
) -> io::Result<()> {
    let header = wire::PacketHeader {
        offset_in_block: offset,
        seqno,
        ..wire::PacketHeader::default()
    };
    send_parts(to, header, checksums, data)
}

fn send_parts(
    to: &mut impl Write,
    mut header: wire::PacketHeader,
    checksums: &[u32],
    data: &[u8],
) -> io::Result<()> {
    let payload_len = 4 + 4 * checksums.len() + data.len();
    let (Ok(data_len), Ok(payload_len)) = (u32::try_from(data.len()), u32::try_from(payload_len))
    else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "packet too large"));
    };
    header.data_len = data_len;
    let header_len = u16::try_from(header.encoded_len()).unwrap_or(u16::MAX);
    let mut head = Vec::with_capacity(6 + HEADER_MAX + 4 * checksums.len());
    head.extend(payload_len.to_be_bytes());
    head.extend(header_len.to_be_bytes());
    header.encode(&mut head).map_err(io::Error::other)?;
    head.extend(checksums.iter().flat_map(|sum| sum.to_be_bytes()));
    write_both(to, &head, data)
}

/// Writes two buffers as if they were one.
fn write_both(to: &mut impl Write, head: &[u8], data: &[u8]) -> io::Result<()> {
    let mut written = 0;
    while written < head.len() {
        let slices = [IoSlice::new(&head[written..]), IoSlice::new(data)];
        match to.write_vectored(&slices) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => written += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    to.write_all(&data[written - head.len()..])
}

/// Receives a packet into `packet`, and uses its buffers again where nobody else holds them. The checksums are
/// not verified.
///
/// # Errors
/// As the connection's; `InvalidData` where it is no packet, or one that is too large. `packet` is then
/// useless.
pub fn receive_packet(from: &mut impl Read, packet: &mut Packet) -> io::Result<()> {
    let head = receive_packet_head(from)?;
    packet.offset = head.offset;
    packet.seqno = head.seqno;
    packet.last = head.last;
    packet.sync = head.sync;
    receive_checksums(from, head.checksums_len(), &mut packet.checksums)?;
    receive_data(from, head.data_len, &mut packet.data)
}

/// What comes before the checksums and the data of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketHead {
    /// See [`Packet`].
    pub offset: u64,
    /// See [`Packet`].
    pub seqno: u64,
    /// See [`Packet`].
    pub last: bool,
    /// See [`Packet`].
    pub sync: bool,
    /// Bytes of data.
    pub data_len: usize,
}

impl PacketHead {
    /// Bytes of checksums, which come before the data.
    pub fn checksums_len(&self) -> usize {
        4 * self.data_len.div_ceil(BYTES_PER_CHECKSUM)
    }
}

/// Receives the first part of a packet: for whoever wants to know what passes, and nothing more.
///
/// # Errors
/// As [`receive_packet`].
pub fn receive_packet_head(from: &mut impl Read) -> io::Result<PacketHead> {
    let mut lengths = [0; 6];
    from.read_exact(&mut lengths)?;
    let [p0, p1, p2, p3, h0, h1] = lengths;
    let payload_len = u64::from(u32::from_be_bytes([p0, p1, p2, p3]));
    let header_len = usize::from(u16::from_be_bytes([h0, h1]));
    if header_len > HEADER_MAX {
        return Err(invalid(format!(
            "packet header of {header_len} bytes, more than {HEADER_MAX}"
        )));
    }
    let mut header = [0; HEADER_MAX];
    from.read_exact(&mut header[..header_len])?;
    let header = wire::PacketHeader::decode(&header[..header_len])
        .map_err(|e| invalid(format!("packet header: {e}")))?;
    let data_len = usize::try_from(header.data_len).unwrap_or(usize::MAX);
    if data_len > RECEIVED_DATA_MAX {
        return Err(invalid(format!(
            "packet with {data_len} bytes of data, more than {RECEIVED_DATA_MAX}"
        )));
    }
    let head = PacketHead {
        offset: header.offset_in_block,
        seqno: header.seqno,
        last: header.last_packet_in_block,
        sync: header.sync_block,
        data_len,
    };
    if payload_len != (4 + head.checksums_len() + data_len) as u64 {
        return Err(invalid(format!(
            "packet of {payload_len} bytes says that it holds {data_len} bytes of data"
        )));
    }
    Ok(head)
}

fn receive_checksums(from: &mut impl Read, len: usize, into: &mut Vec<u32>) -> io::Result<()> {
    let mut bytes = [0; BYTES_PER_CHECKSUM];
    into.clear();
    let mut left = len;
    while left > 0 {
        let piece = left.min(bytes.len());
        from.read_exact(&mut bytes[..piece])?;
        let (words, _) = bytes[..piece].as_chunks::<4>();
        into.extend(words.iter().copied().map(u32::from_be_bytes));
        left -= piece;
    }
    Ok(())
}

fn receive_data(from: &mut impl Read, len: usize, into: &mut Arc<[u8]>) -> io::Result<()> {
    if into.len() != len || Arc::get_mut(into).is_none() {
        *into = std::iter::repeat_n(0, len).collect();
    }
    match Arc::get_mut(into) {
        Some(data) => from.read_exact(data),
        None => Err(io::Error::other("a buffer just made has another owner")),
    }
}

/// Sends the answer to a packet.
///
/// # Errors
/// As the connection's.
pub fn send_ack(to: &mut impl Write, ack: &PipelineAck) -> io::Result<()> {
    let status = |status: &AckStatus| match status {
        AckStatus::Success => wire::AckStatus::Success,
        AckStatus::Error => wire::AckStatus::Error,
        AckStatus::ErrorChecksum => wire::AckStatus::ErrorChecksum,
    };
    let message = wire::PipelineAck {
        seqno: ack.seqno,
        replies: ack.replies.iter().map(|s| status(s).into()).collect(),
    };
    to.write_all(&message.encode_length_delimited_to_vec())
}

/// Receives the answer to a packet.
///
/// # Errors
/// As the connection's; `InvalidData` where it is no ack.
pub fn receive_ack(from: &mut impl Read) -> io::Result<PipelineAck> {
    let message: wire::PipelineAck = receive_message(from, "ack")?;
    let status = |status| match status {
        wire::AckStatus::Success => AckStatus::Success,
        wire::AckStatus::ErrorChecksum => AckStatus::ErrorChecksum,
        wire::AckStatus::Error | wire::AckStatus::Unspecified => AckStatus::Error,
    };
    Ok(PipelineAck {
        seqno: message.seqno,
        replies: message.replies().map(status).collect(),
    })
}
