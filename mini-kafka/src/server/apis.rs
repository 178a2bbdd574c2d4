//! Which requests this broker serves, in which versions, and how they are laid out.
//!
//! What is advertised is exactly what is right. The lowest versions matter as much as the highest: librdkafka 2.0 falls
//! back to message sets of an old format unless Produce begins at 3 and Fetch at 4 or below.
//!
//! A layout is checked before a request is decoded: the decoder makes room for as many items as an array says that it
//! has, so a few hostile bytes could ask for all of the machine's memory. Layouts are written as a string, an item a letter:
//! `b h i l` are whole numbers of 1, 2, 4 and 8 bytes, `s` a string with its length in 2 bytes, `B` bytes with theirs in
//! 4, `[…]` an array with its count in 4; of flexible versions, `S`, `(…)` and `T` compact bytes or a compact string,
//! a compact array and tagged fields, and `u` a topic's id.

use kafka_protocol::messages::ApiKey;

/// A kind of request.
#[derive(Debug)]
pub struct Api {
    /// Which.
    pub key: ApiKey,
    /// The lowest version that is served.
    pub min: i16,
    /// The highest.
    pub max: i16,
    /// Layouts of the body, each with the version from which it holds.
    layouts: &'static [(i16, &'static str)],
}

const fn api(key: ApiKey, min: i16, max: i16, layouts: &'static [(i16, &'static str)]) -> Api {
    Api {
        key,
        min,
        max,
        layouts,
    }
}

/// All that is served, in the order of their keys.
pub static APIS: [Api; 27] = [
    api(
        ApiKey::Produce,
        3,
        9,
        &[(3, "s h i [ s [ i B ] ]"), (9, "S h i ( S ( i S T ) T ) T")],
    ),
    api(
        ApiKey::Fetch,
        4,
        11,
        &[
            (4, "i i i i b [ s [ i l i ] ]"),
            (5, "i i i i b [ s [ i l l i ] ]"),
            (7, "i i i i b i i [ s [ i l l i ] ] [ s [ i ] ]"),
            (9, "i i i i b i i [ s [ i i l l i ] ] [ s [ i ] ]"),
            (11, "i i i i b i i [ s [ i i l l i ] ] [ s [ i ] ] s"),
        ],
    ),
    api(
        ApiKey::ListOffsets,
        1,
        6,
        &[
            (1, "i [ s [ i l ] ]"),
            (2, "i b [ s [ i l ] ]"),
            (4, "i b [ s [ i i l ] ]"),
            (6, "i b ( S ( i i l T ) T ) T"),
        ],
    ),
    api(
        ApiKey::Metadata,
        0,
        10,
        &[
            (0, "[ s ]"),
            (4, "[ s ] b"),
            (8, "[ s ] b b b"),
            (9, "( S T ) b b b T"),
            (10, "( u S T ) b b b T"),
        ],
    ),
    api(
        ApiKey::OffsetCommit,
        2,
        8,
        &[
            (2, "s i s l [ s [ i l s ] ]"),
            (5, "s i s [ s [ i l s ] ]"),
            (6, "s i s [ s [ i l i s ] ]"),
            (7, "s i s s [ s [ i l i s ] ]"),
            (8, "S i S S ( S ( i l i S T ) T ) T"),
        ],
    ),
    api(
        ApiKey::OffsetFetch,
        1,
        7,
        &[
            (1, "s [ s [ i ] ]"),
            (6, "S ( S ( i ) T ) T"),
            (7, "S ( S ( i ) T ) b T"),
        ],
    ),
    api(
        ApiKey::FindCoordinator,
        0,
        3,
        &[(0, "s"), (1, "s b"), (3, "S b T")],
    ),
    api(
        ApiKey::JoinGroup,
        0,
        8,
        &[
            (0, "s i s s [ s B ]"),
            (1, "s i i s s [ s B ]"),
            (5, "s i i s s s [ s B ]"),
            (6, "S i i S S S ( S S T ) T"),
            (8, "S i i S S S ( S S T ) S T"),
        ],
    ),
    api(
        ApiKey::Heartbeat,
        0,
        4,
        &[(0, "s i s"), (3, "s i s s"), (4, "S i S S T")],
    ),
    api(
        ApiKey::LeaveGroup,
        0,
        5,
        &[
            (0, "s s"),
            (3, "s [ s s ]"),
            (4, "S ( S S T ) T"),
            (5, "S ( S S S T ) T"),
        ],
    ),
    api(
        ApiKey::SyncGroup,
        0,
        4,
        &[
            (0, "s i s [ s B ]"),
            (3, "s i s s [ s B ]"),
            (4, "S i S S ( S S T ) T"),
        ],
    ),
    api(
        ApiKey::DescribeGroups,
        0,
        5,
        &[(0, "[ s ]"), (3, "[ s ] b"), (5, "( S ) b T")],
    ),
    api(
        ApiKey::ListGroups,
        0,
        4,
        &[(0, ""), (3, "T"), (4, "( S ) T")],
    ),
    api(ApiKey::ApiVersions, 0, 3, &[(0, ""), (3, "S S T")]),
    api(
        ApiKey::CreateTopics,
        2,
        7,
        &[
            (2, "[ s i h [ i [ i ] ] [ s s ] ] i b"),
            (5, "( S i h ( i ( i ) T ) ( S S T ) T ) i b T"),
        ],
    ),
    api(
        ApiKey::DeleteTopics,
        1,
        5,
        &[(1, "[ s ] i"), (4, "( S ) i T")],
    ),
    api(
        ApiKey::DeleteRecords,
        0,
        2,
        &[(0, "[ s [ i l ] ] i"), (2, "( S ( i l T ) T ) i T")],
    ),
    api(
        ApiKey::InitProducerId,
        0,
        4,
        &[(0, "s i"), (2, "S i T"), (3, "S i l h T")],
    ),
    api(
        ApiKey::OffsetForLeaderEpoch,
        2,
        4,
        &[
            (2, "[ s [ i i i ] ]"),
            (3, "i [ s [ i i i ] ]"),
            (4, "i ( S ( i i i T ) T ) T"),
        ],
    ),
    api(
        ApiKey::DescribeConfigs,
        1,
        4,
        &[
            (1, "[ b s [ s ] ] b"),
            (3, "[ b s [ s ] ] b b"),
            (4, "( b S ( S ) T ) b b T"),
        ],
    ),
    api(
        ApiKey::AlterConfigs,
        0,
        2,
        &[(0, "[ b s [ s s ] ] b"), (2, "( b S ( S S T ) T ) b T")],
    ),
    api(
        ApiKey::DescribeLogDirs,
        1,
        3,
        &[(1, "[ s [ i ] ]"), (2, "( S ( i ) T ) T")],
    ),
    api(
        ApiKey::CreatePartitions,
        0,
        3,
        &[
            (0, "[ s i [ [ i ] ] ] i b"),
            (2, "( S i ( ( i ) T ) T ) i b T"),
        ],
    ),
    api(ApiKey::DeleteGroups, 0, 2, &[(0, "[ s ]"), (2, "( S ) T")]),
    api(
        ApiKey::IncrementalAlterConfigs,
        0,
        1,
        &[(0, "[ b s [ s b s ] ] b"), (1, "( b S ( S b S T ) T ) b T")],
    ),
    api(ApiKey::OffsetDelete, 0, 0, &[(0, "s [ s [ i ] ]")]),
    api(
        ApiKey::ConsumerGroupHeartbeat,
        0,
        1,
        &[
            (0, "S S i S S i ( S ) S ( u ( i ) T ) T"),
            (1, "S S i S S i ( S ) S S ( u ( i ) T ) T"),
        ],
    ),
];

