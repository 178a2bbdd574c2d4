//! Keys in lines, and fields in keys: what goes to which reduce, and in which order.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use crate::datum::First;
use crate::job::{JobError, Settings};
use crate::partition::{Partitioner, hash};

/// A line becomes a key and a value at a separator, not always at the first one.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    separator: Vec<u8>,
    /// How many fields the key has.
    fields: usize,
}

impl Cut {
    /// As `stream.map.output.field.separator` and `stream.num.map.output.key.fields` say it of maps, and those of reduces of reduces.
    pub(super) fn of(settings: &Settings, who: &str) -> Result<Cut, JobError> {
        let fields = format!("stream.num.{who}.output.key.fields");
        Ok(Cut {
            separator: separator(settings, &format!("stream.{who}.output.field.separator"))?,
            fields: settings.parse(&fields, 1)?,
        })
    }

    /// Where there are fewer separators, all is key.
    pub(super) fn key_and_value<'a>(&self, line: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let (mut from, mut left) = (0, self.fields);
        while let Some(at) = find(&line[from..], &self.separator) {
            let (end, next) = (from + at, from + at + self.separator.len());
            if left <= 1 {
                return (&line[..end], &line[next..]);
            }
            (from, left) = (next, left - 1);
        }
        (line, &[])
    }
}

/// A separator that a setting names; a tab if it does not.
pub(super) fn separator(settings: &Settings, name: &str) -> Result<Vec<u8>, JobError> {
    match settings.get(name) {
        Some("") => Err(super::wrong(format!("{name} is empty"))),
        Some(separator) => Ok(separator.as_bytes().to_vec()),
        None => Ok(b"\t".to_vec()),
    }
}

fn find(text: &[u8], separator: &[u8]) -> Option<usize> {
    match separator {
        [byte] => memchr(*byte, text),
        _ => memmem::find(text, separator),
    }
}

/// A part of a key, as `sort -k` names it: `2,3nr` is fields 2 and 3, as a number, the largest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    /// A field and a byte in it, both counted from 1.
    from: (usize, usize),
    /// The last one. Byte 0 is the field's last; without it, the part goes on to the key's end.
    to: Option<(usize, usize)>,
    is_number: bool,
    is_reverse: bool,
}

/// Parts of a key: what `KeyFieldBasedPartitioner` and `KeyFieldBasedComparator` look at.
#[derive(Clone, Debug)]
pub(super) struct KeyParts {
    separator: Vec<u8>,
    parts: Vec<Part>,
}

impl KeyParts {
    /// Of options such as `-k1,2 -k3nr`; `-n` and `-r` alone hold for the parts that say nothing themselves. None of them is the whole key.
    pub(super) fn parse(options: &str, separator: Vec<u8>) -> Result<KeyParts, String> {
        let wrong =
            || format!("{options:?}: it takes -kFIELD[.BYTE][nr][,FIELD[.BYTE]][nr], -n and -r");
        let (mut parts, mut all) = (Vec::new(), (false, false));
        let mut words = options.split_whitespace();
        while let Some(word) = words.next() {
            if let Some(part) = word.strip_prefix("-k") {
                // The number may stand apart: -k 1,2.
                let part = if part.is_empty() {
                    words.next()
                } else {
                    Some(part)
                };
                parts.push(part.and_then(Part::parse).ok_or_else(wrong)?);
            } else {
                let flags = word.strip_prefix('-').filter(|flags| !flags.is_empty());
                let (is_number, is_reverse) = flags.and_then(parse_flags).ok_or_else(wrong)?;
                all = (all.0 || is_number, all.1 || is_reverse);
            }
        }
        if parts.is_empty() {
            parts.push(Part {
                from: (1, 1),
                to: None,
                is_number: false,
                is_reverse: false,
            });
        }
        for part in &mut parts {
            if !part.is_number && !part.is_reverse {
                (part.is_number, part.is_reverse) = all;
            }
        }
        Ok(KeyParts { separator, parts })
    }

    /// What of the key a part is; nothing where the key has no such field.
    fn text<'a>(&self, part: Part, key: &'a [u8]) -> &'a [u8] {
        let begin = self
            .field(key, part.from.0)
            .map(|field| field.0 + part.from.1 - 1);
        let end = match part.to {
            None => key.len(),
            Some((field, byte)) => match self.field(key, field) {
                None => key.len(),
                Some((_, end)) if byte == 0 => end,
                Some((begin, _)) => key.len().min(begin + byte),
            },
        };
        begin.and_then(|begin| key.get(begin..end)).unwrap_or(&[])
    }

    /// Where a field begins and ends.
    fn field(&self, key: &[u8], number: usize) -> Option<(usize, usize)> {
        let mut begin = 0;
        for _ in 1..number {
            begin += find(&key[begin..], &self.separator)? + self.separator.len();
        }
        let length = find(&key[begin..], &self.separator);
        Some((begin, length.map_or(key.len(), |length| begin + length)))
    }

    /// Makes a key of which the bytes have the order that the parts ask for: they stand in front of it, each in a form that says where it ends.
    /// [`own_key`] takes it back.
    pub(super) fn sorting_key(&self, key: &[u8], out: &mut Vec<u8>) {
        out.clear();
        for part in &self.parts {
            let (begin, text) = (out.len(), self.text(*part, key));
            if part.is_number {
                number(text, out);
            } else {
                <Vec<u8> as First>::encode_closed(Cow::Borrowed(text), out);
            }
            if part.is_reverse {
                out[begin..].iter_mut().for_each(|byte| *byte = !*byte);
            }
        }
        out.extend_from_slice(key);
        out.extend_from_slice(&(key.len() as u64).to_be_bytes());
    }
}

