//! An op that cannot be applied is passed over, in the hope that it does not matter: what comes after it builds on a state that never was.
//! caught-by: replay::replay_stops_at_what_cannot_be

pub fn replay(ops: &[(TxId, EditOp)], image: &mut Image) -> Result<(), Contradiction> {
    for (txid, op) in ops {
        if *txid > image.txid {
            if apply(op, &mut image.namespace, &mut image.blocks).is_ok() {
                image.txid = *txid;
            }
        }
    }
    Ok(())
}
