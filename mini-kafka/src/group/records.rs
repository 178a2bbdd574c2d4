//! What is kept of groups: records on the compacted topic `__consumer_offsets`, in the schemas of Kafka's own
//! (`OffsetCommitKey`, `OffsetCommitValue`, `GroupMetadataKey`, `GroupMetadataValue`), so that Kafka's tools read ours.
//!
//! A key begins with its schema's version, 1 for an offset and 2 for a group; so does a value, with a version of its
//! own. Numbers are big-endian; a string has its length before it in two bytes, -1 for null; bytes have it in four.

use std::collections::BTreeMap;
use std::time::Duration;

use node::Time;

use super::join::REBALANCE_TIMEOUT_MIN;
use super::member::{Member, Protocol};
use super::offsets::Committed;
use super::state::{Group, State};

/// A record to append: a key, and a value or a tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// Never empty.
    pub key: Vec<u8>,
    /// None deletes what the key named.
    pub value: Option<Vec<u8>>,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A committed offset, or that it is forgotten.
    Offset {
        /// The group's id.
        group: String,
        /// Topic and partition.
        key: (String, i32),
        /// None for a tombstone.
        value: Option<Committed>,
    },
    /// A group's generation, or that the group is gone.
    Group {
        /// The group's id.
        id: String,
        /// None for a tombstone.
        value: Option<StoredGroup>,
    },
}

/// A generation of a group, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredGroup {
    /// As in [`Group`].
    pub protocol_type: String,
    /// As in [`Group`].
    pub generation: i32,
    /// As in [`Group`].
    pub protocol: Option<String>,
    /// As in [`Group`].
    pub leader: Option<String>,
    /// When its state began, in milliseconds since the epoch; -1 if unknown.
    pub state_since_ms: i64,
    /// With the one protocol that was chosen.
    pub members: Vec<Member>,
}

impl StoredGroup {
    pub(super) fn into_group(self, id: &str, now: Time) -> Group {
        let state = if self.members.is_empty() {
            State::Empty
        } else {
            State::Stable
        };
        let since = u64::try_from(self.state_since_ms).map_or(now, Time::from_millis);
        let statics = self.members.iter();
        let statics = statics.filter_map(|m| Some((m.instance_id.clone()?, m.id.clone())));
        Group {
            state,
            state_since: since,
            generation: self.generation,
            protocol_type: Some(self.protocol_type).filter(|kind| !kind.is_empty()),
            protocol: self.protocol,
            leader: self.leader,
            static_members: statics.collect(),
            members: self
                .members
                .into_iter()
                .map(|member| {
                    // What was stored may be any number.
                    let rebalance_timeout = member.rebalance_timeout.max(REBALANCE_TIMEOUT_MIN);
                    let member = Member {
                        rebalance_timeout,
                        ..member
                    };
                    (member.id.clone(), member)
                })
                .collect(),
            offsets: BTreeMap::new(),
            ..Group::new(id, now)
        }
    }
}

const OFFSET_KEY: i16 = 1;
const GROUP_KEY: i16 = 2;
/// Of both values: the last that is not of tagged fields.
const VALUE: i16 = 3;
/// Of an offset with a time to expire at, which later versions no longer have.
const OFFSET_VALUE_EXPIRING: i16 = 1;

/// The record of a committed offset, or its tombstone.
pub fn offset(group_id: &str, key: &(String, i32), committed: Option<&Committed>) -> GroupRecord {
    let mut writer = Writer::new(OFFSET_KEY);
    writer.string(group_id);
    writer.string(&key.0);
    writer.i32(key.1);
    let value = |committed: &Committed| {
        let version = match committed.expire_timestamp_ms {
            Some(_) => OFFSET_VALUE_EXPIRING,
            None => VALUE,
        };
        let mut writer = Writer::new(version);
        writer.i64(committed.offset);
        if version == VALUE {
            writer.i32(committed.leader_epoch);
        }
        writer.string(&committed.metadata);
        writer.i64(committed.commit_timestamp_ms);
        if let Some(expires_ms) = committed.expire_timestamp_ms {
            writer.i64(expires_ms);
        }
        writer.0
    };
    GroupRecord {
        key: writer.0,
        value: committed.map(value),
    }
}

/// The record of a group's generation.
pub fn group(group: &Group) -> GroupRecord {
    let mut writer = Writer::new(VALUE);
    writer.string(group.protocol_type.as_deref().unwrap_or_default());
    writer.i32(group.generation);
    writer.nullable_string(group.protocol.as_deref());
    writer.nullable_string(group.leader.as_deref());
    writer.i64(i64::try_from(group.state_since.as_millis()).unwrap_or(i64::MAX));
    writer.i32(i32::try_from(group.members.len()).unwrap_or(i32::MAX));
    let protocol = group.protocol.as_deref().unwrap_or_default();
    for member in group.members.values() {
        writer.string(&member.id);
        writer.nullable_string(member.instance_id.as_deref());
        writer.string(&member.client_id);
        writer.string(&member.client_host);
        writer.millis(member.rebalance_timeout);
        writer.millis(member.session_timeout);
        writer.bytes(&member.metadata(protocol));
        writer.bytes(&member.assignment);
    }
    GroupRecord {
        value: Some(writer.0),
        ..group_tombstone(&group.id)
    }
}

