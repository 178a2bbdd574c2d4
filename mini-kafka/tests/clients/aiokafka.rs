//! aiokafka: an idempotent producer and a group.

use crate::broker::run;

const AIOKAFKA: &str = r#"
import sys, asyncio
from aiokafka import AIOKafkaProducer, AIOKafkaConsumer
broker = sys.argv[1]
async def main():
    p = AIOKafkaProducer(bootstrap_servers=broker, enable_idempotence=True, compression_type='gzip')
    await p.start()
    for i in range(20):
        await p.send_and_wait('t', b'%d' % i)
    await p.stop()
    c = AIOKafkaConsumer('t', bootstrap_servers=broker, group_id='g', auto_offset_reset='earliest')
    await c.start()
    values = [int((await c.getone()).value) for _ in range(20)]
    assert values == list(range(20)), values
    await c.commit()
    await c.stop()
asyncio.run(asyncio.wait_for(main(), 60))
print('done')
"#;

#[test]
fn aiokafka_sends_and_reads() {
    run("aiokafka", AIOKAFKA, &[], &[]);
}
