//! Block data on a link: which op, packet and acknowledgement passes. What a byte means is known by
//! `mini_hdfs::server::data_transfer`; here stands what may follow upon what.

use std::borrow::Cow;
use std::io::{self, ErrorKind};

use mini_hdfs::block::Block;
use mini_hdfs::packet::{AckStatus, PipelineAck};
use mini_hdfs::server::data_transfer::{
    MoveReply, Op, OpReply, PacketHead, Stage, VERSION, receive_ack, receive_move_reply,
    receive_op, receive_packet_head, receive_reply,
};

use crate::links::recogniser::{
    NotUnderstood, Pieces, Protocol, Recogniser, Seen, Step, Way, begins_with,
};

/// More bytes than any message has before it can be understood.
const HEAD_MAX: usize = 128 << 10;

/// The protocol by which clients and DataNodes write and read replicas.
pub(crate) const DATA_TRANSFER: Protocol = Protocol {
    begins: |first| begins_with(first, &VERSION.to_be_bytes()),
    recogniser: || Box::new(DataTransfer::default()),
};

/// What comes next on one way of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    /// An op. On the way back: nothing, until the next op.
    #[default]
    Op,
    /// The answer to an op, and if it is a good one, this.
    Reply(After),
    Packets,
    Acks,
    Moves,
}

/// What follows upon a good answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Nothing,
    Packets,
    Acks,
}

#[derive(Debug, Default)]
struct DataTransfer {
    there: Pieces,
    back: Pieces,
    next_there: Next,
    next_back: Next,
    /// What the last op was about.
    subject: String,
    /// The number of the last packet of the block that is being written.
    last: Option<u64>,
}

impl Recogniser for DataTransfer {
    fn feed(&mut self, way: Way, bytes: &[u8], seen: &mut Vec<Seen>) -> Result<(), NotUnderstood> {
        let pieces = match way {
            Way::There => &mut self.there,
            Way::Back => &mut self.back,
        };
        let mut pieces = std::mem::take(pieces);
        let cut = pieces.cut(bytes, |rest, at| {
            let mut left = rest;
            let understood = match way {
                Way::There => self.there(&mut left),
                Way::Back => self.back(&mut left),
            };
            let (label, text, skip) = match understood {
                Ok(understood) => understood,
                Err(e) if e.kind() == ErrorKind::UnexpectedEof && rest.len() < HEAD_MAX => {
                    return Ok(Step::More);
                }
                Err(_) => return Err(NotUnderstood),
            };
            let head = rest.len() - left.len();
            let end = at + head as u64 + skip;
            seen.push(Seen { label, text, end });
            Ok(Step::Took { head, skip })
        });
        match way {
            Way::There => self.there = pieces,
            Way::Back => self.back = pieces,
        }
        cut
    }
}

