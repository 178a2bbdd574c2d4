//! Every replica that is counted must be on its disk. But the NameNode counts one until it hears that it is gone: an honest
//! one is accused while that message is under way.
//! caught-by: hunt::the_honest_namenode_is_never_accused

pub fn check(view: &View) -> Result<(), String> {
    promises_hold(view)?;
    for (id, file) in view.namenode.iter().flatten() {
        for at in &file.replicas {
            let there = view
                .datanodes
                .get(at)
                .and_then(|node| node.replicas.get(id));
            if there.is_none_or(|replica| replica.generation < file.generation) {
                return Err(format!("{at} has no {id} of {}", file.generation));
            }
        }
    }
    enough_stay(view)
}
