//! Asks at any time whether enough replicas stay, and not when an order is given: a DataNode may have died since.
//! caught-by: hunt::the_honest_namenode_is_never_accused

pub fn check(view: &View) -> Result<(), String> {
    promises_hold(view)?;
    counted_replicas_are_new(view)?;
    for (id, file) in view.namenode.iter().flatten() {
        let standing = view.orders.iter().filter(|order| {
            order.file == *id
                && order.state == OrderState::Standing
                && order.generation >= file.generation
        });
        let leaving: BTreeSet<_> = standing.map(|order| order.to).collect();
        let stay = file.replicas.difference(&leaving).count();
        if !leaving.is_empty() && stay < REPLICATION {
            return Err(format!("{id} keeps {stay} replicas"));
        }
    }
    Ok(())
}
