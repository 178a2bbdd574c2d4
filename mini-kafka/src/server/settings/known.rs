//! Which settings there are.

use crate::log::LogConfig;
use crate::log::config::ValueType;

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A whole number within these bounds.
    Number(i64, i64),
    /// `true` or `false`.
    Flag,
    /// Any text.
    Text,
    /// The default of a topic's setting: the topic's name for it, and how many of its units make one of these.
    Topic(&'static str, i64),
}

impl Kind {
    pub(super) fn value_type(self) -> ValueType {
        match self {
            Number(_, max) if max <= MAX => ValueType::Int,
            Number(..) => ValueType::Long,
            Flag => ValueType::Boolean,
            Text => ValueType::String,
            Topic(name, 1) => LogConfig::value_type(name),
            // Minutes and hours.
            Topic(..) => ValueType::Int,
        }
    }
}

use Kind::{Flag, Number, Text, Topic};

const MAX: i64 = i32::MAX as i64;

/// Every setting: its name, its default, what it may be. Of several names for one of a topic's, a later one wins.
pub(super) const SETTINGS: &[(&str, &str, Kind)] = &[
    ("advertised.listeners", "", Text),
    ("auto.create.topics.enable", "true", Flag),
    ("broker.id", "1", Number(0, MAX)),
    ("broker.rack", "", Text),
    ("compression.type", "producer", Topic("compression.type", 1)),
    ("connections.max.idle.ms", "600000", Number(1, i64::MAX)),
    ("controller.listener.names", "", Text),
    ("default.replication.factor", "1", Number(1, 1)),
    ("delete.topic.enable", "true", Flag),
    ("fetch.max.bytes", "57671680", Number(1024, MAX)),
    ("group.initial.rebalance.delay.ms", "3000", Number(0, MAX)),
    ("group.max.session.timeout.ms", "1800000", Number(1, MAX)),
    ("group.max.size", "2147483647", Number(1, MAX)),
    ("group.min.session.timeout.ms", "6000", Number(1, MAX)),
    ("listeners", "PLAINTEXT://127.0.0.1:9092", Text),
    ("log.cleaner.backoff.ms", "15000", Number(1, i64::MAX)),
    (
        "log.cleaner.delete.retention.ms",
        "86400000",
        Topic("delete.retention.ms", 1),
    ),
    ("log.cleaner.enable", "true", Flag),
    (
        "log.cleaner.max.compaction.lag.ms",
        "9223372036854775807",
        Topic("max.compaction.lag.ms", 1),
    ),
    (
        "log.cleaner.min.cleanable.ratio",
        "0.5",
        Topic("min.cleanable.dirty.ratio", 1),
    ),
    (
        "log.cleaner.min.compaction.lag.ms",
        "0",
        Topic("min.compaction.lag.ms", 1),
    ),
    ("log.cleanup.policy", "delete", Topic("cleanup.policy", 1)),
    ("log.dir", "/tmp/kafka-logs", Text),
    ("log.dirs", "", Text),
    (
        "log.flush.interval.messages",
        "9223372036854775807",
        Topic("flush.messages", 1),
    ),
    (
        "log.flush.interval.ms",
        "9223372036854775807",
        Topic("flush.ms", 1),
    ),
    (
        "log.flush.offset.checkpoint.interval.ms",
        "60000",
        Number(1, i64::MAX),
    ),
    (
        "log.flush.scheduler.interval.ms",
        "1000",
        Number(1, i64::MAX),
    ),
    (
        "log.index.interval.bytes",
        "4096",
        Topic("index.interval.bytes", 1),
    ),
    (
        "log.message.timestamp.type",
        "CreateTime",
        Topic("message.timestamp.type", 1),
    ),
    (
        "log.message.timestamp.after.max.ms",
        "9223372036854775807",
        Topic("message.timestamp.after.max.ms", 1),
    ),
    (
        "log.message.timestamp.before.max.ms",
        "9223372036854775807",
        Topic("message.timestamp.before.max.ms", 1),
    ),
    ("log.retention.bytes", "-1", Topic("retention.bytes", 1)),
    (
        "log.retention.check.interval.ms",
        "300000",
        Number(1, i64::MAX),
    ),
    (
        "log.retention.hours",
        "168",
        Topic("retention.ms", 3_600_000),
    ),
    ("log.retention.minutes", "", Topic("retention.ms", 60_000)),
    ("log.retention.ms", "", Topic("retention.ms", 1)),
    ("log.roll.hours", "168", Topic("segment.ms", 3_600_000)),
    ("log.roll.ms", "", Topic("segment.ms", 1)),
    ("log.segment.bytes", "1073741824", Topic("segment.bytes", 1)),
    ("max.connections", "2147483647", Number(0, MAX)),
    ("max.connections.per.ip", "2147483647", Number(0, MAX)),
    (
        "max.incremental.fetch.session.cache.slots",
        "1000",
        Number(0, MAX),
    ),
    ("max.request.partition.size.limit", "2000", Number(1, MAX)),
    (
        "message.max.bytes",
        "1048588",
        Topic("max.message.bytes", 1),
    ),
    ("min.insync.replicas", "1", Topic("min.insync.replicas", 1)),
    ("node.id", "1", Number(0, MAX)),
    ("num.partitions", "1", Number(1, 100_000)),
    ("offset.metadata.max.bytes", "4096", Number(0, MAX)),
    (
        "offsets.retention.check.interval.ms",
        "600000",
        Number(1, i64::MAX),
    ),
    ("offsets.retention.minutes", "10080", Number(1, MAX)),
    ("offsets.topic.num.partitions", "50", Number(1, 1000)),
    ("offsets.topic.replication.factor", "1", Number(1, 1)),
    (
        "offsets.topic.segment.bytes",
        "104857600",
        Number(1024, MAX),
    ),
    ("socket.request.max.bytes", "104857600", Number(1024, MAX)),
];

/// Those of Kafka's own `server.properties` that have nothing to do here: they are taken, so that such a file starts a broker.
pub(super) const IDLE: &[(&str, &str, Kind)] = &[
    ("controller.quorum.bootstrap.servers", "", Text),
    ("controller.quorum.voters", "", Text),
    ("inter.broker.listener.name", "", Text),
    ("listener.security.protocol.map", "", Text),
    ("num.io.threads", "8", Number(1, MAX)),
    ("num.network.threads", "3", Number(1, MAX)),
    ("num.recovery.threads.per.data.dir", "2", Number(1, MAX)),
    ("process.roles", "", Text),
    ("share.coordinator.state.topic.min.isr", "2", Number(1, MAX)),
    (
        "share.coordinator.state.topic.replication.factor",
        "3",
        Number(1, MAX),
    ),
    ("socket.receive.buffer.bytes", "102400", Number(-1, MAX)),
    ("socket.send.buffer.bytes", "102400", Number(-1, MAX)),
    ("transaction.state.log.min.isr", "2", Number(1, MAX)),
    (
        "transaction.state.log.replication.factor",
        "3",
        Number(1, MAX),
    ),
    ("zookeeper.connect", "", Text),
    ("zookeeper.connection.timeout.ms", "", Text),
];
