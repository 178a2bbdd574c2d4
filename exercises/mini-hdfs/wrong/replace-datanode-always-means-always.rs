//! Under ALWAYS adds nodes to a pipeline that lacks none.
//! caught-by: replace_datanode::replace_datanode_always_means_when_one_is_missing

pub fn is_wanted(policy: Policy, shortage: &Shortage) -> bool {
    let Shortage {
        replication,
        left,
        hflushed,
        closing,
    } = *shortage;
    if left == 0 || closing {
        return false;
    }
    match policy {
        Policy::Never => false,
        Policy::Always => true,
        Policy::Default => replication >= 3 && (left <= replication / 2 || hflushed),
    }
}
