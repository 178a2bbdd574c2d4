//! A consumer's part in its group: join, sync, heartbeat, commit, leave.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::consumer_protocol_assignment as wire_assignment;
use kafka_protocol::messages::consumer_protocol_subscription as wire_subscription;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, GroupId, HeartbeatRequest,
    JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, OffsetCommitRequest,
    OffsetFetchRequest, SyncGroupRequest, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable};

use super::super::{Client, ClientError, text};
use crate::assignor::{self, Assignment, Subscriber, TopicPartition, Topics};
use crate::error::ErrorCode;

type Positions = BTreeMap<TopicPartition, i64>;

/// The version of subscriptions in which owned partitions, and their generation, are told.
const SUBSCRIPTION_VERSION: i16 = 2;
const ASSIGNMENT_VERSION: i16 = 0;
/// `metadata.max.age.ms`: how soon a leader sees that there are more partitions.
const METADATA_MAX_AGE: Duration = Duration::from_secs(300);
/// The same, where a topic is not there yet.
const MISSING_MAX_AGE: Duration = Duration::from_secs(1);

/// How partitions are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignor {
    /// [`assignor::range`].
    Range,
    /// [`assignor::round_robin`].
    RoundRobin,
    /// [`assignor::sticky`].
    Sticky,
    /// [`assignor::cooperative_sticky`].
    CooperativeSticky,
}

impl Assignor {
    /// The one of this name.
    pub fn by_name(name: &str) -> Option<Assignor> {
        let all = [
            Assignor::Range,
            Assignor::RoundRobin,
            Assignor::Sticky,
            Assignor::CooperativeSticky,
        ];
        all.into_iter().find(|assignor| assignor.name() == name)
    }

    /// Kafka's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Assignor::Range => "range",
            Assignor::RoundRobin => "roundrobin",
            Assignor::Sticky => "sticky",
            Assignor::CooperativeSticky => "cooperative-sticky",
        }
    }

    fn assign(self, members: &[Subscriber], topics: &Topics) -> Assignment {
        match self {
            Assignor::Range => assignor::range(members, topics),
            Assignor::RoundRobin => assignor::round_robin(members, topics),
            Assignor::Sticky => assignor::sticky(members, topics),
            Assignor::CooperativeSticky => assignor::cooperative_sticky(members, topics),
        }
    }
}

/// How a consumer takes part in a group.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// `group.id`.
    pub group_id: String,
    /// `group.instance.id`.
    pub instance_id: Option<String>,
    /// What it wants to read.
    pub topics: BTreeSet<String>,
    /// `partition.assignment.strategy`.
    pub assignor: Assignor,
    /// `session.timeout.ms`.
    pub session_timeout: Duration,
    /// `heartbeat.interval.ms`: so late it hears, while it polls, that the group rebalances.
    pub heartbeat_interval: Duration,
    /// `max.poll.interval.ms`.
    pub rebalance_timeout: Duration,
    /// `auto.commit.interval.ms`; none for commits by hand.
    pub auto_commit: Option<Duration>,
}

/// A member, from its own side.
#[derive(Debug)]
pub(super) struct Membership {
    coordinator: Client,
    config: GroupConfig,
    member_id: String,
    generation: i32,
    joined: bool,
    heartbeat_at: Instant,
    commit_at: Instant,
    /// What it shared out as the leader of this generation.
    led: Option<Led>,
}

/// What a leader knew of the topics that its group wants, which may become more, or larger.
#[derive(Debug)]
struct Led {
    wanted: Vec<String>,
    topics: Topics,
    look_at: Instant,
}

impl Led {
    fn new(wanted: Vec<String>, topics: Topics) -> Led {
        let is_missing = topics.len() < wanted.len();
        let age = if is_missing {
            MISSING_MAX_AGE
        } else {
            METADATA_MAX_AGE
        };
        Led {
            wanted,
            topics,
            look_at: Instant::now() + age,
        }
    }
}

fn is(code: Option<i16>, error: ErrorCode) -> bool {
    code == Some(error.code())
}

impl Membership {
    pub(super) fn new(coordinator: Client, config: GroupConfig) -> Membership {
        let now = Instant::now();
        Membership {
            coordinator,
            member_id: String::new(),
            generation: -1,
            joined: false,
            heartbeat_at: now,
            commit_at: now + config.auto_commit.unwrap_or_default(),
            led: None,
            config,
        }
    }

    /// Looks who coordinates the group now. Where nobody can tell, whoever did is asked again.
    pub(super) async fn find_coordinator(&mut self, client: &mut Client) {
        if let Ok(coordinator) = client.coordinator(&self.config.group_id).await {
            self.coordinator = coordinator;
        }
    }

