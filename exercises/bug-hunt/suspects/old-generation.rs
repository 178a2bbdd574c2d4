//! Whether a replica has the newest generation is asked only while the file is being written. A copy that was begun before
//! an append and arrives after the file was closed again is counted, until the next full report: meanwhile a good
//! replica may be erased as one too many.

impl Master {
    fn received(&mut self, from: NodeId, id: FileId, stamp: Generation, ctx: &mut Ctx<'_, Member>) {
        if let Some(entry) = self.files.get_mut(&id)
            && (entry.closed || entry.generation == stamp)
        {
            entry.replicas.insert(from);
            self.balance(id, ctx);
        }
    }
}
