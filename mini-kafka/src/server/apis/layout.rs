//! How a request is laid out, checked before it is decoded: the decoder makes room for as many items as an array says that it
//! has, so a few hostile bytes could ask for all of the machine's memory.
//!
//! A layout is written as a string, an item a letter: `b h i l` are whole numbers of 1, 2, 4 and 8 bytes, `s` a string with its
//! length in 2 bytes, `B` bytes with theirs in 4, `[…]` an array with its count in 4; of flexible versions, `S`, `(…)` and `T`
//! compact bytes or a compact string, a compact array and tagged fields, `u` a topic's id, and `{…}` what is there if a byte says so.

/// What is behind the tagged fields that bytes begin with, if they do.
pub(in crate::server) fn behind_tagged_fields(bytes: &[u8]) -> Option<&[u8]> {
    let mut walk = Walk(bytes);
    walk.items("T")?;
    Some(walk.0)
}

/// What is left to walk over.
pub(super) struct Walk<'a>(pub(super) &'a [u8]);

impl Walk<'_> {
    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*number)
    }

    /// A length or count; -1, for null, is none.
    fn length(&mut self) -> Option<usize> {
        match i32::from_be_bytes(self.number()?) {
            -1 => Some(0),
            length => usize::try_from(length).ok(),
        }
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.number()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// Walks over the items of a layout.
    pub(super) fn items(&mut self, layout: &str) -> Option<()> {
        let mut rest = layout.trim_start();
        while let Some(item) = rest.chars().next() {
            rest = &rest[1..];
            match item {
                'b' => self.skip(1)?,
                'h' => self.skip(2)?,
                'i' => self.skip(4)?,
                'l' => self.skip(8)?,
                'u' => self.skip(16)?,
                's' => match i16::from_be_bytes(self.number()?) {
                    -1 => {}
                    length => self.skip(usize::try_from(length).ok()?)?,
                },
                'B' => {
                    let length = self.length()?;
                    self.skip(length)?;
                }
                'S' => {
                    let length = self.varint()?;
                    self.skip(length.saturating_sub(1))?;
                }
                'T' => {
                    for _ in 0..self.varint()? {
                        self.varint()?;
                        let length = self.varint()?;
                        self.skip(length)?;
                    }
                }
                _ => {
                    let (inside, behind) = inside(rest)?;
                    let count = match item {
                        '(' => self.varint()?.saturating_sub(1),
                        '{' => usize::from(self.number()? == [1]),
                        _ => self.length()?,
                    };
                    // Every item takes a byte at least, so a count that lies soon meets the end.
                    for _ in 0..count {
                        self.items(inside)?;
                    }
                    rest = behind;
                }
            }
            rest = rest.trim_start();
        }
        Some(())
    }
}

/// What is inside of the bracket that was just read, and what is behind it.
pub(super) fn inside(layout: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    for (at, item) in layout.char_indices() {
        match item {
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&layout[..at], &layout[at + 1..]));
        }
    }
    None
}
