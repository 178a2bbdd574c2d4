//! gRPC on a link: HTTP/2's frames (RFC 9113), and in them which method is called and how it ended.
//!
//! Only headers are looked at. Of a call one sees its method, how many bytes each message frame has, and its `grpc-status`;
//! settings, pings and window updates are housekeeping, which is left out. A system whose methods say too little may have what its
//! messages mean [explained](Explain).

mod messages;

use std::borrow::Cow;
use std::collections::BTreeMap;

use loona_hpack::Decoder;

use messages::Messages;

use super::recogniser::{
    NotUnderstood, Pieces, Protocol, Recogniser, Seen, Step, Way, begins_with,
};

/// What a client says first (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// So much of a frame's data is kept, and shown to who explains messages.
const EXPLAINED_MAX: usize = 16 << 10;
/// Before each frame: length u24 | type u8 | flags u8 | stream u32.
const HEAD_LEN: usize = 9;
/// The longest frame that is kept to be understood. 2^14 is the least that everybody must accept, and what everybody uses.
const FRAME_MAX: usize = 1 << 16;
/// A connection has no more calls under way that are told apart.
const CALLS_MAX: usize = 1000;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Names of `grpc-status`, in their order.
const STATUSES: [&str; 17] = [
    "ok",
    "cancelled",
    "unknown",
    "invalid argument",
    "deadline exceeded",
    "not found",
    "already exists",
    "permission denied",
    "resource exhausted",
    "failed precondition",
    "aborted",
    "out of range",
    "unimplemented",
    "internal",
    "unavailable",
    "data loss",
    "unauthenticated",
];

/// gRPC; messages are labelled by the method that they belong to, and answers by their status.
pub(super) const GRPC: Protocol = Protocol {
    begins,
    recogniser: || recogniser(|_, _, _| None),
};

/// What a message says, of which there may be the beginning only: its label, and a phrase. None: its method and its length have to do. It is
/// told the method as it is written in the path.
pub type Explain = fn(method: &str, way: Way, message: &[u8]) -> Option<Explained>;
type Explained = (Cow<'static, str>, String);

/// Whether a connection that begins so speaks HTTP/2.
pub fn begins(first: &[u8]) -> Option<bool> {
    begins_with(first, PREFACE)
}

/// What understands gRPC whose messages are explained.
pub fn recogniser(explain: Explain) -> Box<dyn Recogniser> {
    Box::new(Grpc {
        explain,
        there: Side::default(),
        back: Side::default(),
        calls: BTreeMap::new(),
    })
}

/// One connection.
struct Grpc {
    explain: Explain,
    there: Side,
    back: Side,
    calls: BTreeMap<u32, Call>,
}

/// One way of it.
#[derive(Default)]
struct Side {
    pieces: Pieces,
    begun: bool,
    headers: Decoder<'static>,
    /// A header block that goes on in another frame, and the flags that it began with.
    unfinished: Option<(Vec<u8>, u8)>,
}

#[derive(Default)]
struct Call {
    /// As it is spelt for people, and as it is called.
    method: String,
    name: String,
    /// There and back.
    messages: [Messages; 2],
    /// What the answer says.
    says: Option<Explained>,
    /// Whether the caller has said all.
    asked_all: bool,
    /// Bytes of the answer so far.
    answered: u64,
    /// An answer that may turn out to be the only one, and where it ends. Then the end of the call speaks for both.
    held: Option<Seen>,
}

/// The head of a frame, and what of its payload had to be read.
struct Frame<'a> {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: &'a [u8],
    len: u64,
    /// Where in the connection it ends.
    end: u64,
}

