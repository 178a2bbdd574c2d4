//! What can go wrong, as clients hear it: Kafka's error codes, with its names and numbers
//! (`org.apache.kafka.common.protocol.Errors`). Cores return them; the shell writes the number into the answer.

use thiserror::Error;

/// An error code of Kafka's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
#[repr(i16)]
pub enum ErrorCode {
    /// Something that no other code says; the broker's log has the reason.
    #[error("the broker failed in a way that it did not expect; its log says more")]
    UnknownServerError = -1,
    /// Not an error.
    #[error("no error")]
    None = 0,
    /// Below the log's start, or above its end.
    #[error("the offset is outside of the log")]
    OffsetOutOfRange = 1,
    /// A checksum that does not match, or a batch whose framing makes no sense.
    #[error("a record batch is damaged")]
    CorruptMessage = 2,
    /// No such topic or partition.
    #[error("there is no such topic or partition")]
    UnknownTopicOrPartition = 3,
    /// A fetch with a negative size.
    #[error("the size asked for is not valid")]
    InvalidFetchSize = 4,
    /// A batch above `max.message.bytes`.
    #[error("the batch is larger than max.message.bytes of the topic")]
    MessageTooLarge = 10,
    /// The metadata beside an offset is longer than `offset.metadata.max.bytes`.
    #[error("the metadata beside the offset is longer than offset.metadata.max.bytes")]
    OffsetMetadataTooLarge = 12,
    /// The group's state is being read from `__consumer_offsets`.
    #[error("the coordinator is still loading the group; try again")]
    CoordinatorLoadInProgress = 14,
    /// The group has just been removed, or its log cannot be written.
    #[error("the coordinator is not available; find it again")]
    CoordinatorNotAvailable = 15,
    /// Another broker coordinates this group.
    #[error("another broker coordinates this group; find it again")]
    NotCoordinator = 16,
    /// Not a name for a topic.
    #[error("the topic's name is not valid")]
    InvalidTopic = 17,
    /// A batch above `segment.bytes`.
    #[error("the records do not fit into a segment")]
    RecordListTooLarge = 18,
    /// `acks` is neither 0, 1 nor -1.
    #[error("acks must be 0, 1 or -1 (all)")]
    InvalidRequiredAcks = 21,
    /// The member is of an earlier generation.
    #[error("the generation is not the group's current one; join again")]
    IllegalGeneration = 22,
    /// The member's kind of protocols is another than the group's, or they have none in common.
    #[error("the member has no protocol in common with its group")]
    InconsistentGroupProtocol = 23,
    /// An empty group id where one is needed.
    #[error("the group id is not valid")]
    InvalidGroupId = 24,
    /// No such member: expired, or never joined.
    #[error("the group has no such member; join again without a member id")]
    UnknownMemberId = 25,
    /// Outside of `group.min.session.timeout.ms` to `group.max.session.timeout.ms`.
    #[error(
        "the session timeout is not between group.min.session.timeout.ms and group.max.session.timeout.ms"
    )]
    InvalidSessionTimeout = 26,
    /// The group is rebalancing: join again.
    #[error("the group is rebalancing; join again")]
    RebalanceInProgress = 27,
    /// Offsets of one commit, with their metadata, that do not fit into a batch of `__consumer_offsets`.
    #[error(
        "the offsets committed at once are larger than max.message.bytes of __consumer_offsets"
    )]
    InvalidCommitOffsetSize = 28,
    /// A record's timestamp is too far from the broker's clock.
    #[error("a timestamp is outside of what the topic allows")]
    InvalidTimestamp = 32,
    /// A version of a request that is not served.
    #[error("this version of the request is not served")]
    UnsupportedVersion = 35,
    /// The topic is there already.
    #[error("the topic exists already")]
    TopicAlreadyExists = 36,
    /// The number of partitions makes no sense.
    #[error("the number of partitions is not valid")]
    InvalidPartitions = 37,
    /// More replicas than brokers, or none.
    #[error("the replication factor is not valid: there is one broker")]
    InvalidReplicationFactor = 38,
    /// An assignment that names brokers that are not there.
    #[error("the replica assignment is not valid: there is one broker")]
    InvalidReplicaAssignment = 39,
    /// A setting that is unknown, or whose value is not understood.
    #[error("a setting is not valid")]
    InvalidConfig = 40,
    /// A request that contradicts itself.
    #[error("the request is not valid")]
    InvalidRequest = 42,
    /// Record batches of an old format.
    #[error("the broker keeps record batches of format 2 alone")]
    UnsupportedForMessageFormat = 43,
    /// What the topic's settings forbid, such as deleting records where only compaction may.
    #[error("the topic's settings do not allow this")]
    PolicyViolation = 44,
    /// A sequence number with a gap before it.
    #[error("the producer's sequence has a gap")]
    OutOfOrderSequenceNumber = 45,
    /// A sequence that was seen before, and whose batch is no longer known.
    #[error("the producer's sequence was written before")]
    DuplicateSequenceNumber = 46,
    /// A producer of an earlier epoch.
    #[error("the producer's epoch is not the current one")]
    InvalidProducerEpoch = 47,
    /// A transactional request, which this broker does not serve.
    #[error("transactions are not served")]
    InvalidTxnState = 48,
    /// A producer with a `transactional.id`: fatal to it, where other codes would have it try for ever.
    #[error("this broker serves no transactions: leave transactional.id out")]
    TransactionalIdAuthorizationFailed = 53,
    /// ACLs, of which there are none without an authorizer.
    #[error("no authorizer is configured on the broker")]
    SecurityDisabled = 54,
    /// A failed disk.
    #[error("the log directory failed; the broker's log says how")]
    KafkaStorageError = 56,
    /// The producer's state is gone: its batches were deleted.
    #[error("the producer id is not known")]
    UnknownProducerId = 59,
    /// Deleting a group that has members.
    #[error("the group has members")]
    NonEmptyGroup = 68,
    /// No such group.
    #[error("there is no such group")]
    GroupIdNotFound = 69,
    /// No such fetch session; the client begins a new one.
    #[error("there is no such fetch session")]
    FetchSessionIdNotFound = 70,
    /// The fetch session is elsewhere in its sequence.
    #[error("the fetch session's epoch is not the next one")]
    InvalidFetchSessionEpoch = 71,
    /// `delete.topic.enable` is false.
    #[error("topics are not deleted: delete.topic.enable")]
    TopicDeletionDisabled = 73,
    /// The client knows a later leader epoch than its question says.
    #[error("the leader epoch is older than the partition's")]
    FencedLeaderEpoch = 74,
    /// The client knows a later leader epoch than the broker.
    #[error("the leader epoch is newer than the partition's")]
    UnknownLeaderEpoch = 75,
    /// A codec that this broker, or this version of the request, does not have.
    #[error("the compression codec is not supported")]
    UnsupportedCompressionType = 76,
    /// Join again with the id in the answer (KIP-394).
    #[error("join again with the member id in this answer")]
    MemberIdRequired = 79,
    /// `group.max.size` is reached.
    #[error("the group is full: group.max.size")]
    GroupMaxSizeReached = 81,
    /// Another process has taken over this static member's name (KIP-345).
    #[error("another process has joined with the same group.instance.id")]
    FencedInstanceId = 82,
    /// The partition has the leader that an election could give it.
    #[error("the partition has its leader; no election is needed")]
    ElectionNotNeeded = 84,
    /// Deleting an offset that a member still reads from.
    #[error("the group is subscribed to the topic")]
    GroupSubscribedToTopic = 86,
    /// A record that the topic's settings refuse, such as one without a key in a compacted topic.
    #[error("a record is not valid for this topic")]
    InvalidRecord = 87,
    /// No topic has this id.
    #[error("no topic has this id")]
    UnknownTopicId = 100,
    /// No such transactional id.
    #[error("there is no such transactional id")]
    TransactionalIdNotFound = 105,
    /// A fetch session was begun with topics' names and goes on with their ids, or the other way round.
    #[error("a fetch session names its topics by name, or by id, from its beginning to its end")]
    FetchSessionTopicIdError = 106,
    /// Controllers were asked for, and this is a broker.
    #[error("this is a broker, and does not tell of endpoints of another type")]
    MismatchedEndpointType = 114,
    /// Neither brokers nor controllers were asked for.
    #[error("there are no endpoints of this type")]
    UnsupportedEndpointType = 115,
}

impl ErrorCode {
    /// The number on the wire.
    pub const fn code(self) -> i16 {
        self as i16
    }
}
