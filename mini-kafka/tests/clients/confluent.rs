//! confluent-kafka (librdkafka): every codec, idempotence, groups, static members, times, administration. Each script ends with
//! an error where something is not as it should be.

use crate::broker::run;

const CONFLUENT_BASICS: &str = r#"
import sys
from confluent_kafka import Producer, Consumer, TopicPartition
broker = sys.argv[1]
for codec in ['none', 'gzip', 'snappy', 'lz4', 'zstd']:
    failed = []
    p = Producer({'bootstrap.servers': broker, 'compression.type': codec, 'enable.idempotence': True})
    for i in range(90):
        p.produce('t', key=b'%d' % i, value=codec.encode() * 20, partition=i % 3, timestamp=1000 + i,
                  headers=[('h', b'v')], on_delivery=lambda e, m: e and failed.append(e))
    assert p.flush(30) == 0 and not failed, failed
c = Consumer({'bootstrap.servers': broker, 'group.id': 'g', 'auto.offset.reset': 'earliest', 'enable.auto.commit': False})
c.subscribe(['t'])
seen = {0: [], 1: [], 2: []}
while sum(map(len, seen.values())) < 450:
    m = c.poll(30)
    assert m is not None and not m.error(), m
    assert m.headers() == [('h', b'v')]
    seen[m.partition()].append((m.offset(), m.timestamp()[1]))
for records in seen.values():
    assert [o for o, _ in records] == list(range(150)), records
    assert [t for _, t in records][:2] in ([1000, 1003], [1001, 1004], [1002, 1005])
c.commit(asynchronous=False)
assert [p.offset for p in c.committed([TopicPartition('t', n) for n in range(3)])] == [150] * 3
assert c.get_watermark_offsets(TopicPartition('t', 0)) == (0, 150)
found = c.offsets_for_times([TopicPartition('t', 0, 1003), TopicPartition('t', 1, 5000)])
assert [p.offset for p in found] == [1, -1], found
c.close()
print('done')
"#;

#[test]
fn confluent_kafka_sends_idempotently_with_every_codec() {
    run(
        "confluent_kafka",
        CONFLUENT_BASICS,
        &[],
        &["num.partitions=3"],
    );
}

const CONFLUENT_GROUP: &str = r#"
import sys, time
from confluent_kafka import Producer, Consumer
broker, strategy, static = sys.argv[1], sys.argv[2], sys.argv[3] == 'static'
p = Producer({'bootstrap.servers': broker})
for i in range(40):
    p.produce('t', value=b'%d' % i, partition=i % 4)
assert p.flush(30) == 0
def member(name):
    config = {'bootstrap.servers': broker, 'group.id': 'g', 'auto.offset.reset': 'earliest', 'session.timeout.ms': 6000,
              'heartbeat.interval.ms': 200, 'partition.assignment.strategy': strategy}
    if static:
        config['group.instance.id'] = name
    c = Consumer(config)
    c.subscribe(['t'])
    return c
def poll_until(members, condition):
    got = []
    end = time.time() + 60
    while not condition():
        assert time.time() < end, [m.assignment() for m in members]
        for m in members:
            record = m.poll(0.05)
            if record is not None and not record.error():
                got.append(record.value())
    return got
owned = lambda c: sorted(p.partition for p in c.assignment())
a = member('a')
got = []
got += poll_until([a], lambda: owned(a) == [0, 1, 2, 3])
b = member('b')
got += poll_until([a, b], lambda: len(owned(a)) == 2 and len(owned(b)) == 2 and sorted(owned(a) + owned(b)) == [0, 1, 2, 3])
before = owned(b)
if static:
    # A static member that comes back within its session has what it had, and the other one notices nothing.
    b.close()
    b = member('b')
    got += poll_until([b], lambda: owned(b) == before)
    a.poll(0.5)
    assert len(owned(a)) == 2
else:
    b.close()
    got += poll_until([a], lambda: owned(a) == [0, 1, 2, 3])
a.close()
print('done')
"#;

fn group(strategy: &str, kind: &str) {
    let args = [strategy, kind];
    run(
        "confluent_kafka",
        CONFLUENT_GROUP,
        &args,
        &["num.partitions=4"],
    );
}

#[test]
fn two_members_share_and_one_takes_over_eagerly() {
    group("range", "dynamic");
}

#[test]
fn two_members_share_and_one_takes_over_cooperatively() {
    group("cooperative-sticky", "dynamic");
}

#[test]
fn a_static_member_restarts_without_a_rebalance() {
    group("range", "static");
}

const CONFLUENT_KIP_848: &str = r#"
import sys
from confluent_kafka import Consumer, KafkaError, KafkaException
c = Consumer({'bootstrap.servers': sys.argv[1], 'group.id': 'g', 'group.protocol': 'consumer'})
c.subscribe(['t'])
try:
    m = c.poll(30)
    assert m is not None, 'it waits'
    error = m.error()
except KafkaException as e:
    error = e.args[0]
assert error.code() == KafkaError._FATAL and 'API version not supported' in error.str(), error
c.close()
print('done')
"#;

#[test]
fn a_consumer_of_kip_848_hears_that_there_is_none() {
    run("confluent_kafka", CONFLUENT_KIP_848, &[], &[]);
}

const CONFLUENT_ADMIN: &str = r#"
import sys
from confluent_kafka import (Producer, Consumer, ConsumerGroupState, ConsumerGroupTopicPartitions, ElectionType,
                             TopicCollection, TopicPartition, KafkaException, KafkaError)
from confluent_kafka.admin import (AdminClient, NewTopic, NewPartitions, ConfigResource, ResourceType, AlterConfigOpType,
                                   ConfigEntry, OffsetSpec, AclBinding, AclBindingFilter, AclOperation, AclPermissionType,
                                   ResourcePatternType)
