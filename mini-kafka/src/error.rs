//! Kafka's error codes (`org.apache.kafka.common.protocol.Errors`): what the cores answer and the wire carries.

/// An error as Kafka's protocol numbers it. Only those that this broker can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[repr(i16)]
#[allow(missing_docs, reason = "each variant's message is its documentation")]
pub enum ErrorCode {
    #[error("the requested offset is not within the range of offsets of this partition")]
    OffsetOutOfRange = 1,
    #[error("the record batch is damaged, or its contents do not match its header")]
    CorruptMessage = 2,
    #[error("this server does not host this topic-partition")]
    UnknownTopicOrPartition = 3,
    #[error("the record batch is larger than max.message.bytes allows")]
    MessageTooLarge = 10,
    #[error("the coordinator is loading and hence can't process requests")]
    CoordinatorLoadInProgress = 14,
    #[error("the coordinator is not available")]
    CoordinatorNotAvailable = 15,
    #[error("this is not the correct coordinator")]
    NotCoordinator = 16,
    #[error("the topic's name is not valid")]
    InvalidTopic = 17,
    #[error("the required acks value is none of 0, 1 and -1")]
    InvalidRequiredAcks = 21,
    #[error("the generation id is not the group's present one")]
    IllegalGeneration = 22,
    #[error("the member's protocols fit no other member's")]
    InconsistentGroupProtocol = 23,
    #[error("the group's id is not valid")]
    InvalidGroupId = 24,
    #[error("the coordinator does not know this member")]
    UnknownMemberId = 25,
    #[error("the session timeout is outside the range that the broker allows")]
    InvalidSessionTimeout = 26,
    #[error("the group is rebalancing, so a rejoin is needed")]
    RebalanceInProgress = 27,
    #[error("the timestamp of a record is out of the acceptable range")]
    InvalidTimestamp = 32,
    #[error("the version of the request is not supported")]
    UnsupportedVersion = 35,
    #[error("a topic with this name already exists")]
    TopicAlreadyExists = 36,
    #[error("the number of partitions is below 1, or not above the present one")]
    InvalidPartitions = 37,
    #[error("the replication factor is below 1 or larger than the number of brokers")]
    InvalidReplicationFactor = 38,
    #[error("the assignment of replicas is not valid")]
    InvalidReplicaAssignment = 39,
    #[error("a setting's name or value is not valid")]
    InvalidConfig = 40,
    #[error("the request is malformed or does not go together")]
    InvalidRequest = 42,
    #[error("the message format on the broker does not support the request")]
    UnsupportedForMessageFormat = 43,
    #[error("the producer's sequence number does not follow the last one")]
    OutOfOrderSequenceNumber = 45,
    #[error("the producer's sequence number was seen before")]
    DuplicateSequenceNumber = 46,
    #[error("a newer instance of this producer has been seen")]
    InvalidProducerEpoch = 47,
    #[error("the transaction's state does not allow this")]
    InvalidTxnState = 48,
    #[error("the disk could not be read or written; see the broker's log")]
    KafkaStorageError = 56,
    #[error("the broker knows no producer with this id")]
    UnknownProducerId = 59,
    #[error("the group is not empty")]
    NonEmptyGroup = 68,
    #[error("there is no such group")]
    GroupIdNotFound = 69,
    #[error("the fetch session id was not found")]
    FetchSessionIdNotFound = 70,
    #[error("the fetch session epoch is not the next one")]
    InvalidFetchSessionEpoch = 71,
    #[error("the leader epoch in the request is older than the broker's")]
    FencedLeaderEpoch = 74,
    #[error("the leader epoch in the request is newer than the broker's")]
    UnknownLeaderEpoch = 75,
    #[error("the compression type is not supported")]
    UnsupportedCompressionType = 76,
    #[error("a member id has to be given, and was handed out with this answer")]
    MemberIdRequired = 79,
    #[error("another member with this group.instance.id is in the group")]
    FencedInstanceId = 82,
    #[error("a member of the group subscribes to this topic")]
    GroupSubscribedToTopic = 86,
    #[error("a record failed the broker's validation")]
    InvalidRecord = 87,
}

impl ErrorCode {
    /// The number on the wire.
    pub fn code(self) -> i16 {
        self as i16
    }
}