/// The key of which [`KeyParts::sorting_key`] made this one; nothing if it did not.
pub(super) fn own_key(sorting: &[u8]) -> Option<&[u8]> {
    let (rest, length) = sorting.split_last_chunk::<8>()?;
    let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
    rest.get(rest.len().checked_sub(length)?..)
}

impl Part {
    fn parse(text: &str) -> Option<Part> {
        let (from, to) = match text.split_once(',') {
            Some((from, to)) => (from, Some(to)),
            None => (text, None),
        };
        let (from, flags) = position(from, 1)?;
        let (to, more) = match to {
            Some(to) => position(to, 0).map(|(to, flags)| (Some(to), flags))?,
            None => (None, (false, false)),
        };
        (from.1 > 0).then_some(Part {
            from,
            to,
            is_number: flags.0 || more.0,
            is_reverse: flags.1 || more.1,
        })
    }
}

/// `FIELD[.BYTE][nr]`.
fn position(text: &str, byte: usize) -> Option<((usize, usize), (bool, bool))> {
    let end = text.find(['n', 'r']).unwrap_or(text.len());
    let (numbers, flags) = text.split_at(end);
    let (field, byte) = match numbers.split_once('.') {
        Some((field, byte)) => (field, byte.parse().ok()?),
        None => (numbers, byte),
    };
    let field = field.parse().ok().filter(|field| *field > 0)?;
    Some(((field, byte), parse_flags(flags)?))
}

/// Whether there is an `n`, and whether an `r`.
fn parse_flags(flags: &str) -> Option<(bool, bool)> {
    let are_known = flags.chars().all(|flag| matches!(flag, 'n' | 'r'));
    are_known.then(|| (flags.contains('n'), flags.contains('r')))
}

