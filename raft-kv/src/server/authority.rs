//! A repair for etcd's own client. What `etcdctl` is given as an endpoint, `http://127.0.0.1:2379`, it sends as the `:authority` of its
//! requests to one member alone (`endpoint status`, `defrag` …). RFC 9113, 8.3.1, allows no scheme there; Go's server does not mind, and
//! hyper's resets the stream. So what a client sends is read here first, and the scheme taken away.
//!
//! Header blocks are compressed against a table that both sides keep (HPACK, RFC 7541), so each of them is decoded and encoded anew. That is not
//! cheap; so a connection whose first request needs no repair is left alone from then on: a client's connection has one authority.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use loona_hpack::{Decoder, Encoder};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::metrics;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A frame's length, type, flags and stream.
const FRAME_HEAD_BYTES: usize = 9;
/// What a frame may have at most, since this server asks for no more.
const FRAME_BYTES_MAX: usize = 16_384;
/// The longest header block that is looked at.
const BLOCK_BYTES_MAX: usize = 256 << 10;
/// The table that headers are compressed against, as long as a server has not said otherwise (RFC 9113, 6.5.2).
const TABLE_BYTES_MAX: usize = 4096;
/// What a block may contain, counted as in a table: a byte of it can stand for all of a long header. hyper, behind this, takes less.
const HEADERS_BYTES_MAX: usize = 256 << 10;
/// What a header counts for beside its name and its value (RFC 7541, 4.1).
const HEADER_BYTES: usize = 32;
const READ_BYTES: usize = 16 << 10;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Where in the client's bytes we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before the preface of HTTP/2.
    Start,
    /// At the beginning of a frame.
    Frame,
    /// In a frame, with so many bytes of it left, that is passed on as it is.
    Passing(usize),
    /// Nothing is to be repaired: all is passed on as it is.
    Sound,
}

/// The client's bytes, repaired. A plain machine: bytes in, bytes out.
struct Repair {
    at: At,
    /// No headers have come yet.
    is_first: bool,
    raw: VecDeque<u8>,
    /// A header block that has begun: its stream, whether that ends with it, what there is of it.
    block: Option<([u8; 4], u8, Vec<u8>)>,
    decoder: Decoder<'static>,
    encoder: Encoder<'static>,
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

impl Repair {
    fn new() -> Repair {
        Repair {
            at: At::Start,
            is_first: true,
            raw: VecDeque::new(),
            block: None,
            decoder: decoder(),
            encoder: Encoder::new(),
        }
    }

