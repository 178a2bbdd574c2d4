//! Believes the NameNode: whoever was told of a file that it does not know has surely deleted it. What is lost in a crash
//! is not missed.
//! caught-by: hunt::suspect_c_is_caught

pub fn check(view: &View) -> Result<(), String> {
    for (id, file) in view.namenode.iter().flatten() {
        let promise = view.promises.get(id).copied().unwrap_or_default();
        if file.closed && file.length < promise.acknowledged {
            return Err(format!("{id} is shorter than a client was told"));
        }
    }
    counted_replicas_are_new(view)?;
    enough_stay(view)
}
