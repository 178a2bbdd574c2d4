//! Requests that are laid out as they must be, with values that no client sends: each is answered or refused, and no broker falls
//! over it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;
use node::Rng;

use super::*;
use crate::server::apis::layout::inside;

/// Requests of each version of each kind.
const TRIES: u64 = 50;

const NUMBERS: [i64; 12] = [
    -1,
    0,
    1,
    2,
    7,
    -2,
    100,
    1 << 31,
    -(1 << 31),
    (1 << 31) - 1,
    i64::MAX,
    i64::MIN,
];
const TEXTS: [&str; 10] = [
    "",
    "t",
    "t",
    "g",
    "__consumer_offsets",
    "a b",
    "..",
    "consumer",
    "retention.ms",
    "\u{e9}",
];

struct Writer<'a> {
    rng: &'a mut Rng,
    bytes: Vec<u8>,
}

impl Writer<'_> {
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        *self.rng.choose(of).unwrap()
    }

    fn number(&mut self, bytes: usize) {
        let number = self.pick(&NUMBERS);
        self.bytes.extend(&number.to_be_bytes()[8 - bytes..]);
    }

    fn varint(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
            number >>= 7;
        }
        self.bytes.push(u8::try_from(number).unwrap());
    }

    /// A text, records, or anything.
    fn some_bytes(&mut self, item: char) -> Vec<u8> {
        // Compact bytes and strings look alike, and only bytes may be other than UTF-8.
        let is_text = match item {
            's' => true,
            'S' => !self.rng.percent(10),
            _ => false,
        };
        let kind = if is_text { 2 } else { 0 } + self.rng.below(8);
        match kind {
            0 => {
                let mut batch = BatchBuilder::new(Compression::None);
                batch.push(1, Some(b"k"), Some(b"v"), &[]);
                batch.build().unwrap()
            }
            1 => (0..self.rng.below(40))
                .map(|_| u8::try_from(self.rng.below(256)).unwrap())
                .collect(),
            2 => vec![b'x'; 300],
            _ => self.pick(&TEXTS).as_bytes().to_vec(),
        }
    }

    fn items(&mut self, layout: &str) {
        let mut rest = layout.trim_start();
        while let Some(item) = rest.chars().next() {
            rest = &rest[1..];
            let is_null = self.rng.percent(4);
            match item {
                'b' => self.number(1),
                'h' => self.number(2),
                'i' => self.number(4),
                'l' => self.number(8),
                'u' => {
                    let byte = self.pick(&[0, 1]);
                    self.bytes.extend([byte; 16]);
                }
                's' | 'B' | 'S' => self.sized(item, is_null),
                'T' => self.varint(0),
                _ => {
                    let (within, behind) = inside(rest).unwrap();
                    rest = behind;
                    let count = if is_null { 0 } else { self.rng.below(3) };
                    let count = i32::try_from(count).unwrap();
                    match item {
                        '(' if is_null => self.varint(0),
                        '(' => self.varint(usize::try_from(count + 1).unwrap()),
                        '{' => self.bytes.push(u8::from(count == 1)),
                        _ if is_null => self.bytes.extend((-1i32).to_be_bytes()),
                        _ => self.bytes.extend(count.to_be_bytes()),
                    }
                    let present = if item == '{' {
                        i32::from(count == 1)
                    } else {
                        count
                    };
                    for _ in 0..present {
                        self.items(within);
                    }
                }
            }
            rest = rest.trim_start();
        }
    }

    fn sized(&mut self, item: char, is_null: bool) {
        let bytes = self.some_bytes(item);
        match (item, is_null) {
            ('s', true) => self.bytes.extend((-1i16).to_be_bytes()),
            ('B', true) => self.bytes.extend((-1i32).to_be_bytes()),
            (_, true) => self.varint(0),
            ('s', false) => self
                .bytes
                .extend(i16::try_from(bytes.len()).unwrap().to_be_bytes()),
            ('B', false) => self
                .bytes
                .extend(i32::try_from(bytes.len()).unwrap().to_be_bytes()),
            (_, false) => self.varint(bytes.len() + 1),
        }
        if !is_null {
            self.bytes.extend(bytes);
        }
    }
}

fn frame(api: &Api, version: i16, rng: &mut Rng) -> Vec<u8> {
    let mut writer = Writer {
        rng,
        bytes: Vec::new(),
    };
    writer.bytes.extend((api.key as i16).to_be_bytes());
    writer.bytes.extend(version.to_be_bytes());
    writer.items("i s");
    if api.key.request_header_version(version) >= 2 {
        writer.items("T");
    }
    writer.items(api.layout(version));
    writer.bytes
}

#[tokio::test]
async fn values_that_no_client_sends_are_answered_or_refused() {
    let server = Server::start();
    server.create("t", &[]);
    let mut rng = Rng::new(1);
    let (mut answered, mut refused) = (0, 0);
    for _ in 0..TRIES {
        // It may have been deleted, and made with settings that refuse everything.
        let _ = server.broker.create_topic("t", 2, BTreeMap::new(), false);
        for api in &APIS {
            for version in api.min..=api.max {
                let bytes = frame(api, version, &mut rng);
                let ask = || {
                    let frame = Bytes::from(bytes.clone());
                    // Whether it waits for something does not matter.
                    let served = serve(&server.broker, frame, "/127.0.0.1");
                    served.map(|(_, answer)| answer.now_or_never())
                };
                match catch_unwind(AssertUnwindSafe(ask)) {
                    Ok(Ok(_)) => answered += 1,
                    Ok(Err(_)) => refused += 1,
                    Err(_) => panic!("{:?} version {version}: {bytes:?}", api.key),
                }
            }
        }
    }
    assert!(answered > refused, "{answered} answered, {refused} refused");
    server.create("after", &[]);
    assert_eq!(server.produce("c", "after").await, 0);
}