broker = sys.argv[1]
admin = AdminClient({'bootstrap.servers': broker})
def wait(futures):
    return {key: future.result(30) for key, future in futures.items()}
def refused(code, ask):
    try:
        wait(ask())
    except KafkaException as e:
        assert e.args[0].code() == code, e
    else:
        assert False, code
wait(admin.create_topics([NewTopic('t', 2, 1, config={'retention.ms': '100000'})]))
refused(KafkaError.TOPIC_ALREADY_EXISTS, lambda: admin.create_topics([NewTopic('t', 2, 1)]))
refused(KafkaError.INVALID_REPLICATION_FACTOR, lambda: admin.create_topics([NewTopic('u', 1, 3)]))
refused(KafkaError.INVALID_CONFIG, lambda: admin.create_topics([NewTopic('u', 1, 1, config={'nonsense': '1'})]))
wait(admin.create_partitions([NewPartitions('t', 3)]))
assert len(admin.list_topics('t').topics['t'].partitions) == 3
topic = ConfigResource(ResourceType.TOPIC, 't')
configs = lambda: {k: (v.value, v.is_default) for k, v in wait(admin.describe_configs([topic]))[topic].items()}
assert configs()['retention.ms'] == ('100000', False) and configs()['segment.bytes'] == ('1073741824', True)
change = [ConfigEntry('retention.ms', None, incremental_operation=AlterConfigOpType.DELETE),
          ConfigEntry('cleanup.policy', 'compact', incremental_operation=AlterConfigOpType.APPEND)]
wait(admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, 't', incremental_configs=change)]))
assert configs()['retention.ms'] == ('604800000', True)
assert sorted(configs()['cleanup.policy'][0].split(',')) == ['compact', 'delete']
assert len(wait(admin.describe_configs([ConfigResource(ResourceType.BROKER, '1')])).popitem()[1]) > 40
p = Producer({'bootstrap.servers': broker})
for i in range(10):
    p.produce('t', key=b'%d' % i, value=b'v', partition=0)
assert p.flush(30) == 0
wait(admin.delete_records([TopicPartition('t', 0, 4)]))
first = wait(admin.list_offsets({TopicPartition('t', 0): OffsetSpec.earliest()})).popitem()[1]
assert first.offset == 4, first
c = Consumer({'bootstrap.servers': broker, 'group.id': 'g', 'auto.offset.reset': 'earliest'})
c.subscribe(['t'])
m = c.poll(30)
assert m is not None and m.offset() == 4, m
c.commit(asynchronous=False)
# Of a broker without OffsetFetch 6, librdkafka asks for none where it means all.
committed = wait(admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions('g')]))['g'].topic_partitions
assert [(p.topic, p.partition, p.offset) for p in committed] == [('t', 0, 5)], committed
for state, expected in [(ConsumerGroupState.STABLE, ['g']), (ConsumerGroupState.EMPTY, [])]:
    listed = admin.list_consumer_groups(states={state}).result(30).valid
    assert [(g.group_id, g.state) for g in listed] == [(name, state) for name in expected], listed
group = wait(admin.describe_consumer_groups(['g'], include_authorized_operations=True))['g']
assert group.state.name == 'STABLE' and len(group.members) == 1, group.state
assert sorted(o.name for o in group.authorized_operations) == ['DELETE', 'DESCRIBE', 'READ'], group.authorized_operations
cluster = admin.describe_cluster(include_authorized_operations=True).result(30)
assert len(cluster.authorized_operations) == 7 and cluster.controller.id == 1, cluster.authorized_operations
described = wait(admin.describe_topics(TopicCollection(['t']), include_authorized_operations=True))['t']
assert len(described.authorized_operations) == 8 and len(described.partitions) == 3, described.authorized_operations
newest = wait(admin.list_offsets({TopicPartition('t', 0): OffsetSpec.max_timestamp()})).popitem()[1]
assert 4 <= newest.offset < 10 and newest.timestamp > 0, newest
everything = AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY)
allow = AclBinding(ResourceType.TOPIC, 't', ResourcePatternType.LITERAL, 'User:me', '*', AclOperation.READ, AclPermissionType.ALLOW)
refused(KafkaError.SECURITY_DISABLED, lambda: admin.create_acls([allow]))
refused(KafkaError.SECURITY_DISABLED, lambda: admin.delete_acls([everything]))
asked = [TopicPartition('t', 0), TopicPartition('t', 9)]
elected = {p.partition: e.code() for p, e in admin.elect_leaders(ElectionType.PREFERRED, asked).result(30).items()}
assert elected == {0: KafkaError.ELECTION_NOT_NEEDED, 9: KafkaError.UNKNOWN_TOPIC_OR_PART}, elected
refused(KafkaError.OFFSET_OUT_OF_RANGE, lambda: admin.delete_records([TopicPartition('t', 0, 11)]))
transactional = Producer({'bootstrap.servers': broker, 'transactional.id': 'x'})
try:
    transactional.init_transactions(20)
except KafkaException as e:
    assert e.args[0].fatal() and 'serves no transactions' in e.args[0].str(), e
else:
    assert False, 'there are transactions'
refused(KafkaError.NON_EMPTY_GROUP, lambda: admin.delete_consumer_groups(['g']))
c.close()
assert [g.group_id for g in admin.list_consumer_groups().result(30).valid] == ['g']
wait(admin.delete_consumer_groups(['g']))
wait(admin.delete_topics(['t']))
assert 't' not in admin.list_topics().topics
print('done')
"#;

#[test]
fn confluent_kafka_administers() {
    run("confluent_kafka", CONFLUENT_ADMIN, &[], &[]);
}
