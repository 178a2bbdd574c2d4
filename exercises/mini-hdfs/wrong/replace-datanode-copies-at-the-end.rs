//! Replaces a node even when only the end of the block is missing: the user waits for a copy of the whole block before his
//! close returns, though the NameNode would make it afterwards.
//! caught-by: replace_datanode::replace_datanode_not_at_the_very_end

pub fn is_wanted(policy: Policy, shortage: &Shortage) -> bool {
    let Shortage {
        replication,
        left,
        hflushed,
        closing: _,
    } = *shortage;
    if left == 0 || left >= replication {
        return false;
    }
    match policy {
        Policy::Never => false,
        Policy::Always => true,
        Policy::Default => replication >= 3 && (left <= replication / 2 || hflushed),
    }
}
