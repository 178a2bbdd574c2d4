//! The transaction that the image ends with is applied once more: the NameNode does not come up after a checkpoint.
//! caught-by: replay::what_the_image_holds_is_not_applied_again

pub fn replay(ops: &[(TxId, EditOp)], image: &mut Image) -> Result<(), Contradiction> {
    for (txid, op) in ops {
        if *txid >= image.txid {
            if let Err(error) = apply(op, &mut image.namespace, &mut image.blocks) {
                return Err(Contradiction { txid: *txid, error });
            }
            image.txid = *txid;
        }
    }
    Ok(())
}