/// The record that says that a group is gone.
pub fn group_tombstone(group_id: &str) -> GroupRecord {
    let mut key = Writer::new(GROUP_KEY);
    key.string(group_id);
    GroupRecord {
        key: key.0,
        value: None,
    }
}

/// What a record says; none where it is of a version that is not known here, or damaged.
pub fn decode(key: &[u8], value: Option<&[u8]>) -> Option<Stored> {
    let mut reader = Reader(key);
    match reader.i16()? {
        0 | OFFSET_KEY => {
            let group = reader.string()?;
            let key = (reader.string()?, reader.i32()?);
            let value = match value {
                Some(bytes) => Some(decode_offset(&mut Reader(bytes))?),
                None => None,
            };
            Some(Stored::Offset { group, key, value })
        }
        GROUP_KEY => {
            let id = reader.string()?;
            let value = match value {
                Some(bytes) => Some(decode_group(&mut Reader(bytes))?),
                None => None,
            };
            Some(Stored::Group { id, value })
        }
        _ => None,
    }
}

fn decode_offset(reader: &mut Reader<'_>) -> Option<Committed> {
    let version = reader
        .i16()
        .filter(|version| (0..=VALUE).contains(version))?;
    Some(Committed {
        offset: reader.i64()?,
        leader_epoch: if version >= 3 { reader.i32()? } else { -1 },
        metadata: reader.string()?,
        commit_timestamp_ms: reader.i64()?,
        expire_timestamp_ms: match version {
            OFFSET_VALUE_EXPIRING => Some(reader.i64()?).filter(|at_ms| *at_ms >= 0),
            _ => None,
        },
    })
}

fn decode_group(reader: &mut Reader<'_>) -> Option<StoredGroup> {
    let version = reader
        .i16()
        .filter(|version| (0..=VALUE).contains(version))?;
    let protocol_type = reader.string()?;
    let generation = reader.i32()?;
    let protocol = reader.nullable_string()?;
    let leader = reader.nullable_string()?;
    let state_since_ms = if version >= 2 { reader.i64()? } else { -1 };
    let mut members = Vec::new();
    for _ in 0..reader.i32()? {
        members.push(decode_member(reader, version, protocol.as_deref())?);
    }
    Some(StoredGroup {
        protocol_type,
        generation,
        protocol,
        leader,
        state_since_ms,
        members,
    })
}

fn decode_member(reader: &mut Reader<'_>, version: i16, protocol: Option<&str>) -> Option<Member> {
    let id = reader.string()?;
    let instance_id = if version >= 3 {
        reader.nullable_string()?
    } else {
        None
    };
    let (client_id, client_host) = (reader.string()?, reader.string()?);
    let rebalance_ms = if version >= 1 {
        Some(reader.i32()?)
    } else {
        None
    };
    let session_ms = reader.i32()?;
    let millis = |ms: i32| Duration::from_millis(u64::try_from(ms).unwrap_or_default());
    let metadata = reader.bytes()?;
    Some(Member {
        instance_id,
        client_id,
        client_host,
        rebalance_timeout: millis(rebalance_ms.unwrap_or(session_ms)),
        session_timeout: millis(session_ms),
        protocols: vec![Protocol {
            name: protocol.unwrap_or_default().to_owned(),
            metadata,
        }],
        assignment: reader.bytes()?,
        synced: true,
        ..Member::new(id)
    })
}

/// The topics of a consumer's subscription (`ConsumerProtocolSubscription`): a version, then the names. None where
/// the bytes are something else.
pub fn subscription_topics(metadata: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader(metadata);
    reader.i16()?;
    (0..reader.i32()?).map(|_| reader.string()).collect()
}

struct Writer(Vec<u8>);

impl Writer {
    fn new(version: i16) -> Writer {
        Writer(version.to_be_bytes().to_vec())
    }

    fn i32(&mut self, value: i32) {
        self.0.extend(value.to_be_bytes());
    }

    fn i64(&mut self, value: i64) {
        self.0.extend(value.to_be_bytes());
    }

    fn millis(&mut self, value: Duration) {
        self.i32(i32::try_from(value.as_millis()).unwrap_or(i32::MAX));
    }

    /// What is longer than a length can say is cut: names that came over the wire never are.
    fn string(&mut self, value: &str) {
        let len = i16::try_from(value.len()).unwrap_or(i16::MAX);
        self.0.extend(len.to_be_bytes());
        self.0.extend(value.bytes().take(len.unsigned_abs().into()));
    }

    fn nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.string(value),
            None => self.0.extend((-1i16).to_be_bytes()),
        }
    }

    fn bytes(&mut self, value: &[u8]) {
        self.i32(i32::try_from(value.len()).unwrap_or(i32::MAX));
        self.0.extend(value);
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn i16(&mut self) -> Option<i16> {
        self.take().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_be_bytes)
    }

    fn slice(&mut self, len: usize) -> Option<Vec<u8>> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken.to_vec())
    }

    fn nullable_string(&mut self) -> Option<Option<String>> {
        match self.i16()? {
            -1 => Some(None),
            len => {
                let bytes = self.slice(usize::try_from(len).ok()?)?;
                Some(Some(String::from_utf8(bytes).ok()?))
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        self.nullable_string()?
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let len = usize::try_from(self.i32()?).ok()?;
        self.slice(len)
    }
}
