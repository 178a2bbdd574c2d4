//! Only the median counts: where all differ, those at the upper end are called slow.
//! caught-by: outliers::outliers_are_few_where_all_differ

pub fn outliers(
    latencies_us: &BTreeMap<DatanodeId, u64>,
    config: &OutlierConfig,
) -> BTreeMap<DatanodeId, u64> {
    let mut slow = latencies_us.clone();
    if latencies_us.len() < config.nodes_min {
        slow.clear();
        return slow;
    }
    let values: Vec<u64> = latencies_us.values().copied().collect();
    let middle = median(&values);
    let limit = u128::from(config.low_threshold_us).max(3 * u128::from(middle));
    slow.retain(|_, latency| u128::from(*latency) > limit);
    slow
}
