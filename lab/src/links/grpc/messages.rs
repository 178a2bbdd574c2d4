//! Messages in a call's DATA frames, one way: each is a prefix of five bytes and a body, and frames begin and end anywhere in them.

use super::{Explain, Explained};
use crate::links::recogniser::Way;

/// Before each message: whether it is compressed u8 | length u32.
const PREFIX_LEN: usize = 5;

/// How far one way of a call has been walked through.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// What there is of a prefix that goes on in the next frame.
    prefix: Vec<u8>,
    /// What is to come of the body that has begun, and whether none of it has been seen.
    left: u64,
    is_new: bool,
    /// Where messages begin is not known any more: a part of a frame was not kept.
    is_lost: bool,
    /// What the newest one says.
    says: Option<Explained>,
}

impl Messages {
    /// A frame's data, of which `data` is kept and `len` bytes there are. What the newest message says that has begun so far, which is told the method
    /// and is shown what of it stands in the frame in which it begins.
    pub(super) fn walk(
        &mut self,
        (explain, method, way): (Explain, &str, Way),
        data: &[u8],
        len: u64,
    ) -> Option<Explained> {
        let mut rest = data;
        while !rest.is_empty() && !self.is_lost {
            if self.left == 0 {
                rest = self.begin(rest);
                let is_empty = self.is_new && self.left == 0;
                if is_empty {
                    self.is_new = false;
                    self.says = explain(method, way, &[]);
                }
                continue;
            }
            let body = usize::try_from(self.left).unwrap_or(usize::MAX);
            let body = &rest[..body.min(rest.len())];
            if std::mem::take(&mut self.is_new) {
                self.says = explain(method, way, body);
            }
            self.left -= body.len() as u64;
            rest = &rest[body.len()..];
        }
        let unseen = len.saturating_sub(data.len() as u64);
        if unseen > self.left {
            self.lose();
        }
        self.left = self.left.saturating_sub(unseen);
        self.says.clone()
    }

    /// A prefix begins or goes on; what is behind it.
    fn begin<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let missing = PREFIX_LEN - self.prefix.len();
        let (head, rest) = rest.split_at(missing.min(rest.len()));
        self.prefix.extend(head);
        if let Ok([compressed, l0, l1, l2, l3]) = <[u8; PREFIX_LEN]>::try_from(&self.prefix[..]) {
            self.prefix.clear();
            self.left = u32::from_be_bytes([l0, l1, l2, l3]).into();
            self.is_new = compressed == 0;
            self.says = None;
        }
        rest
    }

    /// Nothing more is known of this way.
    pub(super) fn lose(&mut self) {
        self.is_lost = true;
        self.says = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> Vec<u8> {
        let len = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[0], &len[..], body.as_bytes()].concat()
    }

    fn explain(_: &str, _: Way, message: &[u8]) -> Option<Explained> {
        let text = String::from_utf8_lossy(message).into_owned();
        Some((text.clone().into(), text))
    }

    fn said(messages: &mut Messages, data: &[u8], len: usize) -> Option<String> {
        let said = messages.walk((explain, "Method", Way::There), data, len as u64);
        said.map(|(_, text)| text)
    }

    #[test]
    fn messages_are_found_wherever_frames_are_cut() {
        let bytes = [
            message("one"),
            message(""),
            message("three"),
            message("four"),
        ]
        .concat();
        let begins = [(5, "o"), (12, ""), (18, "t"), (28, "f")];
        for cut in 0..=bytes.len() {
            let mut messages = Messages::default();
            let (first, second) = bytes.split_at(cut);
            said(&mut messages, first, first.len());
            let last = said(&mut messages, second, second.len()).unwrap();
            // The last one is shown what stands in the frame in which its body begins.
            assert!(
                !last.is_empty() && "four".starts_with(&last),
                "{cut}: {last}"
            );
        }
        // A frame for each byte: each message is told as soon as its body begins.
        let mut messages = Messages::default();
        for (at, byte) in bytes.iter().enumerate() {
            let told = said(&mut messages, &[*byte], 1);
            if let Some((_, text)) = begins.iter().find(|(begin, _)| *begin == at) {
                assert_eq!(told.as_deref(), Some(*text), "at {at}");
            }
        }
    }

    #[test]
    fn where_a_part_of_a_frame_is_not_kept_only_a_body_may_stand() {
        let long = message(&"x".repeat(20));
        let mut messages = Messages::default();
        assert!(said(&mut messages, &long[..10], long.len()).is_some());
        assert_eq!(said(&mut messages, &message("y"), 6).as_deref(), Some("y"));
        // More is missing than the body that has begun.
        assert_eq!(said(&mut messages, &long[..10], long.len() + 1), None);
        assert_eq!(said(&mut messages, &message("z"), 6), None);
    }
}