impl Recogniser for Grpc {
    fn feed(&mut self, way: Way, bytes: &[u8], seen: &mut Vec<Seen>) -> Result<(), NotUnderstood> {
        let side = match way {
            Way::There => &mut self.there,
            Way::Back => &mut self.back,
        };
        let Side {
            pieces,
            begun,
            headers,
            unfinished,
        } = side;
        let (calls, explain) = (&mut self.calls, self.explain);
        pieces.cut(bytes, |rest, at| {
            if !std::mem::replace(begun, true) && way == Way::There {
                // It was looked at when the protocol was chosen.
                let head = PREFACE.len();
                return Ok(Step::Took { head, skip: 0 });
            }
            let Some((frame, step)) = Frame::read(rest, at)? else {
                return Ok(Step::More);
            };
            if let Some((block, flags)) = header_block(&frame, unfinished)? {
                let fields = headers.decode(&block).map_err(|_| NotUnderstood)?;
                let fields = fields.iter().map(|(k, v)| (k.as_slice(), v.as_slice()));
                took_headers(calls, way, &frame, flags, fields, seen);
            } else if frame.kind == DATA {
                took_data(calls, explain, way, &frame, seen);
            } else if frame.kind == RST_STREAM
                && let Some(call) = calls.remove(&frame.stream)
            {
                seen.extend(call.held);
                let text = format!("{} is given up", call.method);
                seen.push(message("cancelled", text, frame.end));
            }
            Ok(step)
        })
    }
}

impl<'a> Frame<'a> {
    /// The frame that begins here; nothing while there are too few bytes.
    fn read(rest: &'a [u8], at: u64) -> Result<Option<(Frame<'a>, Step)>, NotUnderstood> {
        let Some(&[l0, l1, l2, kind, flags, s0, s1, s2, s3]) = rest.first_chunk() else {
            return Ok(None);
        };
        let len = u32::from_be_bytes([0, l0, l1, l2]);
        let frame = Frame {
            kind,
            flags,
            stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]),
            payload: &[],
            len: len.into(),
            end: at + HEAD_LEN as u64 + u64::from(len),
        };
        let whole = usize::try_from(len).unwrap_or(usize::MAX);
        let wanted = match kind {
            HEADERS | CONTINUATION if HEAD_LEN + whole > FRAME_MAX => return Err(NotUnderstood),
            HEADERS | CONTINUATION => whole,
            DATA => whole.min(EXPLAINED_MAX),
            _ => 0,
        };
        let head = HEAD_LEN + wanted;
        let skip = u64::from(len) - wanted as u64;
        let payload = rest.get(HEAD_LEN..head);
        Ok(payload.map(|payload| (Frame { payload, ..frame }, Step::Took { head, skip })))
    }

    /// A DATA frame's data without padding: what of it is kept, and how long it is. None where the padding is not.
    fn data(&self) -> Option<(&'a [u8], u64)> {
        if self.flags & PADDED == 0 {
            return Some((self.payload, self.len));
        }
        let (padding, data) = self.payload.split_first()?;
        let is_whole = self.payload.len() as u64 == self.len;
        let len = data.len().checked_sub(usize::from(*padding))?;
        is_whole.then_some((&data[..len], len as u64))
    }
}

/// A whole header block, and the flags of the frame that it began in.
type HeaderBlock<'a> = (Cow<'a, [u8]>, u8);

/// The header block that is complete with this frame.
fn header_block<'a>(
    frame: &Frame<'a>,
    unfinished: &mut Option<(Vec<u8>, u8)>,
) -> Result<Option<HeaderBlock<'a>>, NotUnderstood> {
    let (block, flags) = match frame.kind {
        HEADERS => {
            let mut block = frame.payload;
            let mut padding = 0;
            if frame.flags & PADDED != 0 {
                let (len, rest) = block.split_first().ok_or(NotUnderstood)?;
                (padding, block) = (usize::from(*len), rest);
            }
            if frame.flags & PRIORITY != 0 {
                block = block.get(5..).ok_or(NotUnderstood)?;
            }
            let len = block.len().checked_sub(padding).ok_or(NotUnderstood)?;
            (Cow::Borrowed(&block[..len]), frame.flags)
        }
        CONTINUATION => {
            let (mut block, flags) = unfinished.take().ok_or(NotUnderstood)?;
            block.extend(frame.payload);
            (Cow::Owned(block), flags)
        }
        _ => return Ok(None),
    };
    if block.len() > FRAME_MAX {
        return Err(NotUnderstood);
    }
    if frame.flags & END_HEADERS == 0 {
        *unfinished = Some((block.into_owned(), flags));
        return Ok(None);
    }
    Ok(Some((block, flags)))
}

