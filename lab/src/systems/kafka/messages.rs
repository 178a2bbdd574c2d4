//! Kafka's protocol on a link: which request passes, and what it is answered. The framing is a length, then a header by which an
//! answer finds its request; what the bytes mean is known by the crate `kafka-protocol`.

use std::collections::VecDeque;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{
    ApiKey, FetchRequest, FetchResponse, HeartbeatRequest, HeartbeatResponse,
    InitProducerIdResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    OffsetCommitRequest, OffsetCommitResponse, ProduceRequest, ProduceResponse, RequestHeader,
    ResponseHeader, SyncGroupResponse,
};
use kafka_protocol::protocol::Decodable;
use mini_kafka::record::batch::RecordBatch;

use crate::links::recogniser::{NotUnderstood, Pieces, Protocol, Recogniser, Seen, Step, Way};

/// Length, key, version and correlation id of a request; length and correlation id of an answer.
const REQUEST_HEAD: usize = 12;
const ANSWER_HEAD: usize = 8;
/// No frame is longer (`socket.request.max.bytes`).
const FRAME_MAX: i32 = 100 << 20;
/// Nor is any version, of whatever is to come.
const VERSION_MAX: i16 = 30;
/// Of a longer one only the head is looked at.
const SHOWN_MAX: u64 = 16 << 10;
/// A connection has no more requests whose answers are told apart.
const WAITING_MAX: usize = 1_000;
/// So many partitions are named.
const NAMED_MAX: usize = 4;

/// Requests are labelled by their API's name; answers as `ack`, `records`, `refused`, or just `answer`.
pub(super) const PROTOCOL: Protocol = Protocol {
    begins: |first| {
        if let Some(head) = first.first_chunk::<ANSWER_HEAD>() {
            return Some(request(head).is_some());
        }
        // A length of many megabytes is none.
        let may_be = first.first().is_none_or(|byte| *byte == 0);
        (!may_be).then_some(false)
    },
    recogniser: || Box::<Kafka>::default(),
};

fn be<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// A frame's length without its own four bytes, and the request's API and version, if these can be such.
fn request(head: &[u8]) -> Option<(u64, ApiKey, i16)> {
    let len = i32::from_be_bytes(be(head, 0)?);
    let key = ApiKey::try_from(i16::from_be_bytes(be(head, 4)?)).ok()?;
    let version = i16::from_be_bytes(be(head, 6)?);
    let fits = (8..=FRAME_MAX).contains(&len) && (0..=VERSION_MAX).contains(&version);
    Some((u64::try_from(len).ok()?, key, version)).filter(|_| fits)
}

/// A request that is not answered yet.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    id: i32,
    key: ApiKey,
    version: i16,
}

#[derive(Debug, Default)]
struct Kafka {
    pieces: [Pieces; 2],
    /// In the order of their answers. One that wants none is passed over.
    waiting: VecDeque<Waiting>,
}

impl Recogniser for Kafka {
    fn feed(&mut self, way: Way, bytes: &[u8], seen: &mut Vec<Seen>) -> Result<(), NotUnderstood> {
        let mut pieces = std::mem::take(&mut self.pieces[way as usize]);
        let cut = pieces.cut(bytes, |rest, at| {
            let understood = match way {
                Way::There => self.there(rest)?,
                Way::Back => self.back(rest)?,
            };
            let Some((label, text, frame)) = understood else {
                return Ok(Step::More);
            };
            let end = at + frame;
            let label = label.into();
            seen.push(Seen { label, text, end });
            let head = rest.len().min(usize::try_from(frame).unwrap_or(usize::MAX));
            let skip = frame - head as u64;
            Ok(Step::Took { head, skip })
        });
        self.pieces[way as usize] = pieces;
        cut
    }
}

/// A message's label and text, and the length of its frame; none while there is too little of it.
type Understood = Option<(String, String, u64)>;

impl Kafka {
    fn there(&mut self, rest: &[u8]) -> Result<Understood, NotUnderstood> {
        let Some(head) = rest.first_chunk::<REQUEST_HEAD>() else {
            return Ok(None);
        };
        let (len, key, version) = request(head).ok_or(NotUnderstood)?;
        if len <= SHOWN_MAX && (rest.len() as u64) < 4 + len {
            return Ok(None);
        }
        let id = i32::from_be_bytes(be(head, 8).ok_or(NotUnderstood)?);
        self.waiting.push_back(Waiting { id, key, version });
        if self.waiting.len() > WAITING_MAX {
            self.waiting.pop_front();
        }
        let label = words(&format!("{key:?}"));
        let body = whole(rest, len);
        let detail = body.and_then(|body| asked(key, version, body));
        let text = match detail {
            Some(detail) => format!("{label}: {detail}"),
            None if len > SHOWN_MAX => format!("{label}: {len} bytes"),
            None => label.clone(),
        };
        Ok(Some((label, text, 4 + len)))
    }

