//! As many ops are left out as the image has transactions; but a segment does not begin with the first transaction, and its edits are lost.
//! caught-by: replay::replay_counts_what_it_applied

pub fn replay(ops: &[(TxId, EditOp)], image: &mut Image) -> Result<(), Contradiction> {
    let held = usize::try_from(image.txid.0).unwrap_or(usize::MAX);
    for (txid, op) in ops.iter().skip(held) {
        if let Err(error) = apply(op, &mut image.namespace, &mut image.blocks) {
            return Err(Contradiction { txid: *txid, error });
        }
        image.txid = *txid;
    }
    Ok(())
}