    pub(super) fn generation(&self) -> Option<i32> {
        self.joined.then_some(self.generation)
    }

    fn group_id(&self) -> GroupId {
        GroupId(text(self.config.group_id.clone()))
    }

    /// Does what is due: a commit, a heartbeat, and, where the group rebalances, a new join.
    pub(super) async fn keep(
        &mut self,
        client: &mut Client,
        positions: &mut Positions,
        reset: i64,
    ) -> Result<(), ClientError> {
        let now = Instant::now();
        if let Some(interval) = self.config.auto_commit
            && self.joined
            && now >= self.commit_at
        {
            self.commit_at = now + interval;
            // Should the group be rebalancing, the heartbeat says so too.
            let committed = self.commit(positions).await;
            self.joined = self.is_member_after(committed, positions)?;
        }
        if self.joined && now >= self.heartbeat_at {
            self.heartbeat_at = now + self.config.heartbeat_interval;
            let beat = self.heartbeat().await;
            self.joined = self.is_member_after(beat, positions)?;
        }
        if self.joined
            && let Some(led) = self.led.take_if(|led| now >= led.look_at)
        {
            let topics = client.known_partition_counts(&led.wanted).await?;
            self.joined = topics == led.topics;
            self.led = Some(Led::new(led.wanted, topics));
        }
        while !self.joined {
            let joined = self.join(client, positions, reset).await;
            let is_settled = matches!(joined, Ok(true));
            self.joined = self.is_member_after(joined, positions)? && is_settled;
        }
        Ok(())
    }

    /// Whether it is still a member of its generation after what the coordinator said; else it has to join again. It keeps nothing of
    /// what it owned where the group went on without it. Other errors stay errors.
    fn is_member_after<T>(
        &mut self,
        result: Result<T, ClientError>,
        positions: &mut Positions,
    ) -> Result<bool, ClientError> {
        let Err(error) = result else {
            return Ok(true);
        };
        let code = error.code();
        if is(code, ErrorCode::RebalanceInProgress) {
            return Ok(false);
        }
        let is_unknown = is(code, ErrorCode::UnknownMemberId);
        if !is_unknown && !is(code, ErrorCode::IllegalGeneration) {
            return Err(error);
        }
        if is_unknown {
            self.member_id.clear();
        }
        self.generation = -1;
        positions.clear();
        Ok(false)
    }

    async fn heartbeat(&mut self) -> Result<(), ClientError> {
        let request = HeartbeatRequest::default()
            .with_group_id(self.group_id())
            .with_generation_id(self.generation)
            .with_member_id(text(self.member_id.clone()))
            .with_group_instance_id(self.config.instance_id.clone().map(text));
        let answer = self.coordinator.call(3, &request).await?;
        ClientError::check("a heartbeat", answer.error_code)
    }

    /// Joins a generation, and learns what to read. False where another rebalance has to follow at once, since the
    /// member gave up partitions that somebody else waits for.
    async fn join(
        &mut self,
        client: &mut Client,
        positions: &mut Positions,
        reset: i64,
    ) -> Result<bool, ClientError> {
        let cooperative = self.config.assignor == Assignor::CooperativeSticky;
        if self.generation >= 0 && !positions.is_empty() && self.config.auto_commit.is_some() {
            // The last chance before somebody else may have them.
            let _ = self.commit(positions).await;
        }
        let owned: Vec<TopicPartition> = positions.keys().cloned().collect();
        if !cooperative {
            positions.clear();
        }
        let mut joined = self.send_join(&owned).await?;
        if joined.error_code == ErrorCode::MemberIdRequired.code() {
            self.member_id = joined.member_id.to_string();
            joined = self.send_join(&owned).await?;
        }
        let what = format!("joining group {}", self.config.group_id);
        ClientError::check(what, joined.error_code)?;
        self.member_id = joined.member_id.to_string();
        self.generation = joined.generation_id;
        let assigned = self.sync(client, joined).await?;
        self.heartbeat_at = Instant::now();
        let lost = positions
            .keys()
            .any(|partition| !assigned.contains(partition));
        positions.retain(|partition, _| assigned.contains(partition));
        let new: Vec<_> = assigned
            .into_iter()
            .filter(|p| !positions.contains_key(p))
            .collect();
        for (partition, committed) in self.committed(new).await? {
            let offset = match committed {
                Some(offset) => offset,
                None => client.list_offset(&partition, reset).await?,
            };
            positions.insert(partition, offset);
        }
        Ok(!(cooperative && lost))
    }

