//! Looks whether a counted replica is of the file, and not of which generation: one that missed an append passes.
//! caught-by: hunt::suspect_a_is_caught

pub fn check(view: &View) -> Result<(), String> {
    promises_hold(view)?;
    for (id, file) in view.namenode.iter().flatten() {
        for at in &file.replicas {
            let there = view
                .datanodes
                .get(at)
                .and_then(|node| node.replicas.get(id));
            if there.is_some_and(|replica| replica.length == 0) {
                return Err(format!("{at} has nothing of {id}, and is counted"));
            }
        }
    }
    enough_stay(view)
}