    fn back(&mut self, rest: &[u8]) -> Result<Understood, NotUnderstood> {
        let Some(head) = rest.first_chunk::<ANSWER_HEAD>() else {
            return Ok(None);
        };
        let len = i32::from_be_bytes(be(head, 0).ok_or(NotUnderstood)?);
        let len = u64::try_from(len).map_err(|_| NotUnderstood)?;
        if len <= SHOWN_MAX && (rest.len() as u64) < 4 + len {
            return Ok(None);
        }
        let id = i32::from_be_bytes(be(head, 4).ok_or(NotUnderstood)?);
        // Those before it will not be answered.
        let asked = std::iter::from_fn(|| self.waiting.pop_front()).find(|asked| asked.id == id);
        let Waiting { key, version, .. } = asked.ok_or(NotUnderstood)?;
        let (label, detail) = whole(rest, len)
            .and_then(|body| answered(key, version, body))
            .unwrap_or_else(|| match key {
                ApiKey::Fetch => ("records", format!("{len} bytes")),
                _ => ("answer", String::new()),
            });
        let to = words(&format!("{key:?}"));
        let text = match detail.is_empty() {
            true => format!("{label} to {to}"),
            false => format!("{label}: {detail}"),
        };
        Ok(Some((label.to_owned(), text, 4 + len)))
    }
}

/// A frame behind its length, if all of it is here.
fn whole(rest: &[u8], len: u64) -> Option<Bytes> {
    let end = usize::try_from(4 + len).ok()?;
    (len <= SHOWN_MAX).then(|| rest.get(4..end).map(Bytes::copy_from_slice))?
}

/// `InitProducerId`: init producer id.
fn words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

/// The first few of them.
fn list(mut items: impl Iterator<Item = String>) -> String {
    let mut named: Vec<String> = items.by_ref().take(NAMED_MAX).collect();
    let rest = items.count();
    if rest > 0 {
        named.push(format!("{rest} more"));
    }
    named.join(", ")
}

/// What is asked for, of those requests that say something worth seeing.
fn asked(key: ApiKey, version: i16, mut body: Bytes) -> Option<String> {
    RequestHeader::decode(&mut body, key.request_header_version(version)).ok()?;
    Some(match key {
        ApiKey::Produce => {
            let asked = ProduceRequest::decode(&mut body, version).ok()?;
            let parts = asked.topic_data.iter().flat_map(|topic| {
                let name = topic.name.0.as_str();
                topic.partition_data.iter().map(move |part| {
                    let what = part.records.as_deref().map_or(String::new(), batch);
                    format!("{name}-{}, {what}", part.index)
                })
            });
            list(parts)
        }
        ApiKey::Fetch => {
            let asked = FetchRequest::decode(&mut body, version).ok()?;
            let parts = asked.topics.iter().flat_map(|topic| {
                let name = topic.topic.0.as_str();
                let parts = topic.partitions.iter();
                parts.map(move |part| {
                    format!("{name}-{} from {}", part.partition, part.fetch_offset)
                })
            });
            list(parts)
        }
        ApiKey::JoinGroup => {
            let asked = JoinGroupRequest::decode(&mut body, version).ok()?;
            let member = match asked.member_id.as_str() {
                "" => "as a new member".to_owned(),
                id => format!("as {id}"),
            };
            format!("{} {member}", asked.group_id.0.as_str())
        }
        ApiKey::Heartbeat => {
            let asked = HeartbeatRequest::decode(&mut body, version).ok()?;
            format!("generation {}", asked.generation_id)
        }
        ApiKey::LeaveGroup => LeaveGroupRequest::decode(&mut body, version)
            .ok()?
            .group_id
            .0
            .to_string(),
        ApiKey::OffsetCommit => {
            let asked = OffsetCommitRequest::decode(&mut body, version).ok()?;
            let parts = asked.topics.iter().flat_map(|topic| {
                let name = topic.name.0.as_str();
                let parts = topic.partitions.iter();
                parts.map(move |part| {
                    format!(
                        "{name}-{} at {}",
                        part.partition_index, part.committed_offset
                    )
                })
            });
            list(parts)
        }
        _ => return None,
    })
}