fn took_headers<'a>(
    calls: &mut BTreeMap<u32, Call>,
    way: Way,
    frame: &Frame<'_>,
    flags: u8,
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    seen: &mut Vec<Seen>,
) {
    let wanted = match way {
        Way::There => b":path".as_slice(),
        Way::Back => b"grpc-status",
    };
    let value = fields.filter(|(name, _)| *name == wanted).last();
    let value = value.map(|(_, value)| String::from_utf8_lossy(value));
    let ends = flags & END_STREAM != 0;
    match (way, value) {
        (Way::There, Some(path)) => {
            let name = path.rsplit('/').next().unwrap_or_default();
            let method = spell(name);
            if ends {
                seen.push(message(method.clone(), method.clone(), frame.end));
            }
            if calls.len() >= CALLS_MAX {
                calls.pop_first();
            }
            let call = Call {
                method,
                name: name.to_owned(),
                asked_all: ends,
                ..Call::default()
            };
            calls.insert(frame.stream, call);
        }
        (Way::Back, status) if ends => {
            let Some(call) = calls.remove(&frame.stream) else {
                return;
            };
            let status = status.and_then(|status| status.parse::<usize>().ok());
            let status = status.and_then(|status| STATUSES.get(status).copied());
            let status = status.unwrap_or("unknown");
            let Call {
                method,
                answered,
                says,
                ..
            } = call;
            seen.push(match says.filter(|_| status == STATUSES[0]) {
                Some((label, text)) => message(label, text, frame.end),
                None => {
                    let text = format!("{method}: {status}, {answered} bytes");
                    message(status, text, frame.end)
                }
            });
        }
        _ => {}
    }
}

fn took_data(
    calls: &mut BTreeMap<u32, Call>,
    explain: Explain,
    way: Way,
    frame: &Frame<'_>,
    seen: &mut Vec<Seen>,
) {
    let Some(call) = calls.get_mut(&frame.stream) else {
        return;
    };
    if way == Way::There && frame.flags & END_STREAM != 0 {
        call.asked_all = true;
    }
    if frame.len == 0 {
        return;
    }
    let says = call.listen(explain, way, frame);
    let (method, len) = (&call.method, frame.len);
    match way {
        Way::There => {
            let (label, text) = says.unwrap_or_else(|| {
                let text = format!("{method}, {len} bytes");
                (method.clone().into(), text)
            });
            seen.push(message(label, text, frame.end));
        }
        // On a stream that goes both ways each answer stands for itself; else the last one is told with the call's status.
        Way::Back if !call.asked_all => {
            let (label, text) = says.unwrap_or_else(|| {
                let text = format!("{method}: answers, {len} bytes");
                ("answer".into(), text)
            });
            seen.push(message(label, text, frame.end));
        }
        Way::Back => {
            call.answered += len;
            let (label, text) = says.clone().unwrap_or_else(|| {
                let text = format!("{method}: a part of the answer, {len} bytes");
                ("answer".into(), text)
            });
            call.says = says;
            seen.extend(call.held.replace(message(label, text, frame.end)));
        }
    }
}

impl Call {
    /// Has the messages explained that begin in this frame; what the newest one says.
    fn listen(&mut self, explain: Explain, way: Way, frame: &Frame<'_>) -> Option<Explained> {
        let messages = &mut self.messages[way as usize];
        let Some((data, len)) = frame.data() else {
            messages.lose();
            return None;
        };
        messages.walk((explain, &self.name, way), data, len)
    }
}

fn message(label: impl Into<Cow<'static, str>>, text: String, end: u64) -> Seen {
    let label = label.into();
    Seen { label, text, end }
}

