//! The length must be the one that the client was told. But the NameNode knows of an append before the client does.
//! caught-by: hunt::the_honest_namenode_is_never_accused

pub fn check(view: &View) -> Result<(), String> {
    for (id, promise) in &view.promises {
        if let Some(files) = &view.namenode
            && !promise.deletion_asked
            && promise.acknowledged > 0
            && files.get(id).map(|file| file.length) != Some(promise.acknowledged)
        {
            return Err(format!("{id} has not the length that a client was told"));
        }
    }
    counted_replicas_are_new(view)?;
    enough_stay(view)
}