/// The batch that a producer sends.
fn batch(records: &[u8]) -> String {
    let Ok(batch) = RecordBatch::parse(records) else {
        return format!("{} bytes", records.len());
    };
    let header = &batch.header;
    let records = match header.record_count {
        1 => "1 record".to_owned(),
        number => format!("{number} records"),
    };
    match header.is_idempotent() {
        true => format!("{records}, sequence {}", header.base_sequence),
        false => records,
    }
}

/// An answer's label and what it says, of those that say something worth seeing.
fn answered(key: ApiKey, version: i16, mut body: Bytes) -> Option<(&'static str, String)> {
    ResponseHeader::decode(&mut body, key.response_header_version(version)).ok()?;
    Some(match key {
        ApiKey::Produce => {
            let answer = ProduceResponse::decode(&mut body, version).ok()?;
            let parts = answer.responses.iter().flat_map(|topic| {
                let name = topic.name.0.as_str();
                let parts = topic.partition_responses.iter();
                parts.map(move |part| (name, part))
            });
            let mut codes = parts.clone().map(|(_, part)| part.error_code);
            if let Some(code) = codes.find(|code| *code != 0) {
                return Some(refusal(code));
            }
            let at = parts.map(|(name, part)| {
                format!("{name}-{} at offset {}", part.index, part.base_offset)
            });
            ("ack", list(at))
        }
        ApiKey::Fetch => {
            let answer = FetchResponse::decode(&mut body, version).ok()?;
            let parts = answer.responses.iter().flat_map(|topic| {
                let name = topic.topic.0.as_str();
                topic.partitions.iter().map(move |part| (name, part))
            });
            let mut codes = parts.clone().map(|(_, part)| part.error_code);
            if let Some(code) = codes.find(|code| *code != 0) {
                return Some(refusal(code));
            }
            let full = parts.filter_map(|(name, part)| {
                let bytes = part.records.as_ref()?.len();
                (bytes > 0).then(|| format!("{bytes} bytes of {name}-{}", part.partition_index))
            });
            match list(full) {
                none if none.is_empty() => ("answer", "nothing new".to_owned()),
                some => ("records", some),
            }
        }
        ApiKey::JoinGroup => {
            let answer = JoinGroupResponse::decode(&mut body, version).ok()?;
            let part = match answer.leader == answer.member_id {
                true => format!("leader of {} members", answer.members.len()),
                false => "member".to_owned(),
            };
            let text = format!("generation {}, {part}", answer.generation_id);
            judged(answer.error_code, text)
        }
        ApiKey::SyncGroup => {
            let answer = SyncGroupResponse::decode(&mut body, version).ok()?;
            let shares = mini_kafka::server::client::consumer::decode_assignment(answer.assignment);
            let shares = shares.unwrap_or_default().into_iter();
            let shares = list(shares.map(|(topic, partition)| format!("{topic}-{partition}")));
            judged(answer.error_code, format!("assigned: {shares}"))
        }
        ApiKey::Heartbeat => {
            let answer = HeartbeatResponse::decode(&mut body, version).ok()?;
            judged(answer.error_code, String::new())
        }
        ApiKey::OffsetCommit => {
            let answer = OffsetCommitResponse::decode(&mut body, version).ok()?;
            let mut codes = answer
                .topics
                .iter()
                .flat_map(|t| &t.partitions)
                .map(|p| p.error_code);
            judged(codes.find(|code| *code != 0).unwrap_or(0), String::new())
        }
        ApiKey::InitProducerId => {
            let answer = InitProducerIdResponse::decode(&mut body, version).ok()?;
            judged(
                answer.error_code,
                format!("producer id {}", answer.producer_id.0),
            )
        }
        _ => return None,
    })
}

fn judged(code: i16, text: String) -> (&'static str, String) {
    match code {
        0 => ("answer", text),
        code => refusal(code),
    }
}

