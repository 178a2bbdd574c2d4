//! Goes through promises, disks and orders where the reference goes through the NameNode's files, and tells an old replica
//! by its length.

pub fn check(view: &View) -> Result<(), String> {
    let Some(files) = &view.namenode else {
        return Ok(());
    };
    let kept = view
        .promises
        .iter()
        .filter(|(_, promise)| !promise.deletion_asked);
    for (id, promise) in kept {
        let known = files.get(id).map_or(0, |file| file.length);
        if !(promise.acknowledged..=promise.asked.max(promise.acknowledged)).contains(&known) {
            return Err(format!("{id} has {known} bytes, against {promise:?}"));
        }
    }
    for (at, datanode) in &view.datanodes {
        for (id, replica) in &datanode.replicas {
            let file = files.get(id).filter(|file| file.replicas.contains(at));
            if file.is_some_and(|file| replica.length < file.length) {
                return Err(format!(
                    "{at} is counted for {id}, of which it lacks something"
                ));
            }
        }
    }
    let is_new = |order: &&crate::view::Order| order.at == view.now;
    for order in view.orders.iter().filter(is_new) {
        let Some(file) = files.get(&order.file) else {
            continue;
        };
        let mut stay = file.replicas.clone();
        for other in &view.orders {
            let is_meant = other.file == order.file && other.generation >= file.generation;
            if is_meant && other.state == OrderState::Standing {
                stay.remove(&other.to);
            }
        }
        if order.generation >= file.generation && stay.len() < REPLICATION {
            return Err(format!("{order:?} leaves {stay:?}"));
        }
    }
    Ok(())
}