/// Appends what a text begins with as a number, in bytes of a number's order, of any length. What is no number is zero, as for `sort -n`.
fn number(text: &[u8], out: &mut Vec<u8>) {
    let (is_negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (whole, rest) = text.split_at(digits(text));
    let fraction = match rest {
        [b'.', rest @ ..] => &rest[..digits(rest)],
        _ => &[],
    };
    let zeros = whole.iter().take_while(|digit| **digit == b'0').count();
    let whole = &whole[zeros..];
    let end = fraction.iter().rposition(|digit| *digit != b'0');
    let fraction = &fraction[..end.map_or(0, |end| end + 1)];
    if whole.is_empty() && fraction.is_empty() {
        out.push(1);
        return;
    }
    let begin = out.len() + 1;
    out.push(2);
    out.extend_from_slice(&(whole.len() as u64).to_be_bytes());
    out.extend_from_slice(whole);
    out.extend_from_slice(fraction);
    out.push(0);
    if is_negative {
        out[begin - 1] = 0;
        out[begin..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

/// Says which reduce gets a key, by parts of it or by all.
#[derive(Debug)]
pub(super) struct FieldPartitioner {
    /// Nothing: by all.
    pub(super) parts: Option<KeyParts>,
    /// Whether keys are made for sorting.
    pub(super) is_sorting: bool,
}

impl Partitioner for FieldPartitioner {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "what is below a u32 is one"
    )]
    fn partition(&self, key: &[u8], reduces: u32) -> u32 {
        let own = if self.is_sorting { own_key(key) } else { None };
        let key = own.unwrap_or(key);
        let hash = match &self.parts {
            None => hash(key),
            Some(keys) => (keys.parts.iter()).fold(0_u64, |all, part| {
                all.rotate_left(5) ^ hash(keys.text(*part, key))
            }),
        };
        (hash % u64::from(reduces)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(separator: &str, fields: usize) -> Cut {
        Cut {
            separator: separator.as_bytes().to_vec(),
            fields,
        }
    }

    #[test]
    fn a_line_is_cut_at_its_nth_separator() {
        let check = |cut: Cut, line: &'static str, key: &str, value: &str| {
            let found = cut.key_and_value(line.as_bytes());
            assert_eq!(found, (key.as_bytes(), value.as_bytes()), "{line}");
        };
        check(cut("\t", 1), "a\tb\tc", "a", "b\tc");
        check(cut("\t", 1), "a", "a", "");
        check(cut("\t", 1), "a\t", "a", "");
        check(cut("\t", 1), "\tb", "", "b");
        check(cut("\t", 1), "", "", "");
        check(cut("\t", 0), "a\tb", "a", "b");
        check(cut(".", 4), "11.12.1.2.x.y", "11.12.1.2", "x.y");
        check(cut(".", 4), "11.12.1.2", "11.12.1.2", "");
        check(cut("::", 2), "a::b::c::d", "a::b", "c::d");
    }

    fn text(options: &str, key: &str) -> Vec<String> {
        let parts = KeyParts::parse(options, b".".to_vec()).unwrap();
        let texts = parts
            .parts
            .iter()
            .map(|part| parts.text(*part, key.as_bytes()));
        texts
            .map(|text| String::from_utf8(text.to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn parts_of_keys_are_named_as_sort_names_them() {
        assert_eq!(text("-k1,2", "a.b.c"), ["a.b"]);
        assert_eq!(text("-k 2", "a.b.c"), ["b.c"]);
        assert_eq!(text("-k2,2 -k1,1nr", "aa.bb.cc"), ["bb", "aa"]);
        assert_eq!(text("-k1.2,1.3", "abcd.e"), ["bc"]);
        assert_eq!(text("-k2.2,3", "ab.cd.ef.gh"), ["d.ef"]);
        assert_eq!(text("-k3,3", "a.b"), [""]);
        assert_eq!(text("-k2,9", "a.b"), ["b"]);
        assert_eq!(text("-k1.9,1.9", "ab"), [""]);
        assert_eq!(text("-k2,1", "a.b"), [""]);
        assert_eq!(text("-nr", "a.b"), ["a.b"]);
        for bad in [
            "-k", "-k0", "-k1.0", "-kx", "k1", "-x", "-k1,2q", "-", "-k1,",
        ] {
            assert!(KeyParts::parse(bad, b"\t".to_vec()).is_err(), "{bad}");
        }
    }

    /// The keys in the order that the options ask for.
    fn sorted(options: &str, keys: &[&str]) -> Vec<String> {
        let parts = KeyParts::parse(options, b"\t".to_vec()).unwrap();
        let mut made: Vec<Vec<u8>> = Vec::new();
        for key in keys {
            let mut out = Vec::new();
            parts.sorting_key(key.as_bytes(), &mut out);
            made.push(out);
        }
        made.sort();
        let own = made.iter().map(|key| own_key(key).unwrap().to_vec());
        own.map(|key| String::from_utf8(key).unwrap()).collect()
    }

    #[test]
    fn bytes_of_keys_made_for_sorting_have_the_order_that_is_asked_for() {
        let numbers = [
            "10",
            "9",
            "-3",
            "0.5",
            "-10.25",
            "0",
            "007.10",
            "1e9",
            "123456789012345678901234567890",
        ];
        let ascending = [
            "-10.25",
            "-3",
            "0",
            "0.5",
            "1e9",
            "007.10",
            "9",
            "10",
            "123456789012345678901234567890",
        ];
        assert_eq!(sorted("-n", &numbers), ascending);
        let descending: Vec<&str> = ascending.iter().rev().copied().collect();
        assert_eq!(sorted("-nr", &numbers), descending);
        assert_eq!(
            sorted("-r", &["a", "ab", "", "b", "a\0"]),
            ["b", "ab", "a\0", "a", ""]
        );
        assert_eq!(
            sorted("-k2,2nr -k1,1", &["b\t1", "a\t10", "a\t1", "c\t-4", "c"]),
            ["a\t10", "a\t1", "b\t1", "c", "c\t-4"]
        );
        assert_eq!(own_key(b"short"), None);
        assert_eq!(own_key(&u64::MAX.to_be_bytes()), None);
    }

    #[test]
    fn what_is_partitioned_by_is_all_that_counts() {
        let parts = KeyParts::parse("-k1,2", b".".to_vec()).unwrap();
        let by = |parts, is_sorting| FieldPartitioner { parts, is_sorting };
        let fields = by(Some(parts.clone()), false);
        let mut different = std::collections::BTreeSet::new();
        for first in 0..20 {
            let key = |last: &str| format!("{first}.x.{last}").into_bytes();
            let partition = fields.partition(&key("1"), 7);
            assert_eq!(partition, fields.partition(&key("2"), 7));
            different.insert(partition);
            let mut sorting = Vec::new();
            parts.sorting_key(&key("1"), &mut sorting);
            assert_eq!(
                by(Some(parts.clone()), true).partition(&sorting, 7),
                partition
            );
        }
        assert!(different.len() > 4);
    }
}
