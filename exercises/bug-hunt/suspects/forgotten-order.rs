//! A full report that still lists a replica is taken as a sign that the order to erase it was lost. But erasing takes a
//! while: the DataNode may just not have got round to it. Then another replica is ordered away as one too many, and both go.

impl Master {
    fn full_report(
        &mut self,
        from: NodeId,
        listed: &BTreeMap<FileId, Replica>,
        ctx: &mut Ctx<'_, Member>,
    ) {
        for (id, entry) in &mut self.files {
            let there = listed.get(id).map(|copy| copy.generation);
            if there == Some(entry.generation) {
                entry.replicas.insert(from);
                self.doomed.remove(&(from, *id, entry.generation));
            } else {
                entry.replicas.remove(&from);
            }
        }
        for (id, copy) in listed {
            let useless = match self.files.get(id) {
                None => self.unsaved.is_empty(),
                Some(entry) => {
                    copy.generation < entry.generation
                        && entry.closed
                        && self.settled(*id).len() >= REPLICATION
                }
            };
            if useless {
                self.erase(from, *id, copy.generation, ctx);
            }
        }
        let all: Vec<FileId> = self.files.keys().copied().collect();
        for id in all {
            self.balance(id, ctx);
        }
    }
}
