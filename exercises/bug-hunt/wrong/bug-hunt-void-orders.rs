//! Takes orders for earlier registrations for ones that may still be carried out.
//! caught-by: hunt::the_honest_namenode_is_never_accused

pub fn check(view: &View) -> Result<(), String> {
    promises_hold(view)?;
    counted_replicas_are_new(view)?;
    for (id, file) in view.namenode.iter().flatten() {
        let orders = view.orders.iter().filter(|order| {
            order.file == *id
                && order.state != OrderState::Done
                && order.generation >= file.generation
        });
        let is_new = orders.clone().any(|order| order.at == view.now);
        let leaving: BTreeSet<_> = orders.map(|order| order.to).collect();
        if is_new && file.replicas.difference(&leaving).count() < REPLICATION {
            return Err(format!("too few replicas of {id} stay"));
        }
    }
    Ok(())
}
