//! Wants half of the nodes gone and the block flushed: what the user was promised is on two nodes for hours.
//! caught-by: replace_datanode::replace_datanode_default_keeps_what_was_promised

pub fn is_wanted(policy: Policy, shortage: &Shortage) -> bool {
    let Shortage {
        replication,
        left,
        hflushed,
        closing,
    } = *shortage;
    if left == 0 || left >= replication || closing {
        return false;
    }
    match policy {
        Policy::Never => false,
        Policy::Always => true,
        Policy::Default => replication >= 3 && (left <= replication / 2 && hflushed),
    }
}
