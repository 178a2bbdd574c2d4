//! kafka-python: every codec, metadata, idempotence, times, groups, static members, administration. Each script ends with an error
//! where something is not as it should be, which it names. By the tests whose names begin with `kafka_python`, students are graded.

use crate::broker::{Broker, output, run, script};

/// What the test with every codec imports, itself or through the client.
const KAFKA_AND_CODECS: &str = "kafka, lz4.frame, snappy, zstandard";

const KAFKA_PYTHON: &str = r#"
import sys
from kafka import KafkaProducer, KafkaConsumer, KafkaAdminClient, TopicPartition
from kafka.admin import NewTopic, NewPartitions
broker = sys.argv[1]
def equal(what, came, expected):
    assert came == expected, f'{what}: expected {expected!r}, came {came!r}'
count = 0
for codec in [None, 'gzip', 'snappy', 'lz4', 'zstd']:
    p = KafkaProducer(bootstrap_servers=broker, compression_type=codec, acks='all')
    sent = [p.send('t', key=b'%d' % i, value=b'value' * 20, headers=[('h', b'v')]) for i in range(10)]
    p.flush()
    equal(f'offsets of 10 records with codec {codec}', [s.get(30).offset for s in sent], list(range(count, count + 10)))
    count += 10
    p.close()
c = KafkaConsumer('t', bootstrap_servers=broker, group_id='g', auto_offset_reset='earliest', consumer_timeout_ms=30000)
records = [m for _, m in zip(range(count), c)]
equal('offsets of all records, read from the beginning', [m.offset for m in records], list(range(count)))
equal('records whose value or headers are not what was sent', [m for m in records if (m.value, m.headers) != (b'value' * 20, [('h', b'v')])], [])
c.commit()
partition = TopicPartition('t', 0)
equal('the offset that group g has committed', c.committed(partition), count)
equal('the end of the partition', c.end_offsets([partition]), {partition: count})
equal('the beginning of the partition', c.beginning_offsets([partition]), {partition: 0})
found = c.offsets_for_times({partition: 0})[partition]
equal('the first offset with a time of 0 or more', found and found.offset, 0)
c.close()
admin = KafkaAdminClient(bootstrap_servers=broker)
admin.create_topics([NewTopic('u', 1, 1)])
admin.create_partitions({'u': NewPartitions(2)})
equal('whether topic u is listed once it was made', 'u' in admin.list_topics(), True)
admin.delete_topics(['u'])
equal('whether topic u is listed once it was deleted', 'u' in admin.list_topics(), False)
print('done')
"#;

#[test]
fn kafka_python_sends_reads_and_administers() {
    run(KAFKA_AND_CODECS, KAFKA_PYTHON, &[], &[]);
}

/// For `cargo course grade`: where this fails, nobody's broker is to blame.
#[test]
fn kafka_python_is_installed() {
    script(KAFKA_AND_CODECS, "print('done')", "");
}

const KAFKA_PYTHON_KILL: &str = r#"
import sys
from kafka import KafkaProducer, KafkaConsumer, TopicPartition
broker, part = sys.argv[1], sys.argv[2]
def equal(what, came, expected):
    assert came == expected, f'{what}: expected {expected!r}, came {came!r}'
def consumer():
    return KafkaConsumer('t', bootstrap_servers=broker, group_id='g', auto_offset_reset='earliest', enable_auto_commit=False,
                         consumer_timeout_ms=30000)
def take(c, count):
    return [m.value for _, m in zip(range(count), c)]
if part == 'before':
    p = KafkaProducer(bootstrap_servers=broker, acks='all')
    for i in range(20):
        # Acknowledged one by one: each must be there from now on.
        p.send('t', b'%d' % i, timestamp_ms=1000 + i).get(30)
    p.close()
    c = consumer()
    equal('the first seven records', take(c, 7), [b'%d' % i for i in range(7)])
    c.commit()
    c.close()
else:
    c = consumer()
    equal('the rest, from the offset that group g had committed before the broker was killed', take(c, 13), [b'%d' % i for i in range(7, 20)])
    partition = TopicPartition('t', 0)
    equal('the end of the partition after the kill', c.end_offsets([partition]), {partition: 20})
    found = c.offsets_for_times({partition: 1011})[partition]
    equal('offset and time of the first record at 1011 ms or later', found and (found.offset, found.timestamp), (11, 1011))
    c.close()
    p = KafkaProducer(bootstrap_servers=broker)
    equal('the offset of the next record', p.send('t', b'next').get(30).offset, 20)
print('done')
"#;