fn refusal(code: i16) -> (&'static str, String) {
    let known = ResponseError::try_from_code(code);
    let why = known.map_or_else(
        || format!("error {code}"),
        |known| words(&format!("{known:?}")),
    );
    ("refused", why)
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, BytesMut};
    use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
    use kafka_protocol::messages::produce_response::{
        PartitionProduceResponse, TopicProduceResponse,
    };
    use kafka_protocol::messages::{GroupId, MetadataRequest, TopicName};
    use kafka_protocol::protocol::{Encodable, HeaderVersion, Request, StrBytes};
    use mini_kafka::record::builder::BatchBuilder;
    use mini_kafka::record::compression::Compression;

    use super::*;
    use crate::links::recogniser::tests::{Told, seen};

    fn framed(encode: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
        let mut bytes = BytesMut::new();
        bytes.put_i32(0);
        encode(&mut bytes);
        let len = i32::try_from(bytes.len() - 4).unwrap();
        bytes[..4].copy_from_slice(&len.to_be_bytes());
        bytes.to_vec()
    }

    fn ask<R: Request>(version: i16, id: i32, request: &R) -> (Way, Vec<u8>) {
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(id)
            .with_client_id(Some(StrBytes::from_static_str("p1")));
        let bytes = framed(|bytes| {
            header.encode(bytes, R::header_version(version)).unwrap();
            request.encode(bytes, version).unwrap();
        });
        (Way::There, bytes)
    }

    fn answer<A: Encodable + HeaderVersion>(version: i16, id: i32, answer: &A) -> (Way, Vec<u8>) {
        let header = ResponseHeader::default().with_correlation_id(id);
        let bytes = framed(|bytes| {
            header.encode(bytes, A::header_version(version)).unwrap();
            answer.encode(bytes, version).unwrap();
        });
        (Way::Back, bytes)
    }

    fn produce(acks: i16, records: usize) -> ProduceRequest {
        let mut batch = BatchBuilder::new(Compression::None).producer(4, 0, 17);
        for _ in 0..records {
            batch.push(0, Some(b"key"), Some(&[b'x'; 100]), &[]);
        }
        let data = PartitionProduceData::default()
            .with_index(2)
            .with_records(Some(batch.build().unwrap().into()));
        let topic = TopicProduceData::default()
            .with_name(orders())
            .with_partition_data(vec![data]);
        ProduceRequest::default()
            .with_transactional_id(None)
            .with_acks(acks)
            .with_topic_data(vec![topic])
    }

    fn produced(code: i16) -> ProduceResponse {
        let part = PartitionProduceResponse::default()
            .with_index(2)
            .with_error_code(code)
            .with_base_offset(40);
        let topic = TopicProduceResponse::default()
            .with_name(orders())
            .with_partition_responses(vec![part]);
        ProduceResponse::default().with_responses(vec![topic])
    }

    fn orders() -> TopicName {
        TopicName(StrBytes::from_static_str("orders"))
    }

    #[test]
    fn requests_and_their_answers_are_told_wherever_the_bytes_are_split() {
        let beat = HeartbeatRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str("billing")))
            .with_generation_id(3);
        let conversation = [
            ask(7, 1, &produce(-1, 2)),
            answer(7, 1, &produced(0)),
            // One that wants no answer, and gets none.
            ask(7, 2, &produce(0, 1)),
            ask(3, 3, &beat),
            ask(8, 4, &MetadataRequest::default()),
            answer(3, 3, &HeartbeatResponse::default().with_error_code(27)),
            answer(8, 4, &kafka_protocol::messages::MetadataResponse::default()),
            // Too long to be looked at.
            ask(7, 5, &produce(-1, 1_000)),
            answer(7, 5, &produced(45)),
        ];
        let long = conversation[7].1.len() - 4;
        let expected = [
            "there produce: orders-2, 2 records, sequence 17",
            "back ack: orders-2 at offset 40",
            "there produce: orders-2, 1 record, sequence 17",
            "there heartbeat: generation 3",
            "there metadata",
            "back refused: rebalance in progress",
            "back answer: answer to metadata",
            &format!("there produce: {long} bytes"),
            "back refused: out of order sequence number",
        ];
        for split in (0..300).chain([long / 2, long + 3]) {
            let Told { texts, ends } = seen(&[PROTOCOL], &conversation, split);
            assert_eq!(texts, expected, "split at {split}");
            let passed = |way| -> usize {
                let bytes = conversation.iter().filter(|(w, _)| *w == way);
                bytes.map(|(_, bytes)| bytes.len()).sum()
            };
            let all = [passed(Way::There), passed(Way::Back)].map(|len| len as u64);
            assert_eq!(ends, all, "each ends where the bytes do");
        }
    }

    #[test]
    fn an_answer_that_nobody_asked_for_is_bytes() {
        let conversation = [
            ask(7, 1, &produce(-1, 1)),
            answer(7, 9, &produced(0)),
            ask(7, 2, &produce(-1, 1)),
        ];
        let Told { texts, .. } = seen(&[PROTOCOL], &conversation, 0);
        assert!(texts[1].starts_with("back bytes: "), "{texts:?}");
        assert!(texts[2].starts_with("there bytes: "), "{texts:?}");
    }
}
