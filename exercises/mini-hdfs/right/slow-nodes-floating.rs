//! Calculates with floating point numbers, and finds the middle without sorting all.

pub fn median(values: &[u64]) -> u64 {
    if values.is_empty() {
        return 0;
    }
    let mut values = values.to_vec();
    let count = values.len();
    let (below, middle, _) = values.select_nth_unstable(count / 2);
    match below.iter().max() {
        Some(lower) if count.is_multiple_of(2) => lower + (*middle - lower) / 2,
        _ => *middle,
    }
}

pub fn outliers(
    latencies_us: &BTreeMap<DatanodeId, u64>,
    config: &OutlierConfig,
) -> BTreeMap<DatanodeId, u64> {
    let mut slow = BTreeMap::new();
    if latencies_us.len() < config.nodes_min {
        return slow;
    }
    let values: Vec<u64> = latencies_us.values().copied().collect();
    let middle = median(&values);
    let distances: Vec<u64> = values
        .iter()
        .map(|v| v.max(&middle) - v.min(&middle))
        .collect();
    let deviation = median(&distances) as f64 * 1.4826;
    for (node, latency) in latencies_us {
        let beyond = *latency > config.low_threshold_us
            && *latency > 3 * middle
            && *latency as f64 > middle as f64 + 3.0 * deviation;
        if beyond {
            slow.insert(*node, *latency);
        }
    }
    slow
}
