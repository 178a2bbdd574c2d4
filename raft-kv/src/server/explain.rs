//! What the messages of some gRPC calls say, in words: for those who watch what passes, as the lab does.

use prost::Message;
use prost::encoding::{WireType, decode_key, decode_varint};

use super::wire::etcdserverpb as pb;
use crate::consensus::explain::{Explained, answer, question};

/// Longer keys and values are cut where they are shown.
const SHOWN_MAX: usize = 40;

/// What a message says, of which `bytes` are the beginning; none where that is not known. `method` is its gRPC method, `is_answer`
/// whether it is what came back.
pub fn explain(method: &str, is_answer: bool, bytes: &[u8]) -> Option<Explained> {
    match (method, is_answer) {
        ("Raft" | "Leader", false) if field(bytes, 2).is_none() => {
            says("cancelled", "I wait no longer".to_owned())
        }
        ("Raft", false) => question(field(field(bytes, 2)?, 4)?),
        ("Raft", true) => answer(field(bytes, 4)?),
        ("LongRaft", false) => question(field(bytes, 4)?),
        ("LongRaft", true) => answer(field(bytes, 1)?),
        ("Leader" | "LongLeader", false) => says("forward", "do this for my clients".to_owned()),
        ("Range", false) => {
            let range = pb::RangeRequest::decode(bytes).ok()?;
            let how = if range.serializable {
                "serializable"
            } else {
                "linearizable"
            };
            says("get", format!("get {}, {how}", shown(&range.key)))
        }
        ("Range", true) => {
            let range = pb::RangeResponse::decode(bytes).ok()?;
            let found = match range.kvs.as_slice() {
                [] => "nothing".to_owned(),
                [one] => format!("{} = {}", shown(&one.key), shown(&one.value)),
                more => format!("{} keys", more.len()),
            };
            let revision = range.header.map_or(0, |header| header.revision);
            says("value", format!("{found}, at revision {revision}"))
        }
        ("Put", false) => {
            let put = pb::PutRequest::decode(bytes).ok()?;
            let (key, value) = (shown(&put.key), shown(&put.value));
            says("put", format!("put {key} = {value}"))
        }
        ("Put", true) => {
            let put = pb::PutResponse::decode(bytes).ok()?;
            let revision = put.header.map_or(0, |header| header.revision);
            says("written", format!("written at revision {revision}"))
        }
        _ => None,
    }
}

fn says(label: &'static str, text: String) -> Option<Explained> {
    Some(Explained { label, text })
}

fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

/// As much as is there of a field of bytes, or of a message in a message.
fn field(mut bytes: &[u8], wanted: u32) -> Option<&[u8]> {
    while !bytes.is_empty() {
        let (number, kind) = decode_key(&mut bytes).ok()?;
        let value = decode_varint(&mut bytes).ok()?;
        match kind {
            WireType::Varint => {}
            WireType::LengthDelimited => {
                let len = usize::try_from(value).ok()?;
                if number == wanted {
                    return Some(&bytes[..len.min(bytes.len())]);
                }
                bytes = bytes.get(len..)?;
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::wire::peer;

    #[test]
    fn the_body_is_found_in_a_message_that_is_not_whole() {
        let message = peer::Message {
            cluster_id: 1 << 60,
            from: 7,
            to: 0,
            body: vec![9; 200].into(),
        };
        let call = peer::Call {
            number: 300,
            message: Some(message),
        };
        let bytes = call.encode_to_vec();
        let body = |bytes| field(field(bytes, 2)?, 4);
        assert_eq!(body(&bytes), Some(&[9; 200][..]));
        assert_eq!(body(&bytes[..bytes.len() - 50]), Some(&[9; 150][..]));
        assert_eq!(body(&bytes[..5]), None);
        assert_eq!(body(b""), None);
        assert_eq!(body(b"\x09\x01"), None);
        let reply = peer::Reply {
            number: 300,
            code: 0,
            reason: "none".to_owned(),
            body: vec![9; 20].into(),
        };
        assert_eq!(field(&reply.encode_to_vec(), 4), Some(&[9; 20][..]));
    }

    #[test]
    fn reads_and_writes_are_told_with_their_keys() {
        let get = pb::RangeRequest {
            key: b"x".into(),
            serializable: true,
            ..Default::default()
        };
        let told = explain("Range", false, &get.encode_to_vec()).unwrap();
        assert_eq!(
            (told.label, told.text.as_str()),
            ("get", "get x, serializable")
        );
        let put = pb::PutRequest {
            key: b"x".into(),
            value: "ä".repeat(50).into(),
            ..Default::default()
        };
        let told = explain("Put", false, &put.encode_to_vec()).unwrap();
        assert_eq!(told.text, format!("put x = {}…", "ä".repeat(40)));
        assert_eq!(explain("Put", false, b"\xff"), None);
        assert_eq!(explain("Compact", false, b""), None);
        let cancel = peer::Call {
            number: 7,
            message: None,
        };
        let told = explain("Leader", false, &cancel.encode_to_vec()).unwrap();
        assert_eq!(told.label, "cancelled");
    }
}
