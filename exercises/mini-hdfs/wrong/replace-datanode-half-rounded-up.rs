//! Rounds half of the replicas up: with two of three nodes left, every failure costs a copy.
//! caught-by: replace_datanode::replace_datanode_default_counts_those_that_are_left

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
        Policy::Default => replication >= 3 && (left <= replication.div_ceil(2) || hflushed),
    }
}
