//! Forgets that with fewer than three replicas nothing is replaced by default.
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
        Policy::Default => left <= replication / 2 || hflushed,
    }
}