impl Api {
    /// The kind of request with this key, if it is served.
    pub fn find(key: i16) -> Option<&'static Api> {
        APIS.iter().find(|api| api.key as i16 == key)
    }

    /// Whether this version of it is served.
    pub fn serves(&self, version: i16) -> bool {
        (self.min..=self.max).contains(&version)
    }

    fn layout(&self, version: i16) -> &'static str {
        let holds = self.layouts.iter().rfind(|(from, _)| *from <= version);
        holds.map_or("", |(_, layout)| layout)
    }

    /// Whether `body` is laid out as a request of this kind and version: every array has as many items as it says.
    pub fn fits(&self, version: i16, body: &[u8]) -> bool {
        let mut walk = Walk(body);
        walk.items(self.layout(version)).is_some()
    }
}

/// What is behind the tagged fields that bytes begin with, if they do.
pub(super) fn behind_tagged_fields(bytes: &[u8]) -> Option<&[u8]> {
    let mut walk = Walk(bytes);
    walk.items("T")?;
    Some(walk.0)
}

/// What is left to walk over.
struct Walk<'a>(&'a [u8]);

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
    fn items(&mut self, layout: &str) -> Option<()> {
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
                    let (inside, behind) = array(rest)?;
                    let count = if item == '(' {
                        self.varint()?.saturating_sub(1)
                    } else {
                        self.length()?
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

/// What is inside of the array whose opening bracket was just read, and what is behind it.
fn array(layout: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    for (at, item) in layout.char_indices() {
        match item {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&layout[..at], &layout[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kafka_protocol::messages as m;
    use kafka_protocol::protocol::Decodable;
    use node::Rng;

    use super::*;

    /// Bytes of a layout, at random.
    fn make(layout: &str, rng: &mut Rng, out: &mut Vec<u8>) {
        let mut rest = layout.trim_start();
        while let Some(item) = rest.chars().next() {
            rest = &rest[1..];
            match item {
                'b' => out.push(u8::from(rng.percent(50))),
                'h' => out.extend([0, 1]),
                'i' => out.extend([0, 0, 0, 7]),
                'l' => out.extend([0, 0, 0, 0, 0, 0, 0, 9]),
                'u' => out.extend([3; 16]),
                's' => out.extend([0, 2, b'a', b'b']),
                'B' => out.extend([0, 0, 0, 1, 5]),
                'S' => out.extend([2, b'x']),
                'T' => out.extend([1, 9, 1, 0]),
                _ => {
                    let (inside, behind) = array(rest).unwrap();
                    let count = i32::try_from(rng.below(3)).unwrap();
                    match item {
                        '(' => out.push(u8::try_from(count + 1).unwrap()),
                        _ => out.extend(count.to_be_bytes()),
                    }
                    for _ in 0..count {
                        make(inside, rng, out);
                    }
                    rest = behind;
                }
            }
            rest = rest.trim_start();
        }
    }

    fn decoded<T: Decodable>(bytes: &[u8], version: i16) -> usize {
        let mut bytes = Bytes::copy_from_slice(bytes);
        T::decode(&mut bytes, version).unwrap();
        bytes.len()
    }

    fn left_over(key: ApiKey, bytes: &[u8], version: i16) -> usize {
        match key {
            ApiKey::Produce => decoded::<m::ProduceRequest>(bytes, version),
            ApiKey::Fetch => decoded::<m::FetchRequest>(bytes, version),
            ApiKey::ListOffsets => decoded::<m::ListOffsetsRequest>(bytes, version),
            ApiKey::Metadata => decoded::<m::MetadataRequest>(bytes, version),
            ApiKey::OffsetCommit => decoded::<m::OffsetCommitRequest>(bytes, version),
            ApiKey::OffsetFetch => decoded::<m::OffsetFetchRequest>(bytes, version),
            ApiKey::FindCoordinator => decoded::<m::FindCoordinatorRequest>(bytes, version),
            ApiKey::JoinGroup => decoded::<m::JoinGroupRequest>(bytes, version),
            ApiKey::Heartbeat => decoded::<m::HeartbeatRequest>(bytes, version),
            ApiKey::LeaveGroup => decoded::<m::LeaveGroupRequest>(bytes, version),
            ApiKey::SyncGroup => decoded::<m::SyncGroupRequest>(bytes, version),
            ApiKey::DescribeGroups => decoded::<m::DescribeGroupsRequest>(bytes, version),
            ApiKey::ListGroups => decoded::<m::ListGroupsRequest>(bytes, version),
            ApiKey::ApiVersions => decoded::<m::ApiVersionsRequest>(bytes, version),
            ApiKey::CreateTopics => decoded::<m::CreateTopicsRequest>(bytes, version),
            ApiKey::DeleteTopics => decoded::<m::DeleteTopicsRequest>(bytes, version),
            ApiKey::DeleteRecords => decoded::<m::DeleteRecordsRequest>(bytes, version),
            ApiKey::InitProducerId => decoded::<m::InitProducerIdRequest>(bytes, version),
            ApiKey::OffsetForLeaderEpoch => {
                decoded::<m::OffsetForLeaderEpochRequest>(bytes, version)
            }
            ApiKey::DescribeConfigs => decoded::<m::DescribeConfigsRequest>(bytes, version),
            ApiKey::AlterConfigs => decoded::<m::AlterConfigsRequest>(bytes, version),
            ApiKey::DescribeLogDirs => decoded::<m::DescribeLogDirsRequest>(bytes, version),
            ApiKey::CreatePartitions => decoded::<m::CreatePartitionsRequest>(bytes, version),
            ApiKey::DeleteGroups => decoded::<m::DeleteGroupsRequest>(bytes, version),
            ApiKey::IncrementalAlterConfigs => {
                decoded::<m::IncrementalAlterConfigsRequest>(bytes, version)
            }
            ApiKey::OffsetDelete => decoded::<m::OffsetDeleteRequest>(bytes, version),
            ApiKey::ConsumerGroupHeartbeat => {
                decoded::<m::ConsumerGroupHeartbeatRequest>(bytes, version)
            }
            other => panic!("{other:?} is not served"),
        }
    }

    #[test]
    fn layouts_are_those_of_the_protocol() {
        let mut rng = Rng::new(1);
        for api in &APIS {
            for version in api.min..=api.max {
                for _ in 0..20 {
                    let mut bytes = Vec::new();
                    make(api.layout(version), &mut rng, &mut bytes);
                    let left = left_over(api.key, &bytes, version);
                    assert_eq!(left, 0, "{:?} version {version}", api.key);
                    assert!(api.fits(version, &bytes), "{:?} version {version}", api.key);
                    let cut = rng.index(bytes.len());
                    assert!(bytes.is_empty() || !api.fits(version, &bytes[..cut]));
                }
            }
        }
    }

    #[test]
    fn a_count_that_lies_is_found() {
        let metadata = Api::find(3).unwrap();
        assert!(metadata.fits(1, &[255, 255, 255, 255]));
        assert!(!metadata.fits(1, &[127, 255, 255, 255]));
        assert!(!metadata.fits(1, &[128, 0, 0, 0]));
        assert!(!metadata.fits(1, &[0, 0, 0, 2, 0, 1, b'a']));
    }
}
