//! Which requests this broker serves, in which versions, and how they are laid out.
//!
//! What is advertised is exactly what is right. The lowest versions matter as much as the highest: librdkafka 2.0 falls
//! back to message sets of an old format unless Produce begins at 3 and Fetch at 4 or below.
//!
//! Layouts are those of `layout`.

pub(super) mod layout;

use kafka_protocol::messages::ApiKey;

use layout::Walk;

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
pub static APIS: [Api; 38] = [
    api(
        ApiKey::Produce,
        3,
        13,
        &[
            (3, "s h i [ s [ i B ] ]"),
            (9, "S h i ( S ( i S T ) T ) T"),
            (13, "S h i ( u ( i S T ) T ) T"),
        ],
    ),
    api(
        ApiKey::Fetch,
        4,
        18,
        &[
            (4, "i i i i b [ s [ i l i ] ]"),
            (5, "i i i i b [ s [ i l l i ] ]"),
            (7, "i i i i b i i [ s [ i l l i ] ] [ s [ i ] ]"),
            (9, "i i i i b i i [ s [ i i l l i ] ] [ s [ i ] ]"),
            (11, "i i i i b i i [ s [ i i l l i ] ] [ s [ i ] ] s"),
            (
                12,
                "i i i i b i i ( S ( i i l i l i T ) T ) ( S ( i ) T ) S T",
            ),
            (
                13,
                "i i i i b i i ( u ( i i l i l i T ) T ) ( u ( i ) T ) S T",
            ),
            (
                15,
                "i i i b i i ( u ( i i l i l i T ) T ) ( u ( i ) T ) S T",
            ),
        ],
    ),
    api(
        ApiKey::ListOffsets,
        1,
        10,
        &[
            (1, "i [ s [ i l ] ]"),
            (2, "i b [ s [ i l ] ]"),
            (4, "i b [ s [ i i l ] ]"),
            (6, "i b ( S ( i i l T ) T ) T"),
            (10, "i b ( S ( i i l T ) T ) i T"),
        ],
    ),
    api(
        ApiKey::Metadata,
        0,
        13,
        &[
            (0, "[ s ]"),
            (4, "[ s ] b"),
            (8, "[ s ] b b b"),
            (9, "( S T ) b b b T"),
            (10, "( u S T ) b b b T"),
            (11, "( u S T ) b b T"),
        ],
    ),
    api(
        ApiKey::OffsetCommit,
        2,
        9,
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
        9,
        &[
            (1, "s [ s [ i ] ]"),
            (6, "S ( S ( i ) T ) T"),
            (7, "S ( S ( i ) T ) b T"),
            (8, "( S ( S ( i ) T ) T ) b T"),
            (9, "( S S i ( S ( i ) T ) T ) b T"),
        ],
    ),
    api(
        ApiKey::FindCoordinator,
        0,
        6,
        &[(0, "s"), (1, "s b"), (3, "S b T"), (4, "b ( S ) T")],
    ),
    api(
        ApiKey::JoinGroup,
        0,
        9,
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
        5,
        &[
            (0, "s i s [ s B ]"),
            (3, "s i s s [ s B ]"),
            (4, "S i S S ( S S T ) T"),
            (5, "S i S S S S ( S S T ) T"),
        ],
    ),
    api(
        ApiKey::DescribeGroups,
        0,
        6,
        &[(0, "[ s ]"), (3, "[ s ] b"), (5, "( S ) b T")],
    ),
    api(
        ApiKey::ListGroups,
        0,
        5,
        &[(0, ""), (3, "T"), (4, "( S ) T"), (5, "( S ) ( S ) T")],
    ),
    api(ApiKey::ApiVersions, 0, 4, &[(0, ""), (3, "S S T")]),
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
        6,
        &[(1, "[ s ] i"), (4, "( S ) i T"), (6, "( S u T ) i T")],
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
        5,
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
        ApiKey::DescribeAcls,
        1,
        3,
        &[(1, "b s b s s b b"), (2, "b S b S S b b T")],
    ),
    api(
        ApiKey::CreateAcls,
        1,
        3,
        &[(1, "[ b s b s s b b ]"), (2, "( b S b S S b b T ) T")],
    ),
    api(
        ApiKey::DeleteAcls,
        1,
        3,
        &[(1, "[ b s b s s b b ]"), (2, "( b S b S S b b T ) T")],
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
        4,
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
        ApiKey::ElectLeaders,
        0,
        2,
        &[
            (0, "[ s [ i ] ] i"),
            (1, "b [ s [ i ] ] i"),
            (2, "b ( S ( i ) T ) i T"),
        ],
    ),
    api(
        ApiKey::IncrementalAlterConfigs,
        0,
        1,
        &[(0, "[ b s [ s b s ] ] b"), (1, "( b S ( S b S T ) T ) b T")],
    ),
    api(
        ApiKey::ListPartitionReassignments,
        0,
        0,
        &[(0, "i ( S ( i ) T ) T")],
    ),
    api(ApiKey::OffsetDelete, 0, 0, &[(0, "s [ s [ i ] ]")]),
    api(
        ApiKey::DescribeCluster,
        0,
        2,
        &[(0, "b T"), (1, "b b T"), (2, "b b b T")],
    ),
    api(ApiKey::DescribeProducers, 0, 0, &[(0, "( S ( i ) T ) T")]),
    api(ApiKey::DescribeTransactions, 0, 0, &[(0, "( S ) T")]),
    api(
        ApiKey::ListTransactions,
        0,
        1,
        &[(0, "( S ) ( l ) T"), (1, "( S ) ( l ) l T")],
    ),
    api(
        ApiKey::ConsumerGroupHeartbeat,
        0,
        1,
        &[
            (0, "S S i S S i ( S ) S ( u ( i ) T ) T"),
            (1, "S S i S S i ( S ) S S ( u ( i ) T ) T"),
        ],
    ),
    api(
        ApiKey::ListConfigResources,
        0,
        1,
        &[(0, "T"), (1, "( b ) T")],
    ),
    api(
        ApiKey::DescribeTopicPartitions,
        0,
        0,
        &[(0, "( S T ) i { S i T } T")],
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

    pub(super) fn layout(&self, version: i16) -> &'static str {
        let holds = self.layouts.iter().rfind(|(from, _)| *from <= version);
        holds.map_or("", |(_, layout)| layout)
    }

    /// Whether `body` is laid out as a request of this kind and version: every array has as many items as it says.
    pub fn fits(&self, version: i16, body: &[u8]) -> bool {
        Walk(body).items(self.layout(version)).is_some()
    }
}

#[cfg(test)]
pub(super) mod tests;