    async fn send_join(
        &mut self,
        owned: &[TopicPartition],
    ) -> Result<JoinGroupResponse, ClientError> {
        let mut by_topic: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for (topic, partition) in owned {
            by_topic.entry(topic).or_default().push(*partition);
        }
        let owned = by_topic.into_iter().map(|(topic, partitions)| {
            wire_subscription::TopicPartition::default()
                .with_topic(TopicName(text(topic)))
                .with_partitions(partitions)
        });
        let topics = self.config.topics.iter().cloned().map(text);
        let subscription = ConsumerProtocolSubscription::default()
            .with_topics(topics.collect())
            .with_owned_partitions(owned.collect())
            .with_generation_id(self.generation);
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(text(self.config.assignor.name()))
            .with_metadata(versioned(SUBSCRIPTION_VERSION, &subscription)?);
        let millis = |time: Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
        let request = JoinGroupRequest::default()
            .with_group_id(self.group_id())
            .with_session_timeout_ms(millis(self.config.session_timeout))
            .with_rebalance_timeout_ms(millis(self.config.rebalance_timeout))
            .with_member_id(text(self.member_id.clone()))
            .with_group_instance_id(self.config.instance_id.clone().map(text))
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol]);
        let wait = self.config.rebalance_timeout;
        self.coordinator.call_waiting(5, &request, wait).await
    }

    /// Asks what to read; as the leader, after having decided it for everyone.
    async fn sync(
        &mut self,
        client: &mut Client,
        joined: JoinGroupResponse,
    ) -> Result<BTreeSet<TopicPartition>, ClientError> {
        let mut assignments = Vec::new();
        self.led = None;
        if joined.leader == joined.member_id {
            let members: Result<Vec<_>, _> = joined.members.iter().map(subscriber).collect();
            let members = members?;
            let topics: BTreeSet<String> = members.iter().flat_map(|m| m.topics.clone()).collect();
            let wanted: Vec<String> = topics.into_iter().collect();
            let topics = client.known_partition_counts(&wanted).await?;
            if topics.len() < wanted.len() {
                let missing = wanted.iter().filter(|topic| !topics.contains_key(*topic));
                tracing::warn!(
                    "not there: {missing:?}; nobody reads that",
                    missing = missing.collect::<Vec<_>>()
                );
            }
            for (member, share) in self.config.assignor.assign(&members, &topics) {
                let assignment = SyncGroupRequestAssignment::default()
                    .with_member_id(text(member))
                    .with_assignment(encode_assignment(&share)?);
                assignments.push(assignment);
            }
            self.led = Some(Led::new(wanted, topics));
        }
        let request = SyncGroupRequest::default()
            .with_group_id(self.group_id())
            .with_generation_id(self.generation)
            .with_member_id(text(self.member_id.clone()))
            .with_group_instance_id(self.config.instance_id.clone().map(text))
            .with_assignments(assignments);
        let wait = self.config.rebalance_timeout;
        let answer = self.coordinator.call_waiting(3, &request, wait).await?;
        let what = format!("the assignment of group {}", self.config.group_id);
        ClientError::check(what, answer.error_code)?;
        decode_assignment(answer.assignment)
    }

    /// What the group has committed of some partitions.
    async fn committed(
        &mut self,
        partitions: Vec<TopicPartition>,
    ) -> Result<Vec<(TopicPartition, Option<i64>)>, ClientError> {
        let mut by_topic: BTreeMap<String, Vec<i32>> = BTreeMap::new();
        for (topic, partition) in partitions {
            by_topic.entry(topic).or_default().push(partition);
        }
        let topics = by_topic.into_iter().map(|(topic, partitions)| {
            OffsetFetchRequestTopic::default()
                .with_name(TopicName(text(topic)))
                .with_partition_indexes(partitions)
        });
        let request = OffsetFetchRequest::default()
            .with_group_id(self.group_id())
            .with_topics(Some(topics.collect()));
        let answer = self.coordinator.call(5, &request).await?;
        ClientError::check("committed offsets", answer.error_code)?;
        let mut found = Vec::new();
        for topic in answer.topics {
            for partition in topic.partitions {
                let key = (topic.name.0.to_string(), partition.partition_index);
                ClientError::check("a committed offset", partition.error_code)?;
                let offset = Some(partition.committed_offset).filter(|offset| *offset >= 0);
                found.push((key, offset));
            }
        }
        Ok(found)
    }

    pub(super) async fn commit(&mut self, positions: &Positions) -> Result<(), ClientError> {
        let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
        for ((topic, partition), offset) in positions {
            if topics.last().is_none_or(|last| *last.name.0 != **topic) {
                let named = OffsetCommitRequestTopic::default();
                topics.push(named.with_name(TopicName(text(topic.clone()))));
            }
            let committed = OffsetCommitRequestPartition::default()
                .with_partition_index(*partition)
                .with_committed_offset(*offset)
                .with_committed_metadata(Some(text("")));
            if let Some(last) = topics.last_mut() {
                last.partitions.push(committed);
            }
        }
        if topics.is_empty() {
            return Ok(());
        }
        let request = OffsetCommitRequest::default()
            .with_group_id(self.group_id())
            .with_generation_id_or_member_epoch(self.generation)
            .with_member_id(text(self.member_id.clone()))
            .with_group_instance_id(self.config.instance_id.clone().map(text))
            .with_topics(topics);
        let answer = self.coordinator.call(7, &request).await?;
        let mut results = answer.topics.iter().flat_map(|topic| &topic.partitions);
        results.try_for_each(|result| ClientError::check("a commit", result.error_code))
    }

    /// Commits and leaves, also where it is about to join.
    pub(super) async fn close(&mut self, positions: &mut Positions) -> Result<(), ClientError> {
        let mut committed = Ok(());
        if self.joined && self.config.auto_commit.is_some() {
            committed = self.commit(positions).await;
            // Over a new connection.
            if committed.as_ref().is_err_and(ClientError::is_retriable) {
                committed = self.commit(positions).await;
            }
        }
        // A static member is only away.
        if self.config.instance_id.is_none() && !self.member_id.is_empty() {
            let me = MemberIdentity::default().with_member_id(text(self.member_id.clone()));
            let request = LeaveGroupRequest::default()
                .with_group_id(self.group_id())
                .with_members(vec![me]);
            self.coordinator.call(3, &request).await?;
        }
        self.is_member_after(committed, positions).map(|_| ())
    }
}