/// A message's label and text, and how many bytes of it follow that need not be looked at.
type Understood = (Cow<'static, str>, String, u64);

impl DataTransfer {
    fn there(&mut self, rest: &mut &[u8]) -> io::Result<Understood> {
        if self.next_there == Next::Packets {
            let head = receive_packet_head(rest)?;
            if head.last {
                (self.next_there, self.last) = (Next::Op, Some(head.seqno));
            }
            return Ok(packet(&head, &self.subject));
        }
        let Some((op, _)) = receive_op(rest)? else {
            return Err(ErrorKind::UnexpectedEof.into());
        };
        let (label, block, next) = match &op {
            Op::Write(write) => {
                (self.next_there, self.last) = (Next::Packets, None);
                let label = match write.stage {
                    Stage::Create => "write block",
                    Stage::Recovery { .. } => "recover pipeline",
                    Stage::Transfer | Stage::TransferRbw => "copy block",
                };
                (label, named(write.block), Next::Reply(After::Acks))
            }
            Op::Read(read) => ("read block", named(read.block), Next::Reply(After::Packets)),
            Op::Copy(copy) => (
                "fetch block",
                named(copy.block),
                Next::Reply(After::Packets),
            ),
            Op::Replace(replace) => ("move block", named(replace.block), Next::Moves),
            Op::Checksum(block) => ("block checksum", named(*block), Next::Reply(After::Nothing)),
            Op::Transfer(transfer) => (
                "transfer block",
                named(transfer.block),
                Next::Reply(After::Nothing),
            ),
            Op::InitRecovery { id, .. } => {
                ("init recovery", id.to_string(), Next::Reply(After::Nothing))
            }
            Op::UpdateRecovered { id, len, .. } => (
                "update recovered",
                format!("{id} to {len} bytes"),
                Next::Reply(After::Nothing),
            ),
        };
        self.next_back = next;
        let mut text = format!("{label}: {block}");
        if let Op::Write(write) = &op
            && !write.targets.is_empty()
        {
            let targets = write.targets.iter().map(|node| node.hostname.as_str());
            let targets = targets.collect::<Vec<&str>>().join(", ");
            text = format!("{text}, then on to {targets}");
        }
        self.subject = block;
        Ok((label.into(), text, 0))
    }

    fn back(&mut self, rest: &mut &[u8]) -> io::Result<Understood> {
        let subject = &self.subject;
        match self.next_back {
            Next::Op => Err(ErrorKind::InvalidData.into()),
            Next::Reply(after) => {
                let (label, text) = match receive_reply(rest)? {
                    OpReply::InProgress => ("in progress", format!("{subject}: in progress")),
                    OpReply::Refused { reason, .. } => {
                        self.next_back = Next::Op;
                        ("refused", format!("{subject}: refused, {reason}"))
                    }
                    OpReply::Success { .. } => {
                        self.next_back = match after {
                            After::Nothing => Next::Op,
                            After::Packets => Next::Packets,
                            After::Acks => Next::Acks,
                        };
                        ("ok", format!("{subject}: ok"))
                    }
                };
                Ok((label.into(), text, 0))
            }
            Next::Packets => {
                let head = receive_packet_head(rest)?;
                if head.last {
                    self.next_back = Next::Op;
                }
                Ok(packet(&head, subject))
            }
            Next::Acks => {
                let ack = receive_ack(rest)?;
                if self.last == Some(ack.seqno) {
                    self.next_back = Next::Op;
                }
                Ok(acknowledgement(&ack, subject))
            }
            Next::Moves => {
                let text = match receive_move_reply(rest)? {
                    MoveReply::UnderWay(bytes) => format!("{subject}: {bytes} bytes so far"),
                    MoveReply::Done(bytes) => {
                        self.next_back = Next::Op;
                        format!("{subject}: moved, {bytes} bytes")
                    }
                    MoveReply::Failed(reason) => {
                        self.next_back = Next::Op;
                        format!("{subject}: not moved, {reason}")
                    }
                };
                Ok(("move reply".into(), text, 0))
            }
        }
    }
}

fn named(block: Block) -> String {
    block.id.to_string()
}

fn packet(head: &PacketHead, subject: &str) -> Understood {
    let PacketHead {
        offset,
        seqno,
        data_len,
        last,
        ..
    } = head;
    let what = match last {
        true => ", the last".to_owned(),
        false => format!(": {data_len} bytes at {offset}"),
    };
    let text = format!("packet {seqno} of {subject}{what}");
    let skip = (head.checksums_len() + data_len) as u64;
    ("packet".into(), text, skip)
}

fn acknowledgement(ack: &PipelineAck, subject: &str) -> Understood {
    let well = ack.replies.iter().all(|reply| *reply == AckStatus::Success);
    let seqno = ack.seqno;
    if well {
        let text = format!("packet {seqno} of {subject} is acknowledged");
        return ("ack".into(), text, 0);
    }
    let replies = ack.replies.iter().map(|reply| match reply {
        AckStatus::Success => "well",
        AckStatus::Error => "an error",
        AckStatus::ErrorChecksum => "a wrong checksum",
    });
    let replies = replies.collect::<Vec<&str>>().join(", ");
    let text = format!("packet {seqno} of {subject}: {replies}");
    ("failed ack".into(), text, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    use mini_hdfs::block::{DatanodeId, DatanodeInfo};
    use mini_hdfs::packet::Packet;
    use mini_hdfs::server::data_transfer::{
        ReadBlock, WriteBlock, send_ack, send_op, send_packet, send_reply,
    };

    use std::io::Write;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use mini_hdfs::server::connector::Connector;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use tokio::runtime::Handle;

    use crate::links::recogniser::tests::{Told, seen};
    use crate::links::{Links, Sink};

    const PATIENCE: Duration = Duration::from_secs(20);

    const BLOCK: Block = Block::new(7, 1001, 0);

    fn bytes(send: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Vec<u8> {
        let mut bytes = Vec::new();
        send(&mut bytes).unwrap();
        bytes
    }

    fn write() -> Vec<u8> {
        let write = Op::Write(WriteBlock {
            block: BLOCK,
            stage: Stage::Create,
            client: "tester".to_owned(),
            targets: vec![DatanodeInfo {
                id: DatanodeId(2),
                hostname: "dn2".to_owned(),
                address: "127.0.0.1:1".to_owned(),
                rack: "/rack1".to_owned(),
            }],
        });
        bytes(|to| send_op(to, &write))
    }

    fn read() -> Vec<u8> {
        let read = Op::Read(ReadBlock {
            block: BLOCK,
            offset: 0,
            len: 100,
            client: "tester".to_owned(),
        });
        bytes(|to| send_op(to, &read))
    }

    fn data(seqno: u64, len: usize) -> Vec<u8> {
        let mut packet = Packet::new(seqno, seqno * 1000, vec![7; len]);
        packet.last = len == 0;
        bytes(|to| send_packet(to, &packet))
    }

    fn ack(seqno: u64, reply: AckStatus) -> Vec<u8> {
        let replies = vec![AckStatus::Success, reply];
        bytes(|to| send_ack(to, &PipelineAck { seqno, replies }))
    }

    fn ok() -> Vec<u8> {
        bytes(|to| send_reply(to, &OpReply::Success { visible_len: 0 }))
    }

    #[test]
    fn a_block_written_then_read_is_told_packet_by_packet_wherever_the_bytes_are_split() {
        let well = AckStatus::Success;
        let conversation = [
            (Way::There, write()),
            (Way::Back, ok()),
            (Way::There, data(0, 1000)),
            (Way::There, [data(1, 300), data(2, 0)].concat()),
            (Way::Back, ack(0, well)),
            (Way::Back, [ack(1, AckStatus::Error), ack(2, well)].concat()),
            (Way::There, read()),
            (Way::Back, [ok(), data(0, 100), data(1, 0)].concat()),
        ];
        let expected = [
            "there write block: blk_7, then on to dn2",
            "back ok: blk_7: ok",
            "there packet: packet 0 of blk_7: 1000 bytes at 0",
            "there packet: packet 1 of blk_7: 300 bytes at 1000",
            "there packet: packet 2 of blk_7, the last",
            "back ack: packet 0 of blk_7 is acknowledged",
            "back failed ack: packet 1 of blk_7: well, an error",
            "back ack: packet 2 of blk_7 is acknowledged",
            "there read block: blk_7",
            "back ok: blk_7: ok",
            "back packet: packet 0 of blk_7: 100 bytes at 0",
            "back packet: packet 1 of blk_7, the last",
        ];
        let longest = conversation.iter().map(|(_, bytes)| bytes.len()).max();
        for split in 0..=longest.unwrap() {
            let Told { texts, ends } = seen(&[DATA_TRANSFER], &conversation, split);
            assert_eq!(texts, expected, "split at {split}");
            let passed = |way| -> usize {
                let bytes = conversation.iter().filter(|(w, _)| *w == way);
                bytes.map(|(_, bytes)| bytes.len()).sum()
            };
            let all = [passed(Way::There), passed(Way::Back)].map(|len| len as u64);
            assert_eq!(ends, all, "each ends where the bytes do");
        }
    }

    #[test]
    fn what_makes_no_sense_is_bytes_from_then_on() {
        let refused = OpReply::Refused {
            reason: "full".to_owned(),
            bad_link: None,
            no_replica: false,
        };
        let refused = bytes(|to| send_reply(to, &refused));
        let conversation = [
            (Way::There, read()),
            (Way::Back, refused),
            (Way::Back, b"nobody asked".to_vec()),
            (Way::There, read()),
        ];
        let Told { texts, .. } = seen(&[DATA_TRANSFER], &conversation, 0);
        let len = read().len();
        let expected = [
            "there read block: blk_7",
            "back refused: blk_7: refused, full",
            "back bytes: 12 bytes",
            &format!("there bytes: {len} bytes"),
        ];
        assert_eq!(texts, expected);
    }

    /// Nobody remembers what it hears.
    struct Deaf;

    impl Sink for Deaf {
        fn send(&self, _from: &str, _to: &str, _label: &str, _text: &str) -> u64 {
            0
        }

        fn deliver(&self, _from: &str, _to: &str, _message: u64) {}

        fn lose(&self, _from: &str, _to: &str, _message: u64, _why: &str) {}
    }

    /// How long a block of 1 GiB takes over a link, in seconds.
    async fn bulk(watched: bool) -> f64 {
        let links = Links::new(Handle::current());
        if watched {
            links.watch(Arc::new(Deaf), &[DATA_TRANSFER]);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = listener.local_addr().unwrap();
        links.register("dn1", &[target]);
        let socks = links.listen("client").unwrap();
        let connect = move || Connector::socks5(socks).connect(&target.to_string(), PATIENCE);
        let connect = tokio::task::spawn_blocking(connect);
        let (source, sink) = tokio::join!(connect, listener.accept());
        let (mut source, mut sink) = (source.unwrap().unwrap(), sink.unwrap().0);
        let (op, packet) = (write(), data(1, 65_536));
        let packets = (1 << 30) / packet.len();
        let began = Instant::now();
        let sending = tokio::task::spawn_blocking(move || {
            source.write_all(&op).unwrap();
            for _ in 0..packets {
                source.write_all(&packet).unwrap();
            }
        });
        let mut buffer = vec![0; 1 << 20];
        while sink.read(&mut buffer).await.unwrap() > 0 {}
        sending.await.unwrap();
        began.elapsed().as_secs_f64()
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "a measurement: cargo test --release -p lab -- --ignored --nocapture bulk_data"]
    async fn bulk_data_is_not_held_up_by_who_watches() {
        for _ in 0..5 {
            let (alone, watched) = (bulk(false).await, bulk(true).await);
            println!("1 GiB: {alone:.3} s unwatched, {watched:.3} s watched");
        }
    }
}
