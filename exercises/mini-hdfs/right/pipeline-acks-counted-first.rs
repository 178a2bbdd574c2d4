//! Counts what is ready at the front and then takes it at once; finds the packet that is due by an index.

impl PacketResponder {
    pub fn local_synced(&mut self, seqno: u64) -> Vec<PipelineAck> {
        for pending in &mut self.pending {
            if pending.seqno > seqno {
                break;
            }
            pending.local.get_or_insert(AckStatus::Success);
        }
        self.ready()
    }

    pub fn downstream_ack(&mut self, ack: PipelineAck) -> Result<Vec<PipelineAck>, OutOfOrder> {
        let due = self.pending.partition_point(|p| p.below.is_some());
        let expected = self.pending.get(due).map(|p| p.seqno);
        if expected != Some(ack.seqno) {
            let got = ack.seqno;
            return Err(OutOfOrder { got, expected });
        }
        self.pending[due].below = Some(ack.replies);
        Ok(self.ready())
    }

    fn ready(&mut self) -> Vec<PipelineAck> {
        let (last, lost) = (!self.has_downstream, self.downstream_lost);
        let answer = |pending: &Pending| {
            let local = pending.local?;
            let below = match &pending.below {
                Some(below) => below.clone(),
                None if last || local != AckStatus::Success => Vec::new(),
                None if lost => vec![AckStatus::Error],
                None => return None,
            };
            Some(PipelineAck {
                seqno: pending.seqno,
                replies: [vec![local], below].concat(),
            })
        };
        let acks: Vec<PipelineAck> = self.pending.iter().map_while(answer).collect();
        self.pending.drain(..acks.len());
        acks
    }
}
