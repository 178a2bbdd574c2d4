//! Exactly as many nodes as are needed are too few.
//! caught-by: outliers::outliers_are_not_looked_for_among_few

pub fn outliers(
    latencies_us: &BTreeMap<DatanodeId, u64>,
    config: &OutlierConfig,
) -> BTreeMap<DatanodeId, u64> {
    let mut slow = latencies_us.clone();
    if latencies_us.len() <= config.nodes_min {
        slow.clear();
        return slow;
    }
    let values: Vec<u64> = latencies_us.values().copied().collect();
    let middle = median(&values);
    let distances: Vec<u64> = values.iter().map(|value| value.abs_diff(middle)).collect();
    let scaled = u128::from(median(&distances)) * 14_826 / 10_000;
    let limit = u128::from(config.low_threshold_us)
        .max(3 * u128::from(middle))
        .max(u128::from(middle) + 3 * scaled);
    slow.retain(|_, latency| u128::from(*latency) > limit);
    slow
}