    /// Takes what has come, and passes on what can be.
    fn take(&mut self, bytes: &[u8], out: &mut VecDeque<u8>) -> io::Result<()> {
        self.raw.extend(bytes);
        loop {
            match self.at {
                At::Start => {
                    let known = self.raw.len().min(PREFACE.len());
                    if !self.raw.iter().take(known).eq(&PREFACE[..known]) {
                        self.at = At::Sound;
                    } else if known == PREFACE.len() {
                        self.at = At::Passing(known);
                    } else {
                        return Ok(());
                    }
                }
                At::Passing(left) => {
                    let now = left.min(self.raw.len());
                    out.extend(self.raw.drain(..now));
                    if now < left {
                        self.at = At::Passing(left - now);
                        return Ok(());
                    }
                    self.at = At::Frame;
                }
                At::Sound => {
                    out.append(&mut self.raw);
                    return Ok(());
                }
                At::Frame => {
                    if !self.frame(out)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Goes on with the next frame; says whether there is enough of it.
    fn frame(&mut self, out: &mut VecDeque<u8>) -> io::Result<bool> {
        if self.raw.len() < FRAME_HEAD_BYTES {
            return Ok(false);
        }
        let byte = |i: usize| self.raw[i];
        let len = usize::from(byte(0)) << 16 | usize::from(byte(1)) << 8 | usize::from(byte(2));
        let (kind, flags, stream) = (byte(3), byte(4), [byte(5), byte(6), byte(7), byte(8)]);
        if kind != HEADERS && kind != CONTINUATION {
            self.at = At::Passing(FRAME_HEAD_BYTES + len);
            return Ok(true);
        }
        if len > FRAME_BYTES_MAX {
            return Err(invalid("a frame of headers is too long"));
        }
        if self.raw.len() < FRAME_HEAD_BYTES + len {
            return Ok(false);
        }
        if std::mem::take(&mut self.is_first) && flags & END_HEADERS != 0 {
            let payload: Vec<u8> = self
                .raw
                .range(FRAME_HEAD_BYTES..)
                .take(len)
                .copied()
                .collect();
            let headers = decode(&mut decoder(), fragment(flags, &payload)?)?;
            if scheme(&headers).is_none() {
                self.at = At::Sound;
                return Ok(true);
            }
        }
        self.raw.drain(..FRAME_HEAD_BYTES);
        let payload: Vec<u8> = self.raw.drain(..len).collect();
        if kind == HEADERS {
            self.block = Some((
                stream,
                flags & END_STREAM,
                fragment(flags, &payload)?.to_vec(),
            ));
        } else {
            let (_, _, block) = self
                .block
                .as_mut()
                .ok_or_else(|| invalid("headers go on that never began"))?;
            block.extend_from_slice(&payload);
            if block.len() > BLOCK_BYTES_MAX {
                return Err(invalid("headers are too long"));
            }
        }
        if flags & END_HEADERS != 0
            && let Some((stream, end, block)) = self.block.take()
        {
            self.pass_block(stream, end, &block, out)?;
        }
        Ok(true)
    }

    fn pass_block(
        &mut self,
        stream: [u8; 4],
        end: u8,
        block: &[u8],
        out: &mut VecDeque<u8>,
    ) -> io::Result<()> {
        let mut headers = decode(&mut self.decoder, block)?;
        if let Some((at, len)) = scheme(&headers) {
            headers[at].1.drain(..len);
        }
        let block = self.encoder.encode(
            headers
                .iter()
                .map(|(name, value)| (name.as_slice(), value.as_slice())),
        );
        let mut parts = block.chunks(FRAME_BYTES_MAX).peekable();
        let (mut kind, mut flags) = (HEADERS, end);
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                flags |= END_HEADERS;
            }
            // A part has at most 16,384 bytes: three bytes are enough.
            let len = u32::try_from(part.len()).unwrap_or(0).to_be_bytes();
            out.extend([len[1], len[2], len[3], kind, flags]);
            out.extend(stream);
            out.extend(part);
            (kind, flags) = (CONTINUATION, 0);
        }
        Ok(())
    }
}

type Headers = Vec<(Vec<u8>, Vec<u8>)>;

fn decoder() -> Decoder<'static> {
    let mut decoder = Decoder::new();
    decoder.set_max_allowed_table_size(TABLE_BYTES_MAX);
    decoder
}

/// The headers in a block.
///
/// # Errors
/// When it cannot be read, or contains more than is taken; then the connection is of no more use.
fn decode(decoder: &mut Decoder<'_>, block: &[u8]) -> io::Result<Headers> {
    let (mut headers, mut bytes) = (Headers::new(), 0);
    let decoded = decoder.decode_with_cb(block, |name, value| {
        bytes += HEADER_BYTES + name.len() + value.len();
        if bytes <= HEADERS_BYTES_MAX {
            headers.push((name.into_owned(), value.into_owned()));
        }
    });
    decoded.map_err(|_| invalid("headers that cannot be read"))?;
    match bytes <= HEADERS_BYTES_MAX {
        true => Ok(headers),
        false => Err(invalid("headers that say too much")),
    }
}

/// The scheme before the authority, if there is one: which header has it, and how long it is.
fn scheme(headers: &Headers) -> Option<(usize, usize)> {
    let at = headers.iter().position(|(name, _)| name == b":authority")?;
    let mut windows = headers[at].1.windows(3);
    Some((at, windows.position(|three| three == b"://")? + 3))
}

/// A frame's part of the header block: without padding, and without a priority, which nobody heeds any more.
fn fragment(flags: u8, payload: &[u8]) -> io::Result<&[u8]> {
    let short = || invalid("a frame of headers is too short");
    let (padding, rest) = match flags & PADDED {
        0 => (0, payload),
        _ => payload
            .split_first()
            .map(|(len, rest)| (usize::from(*len), rest))
            .ok_or_else(short)?,
    };
    let skipped = if flags & PRIORITY == 0 { 0 } else { 5 };
    let end = rest.len().checked_sub(padding).ok_or_else(short)?;
    rest.get(skipped..end).ok_or_else(short)
}

/// A client's connection, with what it sends repaired.
pub(super) struct Repaired {
    stream: TcpStream,
    repair: Repair,
    ready: VecDeque<u8>,
}

impl Repaired {
    /// The same connection, repaired.
    pub(super) fn new(stream: TcpStream) -> Repaired {
        Repaired {
            stream,
            repair: Repair::new(),
            ready: VecDeque::new(),
        }
    }
}

impl AsyncRead for Repaired {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.repair.at == At::Sound && this.ready.is_empty() {
            let before = buf.filled().len();
            let read = Pin::new(&mut this.stream).poll_read(cx, buf);
            metrics::client_received(buf.filled().len() - before);
            return read;
        }
        let mut bytes = [0; READ_BYTES];
        while this.ready.is_empty() {
            let mut read = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            metrics::client_received(read.filled().len());
            this.repair.take(read.filled(), &mut this.ready)?;
        }
        let (front, _) = this.ready.as_slices();
        let now = front.len().min(buf.remaining());
        buf.put_slice(&front[..now]);
        this.ready.drain(..now);
        Poll::Ready(Ok(()))
    }
}

fn sent(written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
    if let Poll::Ready(Ok(bytes)) = written {
        metrics::client_sent(bytes);
    }
    written
}

impl AsyncWrite for Repaired {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        sent(Pin::new(&mut self.get_mut().stream).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        sent(Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&len[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn block(encoder: &mut Encoder<'_>, authority: &[u8]) -> Vec<u8> {
        encoder.encode([
            (b":path".as_slice(), b"/x".as_slice()),
            (b":authority".as_slice(), authority),
        ])
    }

    /// Passes `bytes` through, so many at a time.
    fn pass(bytes: &[u8], at_once: usize) -> io::Result<Vec<u8>> {
        let (mut repair, mut out) = (Repair::new(), VecDeque::new());
        for part in bytes.chunks(at_once) {
            repair.take(part, &mut out)?;
        }
        Ok(out.into())
    }

    /// The authorities in what came out.
    fn authorities(out: &[u8]) -> Vec<String> {
        let mut decoder = Decoder::new();
        let (mut rest, mut found) = (&out[PREFACE.len()..], Vec::new());
        while !rest.is_empty() {
            let len = usize::from(rest[1]) << 8 | usize::from(rest[2]);
            let (frame, behind) = rest.split_at(FRAME_HEAD_BYTES + len);
            if frame[3] == HEADERS {
                let headers = decoder.decode(&frame[FRAME_HEAD_BYTES..]).unwrap();
                let authority = headers.into_iter().find(|(name, _)| name == b":authority");
                found.push(String::from_utf8(authority.unwrap().1).unwrap());
            }
            rest = behind;
        }
        found
    }

    #[test]
    fn a_scheme_is_taken_from_every_authority_and_nothing_else_changes() {
        let mut encoder = Encoder::new();
        let data = frame(0, END_STREAM, &[7; 300]);
        let padded = [
            &[2][..],
            &[0; 5],
            &block(&mut encoder, b"http://h:1"),
            &[0; 2],
        ]
        .concat();
        let split = block(&mut encoder, b"http://h:1");
        let (first, second) = split.split_at(1);
        let sent = [
            PREFACE.to_vec(),
            frame(HEADERS, END_HEADERS | PADDED | PRIORITY, &padded),
            data.clone(),
            frame(HEADERS, END_STREAM, first),
            frame(CONTINUATION, END_HEADERS, second),
            frame(HEADERS, END_HEADERS, &block(&mut encoder, b"h:2")),
        ]
        .concat();
        let whole = pass(&sent, usize::MAX).unwrap();
        assert_eq!(authorities(&whole), ["h:1", "h:1", "h:2"]);
        assert!(whole.windows(data.len()).any(|window| window == data));
        assert_eq!(pass(&sent, 1).unwrap(), whole);
    }

    #[test]
    fn a_connection_without_a_scheme_passes_as_it_is() {
        let mut encoder = Encoder::new();
        let first = frame(HEADERS, END_HEADERS, &block(&mut encoder, b"h:1"));
        let sent = [PREFACE, &first, &frame(0, END_STREAM, &[7; 300])].concat();
        let later = frame(HEADERS, END_HEADERS, &block(&mut encoder, b"http://h:1"));
        let sent = [sent, later].concat();
        for at_once in [1, usize::MAX] {
            assert_eq!(pass(&sent, at_once).unwrap(), sent);
        }
    }

    #[test]
    fn another_protocol_passes_as_it_is() {
        for other in [
            &b"GET /health HTTP/1.1\r\n\r\n"[..],
            b"PRI * HTTP/1.1\r\n\r\n",
            b"\0\0\0",
        ] {
            assert_eq!(pass(other, 1).unwrap(), other);
        }
    }

    /// A few bytes once stood for gigabytes.
    #[test]
    fn a_small_block_that_says_much_is_refused() {
        let long = vec![b'x'; 4000];
        let mut bomb = Encoder::new().encode([(b"a".as_slice(), long.as_slice())]);
        // The newest of the table, again and again.
        bomb.extend([0x80 | 62; 10_000]);
        let first = frame(HEADERS, END_HEADERS, &bomb);
        let refused = pass(&[PREFACE, &first].concat(), usize::MAX);
        assert!(refused.unwrap_err().to_string().contains("too much"));
        // Nor may the table grow beyond what it was granted: 4,097 and 4,096 bytes, and then `:method: GET`.
        for (size, is_good) in [(0xe2, false), (0xe1, true)] {
            let block = [0x3f, size, 0x1f, 0x82];
            assert_eq!(decode(&mut decoder(), &block).is_ok(), is_good, "{size:x}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let bad = [
            frame(CONTINUATION, END_HEADERS, b"x"),
            frame(HEADERS, END_HEADERS | PADDED, &[9, 0]),
            frame(HEADERS, END_HEADERS | PADDED, &[]),
            frame(HEADERS, END_HEADERS, &[0xff; 20]),
        ];
        for frame in bad {
            assert!(
                pass(&[PREFACE, &frame].concat(), usize::MAX).is_err(),
                "{frame:?}"
            );
        }
    }
}
