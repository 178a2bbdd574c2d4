//! Looks only once all is mended and quiet, at what was promised and what is left. What was wrong on the way, and harmed
//! nobody this time, is not seen.
//! caught-by: hunt::suspect_b_is_caught

pub fn check(view: &View) -> Result<(), String> {
    if view.now.as_millis() < 23_900 {
        return Ok(());
    }
    promises_hold(view)?;
    for (id, file) in view.namenode.iter().flatten() {
        let holders = view.datanodes.values();
        let newest = holders.filter_map(|node| node.replicas.get(id).map(|copy| copy.generation));
        if file.closed && newest.max().is_some_and(|newest| newest < file.generation) {
            return Err(format!("nobody has {id} any more"));
        }
    }
    Ok(())
}
