use bytes::Bytes;
use kafka_protocol::messages as m;
use kafka_protocol::protocol::Decodable;
use node::Rng;

use super::layout::inside;
use super::*;

/// Writes an item of a layout, or says that it is an array, whose items are to be written.
pub(in crate::server) type Leaf = fn(char, &mut Rng, &mut Vec<u8>) -> bool;

/// Bytes of a layout, at random.
pub(in crate::server) fn make(layout: &str, rng: &mut Rng, out: &mut Vec<u8>, leaf: Leaf) {
    let mut rest = layout.trim_start();
    while let Some(item) = rest.chars().next() {
        rest = &rest[1..];
        let within = matches!(item, '[' | '(' | '{').then(|| inside(rest).unwrap());
        rest = within.map_or(rest, |(_, behind)| behind).trim_start();
        if leaf(item, rng, out) {
            continue;
        }
        let most = if item == '{' { 1 } else { 2 };
        let count = i8::try_from(rng.below(most + 1)).unwrap();
        match item {
            '{' => out.extend((2 * count - 1).to_be_bytes()),
            '(' => out.extend((count + 1).to_be_bytes()),
            _ => out.extend(i32::from(count).to_be_bytes()),
        }
        for _ in 0..count {
            make(within.unwrap().0, rng, out, leaf);
        }
    }
}

/// What every decoder takes.
fn valid(item: char, rng: &mut Rng, out: &mut Vec<u8>) -> bool {
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
        _ => return false,
    }
    true
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
        ApiKey::OffsetForLeaderEpoch => decoded::<m::OffsetForLeaderEpochRequest>(bytes, version),
        ApiKey::DescribeConfigs => decoded::<m::DescribeConfigsRequest>(bytes, version),
        ApiKey::AlterConfigs => decoded::<m::AlterConfigsRequest>(bytes, version),
        ApiKey::DescribeLogDirs => decoded::<m::DescribeLogDirsRequest>(bytes, version),
        ApiKey::CreatePartitions => decoded::<m::CreatePartitionsRequest>(bytes, version),
        ApiKey::DeleteGroups => decoded::<m::DeleteGroupsRequest>(bytes, version),
        ApiKey::IncrementalAlterConfigs => {
            decoded::<m::IncrementalAlterConfigsRequest>(bytes, version)
        }
        ApiKey::OffsetDelete => decoded::<m::OffsetDeleteRequest>(bytes, version),
        ApiKey::DescribeAcls => decoded::<m::DescribeAclsRequest>(bytes, version),
        ApiKey::CreateAcls => decoded::<m::CreateAclsRequest>(bytes, version),
        ApiKey::DeleteAcls => decoded::<m::DeleteAclsRequest>(bytes, version),
        ApiKey::ElectLeaders => decoded::<m::ElectLeadersRequest>(bytes, version),
        ApiKey::ListPartitionReassignments => {
            decoded::<m::ListPartitionReassignmentsRequest>(bytes, version)
        }
        ApiKey::DescribeCluster => decoded::<m::DescribeClusterRequest>(bytes, version),
        ApiKey::DescribeProducers => decoded::<m::DescribeProducersRequest>(bytes, version),
        ApiKey::DescribeTransactions => decoded::<m::DescribeTransactionsRequest>(bytes, version),
        ApiKey::ListTransactions => decoded::<m::ListTransactionsRequest>(bytes, version),
        ApiKey::ListConfigResources => decoded::<m::ListConfigResourcesRequest>(bytes, version),
        ApiKey::DescribeTopicPartitions => {
            decoded::<m::DescribeTopicPartitionsRequest>(bytes, version)
        }
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
                make(api.layout(version), &mut rng, &mut bytes, valid);
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

#[test]
fn the_readme_tells_of_every_version_that_is_served() {
    let readme = include_str!("../../../README.md");
    for api in &APIS {
        let versions = match (api.min, api.max) {
            (min, max) if min == max => min.to_string(),
            (min, max) => format!("{min}–{max}"),
        };
        let cells = format!("| {:?} | {versions} |", api.key);
        assert!(readme.contains(&cells), "{cells}");
    }
}
