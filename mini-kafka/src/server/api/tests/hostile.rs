//! Requests that are laid out as they must be, with values that no client sends: each is answered or refused, and no broker falls
//! over it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;
use node::Rng;

use super::*;
use crate::server::apis::tests::make;

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

fn varint(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap());
}

/// A text, records, or anything.
fn some_bytes(item: char, rng: &mut Rng) -> Vec<u8> {
    // Compact bytes and strings look alike, and only bytes may be other than UTF-8.
    let is_text = match item {
        's' => true,
        'S' => !rng.percent(10),
        _ => false,
    };
    match if is_text { 2 } else { 0 } + rng.below(8) {
        0 => {
            let mut batch = BatchBuilder::new(Compression::None);
            batch.push(1, Some(b"k"), Some(b"v"), &[]);
            batch.build().unwrap()
        }
        1 => {
            let bytes = (0..rng.below(40)).map(|_| u8::try_from(rng.below(256)).unwrap());
            bytes.collect()
        }
        2 => vec![b'x'; 300],
        _ => rng.choose(&TEXTS).unwrap().as_bytes().to_vec(),
    }
}

/// Any value, and sometimes none.
fn hostile(item: char, rng: &mut Rng, out: &mut Vec<u8>) -> bool {
    let is_null = rng.percent(4);
    let number = rng.choose(&NUMBERS).unwrap().to_be_bytes();
    match item {
        'b' => out.extend(&number[7..]),
        'h' => out.extend(&number[6..]),
        'i' => out.extend(&number[4..]),
        'l' => out.extend(number),
        'u' => out.extend([u8::from(rng.percent(50)); 16]),
        'T' => out.push(0),
        's' if is_null => out.extend((-1i16).to_be_bytes()),
        'B' | '[' if is_null => out.extend((-1i32).to_be_bytes()),
        'S' | '(' if is_null => out.push(0),
        's' | 'B' | 'S' => {
            let bytes = some_bytes(item, rng);
            match item {
                's' => out.extend(i16::try_from(bytes.len()).unwrap().to_be_bytes()),
                'B' => out.extend(i32::try_from(bytes.len()).unwrap().to_be_bytes()),
                _ => varint(bytes.len() + 1, out),
            }
            out.extend(bytes);
        }
        _ => return false,
    }
    true
}

fn frame(api: &Api, version: i16, rng: &mut Rng) -> Vec<u8> {
    let mut out = [(api.key as i16).to_be_bytes(), version.to_be_bytes()].concat();
    let is_flexible = api.key.request_header_version(version) >= 2;
    let header = if is_flexible { "i s T" } else { "i s" };
    make(header, rng, &mut out, hostile);
    make(api.layout(version), rng, &mut out, hostile);
    out
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
