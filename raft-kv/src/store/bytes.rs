//! Keys and values: bytes that many may hold at once. A range hands out references, and copies nothing under the store's lock.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt::{self, Debug};
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many bytes stand in a [`Bytes`] itself: as many as it takes no more room for.
const SHORT_MAX: usize = 22;

/// Immutable bytes; a clone is another reference. Short ones, as most keys are, stand where the reference would: to compare keys on the way
/// through a tree, nothing else has to be fetched from memory.
#[derive(Clone)]
pub struct Bytes(Held);

#[derive(Clone)]
enum Held {
    Short { len: u8, bytes: [u8; SHORT_MAX] },
    Long(Arc<[u8]>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Held::Short { len, bytes } => &bytes[..usize::from(*len)],
            Held::Long(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Bytes {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl Default for Bytes {
    fn default() -> Bytes {
        Bytes::from(&[][..])
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Bytes) -> bool {
        **self == **other
    }
}

impl Eq for Bytes {}

impl PartialOrd for Bytes {
    fn partial_cmp(&self, other: &Bytes) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bytes {
    fn cmp(&self, other: &Bytes) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl From<&[u8]> for Bytes {
    fn from(from: &[u8]) -> Bytes {
        let mut bytes = [0; SHORT_MAX];
        Bytes(
            match (bytes.get_mut(..from.len()), u8::try_from(from.len())) {
                (Some(short), Ok(len)) => {
                    short.copy_from_slice(from);
                    Held::Short { len, bytes }
                }
                _ => Held::Long(from.into()),
            },
        )
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        bytes.as_slice().into()
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Bytes {
        text.as_bytes().into()
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Bytes {
        text.as_bytes().into()
    }
}

impl Debug for Bytes {
    /// As text where it is one: `"foo\x00"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        deserializer.deserialize_bytes(BytesVisitor)
    }
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_ones_are_alike() {
        assert_eq!(size_of::<Bytes>(), 24);
        let text = vec![7; 3 * SHORT_MAX];
        for len in 0..text.len() {
            let (bytes, more) = (Bytes::from(&text[..len]), Bytes::from(&text[..=len]));
            assert_eq!(*bytes, text[..len]);
            assert!(bytes < more && bytes == bytes.clone() && bytes != more);
            let encoded = postcard::to_stdvec(&bytes).unwrap();
            assert_eq!(postcard::from_bytes::<Bytes>(&encoded), Ok(bytes));
        }
        assert!(Bytes::default().is_empty());
        assert!(Bytes::from("b") > Bytes::from(text));
    }
}
