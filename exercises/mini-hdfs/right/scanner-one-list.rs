//! Makes one list of what could be read, suspects and pass alike, and takes the first of it; keeps bandwidth as a sum of whole
//! seconds and the rest.

impl VolumeScanner {
    pub fn resume(
        volume: VolumeId,
        config: ScanConfig,
        saved: Option<Cursor>,
        now: Time,
    ) -> VolumeScanner {
        let mut cursor = Cursor {
            began: now,
            after: None,
            at_end: false,
        };
        match saved {
            Some(saved) if saved.began <= now => cursor = saved,
            _ => {}
        }
        VolumeScanner {
            volume,
            config,
            cursor,
            suspects: VecDeque::with_capacity(4),
            recent_suspects: BTreeMap::default(),
            not_before: Time::ZERO,
        }
    }

    pub fn suspect(&mut self, id: BlockId, now: Time) {
        self.recent_suspects
            .retain(|_, read| *read + SUSPECT_PAUSE > now);
        let waiting = self.suspects.iter().any(|waiting| *waiting == id);
        if waiting || self.recent_suspects.contains_key(&id) {
            return;
        }
        self.suspects.push_back(id);
    }

    pub fn next(&mut self, replicas: &ReplicaMap, now: Time) -> Next {
        if self.not_before > now {
            return Next::Wait(self.not_before);
        }
        let (volume, mut first) = (self.volume, None);
        self.suspects.retain(|id| {
            let Some(replica) = replicas.get(*id) else {
                return false;
            };
            let fit = replica.volume == volume && replica.state == ReplicaState::Finalized;
            if fit && first.is_none() {
                first = Some(replica.block);
                return false;
            }
            fit
        });
        if let Some(block) = first {
            return Next::Scan(Scan {
                block,
                suspect: true,
            });
        }
        for pass in 0..2 {
            if pass == 1 {
                let due = self.cursor.began + self.config.period;
                if due > now {
                    return Next::Wait(due);
                }
                self.cursor = Cursor {
                    began: now,
                    ..Cursor::default()
                };
            }
            let rest = replicas.finalized_after(volume, self.cursor.after);
            match rest.filter(|_| !self.cursor.at_end) {
                Some(block) => {
                    return Next::Scan(Scan {
                        block,
                        suspect: false,
                    });
                }
                None => self.cursor.at_end = true,
            }
        }
        Next::Wait(now + self.config.period)
    }

    pub fn scanned(&mut self, scan: Scan, bytes: u64, began: Time, now: Time) {
        match scan {
            Scan {
                suspect: true,
                block,
            } => {
                self.recent_suspects.insert(block.id, now);
            }
            Scan { block, .. } => self.cursor.after = Some(block.id),
        }
        let rate = self.config.bytes_per_second.max(1);
        let (seconds, rest) = (bytes / rate, bytes % rate);
        let micros = (u128::from(rest) * 1_000_000).div_ceil(u128::from(rate));
        self.not_before = began
            + Duration::from_secs(seconds)
            + Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
    }
}