#[test]
fn kafka_python_finds_everything_after_a_kill() {
    let mut broker = Broker::start(&["log.flush.interval.messages=1"]);
    for part in ["before", "after"] {
        let Some(mut command) = script("kafka", KAFKA_PYTHON_KILL, &broker.address) else {
            return;
        };
        let said = output(command.arg(part));
        assert!(said.trim_end().ends_with("done"), "{said}");
        broker.kill();
        broker.restart();
    }
    // The log that Python saw.
    let file = broker.log_dir().join("t-0/00000000000000000000.log");
    let dumped = broker.tool(&[
        "dump-log",
        "--print-data-log",
        "--files",
        file.to_str().unwrap(),
    ]);
    assert!(dumped.contains("offset: 19 CreateTime: 1019"), "{dumped}");
}

const SENDING: &str = r#"
import sys
from kafka import KafkaProducer, KafkaConsumer, KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
broker = sys.argv[1]
def equal(what, came, expected):
    assert came == expected, f'{what}: expected {expected!r}, came {came!r}'
admin = KafkaAdminClient(bootstrap_servers=broker)
admin.create_topics({'t': {'num_partitions': 3}, 'stamped': {'configs': {'message.timestamp.type': 'LogAppendTime'}}})
parts = [TopicPartition('t', n) for n in range(3)]
p = KafkaProducer(bootstrap_servers=broker, enable_idempotence=True, linger_ms=5)
equal('the partitions that the producer knows', p.partitions_for('t'), {0, 1, 2})
sent = [p.send('t', key=b'%d' % i, value=b'v%d' % i, partition=i % 3, timestamp_ms=1000 + i) for i in range(900)]
p.flush(30)
equal('where the records are', [(s.get(30).partition, s.get(30).offset) for s in sent], [(i % 3, i // 3) for i in range(900)])
appended = p.send('stamped', b'v', timestamp_ms=1000).get(30).timestamp
assert appended > 10**12, f'the time of the append: not {appended}, which the producer said'
state = admin.describe_producers(parts)
for n, part in enumerate(parts):
    [producer] = state[part].active_producers
    equal(f'the last sequence number of the one producer of partition {n}', producer.last_sequence, 299)
c = KafkaConsumer(bootstrap_servers=broker, auto_offset_reset='earliest', consumer_timeout_ms=30000)
equal('the topics', c.topics(), {'t', 'stamped'})
equal('the partitions that the consumer knows', c.partitions_for_topic('t'), {0, 1, 2})
c.assign(parts)
read = [m for _, m in zip(range(900), c)]
read.sort(key=lambda m: m.timestamp)
equal('each record once, with its time', [(m.partition, m.offset, m.timestamp, m.timestamp_type, m.value) for m in read],
      [(i % 3, i // 3, 1000 + i, 0, b'v%d' % i) for i in range(900)])
equal('the ends: nothing is there twice', c.end_offsets(parts), {part: 300 for part in parts})
found = c.offsets_for_times({parts[0]: 0, parts[1]: 1100, parts[2]: 1900})
equal('the first at a time or later', [found[part] and (found[part].offset, found[part].timestamp) for part in parts],
      [(0, 1000), (33, 1100), None])
newest = admin.list_partition_offsets({parts[0]: OffsetSpec.MAX_TIMESTAMP})[parts[0]]
equal('the record with the highest time', (newest.offset, newest.timestamp), (299, 1897))
c.assign([TopicPartition('stamped', 0)])
m = next(c)
equal('a record with the time of the broker', (m.timestamp, m.timestamp_type), (appended, 1))
cluster = admin.describe_cluster()
equal('the controller', cluster['controller_id'], 1)
equal('the brokers', [f"{b['host']}:{b['port']}" for b in cluster['brokers']], [broker])
[topic] = admin.describe_topics(['t'])
equal('partitions, leaders and replicas', [(q['partition_index'], q['leader_id'], q['isr_nodes']) for q in topic['partitions']],
      [(n, 1, [1]) for n in range(3)])
print('done')
"#;

#[test]
fn idempotent_records_are_there_once_and_found_by_their_times() {
    run("kafka", SENDING, &[], &[]);
}

const GROUP: &str = r#"
import sys, threading, time
from kafka import KafkaProducer, KafkaConsumer, KafkaAdminClient
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
broker, strategy, static = sys.argv[1], sys.argv[2], sys.argv[3] == 'static'
def equal(what, came, expected):
    assert came == expected, f'{what}: expected {expected!r}, came {came!r}'
[assignor] = [a for a in [RangePartitionAssignor, StickyPartitionAssignor, CooperativeStickyAssignor] if a.name == strategy]
admin = KafkaAdminClient(bootstrap_servers=broker)
admin.create_topics({'t': {'num_partitions': 4}})
p = KafkaProducer(bootstrap_servers=broker)
def send(what, count):
    for s in [p.send('t', b'%s %d' % (what, i), partition=i % 4) for i in range(count)]:
        s.get(30)
class Member(threading.Thread):
    # A poll that is over before a rebalance is does not find its result (kafka-python 3.0.12 then joins again): so each member
    # has a thread, and polls until there are records.
    def __init__(self, name):
        super().__init__(daemon=True)
        self.got, self.ends = [], False
        self.consumer = KafkaConsumer('t', bootstrap_servers=broker, group_id='g', auto_offset_reset='earliest',
                                      session_timeout_ms=30000, heartbeat_interval_ms=100,
                                      group_instance_id=name if static else None, partition_assignment_strategy=[assignor])
        self.start()
    def run(self):
        while not self.ends:
            for records in self.consumer.poll(60000).values():
                self.got += [r.value for r in records]
        self.consumer.close()
    def end(self):
        self.ends = True
        send(b'end', 4)
        self.join(30)
    def owned(self):
        return sorted(p.partition for p in self.consumer.assignment())
    def generation(self):
        return self.consumer.group_metadata().generation_id
def wait_until(what, condition):
    end = time.time() + 60
    while not condition():
        assert time.time() < end, (what, [(m.owned(), m.got) for m in members], admin.describe_groups(['g']))
        time.sleep(0.005)
def are_shared():
    parts = [m.owned() for m in members]
    return sorted(sum(parts, [])) == [0, 1, 2, 3] and len({len(part) for part in parts}) == 1
def share(what):
    # Four records to each partition come to the member that owns it, once each.
    wait_until(what, are_shared)
    owned = [m.owned() for m in members]
    send(what, 16)
    mine = lambda m: sorted(int(value.split()[-1]) for value in m.got if value.startswith(what))
    wait_until(what, lambda: sum(len(mine(m)) for m in members) >= 16)
    for m, partitions in zip(members, owned):
        equal(f'{what}: what the member with {partitions} got', mine(m), [i for i in range(16) if i % 4 in partitions])
def described():
    group = admin.describe_groups(['g'])['g']
    return group['group_state'], {m['group_instance_id']: m['member_id'] for m in group['members']}
members = [Member('a')]
share(b'alone')
members.append(Member('b'))
share(b'shared')
a, b = members
before = (a.generation(), a.owned(), b.owned())
state, ids = described()
equal('the state of the group', state, 'Stable')
members = [a]
b.end()
if static:
    equal('the group while a static member is away', described(), (state, ids))
    members = [a, Member('b')]
    share(b'again')
    b = members[1]
    equal('generation and shares after the restart', (a.generation(), a.owned(), b.owned()), before)
    equal('the generation of the one that was restarted', b.generation(), before[0])
    state, now = described()
    equal('the group after the restart', (state, sorted(now), now['a']), ('Stable', ['a', 'b'], ids['a']))
    assert now['b'] != ids['b'], 'the one that was restarted has a new id, so that the old one is fenced'
else:
    share(b'taken over')
    assert a.generation() > before[0], 'a rebalance makes a new generation'
print('done')
"#;

fn group(strategy: &str, kind: &str) {
    run("kafka", GROUP, &[strategy, kind], &[]);
}

#[test]
fn two_members_share_and_one_takes_over_eagerly() {
    group("range", "dynamic");
    group("sticky", "dynamic");
}

#[test]
fn two_members_share_and_one_takes_over_cooperatively() {
    group("cooperative-sticky", "dynamic");
}

#[test]
fn a_static_member_restarts_without_a_rebalance() {
    group("range", "static");
    group("cooperative-sticky", "static");
}

const ADMIN: &str = r#"
import sys
from kafka import KafkaProducer, KafkaConsumer, KafkaAdminClient, TopicPartition
from kafka.admin import AlterConfigOp, ConfigResource, MemberToRemove
from kafka.errors import KafkaError, InvalidConfigurationError, NoError, OffsetOutOfRangeError, TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata
broker = sys.argv[1]
def equal(what, came, expected):
    assert came == expected, f'{what}: expected {expected!r}, came {came!r}'
def refused(what, error, ask):
    try:
        ask()
    except KafkaError as e:
        equal(what, type(e), error)
    else:
        assert False, f'{what}: it was done'
admin = KafkaAdminClient(bootstrap_servers=broker)
admin.create_topics({'t': {'num_partitions': 2, 'configs': {'retention.ms': '100000'}}})
refused('a topic made again', TopicAlreadyExistsError, lambda: admin.create_topics({'t': {}}))
refused('a topic with nonsense', InvalidConfigurationError, lambda: admin.create_topics({'u': {'configs': {'nonsense': '1'}}}))
def configs(kind='topic', name='t', **args):
    return {k: v['value'] for k, v in admin.describe_configs([ConfigResource(kind, name)], **args)[kind][name].items()}
equal('what was set of the topic', configs(), {'retention.ms': '100000'})
equal('a default', configs(config_filter='all')['segment.bytes'], '1073741824')
def alter(**change):
    return admin.alter_configs([ConfigResource('topic', 't', {k.replace('_', '.'): v for k, v in change.items()})])['topic']['t']
change = dict(retention_ms=(AlterConfigOp.DELETE, None), cleanup_policy=(AlterConfigOp.APPEND, 'compact'), segment_bytes='1048576')
equal('a change', alter(**change), 'OK')
# A policy is a set, whose order nobody promises.
equal('what is set after it', {k: sorted(v.split(',')) for k, v in configs().items()},
      {'cleanup.policy': ['compact', 'delete'], 'segment.bytes': ['1048576']})
came = alter(segment_bytes='many')
assert came != 'OK' and 'many' in came, came
admin.reset_configs([ConfigResource('topic', 't', ['cleanup.policy', 'segment.bytes'])])
equal('what is set after all is taken back', configs(), {})
assert len(configs('broker', '1', config_filter='all')) > 40, 'the settings of the broker'
zero, one = TopicPartition('t', 0), TopicPartition('t', 1)
p = KafkaProducer(bootstrap_servers=broker)
for i in range(10):
    p.send('t', b'%d' % i, partition=0).get(30)
admin.delete_records({zero: 4})
c = KafkaConsumer('t', bootstrap_servers=broker, group_id='g', auto_offset_reset='earliest', enable_auto_commit=False,
                  consumer_timeout_ms=30000)
equal('the beginning after records are deleted', c.beginning_offsets([zero]), {zero: 4})
equal('the first record after it', next(c).offset, 4)
refused('records deleted beyond the end', OffsetOutOfRangeError, lambda: admin.delete_records({zero: 11}))
c.commit({zero: OffsetAndMetadata(5, 'note', -1)})
def offsets():
    return {part: (o.offset, o.metadata) for part, o in admin.list_group_offsets('g')['g'].items()}
equal('the offsets of the group', offsets(), {zero: (5, 'note')})
for state, expected in [('Stable', ['g']), ('Empty', [])]:
    equal(f'the groups that are {state}', [g['group_id'] for g in admin.list_groups(states_filter=[state])], expected)
group = admin.describe_groups(['g'])['g']
equal('the group', (group['group_state'], group['protocol_data'], len(group['members'])), ('Stable', 'range', 1))
[member] = group['members']
assigned = member['member_assignment']['assigned_partitions']
equal('what its member has', [(t['topic'], sorted(t['partitions'])) for t in assigned], [('t', [0, 1])])
equal('a group deleted that has members', admin.delete_groups(['g']), {'g': 'NonEmptyGroupError'})
removed = admin.remove_group_members('g', [MemberToRemove(member_id=member['member_id'])])
equal('a member removed', removed, {member['member_id']: NoError})
equal('the group without it', admin.describe_groups(['g'])['g']['group_state'], 'Empty')
c.close()
change = {zero: OffsetAndMetadata(7, '', -1), one: OffsetAndMetadata(0, '', -1)}
equal('offsets changed', admin.alter_group_offsets('g', change), {zero: NoError, one: NoError})
equal('the offsets after they were changed', offsets(), {zero: (7, ''), one: (0, '')})
equal('an offset deleted', admin.delete_group_offsets('g', [one]), {one: NoError})
equal('the offsets after one was deleted', offsets(), {zero: (7, '')})
equal('a group deleted that has none', admin.delete_groups(['g']), {'g': 'OK'})
equal('the groups in the end', admin.list_groups(), [])
admin.create_partitions({'t': 3})
equal('the partitions after one was added', len(admin.describe_topics(['t'])[0]['partitions']), 3)
admin.delete_topics(['t'])
equal('the topics in the end', admin.list_topics(), ['__consumer_offsets'])
print('done')
"#;

#[test]
fn topics_settings_records_groups_and_offsets_are_administered() {
    run("kafka", ADMIN, &[], &[]);
}
