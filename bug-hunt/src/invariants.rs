//! Your invariant: what is true of every honest NameNode at any moment, whatever fails, and in time not of the others.

// BEGIN SOLUTION
use std::collections::BTreeSet;

use crate::view::{OrderState, REPLICATION};
// END SOLUTION
use crate::view::View;

/// Called after every event of a run. An error accuses the NameNode, and says of what in a sentence.
///
/// It sees nothing but the view and keeps nothing between two calls.
pub fn check(view: &View) -> Result<(), String> {
    // EXERCISE(hdfs/bug-hunt): accuse the NameNode of what no honest one does
    promises_hold(view)?;
    counted_replicas_are_new(view)?;
    enough_stay(view)
}

// BEGIN SOLUTION
/// What a client was told survives every crash. More may be true than it was told: an answer is under way or lost.
fn promises_hold(view: &View) -> Result<(), String> {
    let Some(files) = &view.namenode else {
        return Ok(());
    };
    for (id, promise) in &view.promises {
        if promise.acknowledged == 0 || promise.deletion_asked {
            continue;
        }
        let length = files.get(id).map_or(0, |file| file.length);
        if length < promise.acknowledged {
            let told = promise.acknowledged;
            return Err(format!(
                "a client was told {id} has {told} bytes, and now it has {length}"
            ));
        }
    }
    Ok(())
}

/// The NameNode may count a replica that is gone, since it has not heard of that yet; never one of an old generation.
fn counted_replicas_are_new(view: &View) -> Result<(), String> {
    for (id, file) in view.namenode.iter().flatten() {
        for at in &file.replicas {
            let there = view
                .datanodes
                .get(at)
                .and_then(|node| node.replicas.get(id));
            if let Some(replica) = there
                && replica.generation < file.generation
            {
                let (has, newest) = (replica.generation, file.generation);
                return Err(format!(
                    "{at} has {id} in {has}, and is counted for {newest}"
                ));
            }
        }
    }
    Ok(())
}

/// When an order is given, enough of the replicas that the NameNode counts are under no order.
fn enough_stay(view: &View) -> Result<(), String> {
    let files = view.namenode.iter().flatten();
    for (id, file) in files {
        let standing = view.orders.iter().filter(|order| {
            order.file == *id
                && order.state == OrderState::Standing
                && order.generation >= file.generation
        });
        let is_new = standing.clone().any(|order| order.at == view.now);
        let leaving: BTreeSet<_> = standing.map(|order| order.to).collect();
        let stay = file.replicas.difference(&leaving).count();
        if is_new && stay < REPLICATION {
            return Err(format!(
                "{id} keeps {stay} replicas once all orders are carried out"
            ));
        }
    }
    Ok(())
}
// END SOLUTION
