//! What passes over a connection, as messages: who understands the bytes, and how.
//!
//! The relay carries bytes and changes none. Beside it a [`Recogniser`] reads along and says where messages end and what they are. gRPC is
//! understood for every system (`grpc.rs`); a protocol of its own a system explains by a [`Protocol`]. What nobody understands is
//! bytes, and is shown as such.

use std::borrow::Cow;
use std::sync::Arc;

/// A connection's first bytes say no more than this about its protocol.
const FIRST_MAX: usize = 64;
/// Nor does whoever was dialled say more before he is spoken to.
const BACK_MAX: usize = 1024;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From whoever dialled.
    There,
    /// To him.
    Back,
}

/// A message that was seen to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its class, by which it is coloured and filtered: `heartbeat`.
    pub label: Cow<'static, str>,
    /// What it is, as a phrase.
    pub text: String,
    /// Bytes of its way from the beginning of the connection to the end of the message.
    pub end: u64,
}

/// The bytes are not of the protocol that they began with, or of a part of it that the recogniser does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUnderstood;

/// Understands what passes over one connection.
pub trait Recogniser: Send {
    /// Bytes pass one way, in pieces of any size. Adds to `seen` what begins in them.
    ///
    /// # Errors
    /// When they make no sense. It is not asked again.
    fn feed(&mut self, way: Way, bytes: &[u8], seen: &mut Vec<Seen>) -> Result<(), NotUnderstood>;
}

/// A protocol, and how it is told from others.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// Whether a connection on which whoever dialled first says `first` speaks it; none while these are too few bytes to tell.
    pub begins: fn(first: &[u8]) -> Option<bool>,
    /// What understands such a connection.
    pub recogniser: fn() -> Box<dyn Recogniser>,
}

/// Whether `first` begins with `prefix`; none while it may come to.
pub fn begins_with(first: &[u8], prefix: &[u8]) -> Option<bool> {
    let len = first.len().min(prefix.len());
    match first[..len] == prefix[..len] {
        true if len < prefix.len() => None,
        same => Some(same),
    }
}

enum Understanding {
    /// These were the first bytes, there and back.
    Undecided(Vec<u8>, Vec<u8>),
    Yes(Box<dyn Recogniser>),
    No,
}

/// One connection, both ways.
pub(super) struct Conversation {
    protocols: Arc<[Protocol]>,
    understanding: Understanding,
    /// Bytes so far, there and back.
    passed: [u64; 2],
}

impl Conversation {
    /// A connection that speaks one of `protocols`, or something else.
    pub(super) fn new(protocols: Arc<[Protocol]>) -> Conversation {
        Conversation {
            protocols,
            understanding: Understanding::Undecided(Vec::new(), Vec::new()),
            passed: [0; 2],
        }
    }

    /// Bytes pass. Returns what begins in them.
    pub(super) fn feed(&mut self, way: Way, bytes: &[u8]) -> Vec<Seen> {
        self.passed[way as usize] += bytes.len() as u64;
        let mut seen = Vec::new();
        match (&mut self.understanding, way) {
            (Understanding::Undecided(first, _), Way::There) => {
                first.extend(bytes);
                return self.decide(way);
            }
            // An HTTP/2 server may be the first to speak, but it does not say much.
            (Understanding::Undecided(_, back), Way::Back) => {
                back.extend(bytes);
                return match back.len() > BACK_MAX {
                    true => self.decide(way),
                    false => seen,
                };
            }
            (Understanding::Yes(recogniser), _) => {
                if recogniser.feed(way, bytes, &mut seen).is_err() {
                    self.understanding = Understanding::No;
                }
            }
            (Understanding::No, _) => {}
        }
        if matches!(self.understanding, Understanding::No) && !bytes.is_empty() {
            seen.push(self.plain(way, bytes.len()));
        }
        seen
    }

    /// Looks whether the first bytes are enough to know the protocol. Returns what begins in those of `way`, by whose coming it was
    /// asked.
    fn decide(&mut self, way: Way) -> Vec<Seen> {
        let Understanding::Undecided(first, back) = &mut self.understanding else {
            return Vec::new();
        };
        let begins = self.protocols.iter().map(|p| (p, (p.begins)(first)));
        let begins: Vec<_> = begins.collect();
        let spoken = begins.iter().find(|(_, begins)| *begins == Some(true));
        let short = first.len() < FIRST_MAX && back.len() <= BACK_MAX;
        let waits = short && begins.iter().any(|(_, begins)| begins.is_none());
        if spoken.is_none() && waits {
            return Vec::new();
        }
        let (first, back) = (std::mem::take(first), std::mem::take(back));
        self.understanding = match spoken {
            Some((protocol, _)) => Understanding::Yes((protocol.recogniser)()),
            None => Understanding::No,
        };
        self.passed = [0; 2];
        let mut seen = Vec::new();
        for (of, bytes) in [(Way::There, first), (Way::Back, back)] {
            let began = self.feed(of, &bytes);
            seen.extend(began.into_iter().filter(|_| of == way));
        }
        seen
    }

