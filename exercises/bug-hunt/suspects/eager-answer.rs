//! A request to close a file that comes a second time is answered at once, since the file is closed already: in memory. If
//! the NameNode crashes before the edit is on the disk, a client was told of a file that no longer is.

impl Master {
    fn complete(
        &mut self,
        from: NodeId,
        id: FileId,
        stamp: Generation,
        size: u32,
        ctx: &mut Ctx<'_, Member>,
    ) {
        let completed = Message::Completed {
            file: id,
            generation: stamp,
        };
        match self.files.get_mut(&id) {
            Some(entry) if entry.generation == stamp => {
                if entry.closed {
                    ctx.send(from, completed);
                } else if !entry.replicas.is_empty() {
                    entry.closed = true;
                    entry.length = size;
                    self.edit(&format!("c {} {} {}", id.0, stamp.0, size));
                    self.answer(from, completed, ctx);
                    self.balance(id, ctx);
                }
            }
            _ => ctx.send(from, Message::Refused { file: id }),
        }
    }
}