/// `BlockReport` is `block report`, and `SendHeartbeat` is `heartbeat`: everything is sent here.
fn spell(method: &str) -> String {
    let mut words = String::new();
    for c in method.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words.strip_prefix("send ").unwrap_or(&words).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    use node::Rng;

    use crate::links::recogniser::Conversation;
    use crate::links::recogniser::tests::seen;

    /// A DataNode registers, reports its blocks, and sends heartbeats. Lines of a way and of bytes, as they passed.
    const DATANODE: &str = include_str!("captured/datanode.txt");
    /// A client looks for two files, and wants a block size that the server refuses.
    const REFUSED: &str = include_str!("captured/refused.txt");

    fn captured(text: &str) -> Vec<(Way, Vec<u8>)> {
        let line = |line: &str| {
            let (way, hex) = line.split_once(' ').unwrap();
            let (digits, _) = hex.as_bytes().as_chunks::<2>();
            let byte = |digits: &[u8; 2]| {
                u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()
            };
            let way = if way == ">" { Way::There } else { Way::Back };
            (way, digits.iter().map(byte).collect())
        };
        text.lines().map(line).collect()
    }

    #[test]
    fn a_datanode_is_understood_wherever_its_bytes_are_split() {
        let conversation = captured(DATANODE);
        let longest = conversation.iter().map(|(_, bytes)| bytes.len()).max();
        for split in 0..=longest.unwrap() {
            let told = seen(&[GRPC], &conversation, split);
            let expected = [
                "there register datanode, 53 bytes",
                "back ok: register datanode: ok, 23 bytes",
                "there heartbeat, 64 bytes",
                "back ok: heartbeat: ok, 11 bytes",
                "there block report, 25 bytes",
                "back ok: block report: ok, 5 bytes",
                "there heartbeat, 62 bytes",
                "back ok: heartbeat: ok, 5 bytes",
                "there heartbeat, 62 bytes",
                "back ok: heartbeat: ok, 5 bytes",
                "there heartbeat, 62 bytes",
                "back ok: heartbeat: ok, 5 bytes",
            ];
            assert_eq!(told.texts, expected, "split at {split}");
        }
    }

    #[test]
    fn a_refusal_is_told_by_its_status() {
        let conversation = captured(REFUSED);
        let longest = conversation.iter().map(|(_, bytes)| bytes.len()).max();
        for split in 0..=longest.unwrap() {
            let told = seen(&[GRPC], &conversation, split);
            let expected = [
                "there get file info, 9 bytes",
                "back ok: get file info: ok, 5 bytes",
                "there get file info, 9 bytes",
                "back ok: get file info: ok, 5 bytes",
                "there create, 81 bytes",
                "back invalid argument: create: invalid argument, 0 bytes",
            ];
            assert_eq!(told.texts, expected, "split at {split}");
        }
    }

    #[test]
    fn what_a_message_says_is_explained_wherever_its_bytes_are_split() {
        const EXPLAINED: Protocol = Protocol {
            begins,
            recogniser: || {
                recogniser(|method, way, message| match (method, way) {
                    ("SendHeartbeat", Way::There) => {
                        Some(("beat".into(), format!("beat of {} bytes", message.len())))
                    }
                    ("BlockReport", Way::Back) => Some(("thanks".into(), "thanks".to_owned())),
                    _ => None,
                })
            },
        };
        let conversation = captured(DATANODE);
        let longest = conversation.iter().map(|(_, bytes)| bytes.len()).max();
        for split in 0..=longest.unwrap() {
            let told = seen(&[EXPLAINED, GRPC], &conversation, split);
            let expected = [
                "there register datanode, 53 bytes",
                "back ok: register datanode: ok, 23 bytes",
                "there beat of 59 bytes",
                "back ok: heartbeat: ok, 11 bytes",
                "there block report, 25 bytes",
                "back thanks",
            ];
            let texts: Vec<String> = (told.texts.into_iter())
                .map(|text| text.replace("beat: beat", "beat"))
                .collect();
            assert_eq!(texts[..expected.len()], expected, "split at {split}");
        }
    }

    #[test]
    fn damaged_bytes_are_bytes_and_no_panic() {
        let mut rng = Rng::new(1);
        for _ in 0..2000 {
            let mut conversation = Conversation::new([GRPC].into());
            for (way, mut bytes) in captured(DATANODE) {
                for _ in 0..rng.index(3) {
                    let at = rng.index(bytes.len());
                    bytes[at] = u8::try_from(rng.below(256)).unwrap();
                }
                conversation.feed(way, &bytes);
            }
        }
    }

    #[test]
    fn methods_are_spelt_as_words() {
        assert_eq!(spell("SendHeartbeat"), "heartbeat");
        assert_eq!(
            spell("BlockReceivedAndDeleted"),
            "block received and deleted"
        );
        assert_eq!(spell(""), "");
    }
}
