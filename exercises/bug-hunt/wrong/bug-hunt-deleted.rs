//! Forgets that a client may have asked to delete the file.
//! caught-by: hunt::the_honest_namenode_is_never_accused

pub fn check(view: &View) -> Result<(), String> {
    for (id, promise) in &view.promises {
        if let Some(files) = &view.namenode
            && promise.acknowledged > files.get(id).map_or(0, |file| file.length)
        {
            return Err(format!("{id} lacks something that a client was told of"));
        }
    }
    counted_replicas_are_new(view)?;
    enough_stay(view)
}