fn malformed(why: &dyn std::fmt::Display) -> ClientError {
    ClientError::Protocol {
        address: "a member of the group".to_owned(),
        why: why.to_string(),
    }
}

/// A structure with its version before it, as consumers talk to each other.
fn versioned<T: Encodable>(version: i16, body: &T) -> Result<Bytes, ClientError> {
    let mut bytes = BytesMut::new();
    bytes.put_i16(version);
    body.encode(&mut bytes, version)
        .map_err(|e| malformed(&e))?;
    Ok(bytes.freeze())
}

/// The same, read; a later version than is known begins like the last one that is.
fn read_versioned<T: Decodable>(mut bytes: Bytes, known: i16) -> Result<T, ClientError> {
    if bytes.remaining() < 2 {
        return Err(malformed(&"it is empty"));
    }
    let version = bytes.get_i16().clamp(0, known);
    T::decode(&mut bytes, version).map_err(|e| malformed(&e))
}

fn subscriber(member: &JoinGroupResponseMember) -> Result<Subscriber, ClientError> {
    let read = read_versioned(member.metadata.clone(), SUBSCRIPTION_VERSION);
    let subscription: ConsumerProtocolSubscription = read?;
    let owned = subscription.owned_partitions.iter().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|partition| (topic.topic.0.to_string(), *partition))
    });
    Ok(Subscriber {
        member_id: member.member_id.to_string(),
        instance_id: member.group_instance_id.as_ref().map(ToString::to_string),
        topics: subscription
            .topics
            .iter()
            .map(ToString::to_string)
            .collect(),
        owned: owned.collect(),
        generation: subscription.generation_id,
    })
}

fn encode_assignment(share: &[TopicPartition]) -> Result<Bytes, ClientError> {
    let topics = share.chunk_by(|a, b| a.0 == b.0).map(|of_topic| {
        wire_assignment::TopicPartition::default()
            .with_topic(TopicName(text(of_topic[0].0.clone())))
            .with_partitions(of_topic.iter().map(|(_, partition)| *partition).collect())
    });
    let assignment =
        ConsumerProtocolAssignment::default().with_assigned_partitions(topics.collect());
    versioned(ASSIGNMENT_VERSION, &assignment)
}

/// What an assignment, as members of groups have it, names.
///
/// # Errors
/// When it is something else.
pub fn decode_assignment(bytes: Bytes) -> Result<BTreeSet<TopicPartition>, ClientError> {
    if bytes.is_empty() {
        return Ok(BTreeSet::new());
    }
    let assignment: ConsumerProtocolAssignment = read_versioned(bytes, ASSIGNMENT_VERSION)?;
    let topics = assignment.assigned_partitions.iter();
    let partitions = topics.flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|partition| (topic.topic.0.to_string(), *partition))
    });
    Ok(partitions.collect())
}