    fn plain(&self, way: Way, len: usize) -> Seen {
        Seen {
            label: "bytes".into(),
            text: format!("{len} bytes"),
            end: self.passed[way as usize],
        }
    }
}

/// How far a parser of one way got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It needs more bytes to understand the next piece.
    More,
    /// It understood so many bytes; what follows, `skip` bytes, needs no understanding.
    Took {
        /// These.
        head: usize,
        /// And these.
        skip: u64,
    },
}

/// Cuts one way of a connection into the pieces that a parser asks for. Bulk data is neither looked at nor copied.
#[derive(Debug, Default)]
pub struct Pieces {
    /// What was not enough.
    kept: Vec<u8>,
    skip: u64,
    /// Where in the connection the next piece begins.
    at: u64,
}

impl Pieces {
    /// Hands `bytes` to `parse`, together with what was kept, until they are used up or too few. `parse` is also told where
    /// in the connection they begin.
    ///
    /// # Errors
    /// That of `parse`.
    pub fn cut(
        &mut self,
        bytes: &[u8],
        mut parse: impl FnMut(&[u8], u64) -> Result<Step, NotUnderstood>,
    ) -> Result<(), NotUnderstood> {
        let mut joined = std::mem::take(&mut self.kept);
        let mut rest = match joined.is_empty() {
            true => bytes,
            false => {
                joined.extend(bytes);
                &joined
            }
        };
        loop {
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX);
            let skipped = skipped.min(rest.len());
            (rest, self.skip) = (&rest[skipped..], self.skip - skipped as u64);
            self.at += skipped as u64;
            if rest.is_empty() {
                return Ok(());
            }
            match parse(rest, self.at)? {
                Step::More => {
                    self.kept = rest.to_vec();
                    return Ok(());
                }
                Step::Took { head, skip } => {
                    (rest, self.skip) = (&rest[head..], skip);
                    self.at += head as u64;
                }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What was seen of a conversation: its way, label and text in a line for each message, and where the last one of each way
    /// ends.
    pub(crate) struct Told {
        pub(crate) texts: Vec<String>,
        pub(crate) ends: [u64; 2],
    }

    /// What is seen when `pieces` pass, each split at `split`.
    pub(crate) fn seen(protocols: &[Protocol], pieces: &[(Way, Vec<u8>)], split: usize) -> Told {
        let mut conversation = Conversation::new(protocols.into());
        let (mut texts, mut ends) = (Vec::new(), [0; 2]);
        for (way, bytes) in pieces {
            let (head, tail) = bytes.split_at(split.min(bytes.len()));
            for part in [head, tail].into_iter().filter(|part| !part.is_empty()) {
                for Seen { label, text, end } in conversation.feed(*way, part) {
                    let name = match way {
                        Way::There => "there",
                        Way::Back => "back",
                    };
                    // Most texts begin with the label.
                    let text = match text.strip_prefix(&*label) {
                        Some(rest) if rest.starts_with([':', ',']) || rest.is_empty() => text,
                        _ => format!("{label}: {text}"),
                    };
                    texts.push(format!("{name} {text}"));
                    ends[*way as usize] = ends[*way as usize].max(end);
                }
            }
        }
        Told { texts, ends }
    }

    #[test]
    fn what_nobody_understands_is_bytes() {
        let talk = |pieces: &[(Way, &str)]| {
            let pieces = pieces
                .iter()
                .map(|(way, text)| (*way, text.as_bytes().to_vec()));
            seen(&[], &pieces.collect::<Vec<_>>(), 99)
        };
        let told = talk(&[(Way::There, "hello"), (Way::Back, "hi"), (Way::There, "x")]);
        let expected = [
            "there bytes: 5 bytes",
            "back bytes: 2 bytes",
            "there bytes: 1 bytes",
        ];
        assert_eq!(
            (told.texts.as_slice(), told.ends),
            (&expected.map(str::to_owned)[..], [6, 2])
        );
        let told = talk(&[(Way::Back, "220 ready"), (Way::There, "x")]);
        assert_eq!(
            told.texts,
            ["there bytes: 1 bytes"],
            "what was held back is not told"
        );
    }

    #[test]
    fn pieces_are_joined_and_bulk_is_skipped() {
        // A length, then as many bytes that nobody looks at.
        for split in 0..9 {
            let (mut pieces, mut heads) = (Pieces::default(), Vec::new());
            let bytes = [0, 3, 9, 9, 9, 0, 1, 9, 0];
            for part in [&bytes[..split], &bytes[split..]] {
                let cut = pieces.cut(part, |rest, at| {
                    let Some(&[high, low]) = rest.first_chunk() else {
                        return Ok(Step::More);
                    };
                    heads.push((at, low));
                    let skip = u16::from_be_bytes([high, low]).into();
                    Ok(Step::Took { head: 2, skip })
                });
                assert_eq!(cut, Ok(()));
            }
            assert_eq!(heads, [(0, 3), (5, 1)], "split at {split}");
        }
    }
}
